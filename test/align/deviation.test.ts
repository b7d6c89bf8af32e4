import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AlignedTagInput, type Compression, createAligner, type Join } from "../../src/align/index.ts";
import { agesFit, instants, sampledTag } from "./arbitraries.ts";
import { frameColumns, kernels, plain } from "./cells.ts";
import { oracle, plainValue } from "./oracle.ts";

interface Row {
  value: number | null;
  error: number | null;
}

function rowsOf(
  frames: readonly bigint[],
  tag: AlignedTagInput,
  rowsPerBlock = Math.max(1, frames.length),
): Row[] {
  const mark = kernels.arena.mark();
  try {
    const aligner = createAligner(kernels, frameColumns(frames), [tag], { provenance: "full" });
    const rows: Row[] = [];
    for (const batch of aligner.blocks(rowsPerBlock)) {
      const [value, error] = [batch.getChild(tag.name)!, batch.getChild(`${tag.name}.error`)!];
      for (let i = 0; i < batch.numRows; i++) {
        const cell = plain(value, i) as number | bigint | null;
        rows.push({ value: cell === null ? null : Number(cell), error: error.get(i) as number | null });
      }
    }
    return rows;
  } finally {
    kernels.arena.release(mark);
  }
}

const metadata = { source: "historian", tag: "t", role: "state", join: "backward" };

interface Sample {
  row: number;
  time: bigint;
  value: number | null;
  isKept: boolean;
}

function samplesOf(tag: AlignedTagInput): Sample[] {
  if (!("samples" in tag)) throw new Error("no samples");
  const { times, values, status } = tag.samples;
  const worst = { good: 0x3fffffff, usable: 0x7fffffff, raw: 0xffffffff }[tag.quality];
  return Array.from(times, (time, row) => {
    const code = status?.[row] ?? 0;
    const value = code >= 0x80000000 ? null : Number(plainValue(values, row));
    return { row, time, value, isKept: code <= worst };
  });
}

/** The half-width frame by frame, looking at every sample each time. */
function expectedErrors(frames: readonly bigint[], tag: AlignedTagInput): (number | null)[] {
  const { step, compression, exception } = tag.compression!;
  const all = samplesOf(tag);
  const kept = all.filter(({ isKept }) => isKept);
  // Of equal times a line is drawn to the last under join linear, else to the first after the frame.
  const points = tag.join.kind === "linear" ? kept.filter((one, i) => kept[i + 1]?.time !== one.time) : kept;
  const isSkipped = (from: Sample, to: Sample | undefined, until?: bigint) =>
    all.some(
      ({ row, time, isKept }) =>
        !isKept && row > from.row && row < (to?.row ?? all.length) && (until === undefined || time <= until),
    );
  const joined = oracle(frames, tag);
  return frames.map((frame, i) => {
    const before = points.findLast(({ time }) => time <= frame);
    const after = points.find(({ time }) => time > frame);
    const value = joined[i]!.value;
    if (value === null || before === undefined || before.value === null) return null;
    if (step) {
      const half = compression + exception;
      return isSkipped(before, after, frame) ? null : half + Math.abs(Number(value) - before.value);
    }
    const half = compression + 2 * exception;
    if (before.time === frame) return half + Math.abs(Number(value) - before.value);
    if (after === undefined || after.value === null || isSkipped(before, after)) return null;
    const weight = Number(frame - before.time) / Number(after.time - before.time);
    return half + Math.abs(Number(value) - (before.value + weight * (after.value - before.value)));
  });
}

const compression = fc.record({
  step: fc.boolean(),
  compression: fc.integer({ min: 0, max: 8 }).map((eighths) => eighths / 8),
  exception: fc.integer({ min: 0, max: 8 }).map((eighths) => eighths / 8),
});

const compressedTag = fc
  .tuple(sampledTag("t"), compression)
  .filter(([tag]) => tag.join.kind !== "window" && "samples" in tag)
  .filter(([tag]) => "samples" in tag && ["number", "integer"].includes(tag.samples.values.type))
  .map(
    ([tag, spec]): AlignedTagInput => ({
      ...tag,
      compression: { ...spec, step: spec.step && tag.join.kind !== "linear" },
    }),
  );

describe("the half-width of what an archive left out", () => {
  it("is what the naive joins make it, for any tag and any blocks", () => {
    let known = 0;
    fc.assert(
      fc.property(instants(30), compressedTag, fc.integer({ min: 1, max: 40 }), (frames, tag, rows) => {
        fc.pre(agesFit(frames, [tag]));
        const errors = rowsOf(frames, tag, rows).map(({ error }) => error);
        const expected = expectedErrors(frames, tag);
        expect(errors).toHaveLength(expected.length);
        for (const [i, error] of errors.entries()) {
          const want = expected[i]!;
          if (want === null || error === null) expect([i, error]).toEqual([i, want]);
          else expect(error).toBeCloseTo(want, 9);
          known += want === null ? 0 : 1;
        }
      }),
      { numRuns: 2500, seed: 20_261_122 },
    );
    expect(known).toBeGreaterThan(1000);
  });

  const tag = (join: Join, spec: Compression, status?: number[]): AlignedTagInput => ({
    name: "t",
    join,
    quality: "good",
    metadata,
    compression: spec,
    samples: {
      times: BigInt64Array.of(0n, 10n, 20n),
      values: { type: "number", data: Float64Array.of(10, 20, 30) },
      ...(status && { status: Uint32Array.from(status) }),
    },
  });
  const sloped = { step: false, compression: 0.5, exception: 0.25 };
  const step = { ...sloped, step: true };
  const errorsAt = (frames: bigint[], one: AlignedTagInput) => rowsOf(frames, one).map(({ error }) => error);

  it("on the line of a sloped tag it is the deviations' alone", () => {
    const linear = tag({ kind: "linear", extrapolate: "hold" }, sloped);
    expect(errorsAt([-1n, 0n, 5n, 10n, 20n, 21n], linear)).toEqual([null, 1, 1, 1, 1, null]);
  });

  it("a held value of a sloped tag is off by the line's way too, and nothing bounds the last", () => {
    expect(errorsAt([0n, 5n, 9n, 10n, 20n, 25n], tag({ kind: "backward" }, sloped))).toEqual([
      1,
      6,
      10,
      1,
      1,
      null,
    ]);
    expect(errorsAt([-5n, 5n, 20n], tag({ kind: "forward" }, sloped))).toEqual([null, 6, 1]);
  });

  it("a step tag is bounded by its last value, also past the end; a later one is off by the step", () => {
    expect(errorsAt([-1n, 0n, 5n, 25n], tag({ kind: "backward" }, step))).toEqual([null, 0.75, 0.75, 0.75]);
    expect(errorsAt([-1n, 5n, 10n], tag({ kind: "forward" }, step))).toEqual([null, 10.75, 0.75]);
    expect(errorsAt([4n, 6n], tag({ kind: "nearest" }, step))).toEqual([0.75, 10.75]);
  });

  it("a sample that was skipped leaves nothing bounded until the next good one", () => {
    const bad = [0, 0x80000000, 0];
    expect(errorsAt([0n, 5n, 10n, 15n, 20n], tag({ kind: "backward" }, step, bad))).toEqual([
      0.75,
      0.75,
      null,
      null,
      0.75,
    ]);
    expect(errorsAt([0n, 5n, 15n, 20n], tag({ kind: "linear", extrapolate: "none" }, sloped, bad))).toEqual([
      1,
      null,
      null,
      1,
    ]);
  });

  it("integers have float64 half-widths", () => {
    const one = tag({ kind: "backward" }, sloped);
    const samples = {
      ...("samples" in one && one.samples),
      values: { type: "integer", data: BigInt64Array.of(1n, 3n, 3n) },
    };
    expect(errorsAt([5n], { ...one, samples } as AlignedTagInput)).toEqual([2]);
  });

  it("texts and booleans are refused: all of their changes are archived", () => {
    const one = tag({ kind: "backward" }, step);
    const samples = {
      ...("samples" in one && one.samples),
      values: { type: "boolean", data: Uint8Array.of(0, 1, 0) },
    };
    expect(() => rowsOf([1n], { ...one, samples } as AlignedTagInput)).toThrow(
      /needs numbers, but tag t holds boolean values/,
    );
  });
});

/** mulberry32 */
function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Point {
  time: number;
  value: number;
}

/** Passes a value on once it is more than `deviation` from the last one passed on, and the value before it too. */
function exceptionTest(scans: readonly Point[], deviation: number): Point[] {
  const passed: Point[] = [scans[0]!];
  for (const [i, scan] of scans.entries()) {
    const last = passed.at(-1)!;
    if (Math.abs(scan.value - last.value) <= deviation) continue;
    const before = scans[i - 1]!;
    if (before.time > last.time) passed.push(before);
    passed.push(scan);
  }
  return passed;
}

/** Archives the value before, once a line to a new one would miss one between by more than `deviation`. */
function swingingDoor(passed: readonly Point[], deviation: number): Point[] {
  const archived: Point[] = [passed[0]!];
  let start = 0;
  for (let i = 1; i < passed.length; i++) {
    const [from, to] = [passed[start]!, passed[i]!];
    const slope = (to.value - from.value) / (to.time - from.time);
    const isMissed = passed
      .slice(start + 1, i)
      .some(({ time, value }) => Math.abs(from.value + slope * (time - from.time) - value) > deviation);
    if (!isMissed) continue;
    start = i - 1;
    archived.push(passed[start]!);
  }
  archived.push(passed.at(-1)!);
  return archived;
}

/** Archives what is more than `deviation` from the last archived value. */
function changeTest(passed: readonly Point[], deviation: number): Point[] {
  const archived: Point[] = [passed[0]!];
  for (const one of passed) if (Math.abs(one.value - archived.at(-1)!.value) > deviation) archived.push(one);
  return archived;
}

type Signal = (uniform: () => number) => (i: number) => number;
const signals: [string, Signal][] = [
  [
    "a wandering value",
    (uniform) => {
      let x = 0;
      return () => (x += uniform() - 0.5);
    },
  ],
  ["a noisy ramp", (uniform) => (i) => i / 40 + (uniform() - 0.5) * 0.9],
  ["a slow wave", () => (i) => 20 * Math.sin(i / 90)],
  [
    "jumps",
    (uniform) => {
      let x = 0;
      return () => (x = uniform() < 0.02 ? uniform() * 30 : x);
    },
  ],
  [
    "what just stays within the deviation and then leaves",
    (uniform) => (i) => (i % 6 === 5 ? 5 : i % 6 === 4 ? 0.99 : -0.99 * uniform()),
  ],
];
const settings: [number, number][] = [
  [0.5, 0.25],
  [1, 1],
  [0, 1],
  [2, 0],
  [0, 0],
  [0.3, 0.9],
];
const second = 1_000_000_000;

describe.each(signals)("value and half-width of an archive hold the truth at every scan: %s", (_, signal) => {
  const scans = (seed: number): Point[] => {
    const uniform = uniforms(seed);
    const at = signal(uniform);
    return Array.from({ length: 3000 }, (_, i) => ({ time: i * second, value: at(i) }));
  };
  const archive = (points: readonly Point[], join: Join, spec: Compression): AlignedTagInput => ({
    name: "t",
    join,
    quality: "good",
    metadata,
    compression: spec,
    samples: {
      times: BigInt64Array.from(points, ({ time }) => BigInt(time)),
      values: { type: "number", data: Float64Array.from(points, ({ value }) => value) },
    },
  });

  it.each(settings)("compression %d, exception %d", (compression, exception) => {
    for (const seed of [1, 2, 3]) {
      const truth = scans(seed);
      const passed = exceptionTest(truth, exception);
      for (const step of [false, true]) {
        const kept = step ? changeTest(passed, compression) : swingingDoor(passed, compression);
        const spec = { step, compression, exception };
        for (const kind of ["linear", "backward", "forward", "nearest"] as const) {
          if (step && kind === "linear") continue;
          const join: Join = kind === "linear" ? { kind, extrapolate: "none" } : { kind };
          const rows = rowsOf(
            truth.map(({ time }) => BigInt(time)),
            archive(kept, join, spec),
          );
          const bounded = rows.filter(({ error }) => error !== null).length;
          // Times and lines are rounded in the last places.
          const wrong = rows.findIndex(
            ({ value, error }, i) => error !== null && Math.abs(value! - truth[i]!.value) > error + 1e-9,
          );
          expect([kind, wrong]).toEqual([kind, -1]);
          // All scans up to the last archived value are bounded; those after it only where values hold.
          const last = kept.at(-1)!.time / second;
          expect([kind, bounded]).toEqual([kind, step && kind !== "forward" ? truth.length : last + 1]);
        }
      }
    }
  });
});

it("compression + exception alone would not hold the truth of a sloped tag", () => {
  const scans = [0, -1, -1, -1, 1, 5].map((value, i) => ({ time: i * second, value }));
  expect(exceptionTest(scans, 1).map(({ value }) => value)).toEqual([0, 1, 5]);
  const tag: AlignedTagInput = {
    name: "t",
    join: { kind: "linear", extrapolate: "none" },
    quality: "good",
    metadata,
    compression: { step: false, compression: 0, exception: 1 },
    samples: {
      times: BigInt64Array.of(0n, 4_000_000_000n, 5_000_000_000n),
      values: { type: "number", data: Float64Array.of(0, 1, 5) },
    },
  };
  expect(rowsOf([3_000_000_000n], tag)).toEqual([{ value: 0.75, error: 2 }]);
});

it("raw 10, 20, 30 at 0, 10, 20 s interpolate as OPC UA's aggregates have it", () => {
  const tag = (join: Join): AlignedTagInput => ({
    name: "t",
    join,
    quality: "good",
    metadata,
    compression: { step: join.kind !== "linear", compression: 0, exception: 0 },
    samples: {
      times: BigInt64Array.of(0n, 10n, 20n),
      values: { type: "number", data: Float64Array.of(10, 20, 30) },
    },
  });
  const valuesAt = (frames: bigint[], join: Join) => rowsOf(frames, tag(join)).map(({ value }) => value);
  expect(valuesAt([5n, 8n, 15n], { kind: "linear", extrapolate: "none" })).toEqual([15, 18, 25]);
  expect(valuesAt([5n, 8n, 15n, 25n], { kind: "backward" })).toEqual([10, 10, 20, 30]);
});
