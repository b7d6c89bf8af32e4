import type { BenchCell, BenchChange, BenchComparison, BenchReport, Spread } from "../index.ts";

/** A measurement as a block of lines: our time, then each rival's and how many times as long it takes. */
export function cellText(cell: BenchCell): string {
  const {
    workload,
    about,
    variant,
    join,
    threads,
    frames,
    tags: all,
    wallMs,
    coldMs,
    rivals,
    skipped,
  } = cell;
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
    ...skipped.map(({ name, why }) => `  ${name} was not timed: ${why}`),
  ].join("\n");
}

/** What calls cost at least, and which peers were not there. */
export function endText({ peers, fixed }: BenchReport): string[] {
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

function msText({ median, least, most }: Spread): string {
  return `${digits(median)} ms (${digits(least)} to ${digits(most)})`;
}

function spreadText({ median, least, most }: Spread): string {
  return `${digits(median)} (${digits(least)} to ${digits(most)})`;
}

/** Three digits. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
