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

/** p50/p95/p99/max with three digits. */
export function errorText({ p50, p95, p99, max }: Errors): string {
  return [p50, p95, p99, max].map(digits).join("/");
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
