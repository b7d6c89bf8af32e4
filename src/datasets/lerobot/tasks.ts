import { openTable } from "./parquet.ts";

/**
 * Writes tasks.parquet: a task is the index of its row, as pandas keeps it, because readers look tasks up by it.
 *
 * @param tasks by their task_index
 */
export function writeTasks(path: string, tasks: readonly string[]): void {
  const columns = [
    { name: "task_index", type: "int64", depth: 0 },
    { name: "task", type: "string", depth: 0 },
  ] as const;
  const described = columns.map(({ name, type }) => ({
    name,
    field_name: name,
    pandas_type: type === "int64" ? "int64" : "unicode",
    numpy_type: type === "int64" ? "int64" : "object",
    metadata: null,
  }));
  const pandas = {
    index_columns: ["task"],
    column_indexes: [
      {
        name: null,
        field_name: null,
        pandas_type: "unicode",
        numpy_type: "object",
        metadata: { encoding: "UTF-8" },
      },
    ],
    columns: described,
    creator: { library: "pyarrow", version: "21.0.0" },
    pandas_version: "2.3.3",
  };
  const table = openTable(path, columns, [{ key: "pandas", value: JSON.stringify(pandas) }]);
  table.write([BigInt64Array.from(tasks, (_, at) => BigInt(at)), [...tasks]]);
  table.close();
}
