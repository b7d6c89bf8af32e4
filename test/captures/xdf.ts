import { readFileSync } from "node:fs";

/** A stream of an XDF recording: its samples' stamps and the clock offsets (receiver minus sender), ns. */
export interface XdfStream {
  readonly name: string;
  readonly stamps: BigInt64Array;
  readonly offsetTimes: BigInt64Array;
  readonly offsets: BigInt64Array;
}

const bytesOf: Record<string, number> = {
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  float32: 4,
  double64: 8,
};

/** Stamps and clock offsets of an XDF file (the format's chunks 2, 3 and 4), values skipped. */
export function readXdf(path: string): XdfStream[] {
  const reader = new Reader(readFileSync(path));
  if (reader.text(4) !== "XDF:") throw new Error(`${path} is no XDF file`);
  const streams = new Map<number, Growing>();
  const streamOf = (id: number): Growing => {
    const stream = streams.get(id);
    if (stream === undefined) throw new Error(`stream ${id} has no header`);
    return stream;
  };
  while (!reader.isAtEnd) {
    const length = reader.variable();
    const end = reader.at + length;
    const tag = reader.u16();
    if (tag === 2) streams.set(reader.u32(), readHeader(reader.text(end - reader.at)));
    else if (tag === 3) readSamples(reader, streamOf(reader.u32()));
    else if (tag === 4) {
      const stream = streamOf(reader.u32());
      stream.offsetTimes.push(reader.f64());
      stream.offsets.push(reader.f64());
    }
    reader.at = end;
  }
  return [...streams.values()].map(({ name, stamps, offsetTimes, offsets }) => {
    return { name, stamps: toNs(stamps), offsetTimes: toNs(offsetTimes), offsets: toNs(offsets) };
  });
}

interface Growing {
  readonly name: string;
  readonly rate: number;
  readonly channels: number;
  readonly format: string;
  readonly stamps: number[];
  readonly offsetTimes: number[];
  readonly offsets: number[];
}

function readHeader(xml: string): Growing {
  const of = (key: string) => new RegExp(`<${key}>([^<]*)</${key}>`).exec(xml)?.[1] ?? "";
  return {
    name: of("name"),
    rate: Number(of("nominal_srate")),
    channels: Number(of("channel_count")),
    format: of("channel_format"),
    stamps: [],
    offsetTimes: [],
    offsets: [],
  };
}

/** A sample without a stamp follows the one before by the nominal interval. */
function readSamples(reader: Reader, { stamps, rate, channels, format }: Growing): void {
  const count = reader.variable();
  for (let i = 0; i < count; i++) {
    const hasStamp = reader.u8() === 8;
    stamps.push(hasStamp ? reader.f64() : stamps.at(-1)! + 1 / rate);
    if (format === "string") for (let c = 0; c < channels; c++) reader.skip(reader.variable());
    else reader.skip(channels * bytesOf[format]!);
  }
}

function toNs(seconds: readonly number[]): BigInt64Array {
  return BigInt64Array.from(seconds, (value) => BigInt(Math.round(value * 1e9)));
}

class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  skip(length: number): void {
    this.at += length;
  }

  text(length: number): string {
    this.at += length;
    return this.#bytes.toString("utf8", this.at - length, this.at);
  }

  u8(): number {
    this.at += 1;
    return this.#bytes.readUInt8(this.at - 1);
  }

  u16(): number {
    this.at += 2;
    return this.#bytes.readUInt16LE(this.at - 2);
  }

  u32(): number {
    this.at += 4;
    return this.#bytes.readUInt32LE(this.at - 4);
  }

  f64(): number {
    this.at += 8;
    return this.#bytes.readDoubleLE(this.at - 8);
  }

  /** A length in as many bytes as the byte before it says: 1, 4 or 8. */
  variable(): number {
    const size = this.u8();
    if (size === 1) return this.u8();
    if (size === 4) return this.u32();
    this.at += 8;
    return Number(this.#bytes.readBigUInt64LE(this.at - 8));
  }
}
