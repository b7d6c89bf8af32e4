import { basename } from "node:path";
import { AlignError, type ErrorPlace } from "../errors.ts";
import type { Database } from "./database.ts";
import { literal } from "./database.ts";

/** Something DuckDB can select from, and what is known of it. */
export interface Relation {
  /** The source's name in messages. */
  readonly source: string;
  /** SQL that may stand after FROM. */
  readonly from: string;
  /** Column name -> DuckDB type. */
  readonly columns: ReadonlyMap<string, string>;
  /** False where every cell is text (CSV): types are then found by content. */
  readonly typed: boolean;
  /** Absolute paths of the files behind it, in reading order. */
  readonly files: readonly string[];
  /** True where columns are stored apart, so that a few of them are read without the others. */
  readonly isColumnar?: boolean;
  /** Whether all texts of a column are kept once, in a dictionary; absent where nothing is known of it. */
  readonly isDictionary?: (column: string) => Promise<boolean>;
  /** SQL for runs of its rows that may each stand after FROM: one after the other they are `from`. Undefined for one run. */
  readonly slices?: (() => Promise<readonly string[] | undefined>) | undefined;
  /** Integer columns that hold instants in ns, whatever unit the source names. */
  readonly instantColumns?: ReadonlySet<string>;
}

export function placeOf(relation: Relation, more: ErrorPlace = {}): ErrorPlace {
  const [file] = relation.files;
  return {
    source: relation.source,
    ...(relation.files.length === 1 && file !== undefined ? { file } : {}),
    ...more,
  };
}

/** Column names and DuckDB types of anything that may stand after FROM. */
export async function describe(
  database: Database,
  from: string,
  place: ErrorPlace,
): Promise<Map<string, string>> {
  const rows = await database.rows(`DESCRIBE SELECT * FROM ${from}`, place);
  return new Map(rows.map((row) => [String(row[0]), String(row[1])]));
}

/** The SQL type of a column that the manifest names, or an error that lists what there is. */
export function columnType(relation: Relation, column: string, key: string): string {
  const type = relation.columns.get(column);
  if (type !== undefined) return type;
  const names = [...relation.columns.keys()];
  throw new AlignError(
    "SOURCE_MISSING_COLUMN",
    `source ${relation.source} has no column "${column}" (${key})`,
    {
      where: placeOf(relation),
      hint: `its columns are: ${listed(names)}`,
    },
  );
}

export function listed(names: readonly string[], limit = 12): string {
  const shown = names.slice(0, limit).map((name) => name.replace(/\s+/g, " "));
  return names.length > limit ? `${shown.join(", ")} and ${names.length - limit} more` : shown.join(", ");
}

/** One row of a relation, 0-based in its row order. */
export interface FoundRow {
  readonly row: number;
  readonly text: string;
}

/** The first row where `condition` holds, and the text of `shown` there. */
export async function firstRow(
  database: Database,
  relation: Relation,
  condition: string,
  shown: string,
): Promise<FoundRow | undefined> {
  const [count] = await database.rows(
    `SELECT count(*) FILTER (${condition}) FROM ${relation.from}`,
    placeOf(relation),
  );
  if (Number(count?.[0] ?? 0) === 0) return undefined;
  return nthRow(database, relation, condition, 0, shown);
}

/** The row where `condition` holds for the n-th time, counted from 0. */
export async function nthRow(
  database: Database,
  relation: Relation,
  condition: string,
  n: number,
  shown = "''",
): Promise<FoundRow | undefined> {
  const sql =
    `SELECT position, shown FROM (SELECT row_number() OVER () - 1 AS position, (${shown})::VARCHAR AS shown, ` +
    `(${condition}) AS hit FROM ${relation.from}) WHERE hit LIMIT 1 OFFSET ${n}`;
  const [found] = await database.rows(sql, placeOf(relation));
  return found === undefined ? undefined : { row: Number(found[0]), text: String(found[1]) };
}

/**
 * Parts of one source are one table: refuses a part that lacks a column which another has.
 *
 * @throws AlignError SOURCE_PARTS_DIFFER, naming the file and the column.
 */
export function requireSameColumns(
  source: string,
  parts: readonly { readonly file: string; readonly columns: readonly string[] }[],
): void {
  for (const { file, columns } of parts) {
    const own = new Set(columns);
    const other = parts.find((part) => part.columns.some((column) => !own.has(column)));
    if (other === undefined) continue;
    const column = other.columns.find((one) => !own.has(one));
    throw new AlignError(
      "SOURCE_PARTS_DIFFER",
      `source ${source}: ${basename(file)} has no column "${column}", ${basename(other.file)} has`,
      {
        where: { source, file },
        hint: "parts of one source have the same columns, in any order; else make two sources, or one of kind sql with union_by_name",
      },
    );
  }
}

/** Existing files that manifest paths name, themselves or by a glob: each once, in name order. */
export async function findFiles(
  database: Database,
  paths: readonly string[],
  resolvePath: (path: string) => string,
  exists: (path: string) => Promise<"file" | "directory" | "nothing">,
  source: string,
): Promise<string[]> {
  const files = new Set<string>();
  for (const path of paths) {
    const absolute = resolvePath(path);
    const kind = await exists(absolute);
    if (kind === "file") {
      files.add(absolute);
      continue;
    }
    const isGlob = /[*?[]/.test(path);
    const found = isGlob
      ? (await database.rows(`SELECT file FROM glob(${literal(absolute)}) ORDER BY file`, { source })).map(
          (row) => String(row[0]),
        )
      : [];
    if (found.length === 0) {
      throw new AlignError(
        "SOURCE_MISSING",
        kind === "directory"
          ? `source ${source}: ${path} is a directory`
          : `source ${source}: ${isGlob ? "no file matches" : "no such file"} ${path}`,
        {
          where: { source, file: absolute },
          hint:
            kind === "directory"
              ? `name the files in it, for example "${path}/*.csv"`
              : "paths are relative to the manifest; check the name and that the share is mounted",
        },
      );
    }
    for (const file of found) files.add(file);
  }
  return [...files].sort();
}
