import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fitClock } from "../../src/clock/index.ts";
import { describeCapture } from "./capture.ts";

describeCapture("pupil_neon/demo_recording", (path) => {
  const read = (name: string) => new BigInt64Array(new Uint8Array(readFileSync(join(path, name))).buffer);
  /** A sensor's own stamps and the times at which the host had what they belong to. */
  const recordOf = (sensor: string) => {
    const from = read(`${sensor}.time`);
    const to = read(`${sensor}.time_aux`);
    const { map, outcomes } = fitClock({ kind: "one-way", from, to });
    const mapped = map.apply(from);
    return {
      delaysMs: Array.from(to, (time, i) => Number(time - from[i]!) / 1e6),
      envelopeMs: Array.from(mapped, (time, i) => Number(time - from[i]!) / 1e6),
      residualsMs: Array.from(outcomes[0]!.residualsNs, (ns) => ns / 1e6),
      map,
    };
  };

  it("the scene camera's frames take 19 ms at least, but for the first, which carries its time of arrival", () => {
    const { delaysMs, envelopeMs, residualsMs, map } = recordOf("Neon Scene Camera v1 ps1");
    expect(delaysMs).toHaveLength(292);
    expect(delaysMs[0]).toBe(0);
    expect(Math.min(...delaysMs.slice(1))).toBeCloseTo(18.957, 3);
    for (const ms of envelopeMs) {
      expect(ms).toBeGreaterThan(18.5);
      expect(ms).toBeLessThan(20);
    }
    expect(residualsMs[0]).toBeLessThan(-18.5);
    expect(map.events).toEqual([]);
    expect(map.segments).toHaveLength(1);
  });

  it("the motion sensor's samples take 3.7 ms at least", () => {
    const { delaysMs, envelopeMs, map } = recordOf("Neon Sensor Module v1 ps1");
    expect(delaysMs).toHaveLength(1792);
    for (const ms of envelopeMs) {
      expect(ms).toBeGreaterThan(3.55);
      expect(ms).toBeLessThan(3.9);
    }
    expect(map.events).toEqual([]);
  });
});
