import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { AlignError, type BenchCell, compareBenchmarks, runBenchmarks } from "../index.ts";
import { cellText, comparisonText, endText } from "./bench-text.ts";
import type { Act } from "./program.ts";

/** Adds `bench`: how fast the joins are on this machine, and whether their values are right. */
export function addBench(root: Command, act: Act): Command {
  return root
    .command("bench")
    .argument("[workloads...]", "W1, W2, W3s, W3c or W4 (default: all)")
    .description("time the joins beside a memory copy, a plain loop and other libraries")
    .addOption(
      new Option("--size <size>", "`small` only compares the values")
        .choices(["small", "full"])
        .default("full"),
    )
    .option(
      "--compare <file>",
      "a JSON document of an earlier run: exit status 6 where a ratio got much worse",
    )
    .action((names: string[], flags: { size: "small" | "full"; compare?: string }, command: Command) =>
      act(command, async ({ json, session, show }) => {
        const baseline = flags.compare === undefined ? undefined : await readBaseline(flags.compare);
        const lines: Promise<void>[] = [];
        const report = await runBenchmarks({
          names,
          size: flags.size,
          ...(session.signal && { signal: session.signal }),
          ...(json ? {} : { onCell: (cell: BenchCell) => void lines.push(show(`${cellText(cell)}\n`)) }),
        });
        await Promise.all(lines);
        const comparison = baseline === undefined ? undefined : compareBenchmarks(baseline, report);
        if (json)
          await show(`${JSON.stringify({ ...report, ...(comparison && { comparison }) }, null, 2)}\n`);
        else
          await show(
            `${[...endText(report), ...(comparison ? comparisonText(comparison) : [])].join("\n")}\n`,
          );
        return comparison !== undefined && comparison.slower.length > 0 ? 6 : 0;
      }),
    );
}

async function readBaseline(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AlignError("USAGE_BASELINE", `the baseline cannot be read: ${why}`, {
      where: { file: path },
      hint: "name a file that `tagalign bench --json` wrote",
      cause,
    });
  }
}
