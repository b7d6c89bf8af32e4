import { AlignError } from "../errors.ts";
import type { FoldKernel } from "./abi.ts";
import { address, bitsOut, limit } from "./column.ts";
import type { Instance } from "./load.ts";
import { scan } from "./scan.ts";

/** The window before each frame: since the frame before (of the first frame, since `previous`), or `span` ns long. */
export type WindowOptions = { previous?: bigint | undefined } | { span: bigint };

/** The codes that the kernels know the aggregates by. */
const ops = { sum: 0, mean: 1, min: 2, max: 3, sumHigh: 4, sumLow: 5 } as const;

/** Windows up to this long are folded directly, longer ones from a tree of blocks. */
const BLOCK = 64;

/** See Kernels.windows. */
export function windows(
  instance: Instance,
  frames: BigInt64Array,
  samples: BigInt64Array,
  options: WindowOptions,
  lo: Int32Array,
  hi: Int32Array,
): void {
  const { exports, arena } = instance;
  const length = frames.length;
  address(arena, "lo", lo, length);
  scan(instance, frames, samples, hi, { shift: 0n, saturates: true, bias: 0 });
  if (length === 0) return;
  if ("span" in options) {
    const shift = limit("span", options.span);
    scan(instance, frames, samples, lo, { shift, saturates: true, bias: 0 });
    return;
  }
  lo.set(hi.subarray(0, length - 1), 1);
  lo[0] =
    options.previous === undefined
      ? hi[0]!
      : Math.min(exports.countThrough(samples.byteOffset, samples.length, options.previous) >>> 0, hi[0]!);
}

/** See Kernels.windowFloat. */
export function windowFloat(
  instance: Instance,
  op: "sum" | "mean" | "min" | "max",
  values: Float64Array,
  lo: Int32Array,
  hi: Int32Array,
  out: { values: Float64Array; validity: Uint8Array },
): number {
  return fold(instance, instance.exports.windowFloat, ops[op], values, lo, hi, out);
}

/** See Kernels.windowInteger. */
export function windowInteger(
  instance: Instance,
  op: "sum" | "min" | "max",
  values: BigInt64Array,
  lo: Int32Array,
  hi: Int32Array,
  out: { values: BigInt64Array; validity: Uint8Array },
): number {
  const { exports, arena } = instance;
  const kernel = exports.windowInteger;
  if (op !== "sum") return fold(instance, kernel, ops[op], values, lo, hi, out);
  const mark = arena.mark();
  try {
    const high = { values: arena.i64(lo.length), validity: out.validity };
    fold(instance, kernel, ops.sumHigh, values, lo, hi, high);
    const valid = fold(instance, kernel, ops.sumLow, values, lo, hi, out);
    const row = exports.joinSums(high.values.byteOffset, out.values.byteOffset, lo.length);
    if (row >= 0) {
      throw new AlignError(
        "SOURCE_INTEGER_OVERFLOW",
        `the sum of a window of ${hi[row]! - lo[row]!} samples is not an int64`,
        {
          where: { row },
          hint: "declare the tag as a number, or sum over a shorter window",
        },
      );
    }
    return valid;
  } finally {
    arena.release(mark);
  }
}

function fold(
  { exports, arena }: Instance,
  kernel: FoldKernel,
  op: number,
  values: Float64Array | BigInt64Array,
  lo: Int32Array,
  hi: Int32Array,
  out: { values: Float64Array | BigInt64Array; validity: Uint8Array },
): number {
  const length = lo.length;
  const loAt = address(arena, "lo", lo, length);
  const hiAt = address(arena, "hi", hi, length);
  const outAt = address(arena, "out.values", out.values, length);
  const bitsAt = bitsOut(arena, "out.validity", out.validity, length);
  const valuesAt = address(arena, "values", values, length === 0 ? 0 : hi[length - 1]!);
  const mark = arena.mark();
  try {
    let tree = 0;
    if (exports.windowLongest(loAt, hiAt, length) > BLOCK) {
      const blocks = Math.ceil((hi[length - 1]! - lo[0]!) / BLOCK);
      tree = arena.f64(2 * blocks).byteOffset;
    }
    return kernel(op, valuesAt, loAt, hiAt, length, tree, outAt, bitsAt) >>> 0;
  } finally {
    arena.release(mark);
  }
}
