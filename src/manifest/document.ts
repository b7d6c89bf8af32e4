import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from "yaml";
import { AlignError } from "../errors.ts";

/** The way from the root of a manifest to one of its nodes. */
export type ManifestPath = readonly (string | number)[];

/** Something wrong with a manifest, at the value or the key that `path` leads to. */
export interface Problem {
  code: `MANIFEST_${string}`;
  message: string;
  hint: string;
  path: ManifestPath;
  at: "key" | "value";
}

/** The text of a manifest as plain values, with the place of each. */
export class ManifestDocument {
  readonly values: unknown;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();
  readonly #file: string | undefined;

  /** Throws AlignError `MANIFEST_SYNTAX` for text that is not one YAML 1.2 (or JSON) document. */
  constructor(text: string, file: string | undefined) {
    this.#file = file;
    this.#document = parseDocument(text, {
      version: "1.2",
      schema: "core",
      lineCounter: this.#lines,
      prettyErrors: false,
      // A number and its text are two keys to YAML, but one name here.
      uniqueKeys: (a, b) => isScalar(a) && isScalar(b) && String(a.value) === String(b.value),
    });
    const first = [...this.#document.errors, ...this.#document.warnings].sort(
      (a, b) => a.pos[0] - b.pos[0],
    )[0];
    if (first !== undefined) throw this.#syntaxError(first, text);
    visit(this.#document, {
      Alias: (_, alias) => {
        if (alias.resolve(this.#document) !== undefined) return;
        const message = `*${alias.source} stands for nothing`;
        throw this.#error(
          "MANIFEST_SYNTAX",
          message,
          `set &${alias.source} above, or write the text in quotes`,
          offsetOf(alias),
        );
      },
      Pair: (_, pair) => {
        if (isScalar(pair.key) && pair.key.value !== null && pair.key.value !== "__proto__") return;
        throw this.#error(
          "MANIFEST_SYNTAX",
          "a key is not a word",
          "give it a plain name",
          offsetOf(pair.key as Node),
        );
      },
    });
    try {
      this.values = this.#document.toJS();
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      throw this.#error(
        "MANIFEST_SYNTAX",
        lowerFirst(what),
        "write the values out in place of aliases",
        0,
        cause,
      );
    }
  }

  /** Names of a map's keys in the order of the text. */
  names(path: ManifestPath): readonly string[] {
    const node = this.#node(path);
    return isMap(node) ? node.items.map((pair) => String((pair.key as { value: unknown }).value)) : [];
  }

  /** The error for the problem that comes first in the text; its message counts the others. */
  error(problems: readonly Problem[]): AlignError {
    const placed = problems.map((problem) => ({ problem, offset: this.#offset(problem) }));
    placed.sort((a, b) => a.offset - b.offset);
    const { problem, offset } = placed[0]!;
    const others = problems.length - 1;
    return this.#error(
      problem.code,
      others === 0 ? problem.message : `${problem.message} (and ${others} more)`,
      problem.hint,
      offset,
    );
  }

  #error(code: Problem["code"], message: string, hint: string, offset: number, cause?: unknown): AlignError {
    const { line, col } = this.#lines.linePos(offset);
    const file = this.#file === undefined ? {} : { file: this.#file };
    return new AlignError(code, message, {
      where: { ...file, line: Math.max(line, 1), column: Math.max(col, 1) },
      hint,
      cause,
    });
  }

  #syntaxError(error: YAMLError, text: string): AlignError {
    const [start, end] = error.pos;
    if (error.code === "DUPLICATE_KEY") {
      const key = /^[^\s:]+/.exec(text.slice(start))?.[0] ?? text.slice(start, end);
      return this.#error("MANIFEST_SYNTAX", `${key} is written twice`, "keep one of the two", start);
    }
    const [message, hint] = SYNTAX[error.code] ?? [
      lowerFirst(error.message),
      "correct the YAML here or just before",
    ];
    return this.#error("MANIFEST_SYNTAX", message, hint, start);
  }

  #node(path: ManifestPath): unknown {
    let node: unknown = this.#document.contents;
    for (const step of path) {
      node = this.#resolved(node);
      node = isMap(node) || isSeq(node) ? node.get(step, true) : undefined;
    }
    return this.#resolved(node);
  }

  #resolved(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  /** Where in the text a problem is; what the text does not hold is at the nearest key above it. */
  #offset({ path, at }: Problem): number {
    if (at === "value") {
      const node = this.#node(path) as Node | undefined;
      const start = offsetOf(node);
      if (start >= 0) return start;
    }
    for (let depth = path.length; depth > 0; depth--) {
      const step = path[depth - 1];
      const parent = this.#node(path.slice(0, depth - 1));
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === step)
        : undefined;
      const start = offsetOf((pair?.key ?? (isSeq(parent) ? parent.items[Number(step)] : undefined)) as Node);
      if (start >= 0) return start;
    }
    return 0;
  }
}

const SYNTAX: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  TAB_AS_INDENT: ["a tab indents this line", "indent with spaces"],
  BAD_INDENT: [
    "this line's indentation fits nothing above it",
    "align keys that belong together, and close every { and [",
  ],
  BLOCK_AS_IMPLICIT_KEY: [
    "a key within a value",
    'put a text that holds ": " in quotes, or start the key on its own line',
  ],
  MULTILINE_IMPLICIT_KEY: [
    "a key within a value",
    'put a text that holds ": " in quotes, or start the key on its own line',
  ],
  MULTIPLE_DOCS: ["a second document starts here", "write one capture a file"],
};

function offsetOf(node: Node | null | undefined): number {
  return node?.range?.[0] ?? -1;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
