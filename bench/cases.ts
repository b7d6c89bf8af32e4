import { type AsofOptions, bitmapBytes, type Column, type Kernels } from "../src/kernels/index.ts";
import type { Series, Workload } from "./data.ts";
import {
  loopBackward,
  loopForward,
  loopGather,
  loopHold,
  loopLinear,
  loopMap,
  loopNearest,
  loopWindowSum,
} from "./loops.ts";
import type { Case } from "./measure.ts";

/** Frames a block, as the engine aligns them. */
const blockFrames = 4_096;

/** No distance in these workloads is as long. */
const unlimited = 1e15;

interface Joined {
  values: Float64Array;
  validity: Uint8Array;
}

/** A value and a bit for each frame of each tag, block by block, by the last sample or by the line between two. */
export function joinCase(
  kernels: Kernels,
  name: string,
  load: Workload,
  {
    join,
    counts,
    toleranceNs,
  }: { join: "hold" | "linear"; counts: "output" | "input and output"; toleranceNs?: number },
): Case {
  const { arena } = kernels;
  const frames = arena.copy(load.frames);
  const tags = load.tags.map((tag) => place(kernels, tag));
  const limit = toleranceNs === undefined ? undefined : BigInt(toleranceNs);
  const outs = tags.map(() => ({ values: arena.f64(frames.length), validity: arena.bitmap(frames.length) }));
  const plain = tags.map(() => plainOut(frames.length));
  return {
    name,
    bytes: bytesOf(outs) + (counts === "output" ? 0 : bytesOf([{ frames }, ...tags])),
    kernel() {
      for (let start = 0; start < frames.length; start += blockFrames) {
        const block = frames.subarray(start, start + blockFrames);
        const mark = arena.mark();
        for (const [at, { times, values, validity }] of tags.entries()) {
          const out = blockOf(outs[at]!, start, block.length);
          const tolerance = join === "hold" ? limit : undefined;
          const match = kernels.match(block, times, { direction: "backward", tolerance });
          if (join === "hold") kernels.gather(values, validity, match, out);
          else {
            const line = kernels.line(match, block, times, { maxGap: limit });
            kernels.linear(line, block, { times, values, validity }, out);
          }
          arena.release(mark);
        }
      }
    },
    loop() {
      const loop = join === "linear" ? loopLinear : loopHold;
      for (const [at, tag] of load.tags.entries()) {
        const out = plain[at]!;
        loop(load.relativeFrames, tag, toleranceNs ?? unlimited, out.values, out.validity);
      }
    },
    check() {
      for (const [at, out] of outs.entries()) sameJoined(name, out, plain[at]!);
    },
  };
}

/** Only the index of the sample of each frame. */
export function asofCase(
  kernels: Kernels,
  name: string,
  load: Workload,
  direction: AsofOptions["direction"],
): Case {
  const { arena } = kernels;
  const frames = arena.copy(load.frames);
  const tags = load.tags.map((tag) => arena.copy(tag.times));
  const outs = tags.map(() => arena.i32(frames.length));
  const plain = tags.map(() => new Int32Array(frames.length));
  const loop = { backward: loopBackward, forward: loopForward, nearest: loopNearest }[direction];
  return {
    name,
    bytes: bytesOf([{ frames, ...outs }, ...tags.map((times) => ({ times }))]),
    kernel() {
      for (let start = 0; start < frames.length; start += blockFrames) {
        const block = frames.subarray(start, start + blockFrames);
        for (const [at, times] of tags.entries()) {
          kernels.asof(block, times, outs[at]!.subarray(start, start + block.length), { direction });
        }
      }
    },
    loop() {
      for (const [at, tag] of load.tags.entries()) loop(load.relativeFrames, tag.relative, plain[at]!);
    },
    check() {
      for (const [at, out] of outs.entries()) same(name, out, plain[at]!);
    },
  };
}

/** Values by position, where the positions are those of the last sample before each frame. */
export function gatherCase(kernels: Kernels, name: string, load: Workload): Case {
  const { arena } = kernels;
  const [tag] = load.tags as [Series];
  const values = arena.copy(tag.values);
  const plainIndex = new Int32Array(load.frames.length);
  loopBackward(load.relativeFrames, tag.relative, plainIndex);
  const index = arena.copy(plainIndex);
  const out = { values: arena.f64(index.length), validity: arena.bitmap(index.length) };
  const plain = plainOut(index.length);
  return {
    name,
    bytes: bytesOf([{ values, index }, out]),
    kernel: () => void kernels.gather(values, undefined, index, out),
    loop: () => loopGather(tag.values, plainIndex, plain.values, plain.validity),
    check: () => sameJoined(name, out, plain),
  };
}

/** The sum of the samples in (frame - span, frame]. */
export function windowSumCase(kernels: Kernels, name: string, load: Workload, spanNs: number): Case {
  const { arena } = kernels;
  const [tag] = load.tags as [Series];
  const frames = arena.copy(load.frames);
  const { times, values } = place(kernels, tag);
  const [lo, hi] = [arena.i32(frames.length), arena.i32(frames.length)];
  const out = { values: arena.f64(frames.length), validity: arena.bitmap(frames.length) };
  const plain = plainOut(frames.length);
  return {
    name,
    bytes: bytesOf([{ frames, times, values }, out]),
    kernel() {
      kernels.windows(frames, times, { span: BigInt(spanNs) }, lo, hi);
      kernels.windowFloat("sum", values, lo, hi, out);
    },
    loop: () => loopWindowSum(load.relativeFrames, tag, spanNs, plain.values, plain.validity),
    check() {
      same(name, out.validity.subarray(0, plain.validity.length), plain.validity);
      // The kernel adds in another order, so each sum may round otherwise.
      const isNear = (a: number, b: number) => Math.abs(a - b) <= 1e-12 * (Math.abs(a) + Math.abs(b)) + 1e-9;
      same(name, out.values, plain.values, isNear);
    },
  };
}

/** The affine clock map. */
export function mapCase(kernels: Kernels, name: string, frames: BigInt64Array): Case {
  const times = kernels.arena.copy(frames);
  const out = kernels.arena.i64(times.length);
  const plain = new BigInt64Array(times.length);
  const from = frames[frames.length >>> 1] ?? 0n;
  const piece = { from, to: from - 180_000_000n, drift: 37.5e-6 };
  return {
    name,
    bytes: bytesOf([{ times, out }]),
    kernel: () => kernels.mapAffine(times, out, piece),
    loop: () => loopMap(frames, plain, piece),
    // Half a nanosecond rounds to even in one and up in the other.
    check: () => same(name, out, plain, (a, b) => a - b <= 1n && b - a <= 1n),
  };
}

function place({ arena }: Kernels, { times, values, validity }: Series) {
  return {
    times: arena.copy(times),
    values: arena.copy(values),
    ...(validity === undefined ? {} : { validity: arena.copy(validity) }),
  };
}

function plainOut(length: number): Joined {
  return { values: new Float64Array(length), validity: new Uint8Array(bitmapBytes(length)) };
}

function blockOf({ values, validity }: Joined, start: number, length: number): Joined {
  return {
    values: values.subarray(start, start + length),
    validity: validity.subarray(start / 8, start / 8 + bitmapBytes(length)),
  };
}

function bytesOf(columns: readonly object[]): number {
  return columns
    .flatMap((one) => Object.values(one) as Column[])
    .reduce((sum, column) => sum + column.byteLength, 0);
}

function sameJoined(name: string, kernel: Joined, loop: Joined): void {
  same(name, kernel.validity, loop.validity);
  same(name, kernel.values, loop.values);
}

function same<T extends Column>(
  name: string,
  kernel: T,
  loop: T,
  isSame: (a: T[number], b: T[number]) => boolean = Object.is,
): void {
  if (kernel.length !== loop.length) throw new Error(`${name}: ${kernel.length} values, not ${loop.length}`);
  for (let i = 0; i < kernel.length; i++) {
    if (isSame(kernel[i]!, loop[i]!)) continue;
    throw new Error(`${name}: the kernel gives ${kernel[i]} at ${i}, the plain loop ${loop[i]}`);
  }
}
