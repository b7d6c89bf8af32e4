import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asofJoin } from "../../src/align/asof.ts";
import { interpolate } from "../../src/align/interpolate.ts";
import { sharedKernels } from "../../src/kernels/index.ts";
import { asofTwin } from "../reference/asof.ts";
import { bitmapTwin } from "../reference/columns.ts";
import { linearTwin } from "../reference/interpolate.ts";
import { ascending, distance, float } from "./arbitraries.ts";
import { bitsOf } from "./builds.ts";

const i64 = (...values: bigint[]): BigInt64Array => BigInt64Array.from(values);
const failsWith = (parts: object): unknown => expect.objectContaining(parts);

describe("asofJoin", () => {
  it("joins backward, without a limit, by default", () => {
    expect(asofJoin(i64(5n, 10n, 20n, 30n), i64(10n, 20n, 20n))).toEqual({
      index: Int32Array.of(-1, 0, 2, 2),
      matched: 3,
    });
  });

  it("equals its definition, in arrays of its own, and gives back the kernel memory", () => {
    const { arena } = sharedKernels();
    const asked = fc.record({
      direction: fc.constantFrom("backward", "forward", "nearest"),
      tolerance: distance,
      allowExact: fc.boolean(),
      tie: fc.constantFrom("past", "future"),
    });
    fc.assert(
      fc.property(ascending(), ascending(), asked, (frames, samples, options) => {
        const before = arena.free;
        const { index, matched } = asofJoin(i64(...frames), i64(...samples), options);
        expect([...index]).toEqual(asofTwin(frames, samples, options));
        expect(matched).toBe(index.filter((k) => k >= 0).length);
        expect(index.buffer).toBeInstanceOf(ArrayBuffer);
        expect(arena.free).toBe(before);
      }),
    );
  });

  it("names the input and the first row out of order", () => {
    expect(() => asofJoin(i64(1n, 3n, 2n), i64())).toThrow(
      failsWith({
        code: "USAGE_UNSORTED",
        message: "frames are not in time order: row 2 (2 ns) is earlier than row 1 (3 ns)",
        where: { input: "frames", row: 2 },
        hint: "sort the frames by time",
      }),
    );
    expect(() => asofJoin(i64(), i64(5n, 4n))).toThrow(failsWith({ where: { input: "samples", row: 1 } }));
  });

  it("refuses what is not a time, a tolerance or one of its words", () => {
    const floats = new Float64Array(1) as never;
    expect(() => asofJoin(floats, i64())).toThrow(
      failsWith({ code: "USAGE_TYPE", where: { input: "frames" } }),
    );
    expect(() => asofJoin(i64(), [1n] as never)).toThrow(
      failsWith({ code: "USAGE_TYPE", message: "samples must be a BigInt64Array of ns, got Array" }),
    );
    expect(() => asofJoin(i64(), i64(), { tolerance: -1n })).toThrow(
      failsWith({ code: "USAGE_TOLERANCE", message: "tolerance must be >= 0, got -1" }),
    );
    expect(() => asofJoin(i64(), i64(), { tolerance: 5 as never })).toThrow(
      failsWith({ code: "USAGE_TYPE" }),
    );
    expect(() => asofJoin(i64(), i64(), { direction: "latest" as never })).toThrow(
      failsWith({
        code: "USAGE_OPTION",
        message: "direction must be one of backward, forward, nearest, got latest",
      }),
    );
  });
});

describe("interpolate", () => {
  it("draws straight lines, and nothing outside, by default", () => {
    const samples = { times: i64(10n, 20n), values: Float64Array.of(1, 3) };
    const { values, validity, matched } = interpolate(i64(5n, 10n, 15n, 20n, 25n), samples);
    expect(values).toEqual(Float64Array.of(0, 1, 2, 3, 0));
    expect(validity).toEqual(Uint8Array.of(0b01110));
    expect(matched).toBe(3);
  });

  it("equals the definition on samples that are not null, of equal times the last", () => {
    const cells = fc.array(fc.record({ value: float, valid: fc.boolean() }), {
      minLength: 17,
      maxLength: 17,
    });
    const asked = fc.record({ maxGap: distance, extrapolate: fc.constantFrom("none", "hold") });
    fc.assert(
      fc.property(
        ascending(),
        ascending(),
        cells,
        fc.boolean(),
        asked,
        (frames, times, rows, nullable, options) => {
          const all = times.map((time, i) => ({
            time,
            value: rows[i]!.value,
            valid: !nullable || rows[i]!.valid,
          }));
          const present = all.filter(({ valid }) => valid);
          const kept = present.filter(({ time }, i) => present[i + 1]?.time !== time);
          const hold = options.extrapolate === "hold";
          const expected = linearTwin(frames, kept, { maxGap: options.maxGap, hold });
          const bitmap = bitmapTwin(all.map(({ valid }) => valid)).slice(0, Math.ceil(times.length / 8));
          const samples = {
            times: i64(...times),
            values: Float64Array.from(all, ({ value }) => value),
            validity: nullable ? bitmap : undefined,
          };
          const { values, validity, matched } = interpolate(i64(...frames), samples, options);
          expect([...values]).toEqual(expected.map((value) => value ?? 0));
          expect(bitsOf(validity, frames.length)).toEqual(expected.map((value) => value !== null));
          expect(matched).toBe(expected.filter((value) => value !== null).length);
          expect(values.buffer).toBeInstanceOf(ArrayBuffer);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("refuses samples that do not fit together", () => {
    const times = i64(1n, 2n);
    const values = Float64Array.of(1, 2);
    const run =
      (samples: object, options = {}) =>
      () =>
        interpolate(i64(), samples as never, options);
    expect(run({ times, values: Float64Array.of(1) })).toThrow(
      failsWith({ code: "USAGE_LENGTH", message: "samples have 2 times and 1 values" }),
    );
    expect(run({ times, values, validity: new Uint8Array(0) })).toThrow(
      failsWith({ code: "USAGE_LENGTH", message: "samples.validity has 0 bits for 2 samples" }),
    );
    expect(run({ times, values: [1, 2] })).toThrow(failsWith({ code: "USAGE_TYPE" }));
    expect(run({ times, values, validity: [true, true] })).toThrow(failsWith({ code: "USAGE_TYPE" }));
    expect(run({ times: i64(2n, 1n), values })).toThrow(failsWith({ where: { input: "samples", row: 1 } }));
    expect(run({ times, values }, { maxGap: -1n })).toThrow(failsWith({ code: "USAGE_MAX_GAP" }));
    expect(run({ times, values }, { extrapolate: "linear" })).toThrow(failsWith({ code: "USAGE_OPTION" }));
  });
});
