import type { ErrorPlace } from "../errors.ts";
import { type Database, fileLiteral } from "./database.ts";

/** Rows of a slice: its result is kept in memory as a whole, and for as long as V8 does not look for old objects. */
const fewestRows = 2 ** 17;
/** Rows of the largest row group that may be a slice. */
const mostRowsOfGroup = 2 ** 18;
/** Above so many rows in all, the time to look for a slice's row groups among all of them is more than slices save. */
const mostRows = 2 ** 24;

/** What DuckDB calls the number of a row in its file; a file with a column of that name cannot be cut. */
export const rowNumber = "file_row_number";

/** SQL for all rows of some Parquet files, by the names of their columns. */
export function scanOf(parts: readonly string[]): string {
  const list = `[${parts.map(fileLiteral).join(", ")}]`;
  return `read_parquet(${list}${parts.length > 1 ? ", union_by_name = true" : ""})`;
}

/**
 * SQL for the rows of Parquet files in runs of whole row groups, in order: neighbouring small files, or a part of a large one.
 * Undefined where there would be one, or where one after the other would cost more than all at once.
 */
export async function parquetSlices(
  database: Database,
  place: ErrorPlace,
  parts: readonly string[],
): Promise<string[] | undefined> {
  const slices: string[] = [];
  let small: string[] = [];
  let smallRows = 0;
  let rows = 0;
  const flush = () => {
    if (small.length > 0) slices.push(scanOf(small));
    [small, smallRows] = [[], 0];
  };
  for (const part of parts) {
    const groups = await rowGroups(database, place, part);
    const ends = sliceEnds(groups);
    const end = ends.at(-1) ?? 0;
    rows += end;
    if (rows > mostRows || groups.some((own) => own > mostRowsOfGroup)) return undefined;
    if (ends.length > 1) {
      flush();
      for (const [at, own] of ends.entries()) slices.push(rowsOf(part, ends[at - 1] ?? 0, own));
      continue;
    }
    small.push(part);
    smallRows += end;
    if (smallRows >= fewestRows) flush();
  }
  flush();
  return slices.length > 1 ? slices : undefined;
}

async function rowGroups(database: Database, place: ErrorPlace, part: string): Promise<number[]> {
  const rows = await database.rows(
    `SELECT any_value(row_group_num_rows) FROM parquet_metadata(${fileLiteral(part)}) GROUP BY row_group_id ORDER BY row_group_id`,
    place,
  );
  return rows.map(([count]) => Number(count));
}

/** The row after the last of each slice of a file. */
function sliceEnds(groups: readonly number[]): number[] {
  const ends: number[] = [];
  let [start, end] = [0, 0];
  for (const [at, rows] of groups.entries()) {
    end += rows;
    if (end - start < fewestRows && at < groups.length - 1) continue;
    ends.push(end);
    start = end;
  }
  return ends;
}

/** DuckDB skips the row groups that have none of these rows. */
function rowsOf(part: string, start: number, end: number): string {
  const scan = `read_parquet(${fileLiteral(part)}, ${rowNumber} = true)`;
  return `(SELECT * FROM ${scan} WHERE ${rowNumber} >= ${start} AND ${rowNumber} < ${end})`;
}
