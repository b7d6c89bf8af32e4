import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { asofJoin } from "../../src/align/asof.ts";
import { interpolate } from "../../src/align/interpolate.ts";
import { sharedKernels } from "../../src/kernels/index.ts";
import { bitsOf } from "./builds.ts";

type Time = number | string;
type Cell = number | string | null | object;

interface Vector {
  name: string;
  family: string;
  direction: string;
  tolerance: Time | null;
  allowExact: boolean;
  left: (Time | null)[];
  right: { t: Time | null; v: Cell }[];
  expected: Cell[];
  expectedMatchT?: (Time | null)[];
  expectedAge?: number[];
  expectedStale?: boolean[];
  staleAfter?: number;
  extrapolate?: "none" | "hold" | "linear";
  nullPolicy?: string;
  by?: boolean;
  leftUnit?: keyof typeof units;
  rightUnit?: keyof typeof units;
  window?: { lo?: number; hi?: number; bounds: string; prevailing?: boolean; frames?: boolean; agg?: string };
  expectError?: string;
}

const units = { ns: 1n, us: 1000n, ms: 1_000_000n } as const;
const words = ["backward", "forward", "nearest"] as const;

/** Joins by another name: the value of the sample before, after or nearest. */
const steps = new Map<string, (typeof words)[number]>([
  ...words.map((word) => [word, word] as const),
  ["interp:previous", "backward"],
  ["interp:next", "forward"],
  ["interp:nearest", "nearest"],
]);

/** Why a vector is not about joins of times, or undefined where it is. */
function uncovered(vector: Vector): string | undefined {
  const { family, direction, window } = vector;
  if (vector.by) return "keyed join: a tag is one key, joined by itself";
  if (vector.left.includes(null) || vector.right.some(({ t }) => t === null))
    return "a null time is no int64";
  if (vector.name.startsWith("payload_dictionary")) return "dictionaries are merged where sources are read";
  if (vector.nullPolicy === "skip-per-column") return "one join a tag: columns are joined apart";
  if (vector.nullPolicy === "aveva") return "no such null rule: a null sample is as if absent, or blocks";
  if (family === "quality") return "quality decides which samples reach the join";
  if (family === "streaming") return "the join sees a block that is complete";
  if (family === "uncertainty") return "uncertainty belongs to the frame's clock map";
  if (/pchip|slerp|angle/.test(direction)) return "linear only";
  if (vector.extrapolate === "linear") return "extrapolation holds, or is none";
  if (window?.prevailing) return "a window holds what happened in it, not what was in force before";
  if (window?.agg !== undefined) return "no time-weighted mean";
  return undefined;
}

/** Where the rules differ from a vector, and what holds instead. */
const differing: Record<string, { expected: Cell[]; why: string }> = {
  duplicate_time_is_step_discontinuity: {
    expected: [10, 20, 30],
    why: "of equal times the last is the sample, on both sides of it",
  },
  window_between_frames_partition: {
    expected: [{ count: 0 }, { count: 2 }, { count: 2 }],
    why: "the first frame's window is empty, and an empty count is 0",
  },
};

const file = new URL("../../../shared/vectors/asof.json", import.meta.url);
const vectors: Vector[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).vectors : [];
const covered = vectors.filter((vector) => uncovered(vector) === undefined);

const instants = (times: readonly (Time | null)[], unit: keyof typeof units = "ns"): BigInt64Array =>
  BigInt64Array.from(times, (time) => BigInt(time!) * units[unit]);

const number = (cell: Cell): Cell => (cell === "NaN" ? Number.NaN : cell);

/** What was asked for in one way or another: a null sample that is skipped is taken out beforehand. */
const rightOf = ({ right, nullPolicy }: Vector): Vector["right"] =>
  nullPolicy === "skip" ? right.filter(({ v }) => v !== null) : right;

function joinVector(vector: Vector): void {
  const right = rightOf(vector);
  const frames = instants(vector.left, vector.leftUnit);
  const samples = instants(
    right.map(({ t }) => t),
    vector.rightUnit,
  );
  // A tolerance beside two units is in the finer one.
  const unit = vector.rightUnit ?? "ns";
  const tolerance = vector.tolerance === null ? undefined : BigInt(vector.tolerance) * units[unit];
  const direction = steps.get(vector.direction)!;
  const join = (): Int32Array =>
    asofJoin(frames, samples, { direction, tolerance, allowExact: vector.allowExact }).index;
  if (vector.expectError !== undefined) {
    const [side] = vector.expectError.split(" ");
    expect(join).toThrow(
      side === "tolerance"
        ? expect.objectContaining({
            code: "USAGE_TOLERANCE",
            message: expect.stringContaining(vector.expectError),
          })
        : expect.objectContaining({
            code: "USAGE_UNSORTED",
            where: { input: side === "left" ? "frames" : "samples", row: 1 },
          }),
    );
    return;
  }
  const index = join();
  expect([...index].map((k) => (k < 0 ? null : number(right[k]!.v)))).toEqual(vector.expected.map(number));
  if (vector.expectedMatchT !== undefined) {
    expect([...index].map((k) => (k < 0 ? null : right[k]!.t))).toEqual(vector.expectedMatchT);
  }
  if (vector.expectedAge !== undefined) provenance(vector, frames, samples, index);
}

function provenance(vector: Vector, frames: BigInt64Array, samples: BigInt64Array, index: Int32Array): void {
  const kernels = sharedKernels();
  const { arena } = kernels;
  const mark = arena.mark();
  const [left, right, matches] = [arena.copy(frames), arena.copy(samples), arena.copy(index)];
  const validity = arena.bitmap(frames.length);
  kernels.matched(matches, validity);
  const age = arena.i64(frames.length);
  kernels.age(left, right, matches, validity, age);
  expect([...age]).toEqual(vector.expectedAge!.map(BigInt));
  if (vector.expectedStale !== undefined) {
    const status = arena.u32(frames.length);
    kernels.statusAsof(left, right, matches, { staleAfter: BigInt(vector.staleAfter!) }, status);
    expect([...status].map((code) => code === 0x40900000)).toEqual(vector.expectedStale);
  }
  arena.release(mark);
}

function interpolateVector(vector: Vector): void {
  const right = rightOf(vector);
  const times = instants(right.map(({ t }) => t));
  const numeric = right.every(({ v }) => typeof v !== "string");
  const values = numeric ? Float64Array.from(right, ({ v }) => v as number) : right.map(({ v }) => v);
  const run = () =>
    interpolate(
      instants(vector.left),
      { times, values: values as Float64Array },
      {
        maxGap: vector.tolerance === null ? undefined : BigInt(vector.tolerance),
        extrapolate: vector.extrapolate === "hold" ? "hold" : "none",
      },
    );
  if (vector.expectError !== undefined) {
    expect(run).toThrow(
      expect.objectContaining({ code: "USAGE_TYPE", hint: "linear interpolation needs numbers" }),
    );
    return;
  }
  const found = run();
  const bits = bitsOf(found.validity, vector.left.length);
  const cells = [...found.values].map((value, i) => (bits[i] ? value : null));
  expect(cells).toEqual(differing[vector.name]?.expected ?? vector.expected);
  expect(found.matched).toBe(cells.filter((cell) => cell !== null).length);
}

/** Null samples that stay in their place, as only the kernel takes them. */
function blockVector(vector: Vector): void {
  const kernels = sharedKernels();
  const { arena } = kernels;
  const mark = arena.mark();
  const frames = arena.copy(instants(vector.left));
  const samples = {
    times: arena.copy(instants(vector.right.map(({ t }) => t))),
    values: arena.copy(Float64Array.from(vector.right, ({ v }) => (v as number | null) ?? 0)),
    validity: arena.bitmap(vector.right.length),
  };
  kernels.packBits(
    arena.copy(Uint8Array.from(vector.right, ({ v }) => Number(v !== null))),
    samples.validity,
  );
  const backward = kernels.match(frames, samples.times, { direction: "backward" });
  const line = kernels.line(backward, frames, samples.times, {});
  const out = { values: arena.f64(frames.length), validity: arena.bitmap(frames.length) };
  kernels.linear(line, frames, samples, out);
  const bits = bitsOf(out.validity, frames.length);
  expect([...out.values].map((value, i) => (bits[i] ? value : null))).toEqual(vector.expected);
  arena.release(mark);
}

/** Whole nanoseconds let any bounds be written as (t - span, t] of a shifted frame. */
function windowVector(vector: Vector): void {
  const kernels = sharedKernels();
  const { arena } = kernels;
  const { lo = 0, hi = 0, bounds, frames: between } = vector.window!;
  const mark = arena.mark();
  const right = vector.right.filter(({ v }) => v !== null);
  const last = bounds.endsWith("]") ? hi : hi - 1;
  const first = bounds.startsWith("[") ? lo : lo + 1;
  const frames = arena.copy(instants(vector.left).map((time) => time + BigInt(last)));
  const samples = arena.copy(instants(right.map(({ t }) => t)));
  const values = arena.copy(Float64Array.from(right, ({ v }) => v as number));
  const n = frames.length;
  const [from, to, edge] = [arena.i32(n), arena.i32(n), arena.i32(n)] as const;
  kernels.windows(frames, samples, between ? {} : { span: BigInt(last - first + 1) }, from, to);
  const count = arena.i64(n);
  kernels.windowCount(from, to, count);
  const out = { values: arena.f64(n), validity: arena.bitmap(n) };
  const cells = (): (number | null)[] =>
    bitsOf(out.validity, n).map((bit, i) => (bit ? out.values[i]! : null));
  const columns: Record<string, (number | null)[]> = { count: [...count].map(Number) };
  for (const op of ["min", "max", "mean"] as const) {
    kernels.windowFloat(op, values, from, to, out);
    columns[op] = cells();
  }
  for (const end of ["first", "last"] as const) {
    kernels.windowEdge(end, from, to, edge);
    kernels.gather(values, undefined, edge, out);
    columns[end] = cells();
  }
  const expected = differing[vector.name]?.expected ?? vector.expected;
  for (const [i, row] of expected.entries()) {
    for (const [name, cell] of Object.entries(row!)) expect(columns[name]![i], name).toBe(cell);
  }
  arena.release(mark);
}

describe.skipIf(vectors.length === 0)(
  `join vectors (${vectors.length === 0 ? "no file" : file.pathname})`,
  () => {
    it.each(covered.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
      if (vector.window !== undefined) windowVector(vector);
      else if (steps.has(vector.direction)) joinVector(vector);
      else if (vector.nullPolicy === "block") blockVector(vector);
      else interpolateVector(vector);
    });

    it("covers every vector that is about times, and says why it leaves the others", () => {
      const reasons = vectors.map(uncovered).filter((why) => why !== undefined);
      console.info(`join vectors: ${covered.length} of ${vectors.length} covered`);
      for (const why of new Set(reasons)) {
        console.info(`  ${reasons.filter((reason) => reason === why).length} not: ${why}`);
      }
      for (const [name, { why }] of Object.entries(differing)) console.info(`  ${name} differs: ${why}`);
      expect(covered.length).toBe(90);
      expect(covered.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(differing)));
    });
  },
);
