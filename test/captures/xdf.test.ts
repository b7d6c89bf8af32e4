import { expect, it } from "vitest";
import { type ClockMap, fitClock } from "../../src/clock/index.ts";
import { describeCapture } from "./capture.ts";
import { readXdf, type XdfStream } from "./xdf.ts";

/** The stamps that a run of samples belongs to, by the segment that is nearest in time: [first, last] positions. */
function placeSamples(map: ClockMap, stamps: BigInt64Array): [number, number][] {
  const distance = (time: bigint, { start, end }: { start: bigint; end: bigint }) =>
    time < start ? start - time : time > end ? time - end : 0n;
  const runs: { segment: number; first: number; last: number }[] = [];
  for (const [i, time] of stamps.entries()) {
    let segment = 0;
    for (let k = 1; k < map.segments.length; k++)
      if (distance(time, map.segments[k]!) < distance(time, map.segments[segment]!)) segment = k;
    const run = runs.at(-1);
    if (run?.segment === segment) run.last = i;
    else runs.push({ segment, first: i, last: i });
  }
  return runs.map(({ first, last }) => [first, last]);
}

/** Offset minus map at every row that is not a repetition, us. */
function freshResiduals(map: ClockMap, { offsetTimes, offsets }: XdfStream): number[] {
  const mapped = map.apply(offsetTimes);
  return Array.from(offsets, (offset, i) => ({
    offset,
    off: Number(offset - (mapped[i]! - offsetTimes[i]!)),
  }))
    .filter(({ offset }, i) => i === 0 || offset !== offsets[i - 1])
    .map(({ off }) => off / 1000);
}

describeCapture("xdf/clock_resets.xdf", (path) => {
  const streams = readXdf(path);
  const fits = streams.map((stream) => ({
    stream,
    ...fitClock({ kind: "two-way", from: stream.offsetTimes, offset: stream.offsets }),
  }));
  const expected = [
    [
      [0, 90],
      [91, 174],
    ],
    [
      [0, 12_875],
      [12_876, 27_814],
    ],
  ];

  it("two streams with 115 offsets each, of which the first 28 and the last 33 are measurements", () => {
    expect(streams.map(({ stamps }) => stamps.length)).toEqual([175, 27_815]);
    for (const { offsets } of streams) {
      expect(offsets).toHaveLength(115);
      expect(offsets.filter((offset, i) => offset !== offsets[i - 1])).toHaveLength(61);
      expect(new Set(offsets.slice(27, 82)).size).toBe(1);
    }
  });

  it("54 frozen offsets of each stream are found to be stale, and no other", () => {
    for (const { outcomes, map } of fits) {
      const states = Array.from(outcomes[0]!.states);
      expect(states.map((state, i) => (state === 2 ? i : -1)).filter((i) => i >= 0)).toEqual(
        Array.from({ length: 54 }, (_, i) => 28 + i),
      );
      expect(map.events.filter(({ kind }) => kind === "stale")).toHaveLength(1);
    }
  });

  it("the reset of the source's clock is found where it is", () => {
    for (const { map, stream } of fits) {
      const resets = map.events.filter(({ kind }) => kind === "reset");
      expect(resets.map(({ time }) => time)).toEqual([stream.offsetTimes[82]]);
      expect(Number(resets[0]!.sizeNs) / 1e9).toBeCloseTo(653_461.45, 1);
      expect(map.events.filter(({ kind }) => kind === "step")).toEqual([]);
      expect(map.segments).toHaveLength(2);
    }
  });

  it("samples lie in the segment that is nearest in time, not on the other side of the reset", () => {
    expect(fits.map(({ map, stream }) => placeSamples(map, stream.stamps))).toEqual(expected);
  });

  it("what is fresh is met to 40 us rms before the reset, to 50 us after it, and to 130 us at most", () => {
    for (const { map, stream } of fits) {
      const residuals = freshResiduals(map, stream);
      expect(residuals).toHaveLength(61);
      const rms = (some: number[]) => Math.sqrt(some.reduce((sum, off) => sum + off * off, 0) / some.length);
      expect(rms(residuals.slice(0, 28))).toBeLessThanOrEqual(40);
      // A straight line of least squares through these 33 leaves 46 and 49 us.
      expect(rms(residuals.slice(28))).toBeLessThanOrEqual(50);
      expect(Math.max(...residuals.map(Math.abs))).toBeLessThanOrEqual(130);
    }
  });

  it("drift is what the fresh offsets say: -5 ppm, and not the -1 ppm of all of them", () => {
    for (const { map, stream } of fits) {
      const before = map.segments.find(({ end }) => end >= stream.offsetTimes[0]!)!;
      expect(before.driftPpb).toBeGreaterThan(-8000);
      expect(before.driftPpb).toBeLessThan(-3000);
    }
  });
});
