import type { FrameRow } from "./frames.ts";
import type { Row } from "./measure.ts";

/** Throws where a figure cannot be right, whatever the size. */
export function requireSane(rows: readonly Row[], frames: readonly FrameRow[]): void {
  for (const { name, group, errors, coverage, bound, others } of rows) {
    const fail = (why: string) => {
      throw new Error(`${group}, ${name}: ${why}`);
    };
    if (!Number.isFinite(errors.max)) fail("an error is not a number");
    if (coverage < 0.5) fail(`2 sigma hold ${coverage.toFixed(3)} of the errors`);
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
