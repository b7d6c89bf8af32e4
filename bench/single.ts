import { type Laps, race, ratios, spread } from "../src/bench/measure.ts";
import type { Cell } from "../src/bench/results.ts";
import type { Series } from "../src/bench/series.ts";
import { makeWorkload, type Workload } from "../src/bench/workloads.ts";
import { cellText } from "../src/cli/bench-text.ts";
import { type Column, Kernels } from "../src/kernels/index.ts";
import { loopForward, loopMap, loopNearest, loopWindowSum } from "./loops.ts";
import { finish, isSmoke } from "./results.ts";

/** Kernels that the joins of the workloads do not show, beside a copy of their input and output and the plain loop. */
const rounds = isSmoke ? 2 : 5;
const size = isSmoke ? "small" : "full";

interface Single {
  name: string;
  frames: number;
  /** What the kernel reads and writes. */
  columns: readonly Column[];
  kernel(): void;
  loop(): void;
  /** Throws where the two differ; both have run. */
  check(): void;
}

const kernels = Kernels.load();
const { arena } = kernels;
const start = arena.mark();
const cells: Cell[] = [];

for (const name of ["W3s", "W3c"] as const) {
  const load = makeWorkload(name, size);
  for (const direction of ["forward", "nearest"] as const) await run(name, () => asofIndex(load, direction));
  if (name === "W3s") await run(name, () => clockMap(load.frames));
}
const fast = makeWorkload("W2", size);
await run("W2", () => clockMap(fast.frames));
for (const spanNs of [500_000_000, 5_000_000_000]) await run("W2", () => windowSum(fast, spanNs));
await finish("single", { cells });

async function run(workload: string, make: () => Single): Promise<void> {
  arena.release(start);
  const { name, frames, columns, kernel, loop, check } = make();
  kernel();
  loop();
  check();
  const bytes = columns.reduce((sum, column) => sum + column.byteLength, 0);
  const [from, to] = [new Uint8Array(bytes).fill(1), new Uint8Array(bytes).fill(2)];
  const laps = await race(
    [
      { name: "copy", run: () => to.set(from) },
      { name: "ours", run: kernel },
      { name: "plain loop", run: loop },
    ],
    rounds,
  );
  const { wall, cpu } = laps.get("ours") as Laps;
  const cell: Cell = {
    workload,
    about: "alone",
    variant: "plain",
    join: name,
    threads: 1,
    frames,
    tags: 1,
    bytes,
    wallMs: spread(wall),
    cpuMs: spread(cpu),
    skipped: [],
    rivals: ["copy", "plain loop"].map((rival) => {
      const theirs = (laps.get(rival) as Laps).wall;
      return { name: rival, wallMs: spread(theirs), ratio: ratios(theirs, wall) };
    }),
  };
  cells.push(cell);
  console.log(cellText(cell));
}

/** Only the position of the sample of each frame. */
function asofIndex(load: Workload, direction: "forward" | "nearest"): Single {
  const [tag] = load.tags as [Series];
  const [frames, times] = [arena.copy(load.frames), arena.copy(tag.times)];
  const index = arena.i32(frames.length);
  const plain = new Int32Array(frames.length);
  const loop = direction === "forward" ? loopForward : loopNearest;
  return {
    name: `index, ${direction}`,
    frames: frames.length,
    columns: [frames, times, index],
    kernel: () => void kernels.asof(frames, times, index, { direction }),
    loop: () => loop(load.relativeFrames, tag.relative, plain),
    check: () => requireEqual(index, plain),
  };
}

function windowSum(load: Workload, spanNs: number): Single {
  const [tag] = load.tags as [Series];
  const frames = arena.copy(load.frames);
  const [times, values] = [arena.copy(tag.times), arena.copy(tag.values)];
  const [lo, hi] = [arena.i32(frames.length), arena.i32(frames.length)];
  const out = { values: arena.f64(frames.length), validity: arena.bitmap(frames.length) };
  const plain = { values: new Float64Array(frames.length), validity: new Uint8Array(out.validity.length) };
  return {
    name: `sum of ${spanNs / 1e9} s`,
    frames: frames.length,
    columns: [frames, times, values, out.values, out.validity],
    kernel() {
      kernels.windows(frames, times, { span: BigInt(spanNs) }, lo, hi);
      kernels.windowFloat("sum", values, lo, hi, out);
    },
    loop: () => loopWindowSum(load.relativeFrames, tag, spanNs, plain.values, plain.validity),
    check() {
      requireEqual(out.validity, plain.validity);
      // The kernel adds in another order, so each sum may round otherwise.
      const isNear = (a: number, b: number) => Math.abs(a - b) <= 1e-12 * (Math.abs(a) + Math.abs(b)) + 1e-9;
      requireEqual(out.values, plain.values, isNear);
    },
  };
}

/** The affine clock map; the plain loop needs BigInt to be as exact. */
function clockMap(frames: BigInt64Array): Single {
  const times = arena.copy(frames);
  const out = arena.i64(times.length);
  const plain = new BigInt64Array(times.length);
  const from = frames[frames.length >>> 1] ?? 0n;
  const piece = { from, to: from - 180_000_000n, drift: 37.5e-6 };
  return {
    name: "clock map",
    frames: times.length,
    columns: [times, out],
    kernel: () => kernels.mapAffine(times, out, piece),
    loop: () => loopMap(frames, plain, piece),
    // Half a nanosecond rounds to even in one and up in the other.
    check: () => requireEqual(out, plain, (a, b) => a - b <= 1n && b - a <= 1n),
  };
}

function requireEqual<T extends Column>(
  kernel: T,
  loop: T,
  isSame: (a: T[number], b: T[number]) => boolean = Object.is,
): void {
  for (let i = 0; i < loop.length; i++)
    if (!isSame(kernel[i]!, loop[i]!))
      throw new Error(`the kernel gives ${kernel[i]} at ${i}, the plain loop ${loop[i]}`);
}
