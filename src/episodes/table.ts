/** A column of an aligned table, some rows of it. `valid` has a byte a row, 0 where the value is null; missing: all valid. */
export type TableColumn =
  | { readonly type: "float64"; readonly values: Float64Array; readonly valid?: Uint8Array }
  | { readonly type: "int64"; readonly values: BigInt64Array; readonly valid?: Uint8Array }
  | { readonly type: "uint32"; readonly values: Uint32Array; readonly valid?: Uint8Array }
  | { readonly type: "bool"; readonly values: Uint8Array; readonly valid?: Uint8Array }
  /** A code is a place in `values`, -1 where the value is null. */
  | { readonly type: "text"; readonly codes: Int32Array; readonly values: readonly string[] }
  /** Row i has the items from `offsets[i]` to before `offsets[i + 1]`. */
  | {
      readonly type: "list";
      readonly offsets: Int32Array;
      readonly items: TableColumn;
      readonly valid?: Uint8Array;
    };

export type TableColumnType = TableColumn["type"];

/** An aligned table that is read some columns and rows at a time. Instants are int64 ns. */
export interface FrameTable {
  readonly rows: number;
  /** All columns in order: `frame_index`, `frame_time`, `frame_pts`, `frame_uncertainty`, `<tag>`, `<tag>.age`, ... */
  readonly columns: ReadonlyMap<string, { readonly type: TableColumnType; readonly items?: TableColumnType }>;
  /** Rows from `start` to before `end`. */
  read(names: readonly string[], start: number, end: number): Promise<ReadonlyMap<string, TableColumn>>;
}
