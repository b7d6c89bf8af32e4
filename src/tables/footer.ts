/**
 * Takes the logical type away from UTC nanosecond columns of a Parquet file's footer, so that a reader sees plain int64.
 *
 * footer  the file's FileMetaData in Thrift's compact protocol
 * names   columns at the top level; others, and those of another type, stay as they are
 *
 * Every other byte stays as it was. Undefined where there is nothing to take away.
 * Field numbers: apache/parquet-format, parquet.thrift.
 */
export function withPlainTimes(footer: Uint8Array, names: ReadonlySet<string>): Uint8Array | undefined {
  const metadata = structAt(footer, 0);
  const schema = metadata.fields.find(({ id, type }) => id === 2 && type === kind.list);
  if (schema === undefined) return undefined;
  const list = listAt(footer, schema.start);
  const pieces: Uint8Array[] = [];
  let [at, copied, depth] = [list.start, 0, 0];
  const left: number[] = [];
  for (let element = 0; element < list.size; element++) {
    const { fields, end } = structAt(footer, at);
    const children = fields.find(({ id }) => id === field.children);
    if (depth === 1 && isUtcNanos(footer, fields) && names.has(nameOf(footer, fields))) {
      const kept = fields.filter(({ id }) => id !== field.convertedType && id !== field.logicalType);
      pieces.push(footer.subarray(copied, at), struct(footer, kept));
      copied = end;
    }
    if (depth > 0) left[depth - 1]! -= 1;
    const own = children === undefined ? 0 : signed(varintAt(footer, children.start).value);
    if (own > 0) left[depth++] = own;
    while (depth > 0 && left[depth - 1] === 0) depth -= 1;
    at = end;
  }
  if (pieces.length === 0) return undefined;
  return Buffer.concat([...pieces, footer.subarray(copied)]);
}

const kind = {
  true: 1,
  false: 2,
  byte: 3,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
  uuid: 13,
};

/** Fields of a SchemaElement. */
const field = { name: 4, children: 5, convertedType: 6, logicalType: 10 };

/** TIMESTAMP in the union of logical types, NANOS in that of units. */
const [timestamp, nanos] = [8, 3];

/** One field of a struct: its value lies in [start, end). */
interface Field {
  readonly id: number;
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

function isUtcNanos(bytes: Uint8Array, fields: readonly Field[]): boolean {
  const logical = fields.find(({ id, type }) => id === field.logicalType && type === kind.struct);
  const stamp = logical && structAt(bytes, logical.start).fields.find(({ id }) => id === timestamp);
  const [isUtc, unit] = stamp === undefined ? [] : structAt(bytes, stamp.start).fields;
  if (isUtc?.type !== kind.true || unit === undefined) return false;
  return structAt(bytes, unit.start).fields[0]?.id === nanos;
}

function nameOf(bytes: Uint8Array, fields: readonly Field[]): string {
  const name = fields.find(({ id }) => id === field.name);
  if (name === undefined) return "";
  const { end } = varintAt(bytes, name.start);
  return new TextDecoder().decode(bytes.subarray(end, name.end));
}

/** The fields of the struct that begins at `at`, and where it ends. */
function structAt(bytes: Uint8Array, at: number): { fields: Field[]; end: number } {
  const fields: Field[] = [];
  let id = 0;
  for (let start = at; ; ) {
    const header = byteAt(bytes, start++);
    if (header === 0) return { fields, end: start };
    const type = header & 15;
    if (header >> 4 > 0) id += header >> 4;
    else {
      const { value, end } = varintAt(bytes, start);
      id = signed(value);
      start = end;
    }
    const end = type === kind.true || type === kind.false ? start : skipped(bytes, start, type);
    fields.push({ id, type, start, end });
    start = end;
  }
}

/** Where the value of a type that begins at `at` ends; a boolean is a byte here, as lists hold it. */
function skipped(bytes: Uint8Array, at: number, type: number): number {
  switch (type) {
    case kind.true:
    case kind.false:
    case kind.byte:
      return at + 1;
    case kind.double:
      return at + 8;
    case kind.uuid:
      return at + 16;
    case kind.binary: {
      const { value, end } = varintAt(bytes, at);
      return end + value;
    }
    case kind.list:
    case kind.set: {
      const { size, type: item, start } = listAt(bytes, at);
      let end = start;
      for (let i = 0; i < size; i++) end = skipped(bytes, end, item);
      return end;
    }
    case kind.map: {
      const { value: size, end: start } = varintAt(bytes, at);
      if (size === 0) return start;
      const types = byteAt(bytes, start);
      let end = start + 1;
      for (let i = 0; i < size; i++) end = skipped(bytes, skipped(bytes, end, types >> 4), types & 15);
      return end;
    }
    case kind.struct:
      return structAt(bytes, at).end;
    default:
      return varintAt(bytes, at).end;
  }
}

function listAt(bytes: Uint8Array, at: number): { size: number; type: number; start: number } {
  const header = byteAt(bytes, at);
  if (header >> 4 < 15) return { size: header >> 4, type: header & 15, start: at + 1 };
  const { value, end } = varintAt(bytes, at + 1);
  return { size: value, type: header & 15, start: end };
}

function varintAt(bytes: Uint8Array, at: number): { value: number; end: number } {
  let [value, scale, end] = [0, 1, at];
  for (;;) {
    const byte = byteAt(bytes, end++);
    value += (byte & 127) * scale;
    if (byte < 128) return { value, end };
    scale *= 128;
  }
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError("the footer ends within a value");
  return byte;
}

/** A number that was written with its sign in the lowest bit. */
function signed(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** A struct of fields whose numbers ascend; only their distances are written anew. */
function struct(bytes: Uint8Array, fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let last = 0;
  for (const { id, type, start, end } of fields) {
    parts.push(Uint8Array.of(((id - last) << 4) | type), bytes.subarray(start, end));
    last = id;
  }
  return Buffer.concat([...parts, Uint8Array.of(0)]);
}
