import { stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { AlignError } from "../errors.ts";
import type { SourceSpec, TableShape, TableSourceSpec, TagSpec, TimeReading } from "../manifest/index.ts";
import { kindOfFile, type TableKind } from "../sources/index.ts";
import { cellText, identifier, type Relation } from "../tables/index.ts";
import { type SourceSummary, summariseSource } from "./check.ts";
import { Session, type SessionOptions, type Warning } from "./session.ts";

/** What one file holds, as far as it tells by itself. */
export interface InspectReport {
  file: string;
  kind: string;
  bytes: number;
  /** The manifest's entry that would read it so; undefined where no time column was found. */
  source: Record<string, unknown> | null;
  columns: ColumnSummary[];
  summary: SourceSummary | null;
  warnings: Warning[];
}

export interface ColumnSummary {
  name: string;
  type: string;
  /** Share of rows with something in the cell. */
  filled_share: number;
  least: string | null;
  greatest: string | null;
}

/** At most so many tags of a long table are read; the rest are only counted. */
const tagLimit = 500;

/** Looks at one file without a manifest: its columns, which of them are times and tags, and what they hold. */
export async function inspectFile(path: string, options: SessionOptions = {}): Promise<InspectReport> {
  const file = resolve(path);
  const kind = await requireKind(path, file);
  return Session.during(dirname(file), options, async (session) => {
    const common = { file: path, kind, bytes: (await stat(file)).size, warnings: session.warnings };
    if (kind === "video") {
      const source: SourceSpec = {
        name: basename(file),
        kind,
        clock: "camera",
        path: [file],
        start: { kind: "duration", ns: 0n },
        captureDelayNs: 0n,
        exposureNs: 0n,
        cadence: "off",
      };
      const summary = await summariseSource(session, source, []);
      return { ...common, source: { kind, path: basename(file), clock: "camera" }, columns: [], summary };
    }
    return { ...common, ...(await inspectTable(session, kind, file)) };
  });
}

async function requireKind(path: string, file: string): Promise<FileKind | "video"> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) {
    throw new AlignError("USAGE_NO_FILE", `${path} is ${found === undefined ? "not there" : "not a file"}`, {
      where: { file: path },
      hint: found === undefined ? "check the name and that the share is mounted" : "name one file",
    });
  }
  if (found.size === 0) throw unreadable(path, "the file is empty", "is the export complete?");
  const kind = await kindOfFile(file);
  if (kind !== undefined) return kind;
  throw unreadable(
    path,
    "neither its name nor its first bytes tell what it is",
    "give it a name that ends in .csv, .jsonl, .parquet, .arrow or .mp4",
  );
}

function unreadable(file: string, message: string, hint: string): AlignError {
  return new AlignError("SOURCE_UNREADABLE", `${file}: ${message}`, { where: { file }, hint });
}

async function inspectTable(session: Session, kind: FileKind, file: string) {
  const name = basename(file);
  const plain = await session.table(name, { kind, path: [file] }, []);
  const columns = await summariseColumns(session, plain);
  const guess = await guessReading(session, plain, name);
  if (guess === undefined) {
    session.warn("NO_TIME_COLUMN", 1, null, `${name}: no column looks like a time`);
    return { source: null, columns, summary: null };
  }
  if (guess.time.zone !== undefined) {
    session.warn(
      "TIME_WITHOUT_ZONE",
      1,
      null,
      `${name}: the times have no zone; shown as if in UTC, the manifest must name it`,
    );
  }
  const spec: TableSourceSpec = {
    name,
    kind,
    clock: "plant",
    path: [file],
    badValues: [],
    order: "sort",
    ...guess,
  };
  const names = await tagNames(session, plain, spec);
  if (names.length > tagLimit) {
    session.warn(
      "TAGS_NOT_SHOWN",
      names.length - tagLimit,
      names[tagLimit] ?? null,
      `${name}: ${names.length} tags; the first ${tagLimit} are shown`,
    );
  }
  const tags = names.slice(0, tagLimit).map(
    (tag): TagSpec => ({
      name: tag,
      source: name,
      tag,
      quality: "good",
      join: spec.shape === "intervals" ? { kind: "covering", overlap: "latest" } : { kind: "backward" },
    }),
  );
  const summary = await summariseSource(session, spec, tags);
  const { ambiguous: _, ...time } = guess.time;
  const source = {
    kind,
    path: name,
    clock: "plant",
    shape: guess.shape,
    columns: guess.columns,
    ...(Object.keys(time).length === 0 ? {} : { time }),
  };
  return { source, columns, summary };
}

async function summariseColumns(session: Session, relation: Relation): Promise<ColumnSummary[]> {
  const names = [...relation.columns.keys()];
  if (names.length === 0) return [];
  const select = names.flatMap((name) => {
    const text = cellText(identifier(name));
    const number = `TRY_CAST(${text} AS DOUBLE)`;
    const isNumeric = `count(${text}) = count(${number})`;
    const extreme = (pick: string) =>
      relation.typed && !/\[\d*\]$/.test(relation.columns.get(name) ?? "")
        ? `${pick}(${identifier(name)})::VARCHAR`
        : `CASE WHEN ${isNumeric} THEN arg_${pick}(${text}, ${number}) ELSE ${pick}(${text}) END`;
    return [`count(${text})`, extreme("min"), extreme("max")];
  });
  const [row] = await session.database.rows(`SELECT count(*), ${select.join(", ")} FROM ${relation.from}`, {
    source: relation.source,
  });
  const total = Number(row?.[0] ?? 0);
  return names.map((name, index) => {
    const [filled, least, greatest] = row?.slice(1 + 3 * index, 4 + 3 * index) ?? [];
    return {
      name,
      type: relation.typed ? (relation.columns.get(name) ?? "") : "text",
      filled_share: total === 0 ? 0 : Number(filled) / total,
      least: least === null || least === undefined ? null : String(least),
      greatest: greatest === null || greatest === undefined ? null : String(greatest),
    };
  });
}

/** How a table would read. */
type Guess = TableShape & { time: TimeReading };

type FileKind = Exclude<TableKind, "sql">;

const tagWords = /^(tag|tag_?name|point|signal|variable|metric|topic|sensor|channel|name|item|id)$/i;
const valueWords = /^(value|val|v|reading|vvalue)$/i;
const qualityWords = /^(quality|status|data_?quality|opc_?quality|q|status_?code)$/i;
const startWords = /^(start|started|start_?time|begin|from|valid_?from|started_?at)$/i;
const endWords = /^(end|ended|end_?time|stop|stopped|to|valid_?to|stopped_?at|ended_?at|finish(ed)?)$/i;

async function guessReading(
  session: Session,
  relation: Relation,
  source: string,
): Promise<Guess | undefined> {
  const names = [...relation.columns.keys()];
  const times = new Map<string, TimeReading>();
  for (const name of names) {
    const time = await guessTime(session, relation, name, source);
    if (time !== undefined) times.set(name, time);
  }
  const find = (words: RegExp) => names.find((name) => words.test(name));
  const [start, end] = [find(startWords), find(endWords)];
  const startTime = start === undefined ? undefined : times.get(start);
  if (start !== undefined && startTime !== undefined && end !== undefined && times.has(end)) {
    return { shape: "intervals", columns: { start, end }, time: startTime };
  }
  const [first] = times;
  if (first === undefined) return undefined;
  const [time, reading] = first;
  const others = (words: RegExp) => names.find((name) => name !== time && words.test(name));
  const [tag, value, quality] = [others(tagWords), others(valueWords), others(qualityWords)];
  const withQuality = quality === undefined ? {} : { quality };
  if (tag !== undefined && value !== undefined) {
    return { shape: "long", columns: { time, tag, value, ...withQuality }, time: reading };
  }
  return { shape: "wide", columns: { time }, time: reading };
}

/** How a column reads as a time: by its type, by its texts, or by its name and size. */
async function guessTime(
  session: Session,
  relation: Relation,
  name: string,
  source: string,
): Promise<TimeReading | undefined> {
  const type = relation.columns.get(name) ?? "";
  if (/^(TIMESTAMP|DATE)/.test(type)) {
    const [range] = await session.database.rows(
      `SELECT count(${identifier(name)}), year(min(${identifier(name)})) >= 1678 AND year(max(${identifier(name)})) < 2262 FROM ${relation.from}`,
      { source },
    );
    return Number(range?.[0] ?? 0) > 0 && range?.[1] === true ? { ambiguous: "reject" } : undefined;
  }
  if (/\[\d*\]$/.test(type)) return undefined;
  const text = cellText(identifier(name));
  const zoned = `regexp_full_match(${text}, '.*([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)')`;
  const [row] = await session.database.rows(
    `SELECT count(${text}), count(TRY_CAST(${text} AS TIMESTAMP_NS)) FILTER (contains(${text}, '-')), ` +
      `count(*) FILTER (${zoned} AND contains(${text}, ':')), count(TRY_CAST(${text} AS DOUBLE)), ` +
      `median(abs(TRY_CAST(${text} AS DOUBLE))) FROM ${relation.from}`,
    { source },
  );
  const [filled, stamps, withZone, numbers, size] = (row ?? []).map((cell) => Number(cell ?? 0)) as number[];
  if (filled === undefined || filled === 0) return undefined;
  if (stamps === filled) return { ambiguous: "reject", ...(withZone === filled ? {} : { zone: "UTC" }) };
  if (numbers !== filled || !/(time|stamp|date|epoch|^ts$|^t$|(^|_)(ns|us|ms|s|sec)$|_at$)/i.test(name))
    return undefined;
  return { ambiguous: "reject", unit: unitOf(name, size ?? 0) };
}

function unitOf(name: string, size: number): "ns" | "us" | "ms" | "s" {
  const named = /(?:^|_)(ns|us|ms|s|sec)$/i.exec(name)?.[1]?.toLowerCase();
  if (named !== undefined) return named === "sec" ? "s" : (named as "ns" | "us" | "ms" | "s");
  if (size > 1e17) return "ns";
  if (size > 1e14) return "us";
  return size > 1e11 ? "ms" : "s";
}

async function tagNames(session: Session, relation: Relation, spec: TableSourceSpec): Promise<string[]> {
  if (spec.shape !== "long") {
    const taken: readonly (string | undefined)[] = Object.values(spec.columns);
    const values = [...relation.columns].filter(
      ([name, type]) => !taken.includes(name) && !/^(BLOB|MAP|STRUCT|UNION)/.test(type),
    );
    return values.map(([name]) => name);
  }
  const tag = identifier(spec.columns.tag);
  const rows = await session.database.rows(
    `SELECT ${tag}::VARCHAR AS tag FROM ${relation.from} WHERE ${tag} IS NOT NULL GROUP BY tag ORDER BY tag`,
    { source: spec.name },
  );
  return rows.map((row) => String(row[0]));
}
