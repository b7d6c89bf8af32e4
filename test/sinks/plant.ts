import {
  Bool,
  type Data,
  type DataType,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  TimestampNanosecond,
  Uint32,
  Utf8,
  vectorFromArray,
} from "apache-arrow";

const text = new Dictionary(new Utf8(), new Int32());
const metadata = (tag: string) =>
  new Map([
    ["source", "dcs"],
    ["tag", tag],
    ["unit", "degC"],
    ["role", "state"],
    ["join", "linear"],
  ]);

/** Every column type that an aligned table can have. */
export const plantSchema = new Schema(
  [
    new Field("frame_index", new Int64(), false),
    new Field("frame_time", new TimestampNanosecond(), false, new Map([["timezone", "UTC"]])),
    new Field("temperature", new Float64(), true, metadata("TI-1")),
    new Field("temperature.age", new Int64(), true),
    new Field("temperature.status", new Uint32(), false),
    new Field("open", new Bool(), true, metadata("XV-1")),
    new Field("step", text, true, metadata("step")),
    new Field("levels", new List(new Field("item", new Float64(), true)), true),
    new Field("orders", new List(new Field("item", new Utf8(), true)), true),
  ],
  new Map([
    ["reference_clock", "plant"],
    ["timezone", "UTC"],
    ["capture", 'refinery-3/"round" 1, ü'],
    ["tagalign_version", "0.0.0"],
    ["clock_maps", JSON.stringify(Array.from({ length: 40 }, (_, index) => ({ offset_ns: String(index) })))],
  ]),
);

export interface PlantRow {
  frameTime: bigint;
  temperature: number | null;
  ageNs: bigint | null;
  status: number;
  open: boolean | null;
  step: string | null;
  levels: (number | null)[] | null;
  orders: (string | null)[] | null;
}

const steps = ["fill", "", 'heat, then "stir"', "drain\nand\r\nrinse", "é 漢"];
const start = 1_777_878_751_250_000_001n;

export function plantRow(row: number): PlantRow {
  return {
    frameTime: start + BigInt(row) * 33_366_667n,
    temperature: row % 7 === 3 ? null : (row - 20) / 3,
    ageNs: row % 7 === 3 ? null : BigInt(row) * 9_007_199_254_741n - 5n,
    status: row % 7 === 3 ? 0x809b0000 : 0,
    open: row % 5 === 4 ? null : row % 3 === 0,
    step: row % 11 === 10 ? null : steps[row % steps.length]!,
    levels:
      row % 9 === 8
        ? null
        : Array.from({ length: row % 4 }, (_, item) => (item === 2 ? null : row + item / 10)),
    orders: row % 6 === 5 ? null : Array.from({ length: row % 3 }, (_, item) => `order "${row}", ${item}`),
  };
}

/** Rows [from, to) as one batch, with the dictionary given or one of its own. */
export function plantBatch(from: number, to: number, dictionary: readonly string[] = steps): RecordBatch {
  const rows = Array.from({ length: to - from }, (_, index) => plantRow(from + index));
  const length = rows.length;
  const stepOf = ({ step }: PlantRow) => (step === null ? 0 : dictionary.indexOf(step));
  const children: Data[] = [
    makeData({ type: new Int64(), data: BigInt64Array.from(rows, (_, index) => BigInt(from + index)) }),
    makeData({ type: new TimestampNanosecond(), data: BigInt64Array.from(rows, (row) => row.frameTime) }),
    flat(
      new Float64(),
      Float64Array.from(rows, (row) => row.temperature ?? 0),
      rows.map(({ temperature }) => temperature),
    ),
    flat(
      new Int64(),
      BigInt64Array.from(rows, (row) => row.ageNs ?? 0n),
      rows.map(({ ageNs }) => ageNs),
    ),
    makeData({ type: new Uint32(), data: Uint32Array.from(rows, (row) => row.status) }),
    flat(
      new Bool(),
      bitmap(rows.map(({ open }) => open === true)),
      rows.map(({ open }) => open),
      length,
    ),
    makeData({
      type: text,
      data: Int32Array.from(rows, stepOf),
      dictionary: vectorFromArray([...dictionary], new Utf8()),
      ...validity(rows.map(({ step }) => step)),
    }),
    listOf(
      plantSchema.fields[7]!.type,
      rows.map(({ levels }) => levels),
    ),
    listOf(
      plantSchema.fields[8]!.type,
      rows.map(({ orders }) => orders),
    ),
  ];
  const type = new Struct(plantSchema.fields);
  return new RecordBatch(plantSchema, makeData({ type, children, length, nullCount: 0 }));
}

/** Three columns over one array, each starting in the one before: 0.. , 0.. and 1.. */
export function overlapping(length: number): { batch: RecordBatch; expected: string[][] } {
  const values = BigInt64Array.from({ length: length + 1 }, (_, index) => BigInt(index) * 1_000_000_007n);
  const schema = new Schema(["a", "b", "c"].map((name) => new Field(name, new Int64(), false)));
  const children = [0, 0, 1].map((from) =>
    makeData({ type: new Int64(), data: values.subarray(from, from + length) }),
  );
  const type = new Struct(schema.fields);
  return {
    batch: new RecordBatch(schema, makeData({ type, children, length, nullCount: 0 })),
    expected: Array.from({ length }, (_, row) => [0, 0, 1].map((from) => String(values[row + from]))),
  };
}

function flat(
  type: Float64 | Int64 | Bool,
  data: never | ArrayLike<unknown>,
  values: unknown[],
  length = values.length,
) {
  return makeData({ type, data, length, ...validity(values) } as Parameters<typeof makeData>[0]);
}

function listOf(type: DataType, values: readonly unknown[]): Data {
  return vectorFromArray(values as unknown[], type).data[0]!;
}

function validity(values: readonly unknown[]) {
  return {
    nullCount: values.filter((value) => value === null).length,
    nullBitmap: bitmap(values.map((value) => value !== null)),
  };
}

function bitmap(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array((bits.length + 7) >> 3);
  for (const [index, bit] of bits.entries()) if (bit) bytes[index >> 3]! |= 1 << (index & 7);
  return bytes;
}
