/** Unsigned LEB128. */
function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];
}

function zigzag(value: bigint): bigint {
  return value < 0n ? -2n * value - 1n : 2n * value;
}

const ascending = <T extends number | bigint>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** Bits of each value, least significant first, in bytes filled up with zeros. */
function packTwin(values: readonly bigint[], width: number): number[] {
  const bits = values.flatMap((value) => Array.from({ length: width }, (_, i) => (value >> BigInt(i)) & 1n));
  return Array.from({ length: Math.ceil(bits.length / 8) }, (_, byte) =>
    bits.slice(8 * byte, 8 * byte + 8).reduce((sum, bit, i) => sum | (Number(bit) << i), 0),
  );
}

const bitsIn = (value: bigint): number => (value === 0n ? 0 : value.toString(2).length);

/** `values` in pieces of `size`. */
function pieces<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    values.slice(i * size, (i + 1) * size),
  );
}

/** DELTA_BINARY_PACKED in blocks of 128 with four miniblocks. */
export function packDeltaTwin(values: readonly bigint[]): number[] {
  const steps = values.slice(1).map((value, i) => BigInt.asIntN(64, value - values[i]!));
  const header = [128n, 4n, BigInt(values.length), zigzag(values[0] ?? 0n)].flatMap(varint);
  const blocks = pieces(steps, 128).map((block) => {
    const least = block.toSorted(ascending)[0]!;
    const minis = pieces(
      block.map((step) => BigInt.asUintN(64, step - least)),
      32,
    );
    const widths = minis.map((mini) => Math.max(...mini.map(bitsIn)));
    const bodies = minis.map((mini, i) =>
      packTwin([...mini, ...Array(32 - mini.length).fill(0n)], widths[i]!),
    );
    return [
      ...varint(zigzag(least)),
      ...Array.from({ length: 4 }, (_, i) => widths[i] ?? 0),
      ...bodies.flat(),
    ];
  });
  return [...header, ...blocks.flat()];
}

/** The hybrid: a run where eight equal codes begin at a group's place, if it has 64 bits or more, else packed groups. */
export function packHybridTwin(codes: readonly number[], width: number): number[] {
  const bytes: number[] = [];
  let packed: number[] = [];
  const flush = () => {
    if (packed.length === 0) return;
    const groups = Math.ceil(packed.length / 8);
    const filled = [...packed, ...Array(groups * 8 - packed.length).fill(0)];
    bytes.push(...varint(BigInt(groups * 2 + 1)), ...packTwin(filled.map(BigInt), width));
    packed = [];
  };
  for (let i = 0; i < codes.length; ) {
    const rest = codes.slice(i);
    const change = rest.findIndex((code) => code !== rest[0]);
    const run = change === -1 ? rest.length : change;
    if (run >= 8 && run * width >= 64) {
      flush();
      bytes.push(...varint(BigInt(run * 2)), ...packTwin([BigInt(rest[0]!)], width));
      i += run;
    } else {
      packed.push(...rest.slice(0, 8));
      i += 8;
    }
  }
  flush();
  return bytes;
}

/** The distinct values in order of first appearance, and the place of each value among them. */
export function rankTwin<T>(values: readonly T[]): { distinct: T[]; ranks: number[] } {
  const distinct = [...new Set(values)];
  return { distinct, ranks: values.map((value) => distinct.indexOf(value)) };
}

/** A value for each run of equal neighbours, and the number of the run of each value. */
export function runsTwin<T>(values: readonly T[]): { entries: T[]; codes: number[] } {
  const entries: T[] = [];
  const codes = values.map((value, i) => {
    if (i === 0 || !Object.is(value, values[i - 1])) entries.push(value);
    return entries.length - 1;
  });
  return { entries, codes };
}

/** Least and greatest but NaN; Infinity and -Infinity where there are none. */
export function rangeTwin<T extends number | bigint>(values: readonly T[]): [T | number, T | number] {
  const kept = values.filter((value) => !Number.isNaN(value)).toSorted(ascending);
  return [kept[0] ?? Infinity, kept.at(-1) ?? -Infinity];
}
