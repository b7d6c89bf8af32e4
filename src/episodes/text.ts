import type { EpisodeText } from "./capture.ts";
import { textAt } from "./cells.ts";
import { pseudonym } from "./personnel.ts";
import type { EpisodeRows } from "./rows.ts";
import type { Selection } from "./select.ts";

/** A text with the values of one frame in it. */
export interface Rendered {
  readonly text: string;
  /** Names without a value, which stand as `unknown`. */
  readonly missing: readonly string[];
}

/** A template over the columns of a capture. */
export interface Template {
  readonly columns: readonly string[];
  /** A function from a frame of the episode to its text, cheap where nothing has changed. */
  over(rows: EpisodeRows): (frame: number) => Rendered;
}

/** What a name stands for: a function from a frame to its text. */
interface Term {
  readonly column?: string;
  over(rows: EpisodeRows): (frame: number) => string | null;
}

/** Names are, in this order: context, tags, what the procedure and the person give, and the capture's own. */
export function template(text: EpisodeText, selection: Selection): Template {
  const terms = text.map((part) =>
    typeof part === "string" ? part : { ...part, term: termOf(part.name, selection) },
  );
  const named = terms.filter((part) => typeof part !== "string");
  return {
    columns: named.flatMap(({ term: { column } }) => column ?? []),
    over(rows) {
      const read = named.map(({ term }) => term.over(rows));
      let values: (string | null)[] | undefined;
      let rendered: Rendered = { text: "", missing: [] };
      return (frame) => {
        const now = read.map((value) => value(frame));
        if (values?.every((value, i) => value === now[i]) === true) return rendered;
        values = now;
        let at = 0;
        const missing: string[] = [];
        const shown = terms.map((part) => {
          if (typeof part === "string") return part;
          const value = now[at++];
          if (value != null) return value;
          if (part.otherwise !== undefined) return part.otherwise;
          missing.push(part.name);
          return "unknown";
        });
        return (rendered = { text: shown.join(""), missing });
      };
    },
  };
}

function termOf(name: string, selection: Selection): Term {
  const { capture, context, personnel, personTags } = selection;
  const tag =
    context.find((one) => one.name === name)?.column.tag.name ??
    capture.tags.find((one) => one.name === name)?.name;
  if (personnel !== undefined && (tag === undefined ? name === "personnel_id" : personTags.has(tag)))
    return personTerm(personnel.column.tag.name, personnel.salt);
  if (tag !== undefined)
    return {
      column: tag,
      over: (rows) => {
        const column = rows.column(tag);
        return (frame) => textAt(column, frame);
      },
    };
  if (name === "sop_step_id") return { over: ({ stepOf }) => stepOf };
  if (name === "sop_step_text") {
    const { steps } = selection;
    return {
      over:
        ({ stepOf }) =>
        (frame) =>
          steps.get(stepOf(frame) ?? "")?.text ?? null,
    };
  }
  const fixed = name === "capture" ? capture.capture : (capture.description ?? null);
  return { over: () => () => fixed };
}

function personTerm(column: string, salt: string): Term {
  return {
    column,
    over: (rows) => personOf(rows, column, salt),
  };
}

/** A function from a frame to the pseudonym of its person. */
export function personOf(rows: EpisodeRows, column: string, salt: string): (frame: number) => string | null {
  const names = rows.column(column);
  const known = new Map<string, string>();
  return (frame) => {
    const name = textAt(names, frame);
    if (name === null) return null;
    let shown = known.get(name);
    if (shown === undefined) known.set(name, (shown = pseudonym(salt, name)));
    return shown;
  };
}
