import { DuckDBInstance } from "@duckdb/node-api";
import { columnName, tagName } from "../capture.ts";

/** How a rival names the columns of a tag. */
export type Naming = "ours" | "pivot";

/**
 * Holds two aligned tables in Parquet against each other, every row and column, with equality.
 *
 * @throws Error where a cell differs, a row is missing, or no tag has a value
 */
export async function requireSameTable(
  ours: string,
  theirs: string,
  { tags, isFull, naming }: { tags: number; isFull: boolean; naming: Naming },
): Promise<void> {
  const parts = isFull ? ["", ".age", ".status"] : [""];
  const theirName = (at: number, part: string) =>
    naming === "ours" ? `${columnName(at)}${part}` : `${tagName(at)}_${part === "" ? "v" : part.slice(1)}`;
  const pairs = Array.from({ length: tags }).flatMap((_, at) =>
    parts.map((part) => [`${columnName(at)}${part}`, theirName(at, part)] as const),
  );
  const shared = ["frame_pts", "frame_uncertainty"].map((name) => [name, name] as const);
  const wrong = [...shared, ...pairs].map(([a, b]) => `count(*) FILTER (a."${a}" IS DISTINCT FROM b."${b}")`);
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const [row] = (
    await connection.runAndReadAll(
      `SELECT count(*) AS rows, count(a.frame_index) AS ours, count(b.frame_index) AS theirs, count(a."${columnName(0)}") AS filled,
         ${wrong.join(" + ")} AS wrong
       FROM read_parquet('${ours}') a FULL JOIN read_parquet('${theirs}') b USING (frame_index)`,
    )
  ).getRowObjectsJS() as { rows: bigint; ours: bigint; theirs: bigint; filled: bigint; wrong: bigint }[];
  connection.closeSync();
  instance.closeSync();
  if (
    row === undefined ||
    row.rows !== row.ours ||
    row.rows !== row.theirs ||
    row.filled === 0n ||
    row.wrong > 0n
  )
    throw new Error(
      `${theirs} is not ${ours}: of ${row?.rows} rows there are ${row?.ours} and ${row?.theirs}, ${row?.wrong} cells differ`,
    );
}
