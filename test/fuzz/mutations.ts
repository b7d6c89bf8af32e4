/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Mutation {
  what: string;
  bytes: Buffer;
}

/** The file cut off at `share` of its length. */
export function cut(bytes: Buffer, share: number): Mutation {
  const length = Math.floor(bytes.length * share);
  return { what: `cut at ${length} of ${bytes.length}`, bytes: bytes.subarray(0, length) };
}

/** A few bits flipped: anywhere, or in the first or the last kilobyte, where containers keep what they say of themselves. */
export function flip(bytes: Buffer, random: () => number): Mutation {
  const copy = Buffer.from(bytes);
  const spans: [number, number][] = [
    [0, bytes.length],
    [0, Math.min(1024, bytes.length)],
    [Math.max(0, bytes.length - 1024), bytes.length],
  ];
  const [start, end] = spans[Math.floor(random() * spans.length)] ?? [0, bytes.length];
  const flips = Array.from({ length: 1 + Math.floor(random() * 8) }, () => {
    const at = start + Math.floor(random() * (end - start));
    const bit = Math.floor(random() * 8);
    copy[at] = (copy[at] ?? 0) ^ (1 << bit);
    return `${at}.${bit}`;
  });
  return { what: `bits ${flips.join(" ")}`, bytes: copy };
}

/** A block overwritten: with zeros, ones or noise. */
export function smear(bytes: Buffer, random: () => number): Mutation {
  const copy = Buffer.from(bytes);
  const start = Math.floor(random() * bytes.length);
  const end = Math.min(bytes.length, start + 1 + Math.floor(random() * 400));
  const kind = Math.floor(random() * 3);
  for (let at = start; at < end; at++)
    copy[at] = kind === 0 ? 0 : kind === 1 ? 0xff : Math.floor(random() * 256);
  return { what: `${["zeros", "ones", "noise"][kind]} at ${start}..${end}`, bytes: copy };
}

const hostile = [2n ** 40n, 2n ** 62n, -1n, 2n ** 31n, 2n ** 24n, -(2n ** 63n)];

/** The `pick`th 8-byte word of the first `span` bytes that holds a small number, made huge: lengths, offsets and counts. */
export function inflateWord(bytes: Buffer, span: number, pick: number): Mutation {
  const copy = Buffer.from(bytes);
  const words: number[] = [];
  for (let at = 0; at + 8 <= Math.min(span, bytes.length); at += 8) {
    const value = bytes.readBigInt64LE(at);
    if (value > 0n && value < 2n ** 20n) words.push(at);
  }
  const at = words[pick % words.length] ?? 0;
  const value = hostile[pick % hostile.length] ?? 0n;
  copy.writeBigInt64LE(value, at);
  return { what: `word at ${at} made ${value}`, bytes: copy };
}

/** Four bytes replaced. */
export function word32(bytes: Buffer, at: number, value: number): Mutation {
  const copy = Buffer.from(bytes);
  copy.writeInt32LE(value | 0, at < 0 ? bytes.length + at : at);
  return { what: `int32 at ${at} made ${value}`, bytes: copy };
}
