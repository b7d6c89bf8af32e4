import type { FrameRow } from "./frames.ts";
import type { Row } from "./measure.ts";
import type { Errors } from "./score.ts";

/** The lines of one scenario. */
export function rowText({ name, seeds, errors, coverage, steps, bound, cpuMs, others, gaps }: Row): string[] {
  const { found, missed, invented, offBySeconds } = steps;
  const stepText =
    found + missed + invented === 0
      ? ""
      : `, steps ${found} found (off by ${offBySeconds.toFixed(1)} s at most), ${missed} missed, ${invented} invented`;
  const boundText = bound.of === 0 ? "" : `, ${bound.beyond} beyond the bound`;
  return [
    `${name.padEnd(22)} ${errorText(errors).padEnd(26)} 2 sigma ${coverage.toFixed(3)}${stepText}${boundText}, ${cpuMs.toFixed(1)} ms, ${seeds} seeds${gaps.length > 0 ? " *" : ""}`,
    ...others.map(
      (other) =>
        `  ${other.name.padEnd(20)} ${errorText(other.errors).padEnd(26)} ${other.cpuMs.toFixed(1)} ms`,
    ),
  ];
}

/** One table: us of our errors and of others', with what others there are as columns. */
export function clocksTable(rows: readonly Row[]): string[] {
  const rivals = [...new Set(rows.flatMap(({ others }) => others.map(({ name }) => name)))];
  const head = ["", "tagalign", "within 2 sigma", "steps found, missed, invented", "CPU, ms", ...rivals];
  const lines = rows.map(({ name, errors, coverage, steps, cpuMs, others }) => {
    const { found, missed, invented } = steps;
    const stepText = found + missed + invented === 0 ? "" : `${found}, ${missed}, ${invented}`;
    const theirs = rivals.map((rival) => {
      const other = others.find((one) => one.name === rival);
      return other === undefined ? "" : errorText(other.errors);
    });
    return [name, errorText(errors), coverage.toFixed(3), stepText, cpuMs.toFixed(0), ...theirs];
  });
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
}

/** The line of frames that were lost in one way. */
export function frameText({ name, seeds, errors, gaps, line }: FrameRow): string {
  const { right, wrong, invented } = gaps;
  return `${name.padEnd(26)} ${errorText(errors).padEnd(26)} gaps ${right} right, ${wrong} wrong, ${invented} invented, ${seeds} seeds; a line over the frames ${errorText(line)}`;
}

export function framesTable(rows: readonly FrameRow[]): string[] {
  const lines = rows.map(({ name, errors, gaps, line }) => {
    return [name, errorText(errors), `${gaps.right}, ${gaps.wrong}, ${gaps.invented}`, errorText(line)];
  });
  const head = ["", "tagalign", "gaps right, wrong, invented", "line over the frames"];
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
}

/** p50/p95/p99/max with three digits. */
function errorText({ p50, p95, p99, max }: Errors): string {
  return [p50, p95, p99, max].map(digits).join("/");
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
