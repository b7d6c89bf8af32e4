import { parseArgs } from "node:util";
import { runBenchmarks } from "../src/bench/run.ts";
import { variants } from "../src/bench/workloads.ts";
import { cellText } from "../src/cli/bench-text.ts";
import { pythonPeer } from "./peers/python.ts";
import { finish, isSmoke } from "./results.ts";

/**
 * The joins of one workload beside every peer: `tsx bench/joins.ts W1 --threads 2`.
 *
 * Polars takes its threads from POLARS_MAX_THREADS once a process, so each number of threads is a process of its own.
 * Nulls and limits are timed with one thread only.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "1" },
    smoke: { type: "boolean" },
    json: { type: "string" },
  },
});
const threads = Number(values.threads);

const report = await runBenchmarks({
  names: positionals,
  size: isSmoke ? "small" : "full",
  threads,
  variants: threads === 1 ? variants : ["plain"],
  peers: [await pythonPeer(threads)],
  onCell: (cell) => console.log(cellText(cell)),
});
for (const [name, peer] of Object.entries(report.peers))
  if ("missing" in peer) console.log(`${name} is not here; to compare with it: ${peer.missing}`);
await finish(`joins-${positionals.join("-")}-${threads}`, report);
