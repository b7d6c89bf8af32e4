const utf8 = new TextEncoder();

const VARINT = 0;
const BYTES = 2;

/**
 * A protobuf message, field after field in the order of the calls (protobuf.dev, "Encoding").
 *
 * Large values are kept as they are given, not copied: they must not change before the message is written.
 */
export class ProtoMessage {
  readonly #parts: Uint8Array[] = [];
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** The encoded message, in pieces. */
  get parts(): readonly Uint8Array[] {
    return this.#parts;
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#byteLength);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** A field of type int32, int64, uint32, uint64, bool or enum. */
  integer(field: number, value: number | bigint): this {
    this.#push(varint((field << 3) | VARINT));
    this.#push(varints(BigInt64Array.of(BigInt(value))));
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#head(field, value.length);
    this.#push(value);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  message(field: number, value: ProtoMessage): this {
    this.#head(field, value.byteLength);
    for (const part of value.parts) this.#push(part);
    return this;
  }

  /** Packed `repeated float`. */
  floats(field: number, values: Float32Array): this {
    return this.bytes(field, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  /** Packed `repeated int64`. */
  integers(field: number, values: BigInt64Array): this {
    return this.bytes(field, varints(values));
  }

  /** Packed `repeated bool`, which is `repeated int64` of 0 and 1 as well. */
  bools(field: number, values: Uint8Array): this {
    return this.bytes(field, values);
  }

  #head(field: number, length: number): void {
    this.#push(varint((field << 3) | BYTES));
    this.#push(varint(length));
  }

  #push(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#byteLength += part.length;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Seven bits a byte, the lowest first, one varint after the other; a negative one takes ten bytes. */
function varints(values: BigInt64Array): Uint8Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  const bytes = new Uint8Array(values.length * 10);
  let at = 0;
  for (let i = 0; i < words.length; i += 2) {
    let low = words[i]!;
    let high = words[i + 1]!;
    while (high !== 0 || low > 0x7f) {
      bytes[at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    bytes[at++] = low;
  }
  return bytes.slice(0, at);
}
