import { bitmapBytes, type Kernels, type Line, type Match } from "../kernels/index.ts";
import type { Joined } from "./values.ts";
import type { Workload } from "./workloads.ts";

/** What is timed, and asked of the peers too: one join of every tag of a workload. */
export interface JoinTask {
  kind: "backward" | "linear";
  /** ns, inclusive: the tolerance of `backward`, the largest gap of `linear`. */
  limitNs?: number;
}

/** Frames a block, as the engine aligns them. */
const blockFrames = 65_536;

/** The engine's join of a workload whose samples lie in its memory. */
export interface Subject {
  /** Of all frame times, samples and bitmaps. */
  inputBytes: number;
  /** Of all values and bitmaps. */
  outputBytes: number;
  run(): void;
  /** Takes outputs that were never touched for the runs to come. */
  renew(): void;
  outputs(): readonly Joined[];
}

/** One thread; index and weights of tags that share their times are shared. */
export function makeSubject(kernels: Kernels, load: Workload, task: JoinTask): Subject {
  const { arena } = kernels;
  const frames = arena.copy(load.frames);
  const placed = new Map<BigInt64Array, BigInt64Array>();
  const tags = load.tags.map(({ times, values, validity }) => {
    const own = placed.get(times) ?? arena.copy(times);
    placed.set(times, own);
    return {
      times: own,
      values: arena.copy(values),
      ...(validity && { validity: arena.copy(validity) }),
    };
  });
  const limit = task.limitNs === undefined ? undefined : BigInt(task.limitNs);
  const take = () =>
    tags.map(() => ({ values: arena.f64(frames.length), validity: arena.bitmap(frames.length) }));
  let outs = take();

  const run = () => {
    for (let start = 0; start < frames.length; start += blockFrames) {
      const block = frames.subarray(start, start + blockFrames);
      const mark = arena.mark();
      let matched: BigInt64Array | undefined;
      let match: Match | undefined;
      let line: Line | undefined;
      for (const [at, { times, values, validity }] of tags.entries()) {
        const out = blockOf(outs[at]!, start, block.length);
        if (times !== matched) {
          const tolerance = task.kind === "backward" ? limit : undefined;
          match = kernels.match(block, times, { direction: "backward", tolerance });
          if (task.kind === "linear") line = kernels.line(match, block, times, { maxGap: limit });
          matched = times;
        }
        if (line !== undefined) kernels.linear(line, block, { times, values, validity }, out);
        else if (match !== undefined) kernels.gather(values, validity, match, out);
      }
      arena.release(mark);
    }
  };
  const bytes = (columns: Iterable<{ byteLength: number } | undefined>) =>
    [...columns].reduce((sum, column) => sum + (column?.byteLength ?? 0), 0);
  return {
    inputBytes: bytes([frames, ...placed.values(), ...tags.flatMap((tag) => [tag.values, tag.validity])]),
    outputBytes: bytes(outs.flatMap(({ values, validity }) => [values, validity])),
    run,
    renew: () => void (outs = take()),
    outputs: () => outs,
  };
}

function blockOf({ values, validity }: Joined, start: number, length: number): Joined {
  return {
    values: values.subarray(start, start + length),
    validity: validity.subarray(start / 8, start / 8 + bitmapBytes(length)),
  };
}
