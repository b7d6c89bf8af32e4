import type { Checkup } from "../report.ts";

/** What was changed, and what could not be. */
export interface Mended {
  said: string[];
  refused: string[];
  /** Files that have other bytes now or are gone, relative to the root. */
  files: Set<string>;
}

/** Whether any check whose name begins so found something that can be mended. */
export function isFixable(checkup: Checkup, ...prefixes: string[]): boolean {
  return checkup.findings.some(
    ({ check, fixable }) => fixable && prefixes.some((prefix) => check.startsWith(prefix)),
  );
}

/** Keeps the file where it cannot be written without loss. */
export async function orRefuse(mended: Mended, path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
    mended.files.add(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== undefined) throw cause;
    mended.refused.push(`${path} is kept as it is: ${(cause as Error).message}`);
  }
}
