import { type WorkloadName, workloadNames } from "../src/bench/workloads.ts";
import type { AllResults } from "./merge.ts";

/** One bar: how many times as long a rival takes as we do. */
interface Bar {
  name: string;
  median: number;
  least: number;
  most: number;
  color: string;
}

interface Group {
  title: string;
  bars: Bar[];
}

/** Rivals in the order of their bars; of the ways and threads of one, the fastest is shown. */
const rivals: readonly { name: string; color: string; isIt(name: string): boolean }[] = [
  { name: "memory copy", color: "#8a8f98", isIt: (name) => name === "copy" },
  { name: "plain loop", color: "#3f8f5f", isIt: (name) => name === "plain loop" },
  { name: "numpy", color: "#b8860b", isIt: (name) => name.startsWith("numpy") },
  { name: "Polars", color: "#3b7dd8", isIt: (name) => name.toLowerCase().startsWith("polars") },
  { name: "pandas", color: "#9355c8", isIt: (name) => name.startsWith("pandas") },
  { name: "DuckDB", color: "#cf4b42", isIt: (name) => name.startsWith("DuckDB") },
];

const [left, plotWidth, right] = [190, 520, 90];
const [barHeight, groupGap, top] = [15, 28, 64];
const width = left + plotWidth + right;

/** Bars of ratios on a logarithmic axis, as an SVG that follows the reader's light or dark scheme. */
export function plotSvg(all: AllResults): string {
  const groups = groupsOf(all);
  const values = groups.flatMap(({ bars }) => bars.flatMap(({ least, most }) => [least, most]));
  const low = Math.min(-1, Math.floor(Math.log10(Math.min(...values))));
  const high = Math.max(1, Math.ceil(Math.log10(Math.max(...values))));
  const x = (value: number) => left + ((Math.log10(value) - low) / (high - low)) * plotWidth;
  const body: string[] = [];
  let y = top;
  for (const { title, bars } of groups) {
    y += groupGap;
    body.push(text(12, y - 8, title, "group"));
    for (const { name, median, least, most, color } of bars) {
      const middle = y + barHeight / 2;
      const [from, to] = [Math.min(x(1), x(median)), Math.max(x(1), x(median))];
      body.push(
        text(left - 8, middle + 4, name, "name"),
        `<rect x="${fixed(from)}" y="${y + 2}" width="${fixed(Math.max(1, to - from))}" height="${barHeight - 4}" fill="${color}"/>`,
        `<line class="range" x1="${fixed(x(least))}" x2="${fixed(x(most))}" y1="${middle}" y2="${middle}"/>`,
        text(Math.max(x(most), x(1)) + 6, middle + 4, digits(median), "value"),
      );
      y += barHeight;
    }
  }
  const bottom = y + 8;
  const ticks = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at));
  const axis = ticks.flatMap((tick) => [
    `<line class="${tick === 1 ? "one" : "grid"}" x1="${fixed(x(tick))}" x2="${fixed(x(tick))}" y1="${top}" y2="${bottom}"/>`,
    text(x(tick), bottom + 16, String(Number(tick.toPrecision(1))), "tick"),
  ]);
  const height = bottom + 28;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">How many times as long others take as tagalign</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.head { font-size: 15px; font-weight: 600; }
.group { font-weight: 600; }
.name { text-anchor: end; }
.tick { text-anchor: middle; }
.grid { stroke: #8a8f98; stroke-opacity: 0.3; }
.one { stroke: #24292f; }
.range { stroke: #24292f; stroke-opacity: 0.7; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .one, .range { stroke: #e6edf3; }
}
</style>
${text(12, 24, "How many times as long others take as tagalign", "head")}
${text(12, 44, "one thread of ours, warm memory; the fastest way and number of threads of each; left of 1 they are faster", "note")}
${[...axis, ...body].join("\n")}
</svg>
`;
}

function groupsOf({ cells, jobs }: AllResults): Group[] {
  const joins = workloadNames.flatMap((workload: WorkloadName) =>
    (["backward", "linear"] as const).map((join): Group => {
      const some = cells.filter(
        (one) => one.workload === workload && one.join === join && one.variant === "plain",
      );
      return { title: `${workload} ${join}`, bars: barsOf(some.flatMap((one) => one.rivals)) };
    }),
  );
  const hours = jobs.map(({ name, rivals: own }): Group => ({ title: name, bars: barsOf(own) }));
  return [...joins, ...hours].filter(({ bars }) => bars.length > 0);
}

function barsOf(found: AllResults["cells"][number]["rivals"]): Bar[] {
  return rivals.flatMap(({ name, color, isIt }) => {
    const best = found.filter((one) => isIt(one.name)).sort((a, b) => a.ratio.median - b.ratio.median)[0];
    return best === undefined ? [] : [{ name, color, ...best.ratio }];
  });
}

function text(x: number, y: number, content: string, kind: string): string {
  const safe = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text class="${kind}" x="${fixed(x)}" y="${fixed(y)}">${safe}</text>`;
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2)));
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}
