import { resolve } from "node:path";
import { AlignError } from "../errors.ts";
import { examine } from "./examine.ts";
import { renewDigests } from "./files.ts";
import { mendLerobot } from "./lerobot/mend.ts";
import type { DoctorOptions, DoctorReport } from "./report.ts";

/**
 * Mends what follows from the data alone (counters, statistics, indexes, times on the grid, unfinished files), each file
 * replaced at once, and examines again. No value that was captured is changed, and no frame is dropped.
 *
 * @returns the examination afterwards; `mended` says what was done
 * @throws AlignError USAGE_OPTION with `maxEpisodes`; OUTPUT_WRITE; what `examine` throws
 */
export async function mend(dir: string, options: DoctorOptions = {}): Promise<DoctorReport> {
  if (options.maxEpisodes !== undefined) {
    throw new AlignError("USAGE_OPTION", "a set is mended as a whole, and --max-episodes looks at a part", {
      hint: "leave --max-episodes out",
    });
  }
  const before = await examine(dir, options);
  if (before.format !== "lerobot" || !before.checks.some(({ fixable }) => fixable)) return before;
  const root = resolve(dir);
  try {
    const { said, refused, files } = await mendLerobot(root, options);
    if (await renewDigests(root, files)) said.push("wrote the digests of the mended files into export.json");
    const after = await examine(dir, options);
    const left = refused.map((message) => ({
      check: "mended",
      level: "WARN" as const,
      message,
      fixable: false,
    }));
    const counts = { ...after.counts, warn: after.counts.warn + left.length };
    const level = after.level === "PASS" && left.length > 0 ? "WARN" : after.level;
    return { ...after, level, counts, checks: [...after.checks, ...left], mended: said };
  } catch (cause) {
    if (options.signal?.aborted === true) throw new AlignError("INTERRUPTED", "interrupted", { cause });
    const { code, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof AlignError || code === undefined) throw cause;
    throw new AlignError("OUTPUT_WRITE", `${dir} cannot be mended: ${message}`, {
      where: { file: dir },
      hint: "see to the rights and the space of the disk; what was mended so far is whole",
      cause,
    });
  }
}
