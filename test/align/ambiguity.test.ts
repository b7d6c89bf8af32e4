import type { RecordBatch } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AlignedTagInput, createAligner } from "../../src/align/index.ts";
import { agesFit, coveringTag, instants, sampledTag } from "./arbitraries.ts";
import { frameColumns, kernels } from "./cells.ts";
import { oracle } from "./oracle.ts";

const OPEN = 2n ** 63n - 1n;

/** Sigma of an instant, ns: less certain in the middle of the frames. */
const sigmaAt = (time: bigint) => (time > 10n && time < 30n ? 4 : 0.5);
const certainty = {
  sigmaNs: (times: BigInt64Array) => Float64Array.from(times, sigmaAt),
  reachNs: 40n,
};

/** What the column says, block by block. */
function flagsOf(
  frames: readonly bigint[],
  sigmas: readonly bigint[],
  tag: AlignedTagInput,
  rowsPerBlock = Math.max(1, frames.length),
): boolean[] {
  const mark = kernels.arena.mark();
  try {
    const columns = { ...frameColumns(frames), uncertainty: BigInt64Array.from(sigmas) };
    const aligner = createAligner(kernels, columns, [tag], { provenance: "full" });
    const flags: boolean[] = [];
    for (const batch of aligner.blocks(rowsPerBlock)) flags.push(...flagsIn(batch, tag.name));
    return flags;
  } finally {
    kernels.arena.release(mark);
  }
}

function flagsIn(batch: RecordBatch, name: string): boolean[] {
  const column = batch.getChild(`${name}.ambiguous`)!;
  expect(column.nullCount).toBe(0);
  return Array.from({ length: batch.numRows }, (_, i) => column.get(i) as boolean);
}

/** A tag without tolerance and staleness, which are no matter of the tag's changes. */
function plainTag(tag: AlignedTagInput): AlignedTagInput {
  const { staleAfterNs: _, ...rest } = tag;
  const { kind } = tag.join;
  const join = kind === "covering" ? tag.join : { kind: kind as "backward" };
  return { ...rest, join, ambiguous: true, certainty } as AlignedTagInput;
}

/**
 * The instants at which the joined value changes, found by joining at every quarter of a nanosecond, so that it also
 * finds what changes right after an instant; in whole ns, downwards.
 */
function changesOf(tag: AlignedTagInput, from: bigint, to: bigint): bigint[] {
  const quarters = (times: BigInt64Array) => times.map((time) => (time === OPEN ? OPEN : 4n * time));
  const finer =
    "intervals" in tag
      ? {
          ...tag,
          intervals: {
            ...tag.intervals,
            starts: quarters(tag.intervals.starts),
            ends: quarters(tag.intervals.ends),
          },
        }
      : { ...tag, samples: { ...tag.samples, times: quarters(tag.samples.times) } };
  const places = Array.from({ length: Number(4n * (to - from)) }, (_, i) => 4n * from + BigInt(i));
  const values = oracle(places, finer).map(({ value }) => JSON.stringify(value, text));
  return places.filter((_, i) => i > 0 && values[i] !== values[i - 1]).map((place) => place >> 2n);
}

const text = (_: string, value: unknown) =>
  typeof value === "bigint" ? `${value}n` : typeof value === "number" && Number.isNaN(value) ? "NaN" : value;

function expectedFlags(
  frames: readonly bigint[],
  sigmas: readonly bigint[],
  tag: AlignedTagInput,
): boolean[] {
  const changes = changesOf(tag, -60n, 120n);
  return frames.map((frame, i) =>
    changes.some((change) => {
      const sigma = Math.hypot(Number(sigmas[i]), sigmaAt(change));
      return Math.abs(Number(frame - change)) <= 2 * sigma;
    }),
  );
}

const isNear = (time: bigint) => (time > -50n && time < 100n) || time === OPEN;

function isSmall(tag: AlignedTagInput): boolean {
  const times = "intervals" in tag ? [tag.intervals.starts, tag.intervals.ends] : [tag.samples.times];
  return times.every((column) => column.every(isNear));
}

const heldTag = fc
  .oneof(sampledTag("t"), coveringTag("t"))
  .filter(({ join }) => ["backward", "forward", "nearest", "covering"].includes(join.kind))
  .map(plainTag)
  .filter((tag) => isSmall(tag) && !(tag.join.kind === "covering" && tag.join.overlap === "all"));

const framesAndSigmas = instants(30)
  .map((times) => times.filter((time) => isNear(time) && time !== OPEN))
  .chain((frames) =>
    fc.tuple(
      fc.constant(frames),
      fc.array(fc.bigInt(0n, 6n), { minLength: frames.length, maxLength: frames.length }),
    ),
  );

describe("a change of the value within 2 sigma of the frame", () => {
  it("is what joining at every quarter of a nanosecond finds, for any tag and any blocks", () => {
    let flagged = 0;
    fc.assert(
      fc.property(
        framesAndSigmas,
        heldTag,
        fc.integer({ min: 1, max: 40 }),
        ([frames, sigmas], tag, rows) => {
          fc.pre(agesFit(frames, [tag]));
          const flags = flagsOf(frames, sigmas, tag, rows);
          expect(flags).toEqual(expectedFlags(frames, sigmas, tag));
          flagged += flags.filter(Boolean).length;
        },
      ),
      { numRuns: 600, seed: 20_261_122 },
    );
    expect(flagged).toBeGreaterThan(500);
  });

  const metadata = { source: "plant", tag: "t", role: "state", join: "backward" };
  const sampled = (join: "backward" | "forward" | "nearest", values: number[], times = [100n, 200n, 300n]) =>
    ({
      name: "t",
      join: { kind: join },
      quality: "good",
      metadata,
      ambiguous: true,
      certainty: { sigmaNs: (at: BigInt64Array) => new Float64Array(at.length).fill(4), reachNs: 20n },
      samples: {
        times: BigInt64Array.from(times),
        values: { type: "boolean", data: Uint8Array.from(values) },
      },
    }) satisfies AlignedTagInput;
  const frames = Array.from({ length: 40 }, (_, i) => BigInt(i) * 10n);
  const flagged = (tag: AlignedTagInput, sigma = 3n) =>
    frames.filter(
      (_, i) =>
        flagsOf(
          frames,
          frames.map(() => sigma),
          tag,
        )[i],
    );

  it("backward: at samples that differ from the one before, and at the first", () => {
    // Both sigmas together are 5 ns, so that 10 ns is still within.
    expect(flagged(sampled("backward", [1, 1, 0]))).toEqual([90n, 100n, 110n, 290n, 300n, 310n]);
    expect(flagged(sampled("backward", [1, 1, 0]), 2n)).toEqual([100n, 300n]);
  });

  it("forward: at samples that differ from the next, and at the last", () => {
    expect(flagged(sampled("forward", [1, 0, 0]))).toEqual([90n, 100n, 110n, 290n, 300n, 310n]);
  });

  it("nearest: half-way between samples that differ", () => {
    expect(flagged(sampled("nearest", [1, 0, 0]))).toEqual([140n, 150n, 160n]);
  });

  it("covering: at starts and ends where the value becomes another, with a list at every start and end", () => {
    const intervals = {
      starts: BigInt64Array.of(100n, 200n, 205n),
      ends: BigInt64Array.of(200n, 300n, 206n),
      values: { type: "text" as const, codes: Int32Array.of(0, 0, 0), dictionary: ["A"] },
    };
    const { samples: _, ...rest } = sampled("backward", [1, 1, 1]);
    const tag = { ...rest, intervals, join: { kind: "covering", overlap: "latest" } } as AlignedTagInput;
    expect(flagged(tag)).toEqual([90n, 100n, 110n, 290n, 300n, 310n]);
    const all = { ...tag, join: { kind: "covering", overlap: "all" } } as AlignedTagInput;
    expect(flagged(all)).toEqual([90n, 100n, 110n, 190n, 200n, 210n, 290n, 300n, 310n]);
  });

  it("clocks without any uncertainty leave nothing ambiguous", () => {
    const exact = { sigmaNs: (at: BigInt64Array) => new Float64Array(at.length), reachNs: 0n };
    const tag = { ...sampled("backward", [1, 0, 1]), certainty: exact };
    expect(flagged(tag, 0n)).toEqual([]);
    expect(flagged({ ...tag, certainty: { ...exact, reachNs: 2n } }, 1n)).toEqual([100n, 200n, 300n]);
  });

  it("a farther change that is less certain counts as well as the nearest", () => {
    const tag = {
      ...sampled("backward", [1, 0, 1], [100n, 103n, 120n]),
      certainty: {
        sigmaNs: (at: BigInt64Array) => Float64Array.from(at, (time) => (time === 120n ? 8 : 1)),
        reachNs: 20n,
      },
    };
    expect(flagged(tag, 0n)).toEqual([100n, 110n, 120n, 130n]);
  });

  it("provenance: none has no such column", () => {
    const aligner = createAligner(kernels, frameColumns([1n]), [sampled("backward", [1, 0, 1])], {
      provenance: "none",
    });
    expect(aligner.schema.fields.map(({ name }) => name).slice(4)).toEqual(["t"]);
  });
});
