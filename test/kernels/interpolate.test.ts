import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRuns } from "../../src/kernels/index.ts";
import { bitmapTwin } from "../reference/columns.ts";
import { linearTwin, lineTwin, type TwinLinearOptions, type TwinSample } from "../reference/interpolate.ts";
import { ascending, distance, distinct, float, random } from "./arbitraries.ts";
import { builds, loadBuild, scoped } from "./builds.ts";

const options: fc.Arbitrary<TwinLinearOptions> = fc.record({
  maxGap: distance,
  hold: fc.boolean(),
  holdTolerance: distance,
});

const samplesAt = (times: readonly bigint[]): fc.Arbitrary<TwinSample[]> =>
  fc
    .array(fc.record({ value: float, valid: fc.boolean() }), {
      minLength: times.length,
      maxLength: times.length,
    })
    .map((cells) => cells.map((cell, i) => ({ time: times[i]!, ...cell })));

describe.each(builds)("linear interpolation in %s", (build) => {
  const kernels = loadBuild(build);
  const { arena } = kernels;

  const check = (
    frames: readonly bigint[],
    samples: readonly TwinSample[],
    asked: TwinLinearOptions,
    nullable: boolean,
  ): void => {
    const used = nullable ? samples : samples.map((sample) => ({ ...sample, valid: true }));
    const expected = linearTwin(frames, used, asked);
    const expectedMatch = lineTwin(frames, used, asked);
    for (const scan of ["run", "merge"] as const) {
      scoped(kernels, (outputs) => {
        const left = arena.copy(BigInt64Array.from(frames));
        const times = arena.copy(BigInt64Array.from(used, ({ time }) => time));
        const out = { values: outputs.f64(frames.length), validity: outputs.bitmap(frames.length) };
        const source = {
          times,
          values: arena.copy(Float64Array.from(used, ({ value }) => value)),
          ...(nullable && {
            validity: arena.copy(
              bitmapTwin(used.map(({ valid }) => valid)).slice(0, Math.ceil(used.length / 8)),
            ),
          }),
        };
        const hold = asked.hold === true ? (asked.holdTolerance ?? 2n ** 64n - 1n) : 0n;
        const line = kernels.line(kernels.match(left, times, { direction: "backward", scan }), left, times, {
          maxGap: asked.maxGap,
          holdBefore: used[0]?.valid ? hold : 0n,
          holdAfter: used.at(-1)?.valid ? hold : 0n,
        });
        expect(isRuns(line)).toBe(scan === "run");
        const matched = kernels.linear(line, left, source, out);
        expect([...out.values], scan).toEqual(expected.map((value) => value ?? 0));
        expect(out.validity).toEqual(bitmapTwin(expected.map((value) => value !== null)));
        expect(matched).toBe(expected.filter((value) => value !== null).length);
        const bits = outputs.bitmap(frames.length);
        const count = isRuns(line) ? kernels.matched(line, bits) : line.matchedCount;
        expect(count).toBe(expectedMatch.filter(Boolean).length);
        expect(isRuns(line) ? bits : line.matched).toEqual(bitmapTwin(expectedMatch));
        expect(outputs.breaches()).toEqual([]);
      });
    }
  };

  it("equals its definition bit for bit, for 0 to 17 frames and samples", () => {
    const samples = distinct().chain(samplesAt);
    fc.assert(fc.property(ascending(), samples, options, fc.boolean(), check), { numRuns: 500 });
  });

  it("equals its definition under every null pattern of a byte", () => {
    const frames = Array.from({ length: 20 }, (_, i) => BigInt(i - 2));
    for (let pattern = 0; pattern < 256; pattern++) {
      const samples = Array.from({ length: 8 }, (_, i) => ({
        time: BigInt(i * 2),
        value: i * 1.5,
        valid: ((pattern >> i) & 1) === 1,
      }));
      check(frames, samples, { hold: pattern % 2 === 0 }, true);
    }
  });

  it("equals its definition for 10,007 frames at today's epoch", () => {
    const next = random(11);
    const epoch = 1_760_000_000_000_000_000n;
    const frames = Array.from(
      { length: 10_007 },
      (_, i) => epoch + BigInt(i * 1000 + Math.floor(next() * 900)),
    );
    const samples = Array.from({ length: 60 }, (_, i) => ({
      time: epoch + BigInt(i * 160_000 + Math.floor(next() * 90_000)),
      value: next() * 100,
      valid: next() < 0.9,
    }));
    check(frames, samples, { maxGap: 200_000n, hold: true, holdTolerance: 20_000n }, true);
    check(frames, samples, {}, false);
  });

  it("equals its definition where samples come at the rate of frames, from every place of a byte", () => {
    const next = random(5);
    const specials = [-0, 0, Number.POSITIVE_INFINITY, Number.MAX_VALUE, Number.NaN];
    for (let from = 0; from < 9; from++) {
      for (const ahead of [0, 150]) {
        const frames = Array.from({ length: 196 - from }, (_, i) => {
          const isExact = next() < 0.3;
          return BigInt((from + i) * 1000 + (isExact ? ahead : ahead + Math.floor(next() * 300)));
        });
        const samples = Array.from({ length: 195 }, (_, i) => ({
          time: BigInt(i * 1000 + ahead - (next() < 0.5 ? 0 : Math.floor(next() * 100))),
          value: next() < 0.1 ? specials[i % specials.length]! : next() * 100,
          valid: next() < 0.8,
        }));
        check(frames, samples, {}, true);
        check(frames, samples, { maxGap: 1000n, hold: true }, true);
        check(frames, samples, { maxGap: 1000n }, false);
        check(frames, samples.slice(0, from + 64), { hold: true }, true);
        check(frames, samples.slice(0, from + 65), {}, true);
      }
    }
  });

  it("copies the value of a sample that the frame is on, whatever its neighbours and their values are", () => {
    const samples = [
      { time: 0n, value: Number.NaN, valid: false },
      { time: 10n, value: -0, valid: true },
      { time: 20n, value: Number.POSITIVE_INFINITY, valid: true },
      { time: 30n, value: 5, valid: false },
    ];
    check([10n, 20n, 20n], samples, { maxGap: 0n }, true);
  });
});
