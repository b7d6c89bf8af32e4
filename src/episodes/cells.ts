import type { TableColumn } from "./table.ts";

/** Whether a row has a value; a float that is not finite as float32 is none. */
export function isPresent(column: TableColumn, row: number): boolean {
  if (column.type === "text") return column.codes[row]! >= 0;
  if (column.valid !== undefined && column.valid[row] === 0) return false;
  return column.type !== "float64" || Number.isFinite(Math.fround(column.values[row]!));
}

/** The number of a row, NaN where there is none; a bool is 0 or 1. */
export function numberAt(column: TableColumn, row: number): number {
  if (column.type === "text" || column.type === "list" || !isPresent(column, row)) return Number.NaN;
  return Number(column.values[row]);
}

/** What a row says in words, null where it has no value or nothing in it. */
export function textAt(column: TableColumn, row: number): string | null {
  if (column.type === "text") return column.values[column.codes[row]!] || null;
  if (column.valid !== undefined && column.valid[row] === 0) return null;
  if (column.type === "list") {
    const texts: string[] = [];
    for (let at = column.offsets[row]!; at < column.offsets[row + 1]!; at += 1) {
      const text = textAt(column.items, at);
      if (text !== null) texts.push(text);
    }
    return texts.length === 0 ? null : texts.join(", ");
  }
  if (column.type === "bool") return column.values[row] === 1 ? "true" : "false";
  const value = column.values[row]!;
  return Number.isNaN(value) ? null : String(value);
}

/** The whole number of a row, `otherwise` where there is none. */
export function integerAt(column: TableColumn, row: number, otherwise: bigint): bigint {
  if (column.type !== "int64" && column.type !== "uint32") return otherwise;
  return column.valid !== undefined && column.valid[row] === 0 ? otherwise : BigInt(column.values[row]!);
}
