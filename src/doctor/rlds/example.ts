/** The values of one key: how many, of which list, and the numbers where they are whole. */
export interface ExampleValues {
  kind: "bytes" | "float" | "int64" | "none";
  count: number;
  /** Of int64 lists. */
  integers: bigint[];
}

/**
 * The features of a tf.train.Example by their keys.
 *
 * @param wanted keys whose integers are kept
 * @throws RangeError where the bytes are no such message
 */
export function readExample(data: Uint8Array, wanted: ReadonlySet<string>): Map<string, ExampleValues> {
  const found = new Map<string, ExampleValues>();
  for (const features of new Wire(data).fields(1))
    for (const entry of new Wire(features).fields(1)) {
      let key = "";
      let values: ExampleValues = { kind: "none", count: 0, integers: [] };
      for (const { number, bytes } of new Wire(entry).all()) {
        if (number === 1) key = Buffer.from(bytes).toString("utf8");
        if (number === 2) values = readFeature(bytes, wanted.has(key));
      }
      found.set(key, values);
    }
  return found;
}

function readFeature(bytes: Uint8Array, isWanted: boolean): ExampleValues {
  for (const { number, bytes: list } of new Wire(bytes).all()) {
    if (number === 1) return { kind: "bytes", count: new Wire(list).fields(1).length, integers: [] };
    if (number === 2) {
      const count = new Wire(list).all().reduce((sum, one) => sum + one.bytes.length / 4, 0);
      return { kind: "float", count, integers: [] };
    }
    if (number === 3) return readIntegers(list, isWanted);
  }
  return { kind: "none", count: 0, integers: [] };
}

function readIntegers(list: Uint8Array, isWanted: boolean): ExampleValues {
  const integers: bigint[] = [];
  let count = 0;
  for (const { bytes } of new Wire(list).all()) {
    const wire = new Wire(bytes);
    while (!wire.isEnd) {
      const value = isWanted ? wire.varint() : wire.skipVarint();
      if (isWanted) integers.push(BigInt.asIntN(64, value));
      count += 1;
    }
  }
  return { kind: "int64", count, integers };
}

interface WireField {
  number: number;
  /** Of a field without a length, its own bytes. */
  bytes: Uint8Array;
}

/** Protobuf's wire format. */
class Wire {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  fields(number: number): Uint8Array[] {
    return this.all()
      .filter((one) => one.number === number)
      .map(({ bytes }) => bytes);
  }

  all(): WireField[] {
    const fields: WireField[] = [];
    while (!this.isEnd) {
      const key = Number(this.varint());
      fields.push({ number: key >>> 3, bytes: this.#content(key & 7) });
    }
    return fields;
  }

  #content(type: number): Uint8Array {
    const start = this.#at;
    if (type === 0) this.skipVarint();
    else if (type === 1) this.#at += 8;
    else if (type === 5) this.#at += 4;
    else if (type === 2) {
      const length = Number(this.varint());
      const from = this.#at;
      this.#at += length;
      if (this.#at > this.#bytes.length) throw new RangeError("a field goes past its message");
      return this.#bytes.subarray(from, this.#at);
    } else throw new RangeError(`a field of wire type ${type}`);
    if (this.#at > this.#bytes.length) throw new RangeError("a field goes past its message");
    return this.#bytes.subarray(start, this.#at);
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a number goes past its message");
  }

  skipVarint(): bigint {
    while ((this.#bytes[this.#at++] ?? 0) >= 0x80);
    return 0n;
  }
}
