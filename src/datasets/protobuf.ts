const utf8 = new TextEncoder();

const VARINT = 0;
const BYTES = 2;
/** Shorter values are copied: a piece of its own would cost more. */
const MIN_PIECE_BYTES = 1024;

/**
 * A protobuf message, field after field in the order of the calls (protobuf.dev, "Encoding").
 *
 * Large values and messages inside are kept as they are given, not copied: they must not change any more.
 */
export class ProtoMessage {
  readonly #pieces: (Uint8Array | ProtoMessage)[] = [];
  #open = new Uint8Array(64);
  #openLength = 0;
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** The encoded message, piece after piece. */
  *parts(): Generator<Uint8Array, void, undefined> {
    for (const piece of this.#pieces) {
      if (piece instanceof ProtoMessage) yield* piece.parts();
      else yield piece;
    }
    if (this.#openLength > 0) yield this.#open.subarray(0, this.#openLength);
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#byteLength);
    let at = 0;
    for (const part of this.parts()) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** A field of type int32, int64, uint32, uint64, bool or enum. */
  integer(field: number, value: number | bigint): this {
    this.#varint((field << 3) | VARINT);
    this.#bytes(varints(BigInt64Array.of(BigInt(value))));
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#head(field, value.length);
    this.#bytes(value);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  message(field: number, value: ProtoMessage): this {
    this.#head(field, value.byteLength);
    this.#close();
    this.#pieces.push(value);
    this.#byteLength += value.byteLength;
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
    this.#varint((field << 3) | BYTES);
    this.#varint(length);
  }

  #varint(value: number): void {
    this.#makeRoom(8);
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) this.#append((rest & 0x7f) | 0x80);
    this.#append(rest);
  }

  #append(byte: number): void {
    this.#open[this.#openLength++] = byte;
    this.#byteLength += 1;
  }

  #bytes(value: Uint8Array): void {
    this.#byteLength += value.length;
    if (value.length >= MIN_PIECE_BYTES) {
      this.#close();
      this.#pieces.push(value);
      return;
    }
    this.#makeRoom(value.length);
    this.#open.set(value, this.#openLength);
    this.#openLength += value.length;
  }

  #makeRoom(bytes: number): void {
    if (this.#openLength + bytes <= this.#open.length) return;
    const larger = new Uint8Array(2 * (this.#openLength + bytes));
    larger.set(this.#open.subarray(0, this.#openLength));
    this.#open = larger;
  }

  #close(): void {
    if (this.#openLength === 0) return;
    this.#pieces.push(this.#open.subarray(0, this.#openLength));
    this.#open = this.#open.subarray(this.#openLength);
    this.#openLength = 0;
  }
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
