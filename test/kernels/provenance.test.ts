import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bitmapTwin } from "../reference/columns.ts";
import {
  ageTwin,
  statusAsofTwin,
  statusLinearTwin,
  type TwinStatusOptions,
} from "../reference/provenance.ts";
import { ascending, distance, distinct, LAST_INSTANT, statusCode } from "./arbitraries.ts";
import { bitsOf, builds, loadBuild, scoped } from "./builds.ts";

const perSample = <T>(cell: fc.Arbitrary<T>): fc.Arbitrary<T[] | undefined> =>
  fc.option(fc.array(cell, { minLength: 17, maxLength: 17 }), { nil: undefined });

const options: fc.Arbitrary<TwinStatusOptions> = fc.record({
  sampleStatus: perSample(statusCode),
  badAfter: perSample(fc.oneof(fc.bigInt(-20n, 25n), fc.constant(LAST_INSTANT))),
  skipped: perSample(fc.constantFrom(0, 1)),
  staleAfter: distance,
  maxGap: distance,
});

describe.each(builds)("age and status in %s", (build) => {
  const kernels = loadBuild(build);
  const { arena } = kernels;
  const i64 = (values: readonly bigint[]): BigInt64Array => arena.copy(BigInt64Array.from(values));

  it("age is the frame less the sample, and 0 where there is no match", () => {
    fc.assert(
      fc.property(
        ascending(),
        ascending(),
        fc.array(fc.boolean(), { minLength: 17 }),
        (frames, times, bits) => {
          scoped(kernels, (outputs) => {
            const left = i64(frames);
            const right = i64(times);
            const index = arena.i32(frames.length);
            kernels.asof(left, right, index, { direction: "backward" });
            const valid = frames.map((_, i) => times.length > 0 && bits[i]!);
            const out = outputs.i64(frames.length);
            kernels.age(left, right, index, arena.copy(bitmapTwin(valid)), out);
            expect([...out]).toEqual(ageTwin(frames, times, [...index], valid));
            expect(outputs.breaches()).toEqual([]);
          });
        },
      ),
    );
  });

  it("the status of an as-of match equals its definition", () => {
    const direction = fc.constantFrom("backward", "forward", "nearest");
    fc.assert(
      fc.property(
        ascending(),
        ascending(),
        direction,
        distance,
        options,
        (frames, times, to, tolerance, asked) => {
          scoped(kernels, (outputs) => {
            const left = i64(frames);
            const right = i64(times);
            const asof = { direction: to, tolerance };
            const index = kernels.index(kernels.match(left, right, { ...asof, scan: "merge" }));
            const runs = kernels.match(left, right, { ...asof, scan: "run" });
            const { sampleStatus, badAfter, staleAfter } = asked;
            const given = {
              sampleStatus: sampleStatus && arena.copy(Uint32Array.from(sampleStatus)),
              badAfter: badAfter && i64(badAfter),
              staleAfter,
            };
            for (const match of [index, runs]) {
              const out = outputs.u32(frames.length);
              kernels.statusAsof(left, right, match, given, out);
              expect([...out]).toEqual(statusAsofTwin(frames, times, [...index], asked));
            }
            expect(outputs.breaches()).toEqual([]);
          });
        },
      ),
      { numRuns: 400 },
    );
  });

  it("the status of a linear value equals its definition", () => {
    fc.assert(
      fc.property(
        ascending(),
        distinct(),
        fc.boolean(),
        distance,
        options,
        (frames, times, hold, reach, asked) => {
          scoped(kernels, (outputs) => {
            const left = i64(frames);
            const right = i64(times);
            const { sampleStatus, skipped, staleAfter, maxGap } = asked;
            const usable = times.map((_, k) => (sampleStatus?.[k] ?? 0) >>> 30 < 2);
            const samples = {
              times: right,
              values: arena.copy(new Float64Array(times.length)),
              validity: arena.copy(bitmapTwin(usable)),
            };
            const given = {
              sampleStatus: sampleStatus && arena.copy(Uint32Array.from(sampleStatus)),
              skipped: skipped && arena.copy(Uint8Array.from(skipped)),
              staleAfter,
            };
            const far = hold ? (reach ?? 2n ** 64n - 1n) : 0n;
            const held = { holdBefore: usable[0] ? far : 0n, holdAfter: usable.at(-1) ? far : 0n };
            for (const scan of ["run", "merge"] as const) {
              const backward = kernels.match(left, right, { direction: "backward", scan });
              const line = kernels.line(backward, left, right, { maxGap, ...held });
              const linear = { values: arena.f64(frames.length), validity: arena.bitmap(frames.length) };
              kernels.linear(line, left, samples, linear);
              const out = outputs.u32(frames.length);
              kernels.statusLinear(left, right, line, given, out);
              const valid = bitsOf(linear.validity, frames.length);
              const index = [...kernels.index(backward)];
              expect([...out]).toEqual(statusLinearTwin(frames, times, index, valid, asked));
            }
            expect(outputs.breaches()).toEqual([]);
          });
        },
      ),
      { numRuns: 400 },
    );
  });
});
