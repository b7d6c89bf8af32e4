import { describe, expect, it } from "vitest";
import type { Peer } from "../../src/bench/peer.ts";
import { cellName } from "../../src/bench/results.ts";
import { runBenchmarks } from "../../src/bench/run.ts";

/** A peer that answers with `value` for each frame. */
function peerOf(value: number): Peer {
  return {
    name: "made up",
    version: "1",
    load: async ({ frames, peerTags }) => ({
      runs: ({ kind }) => [
        {
          name: `made up ${kind}`,
          relative: 0,
          run: async () => 7,
          values: async () =>
            Array.from({ length: peerTags }, () => new Float64Array(frames.length).fill(value)),
        },
      ],
      close: async () => {},
    }),
    close: async () => {},
  };
}

describe("running benchmarks", () => {
  it("times every join of a workload beside copy, loop and DuckDB", async () => {
    const told: string[] = [];
    const { cells, peers, fixed } = await runBenchmarks({
      names: ["w3C"],
      size: "small",
      onCell: (cell) => told.push(cellName(cell)),
    });
    expect(told).toEqual([
      "W3c backward, plain, 1 thread",
      "W3c linear, plain, 1 thread",
      "W3c backward, limit, 1 thread",
      "W3c linear, limit, 1 thread",
      "W3c backward, nulls, 1 thread",
      "W3c linear, nulls, 1 thread",
    ]);
    expect(cells.map(cellName)).toEqual(told);
    expect(peers.DuckDB).toHaveProperty("version");
    expect(fixed.map(({ peer }) => peer)).toContain("DuckDB ASOF, table");
    for (const { rivals, wallMs, coldMs, variant, join } of cells) {
      const names = rivals.map(({ name }) => name);
      expect(names.slice(0, 2)).toEqual(["copy", "plain loop"]);
      expect(names.includes("DuckDB ASOF, table")).toBe(join === "backward");
      expect(coldMs !== undefined).toBe(variant === "plain");
      expect(wallMs.least).toBeGreaterThan(0);
      for (const { ratio } of rivals) {
        expect(ratio.least).toBeGreaterThan(0);
        expect(ratio.least).toBeLessThanOrEqual(ratio.median);
        expect(ratio.median).toBeLessThanOrEqual(ratio.most);
      }
    }
  });

  it("takes no time of a peer whose values are wrong", async () => {
    const run = runBenchmarks({ names: ["W3c"], size: "small", variants: ["plain"], peers: [peerOf(1)] });
    await expect(run).rejects.toThrow(/made up backward gives 1, tagalign/);
  });

  it("names a peer that is not there", async () => {
    const peers = [{ name: "absent", missing: "get it" }];
    const { peers: found } = await runBenchmarks({
      names: ["W4"],
      size: "small",
      variants: ["plain"],
      peers,
    });
    expect(found.absent).toEqual({ missing: "get it" });
  });

  it("refuses a workload that does not exist, and stops when told to", async () => {
    await expect(runBenchmarks({ names: ["W9"] })).rejects.toMatchObject({ code: "USAGE_WORKLOAD" });
    const stopped = runBenchmarks({ names: ["W3c"], size: "small", signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});
