import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Spread } from "../src/bench/measure.ts";
import { variants, workloadNames } from "../src/bench/workloads.ts";
import type { AllResults } from "./merge.ts";
import { plotSvg } from "./plot.ts";

const docs = join(import.meta.dirname, "../docs");

/** Writes the plot, and the tables between the markers of docs/benchmarks.md; without full figures there is nothing to show. */
export async function writeDocs(all: AllResults): Promise<void> {
  if (all.size !== "full") throw new Error("figures of the smallest size belong on no page");
  const path = join(docs, "benchmarks.md");
  let page = await readFile(path, "utf8");
  const parts: Record<string, string[]> = {
    machine: [machineLine(all)],
    times: timesTable(all),
    ratios: variants.flatMap((variant) => ratiosTable(all, variant)),
    fixed: fixedLines(all),
    single: singleTable(all),
    threads: threadsTable(all),
    hour: hourTable(all),
    captures: capturesTable(all),
  };
  for (const [name, lines] of Object.entries(parts)) page = replacePart(page, name, lines);
  await writeFile(path, page);
  await writeFile(join(docs, "benchmarks.svg"), plotSvg(all));
}

/** Puts lines between `<!-- figures: NAME -->` and `<!-- end -->`. */
export function replacePart(page: string, name: string, lines: readonly string[]): string {
  const start = `<!-- figures: ${name} -->\n`;
  const from = page.indexOf(start);
  const to = page.indexOf("<!-- end -->", from);
  if (from < 0 || to < 0) throw new Error(`the page has no place for figures: ${name}`);
  return `${page.slice(0, from + start.length)}${lines.join("\n")}\n${page.slice(to)}`;
}

function machineLine({ machine, peers }: AllResults): string {
  const { processor, cores, memoryBytes, node, system } = machine;
  const versions = Object.entries(peers).map(([name, peer]) =>
    "missing" in peer ? `${name} not measured` : name === "Python" ? peer.version : `${name} ${peer.version}`,
  );
  return `${processor}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${system}, Node ${node.slice(1)}; ${versions.join(", ")}.`;
}

const joins = ["backward", "linear"] as const;

function timesTable({ cells }: AllResults): string[] {
  const find = (workload: string, join: string, variant: string) =>
    cells.find(
      (one) => one.threads === 1 && one.workload === workload && one.join === join && one.variant === variant,
    );
  const rows = workloadNames.flatMap((workload) =>
    joins.flatMap((join) => {
      const plain = find(workload, join, "plain");
      if (plain === undefined) return [];
      const { frames, tags, about } = plain;
      const size = `${frames.toLocaleString("en")} x ${tags}, ${about}`;
      const [warm, cold] = [plain.wallMs, plain.coldMs];
      const others = (["nulls", "limit"] as const).map((variant) => find(workload, join, variant)?.wallMs);
      return [[workload, size, join, ...[warm, cold, ...others].map((one) => (one ? range(one) : ""))]];
    }),
  );
  return table(["", "frames x tags", "join", "ms", "cold, ms", "5 % nulls, ms", "limit, ms"], rows);
}

const titles = {
  plain: "All samples good, no limit",
  nulls: "5 % of the samples null",
  limit: "A limit that half of the frames exceed",
};

function ratiosTable({ cells }: AllResults, variant: keyof typeof titles): string[] {
  const shown = cells.filter((one) => one.variant === variant);
  const rivals = joins.flatMap((join) =>
    [1, 2].flatMap((threads) => {
      const some = shown.filter((one) => one.join === join && one.threads === threads);
      const own = [...new Set(some.flatMap((one) => one.rivals.map(({ name }) => name)))];
      return own
        .filter((name) => threads === 1 || (name !== "copy" && name !== "plain loop"))
        .map((name) => ({ join, threads, name, some }));
    }),
  );
  const rows = rivals.map(({ join, threads, name, some }) => [
    join,
    name === "copy"
      ? "**ours / copy**"
      : `${name}${threads === 1 || name.endsWith("threads") ? "" : `, ${threads} threads`}`,
    ...workloadNames.map((workload) => {
      const ratio = some
        .find((one) => one.workload === workload)
        ?.rivals.find((one) => one.name === name)?.ratio;
      if (ratio === undefined) return "";
      return name === "copy" ? range(inverse(ratio)) : bold(ratio);
    }),
  ]);
  return rows.length === 0
    ? []
    : ["", `### ${titles[variant]}`, "", ...table(["join", "theirs / ours", ...workloadNames], rows)];
}

function fixedLines({ fixed }: AllResults): string[] {
  return table(
    ["", "ms a call"],
    fixed.map(({ peer, wallMs }) => [peer, range(wallMs)]),
  );
}

function singleTable({ cells }: AllResults): string[] {
  const isJoin = (name: string) => joins.some((one) => one === name);
  const rows = cells
    .filter(({ join }) => !isJoin(join))
    .map(({ workload, join, frames, wallMs, rivals }) => {
      const ratioOf = (name: string) => rivals.find((one) => one.name === name)?.ratio;
      const [copy, loop] = [ratioOf("copy"), ratioOf("plain loop")];
      const cellOf = (ratio: Spread | undefined) => (ratio === undefined ? "" : bold(ratio));
      return [
        join,
        `${workload}, ${frames.toLocaleString("en")}`,
        range(wallMs),
        copy ? range(inverse(copy)) : "",
        cellOf(loop),
      ];
    });
  return table(["kernel", "frames", "ms", "ours / copy", "plain loop / ours"], rows);
}

function threadsTable({ threads }: AllResults): string[] {
  const rows = threads.map(({ name, oneMs, twoMs, ratio }) => [
    name,
    range(oneMs),
    range(twoMs),
    range(ratio),
  ]);
  return table(["", "1 thread, ms", "2 threads, ms", "1 / 2"], rows);
}

function inverse({ median, least, most }: Spread): Spread {
  return { median: 1 / median, least: 1 / most, most: 1 / least };
}

/** Bold where the other is faster. */
function bold(ratio: Spread): string {
  return ratio.median < 1 ? `**${range(ratio)}**` : range(ratio);
}

function hourTable({ jobs, alone }: AllResults): string[] {
  const rows = jobs.flatMap((job) => [
    [job.name, "tagalign", seconds(job.wallMs), seconds(job.cpuMs), gib(job.peakBytes), ""],
    ...job.rivals.map((rival) => {
      return [
        "",
        rival.name,
        seconds(rival.wallMs),
        seconds(rival.cpuMs),
        gib(rival.peakBytes),
        bold(rival.ratio),
      ];
    }),
  ]);
  const [first] = jobs;
  const share =
    alone === undefined || first === undefined
      ? []
      : [
          "",
          `Aligning alone, in memory and on one thread, takes ${seconds(alone.cpuMs)} s of CPU time; reading and writing are ${(1 - alone.cpuMs.median / first.cpuMs.median).toFixed(2)} of the ${seconds(first.cpuMs)} s of the first job.`,
        ];
  return [...table(["job", "", "wall, s", "CPU, s", "memory, GiB", "theirs / ours"], rows), ...share];
}

function capturesTable({ runs }: AllResults): string[] {
  const rows = Object.entries(runs).map(([name, { wallMs, cpuMs, peakBytes, timingMs }]) => {
    const stages = Object.entries(timingMs).filter(([, ms]) => ms >= 100);
    const shown = stages.map(([stage, ms]) => `${stage} ${(ms / 1000).toFixed(1)}`).join(", ");
    return [name, (wallMs / 1000).toFixed(1), (cpuMs / 1000).toFixed(1), gib(peakBytes), shown];
  });
  return table(["capture", "wall, s", "CPU, s", "memory, GiB", "stages, s"], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

function range({ median, least, most }: Spread): string {
  return least === most ? digits(median) : `${digits(median)} (${digits(least)} to ${digits(most)})`;
}

function seconds({ median, least, most }: Spread): string {
  return range({ median: median / 1000, least: least / 1000, most: most / 1000 });
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2);
}

/** Three digits, without an exponent. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
