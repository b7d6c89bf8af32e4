import type { FrameRow } from "./frames.ts";
import type { Row } from "./measure.ts";

/** Throws where a figure cannot be right, whatever the size. */
export function requireSane(rows: readonly Row[], frames: readonly FrameRow[]): void {
  // A single seed of a straight clock is two draws, so only all scenarios together tell whether sigma is sane.
  const coverage = rows.reduce((sum, row) => sum + row.coverage, 0) / rows.length;
  if (coverage < 0.8) throw new Error(`2 sigma hold ${coverage.toFixed(3)} of the errors`);
  for (const { name, group, errors, bound, others } of rows) {
    const fail = (why: string) => {
      throw new Error(`${group}, ${name}: ${why}`);
    };
    if (!Number.isFinite(errors.max)) fail("an error is not a number");
    if (bound.beyond > 0) fail(`${bound.beyond} errors are beyond the hard bound`);
    const line = others.find((other) => other.name === "least squares");
    const isCurved = /^[BCD]\b|warm-up/.test(name);
    if (isCurved && line !== undefined && errors.p95 >= line.errors.p95)
      fail(
        `p95 of ${errors.p95.toFixed(1)} us is not below the straight line's ${line.errors.p95.toFixed(1)}`,
      );
  }
  for (const { name, errors, gaps } of frames) {
    if (!(errors.p99 <= 1500)) throw new Error(`frames, ${name}: p99 of ${errors.p99.toFixed(0)} us`);
    if (gaps.wrong + gaps.invented > 0) throw new Error(`frames, ${name}: gaps are miscounted`);
  }
}
