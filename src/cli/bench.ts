import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import {
  AlignError,
  type BenchCell,
  type BenchChange,
  type BenchComparison,
  type BenchReport,
  compareBenchmarks,
  runBenchmarks,
} from "../index.ts";
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

/** A measurement as a block of lines: our time, then each rival's and how many times as long it takes. */
export function cellText(cell: BenchCell): string {
  const { workload, about, variant, join, threads, frames, tags: all, wallMs, coldMs, rivals } = cell;
  const count = (one: number, what: string) => `${one} ${what}${one === 1 ? "" : "s"}`;
  const cold = coldMs === undefined ? "" : `, into untouched memory ${msText(coldMs)}`;
  const wide = Math.max(...rivals.map(({ name }) => name.length));
  return [
    `${workload} ${join}, ${variant}: ${frames} frames, ${count(all, "tag")} ${about}; peers on ${count(threads, "thread")}`,
    `  ${"tagalign".padEnd(wide)}  ${msText(wallMs)}${cold}`,
    ...rivals.map(({ name, wallMs: ms, ratio, tags }) => {
      const part = tags === undefined ? "" : `, scaled from ${tags} tags`;
      return `  ${name.padEnd(wide)}  ${msText(ms)}, ${spreadText(ratio)} times ours${part}`;
    }),
  ].join("\n");
}

function endText({ peers, fixed }: BenchReport): string[] {
  return [
    "",
    "a call with one frame and one sample",
    ...fixed.map(({ peer, wallMs }) => `  ${peer}: ${msText(wallMs)}`),
    ...Object.entries(peers).flatMap(([name, peer]) =>
      "missing" in peer ? [`${name} is not here; to compare with it: ${peer.missing}`] : [],
    ),
  ];
}

/** What got slower, what got faster, and what is on one side only. */
export function comparisonText({ slower, faster, missing, added }: BenchComparison): string[] {
  const change = ({ name, before, now }: BenchChange) =>
    `  ${name}: ${spreadText(before)} times ours before, ${spreadText(now)} now`;
  const list = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : [title, ...lines]);
  const ends = [
    ...list("slower:", slower.map(change)),
    ...list("faster:", faster.map(change)),
    ...list(
      "only in the baseline:",
      missing.map((name) => `  ${name}`),
    ),
    ...list(
      "not in the baseline:",
      added.map((name) => `  ${name}`),
    ),
  ];
  return ["", ...(slower.length === 0 ? ["no ratio is much worse than in the baseline"] : []), ...ends];
}

function msText({ median, least, most }: { median: number; least: number; most: number }): string {
  return `${digits(median)} ms (${digits(least)} to ${digits(most)})`;
}

function spreadText({ median, least, most }: { median: number; least: number; most: number }): string {
  return `${digits(median)} (${digits(least)} to ${digits(most)})`;
}

/** Three digits. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
