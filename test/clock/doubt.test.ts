import { describe, expect, it } from "vitest";
import { scenario } from "../../bench/clocks/catalogue.ts";
import { Draws } from "../../bench/clocks/draws.ts";
import { scoreScenario } from "../../bench/clocks/measure.ts";
import { estimateClockMap } from "../../src/clock/index.ts";

const second = 1_000_000_000n;

describe("a line through evidence that cannot show how the clock wanders", () => {
  it("is as unsure as the drift that stamps of 15.6 ms hide", () => {
    const { coverage } = scoreScenario(scenario("other noise", "stamps of 15.6 ms"), 8);
    expect(coverage).toBeGreaterThanOrEqual(0.85);
    expect(coverage).toBeLessThanOrEqual(0.99);
  });

  it("is less sure between and beyond marks hours apart than its own scatter says", () => {
    const from = BigInt64Array.from({ length: 6 }, (_, i) => BigInt(i) * 7200n * second);
    const to = from.map((time, i) => time + BigInt([10, -20, 15, 5, -15, 8][i]!) * 1000n);
    const uncertainty = from.map(() => 20_000n);
    const map = estimateClockMap({ kind: "marks", from, to, uncertainty });
    const ask = (seconds: number) => map.uncertainty(BigInt64Array.of(BigInt(seconds) * second))[0]!;
    expect(ask(18_000)).toBeGreaterThan(9_500);
    expect(ask(136_000)).toBeGreaterThan(4 * ask(36_000));
  });

  it("stays as sure as it seems where the evidence excludes every wander of a crystal", () => {
    const draws = new Draws(1);
    const from = BigInt64Array.from({ length: 2000 }, (_, i) => BigInt(i) * 5n * second);
    const to = from.map((time) => time + BigInt(Math.round(draws.normal(600))));
    const map = estimateClockMap({ kind: "marks", from, to, uncertainty: from.map(() => 600n) });
    const [middle] = map.uncertainty(BigInt64Array.of(5000n * second));
    expect(middle).toBeLessThan(1.5 * (600 / Math.sqrt(2000)));
  });
});
