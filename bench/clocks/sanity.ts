import type { Row } from "./measure.ts";

/** Throws where a figure cannot be right, whatever the size. */
export function requireSane(rows: readonly Row[]): void {
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
}
