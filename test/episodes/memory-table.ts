import type { AlignedCapture, EpisodeTag, FrameTable, TableColumn } from "../../src/episodes/index.ts";

type Cell = number | bigint | boolean | string | readonly (number | bigint | string | null)[] | null;

/** A table from rows in memory, with status codes in columns `<tag>.status`, which refuses to read columns and rows that it does not have. */
export function tableOf(columns: Readonly<Record<string, readonly Cell[]>>, rows: number): FrameTable {
  const codes: TableColumn = { type: "uint32", values: new Uint32Array() };
  const held = new Map(
    Object.entries(columns).map(([name, cells]) => [
      name,
      columnOf(cells, name.endsWith(".status") ? codes : undefined),
    ]),
  );
  return {
    rows,
    columns: new Map(
      [...held].map(([name, column]) => [
        name,
        column.type === "list" ? { type: "list", items: column.items.type } : { type: column.type },
      ]),
    ),
    async read(names, start, end) {
      if (start < 0 || start > end || end > rows) throw new Error(`rows ${start} to ${end} of ${rows}`);
      return new Map(
        names.map((name) => {
          const cells = columns[name];
          if (cells === undefined) throw new Error(`there is no column ${name}`);
          return [name, columnOf(cells.slice(start, end), held.get(name))];
        }),
      );
    },
  };
}

function columnOf(cells: readonly Cell[], like?: TableColumn): TableColumn {
  const valid = Uint8Array.from(cells, (cell) => (cell === null ? 0 : 1));
  const sample = cells.find((cell) => cell !== null);
  const type = like?.type ?? typeOf(sample);
  switch (type) {
    case "text": {
      const values = [...new Set(cells.filter((cell) => typeof cell === "string"))];
      return { type, codes: Int32Array.from(cells, (cell) => values.indexOf(cell as string)), values };
    }
    case "int64":
      return { type, values: BigInt64Array.from(cells, (cell) => BigInt((cell as bigint) ?? 0n)), valid };
    case "uint32":
      return { type, values: Uint32Array.from(cells, (cell) => Number(cell ?? 0)), valid };
    case "bool":
      return { type, values: Uint8Array.from(cells, (cell) => (cell === true ? 1 : 0)), valid };
    case "list": {
      const lists = cells as readonly (readonly Cell[] | null)[];
      const offsets = new Int32Array(cells.length + 1);
      for (const [row, list] of lists.entries()) offsets[row + 1] = offsets[row]! + (list?.length ?? 0);
      const items = like?.type === "list" ? like.items : undefined;
      return {
        type,
        offsets,
        items: columnOf(
          lists.flatMap((list) => list ?? []),
          items,
        ),
        valid,
      };
    }
    default:
      return { type: "float64", values: Float64Array.from(cells, (cell) => Number(cell ?? 0)), valid };
  }
}

function typeOf(sample: Cell | undefined): TableColumn["type"] {
  if (typeof sample === "string") return "text";
  if (typeof sample === "bigint") return "int64";
  if (typeof sample === "boolean") return "bool";
  return Array.isArray(sample) ? "list" : "float64";
}

export interface TestCapture {
  readonly timeNs: readonly bigint[];
  /** Values of each tag, and what the tag is. */
  readonly tags?: Readonly<Record<string, Partial<EpisodeTag> & { readonly values: readonly Cell[] }>>;
  /** More columns, such as `pressure.status` as bigint. */
  readonly columns?: Readonly<Record<string, readonly Cell[]>>;
  readonly spec?: Partial<AlignedCapture["spec"]>;
  readonly more?: Partial<AlignedCapture>;
}

/** A capture in memory; each tag is its own source's. */
export function captureOf({
  timeNs,
  tags = {},
  columns = {},
  spec = {},
  more = {},
}: TestCapture): AlignedCapture {
  const rows = timeNs.length;
  const table = tableOf(
    {
      frame_index: timeNs.map((_, row) => BigInt(row)),
      frame_time: timeNs,
      frame_pts: timeNs.map((time) => time - timeNs[0]!),
      frame_uncertainty: timeNs.map(() => 7n),
      ...Object.fromEntries(Object.entries(tags).map(([name, { values }]) => [name, values])),
      ...columns,
    },
    rows,
  );
  return {
    capture: "unit-3/round",
    spec: { actionLeadNs: 0n, fps: 10, ...spec },
    tags: Object.entries(tags).map(([name, { values: _, ...tag }]) => ({
      name,
      source: `source of ${name}`,
      tag: name,
      join: { kind: "backward" },
      ...tag,
    })),
    table,
    cameras: [],
    provenance: { capture: "unit-3/round" },
    ...more,
  };
}

/** Instants of frames, `stepNs` apart. */
export function times(count: number, stepNs = 100_000_000n, start = 1_700_000_000_000_000_000n): bigint[] {
  return Array.from({ length: count }, (_, i) => start + BigInt(i) * stepNs);
}
