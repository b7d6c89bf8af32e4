/** How a check went; a set is as well as its worst check. */
export type Level = "PASS" | "WARN" | "FAIL";

/** Where a finding lies; of several places the first. */
export interface FindingPlace {
  /** Relative to the data set's root, with `/`. */
  file?: string;
  feature?: string;
  episode?: number;
  /** 0-based within the episode; where no episode is named, within the file. */
  frame?: number;
}

export interface Finding {
  /** What was looked at, such as `data.timestamp`. */
  check: string;
  level: Level;
  message: string;
  where?: FindingPlace;
  /** Whether `mend` can put it right without guessing. */
  fixable: boolean;
}

export interface DoctorReport {
  dir: string;
  /** Such as `lerobot`. */
  format: string;
  format_version: string | null;
  /** The worst of all checks. */
  level: Level;
  episodes: number | null;
  frames: number | null;
  counts: { pass: number; warn: number; fail: number };
  checks: Finding[];
  /** What was changed, one sentence each; empty after `examine`. */
  mended: string[];
}

export interface DoctorOptions {
  /** Looks at the values and pictures of no more episodes than these, from the first on. Default: all. */
  maxEpisodes?: number;
  /** The ffprobe to run. Default: the one that comes with the package. */
  ffprobe?: string;
  signal?: AbortSignal;
  /** Episodes looked at so far, of all. */
  onProgress?: (done: number, total: number) => void;
}

/** How often something was found, and where first. */
export class Tally {
  count = 0;
  first: FindingPlace | undefined;
  /** Said of the first one. */
  detail = "";

  add(where: FindingPlace, detail = ""): void {
    this.count += 1;
    if (this.count > 1) return;
    this.first = where;
    this.detail = detail;
  }
}

interface Judgement {
  tally: Tally;
  level?: Exclude<Level, "PASS">;
  /** What is wrong, with the count. */
  bad: (count: number) => string;
  /** What is right where nothing was found; without it, nothing is told then. */
  good?: string;
  fixable?: boolean;
}

/** The findings of one examination, in the order of the checks. */
export class Checkup {
  readonly findings: Finding[] = [];

  pass(check: string, message: string): void {
    this.findings.push({ check, level: "PASS", message, fixable: false });
  }

  warn(check: string, message: string, where?: FindingPlace, fixable = false): void {
    this.#add(check, "WARN", message, where, fixable);
  }

  fail(check: string, message: string, where?: FindingPlace, fixable = false): void {
    this.#add(check, "FAIL", message, where, fixable);
  }

  /** Tells what a tally came to, as one finding. */
  judge(check: string, { tally, level = "FAIL", bad, good, fixable = false }: Judgement): void {
    if (tally.count === 0) {
      if (good !== undefined) this.pass(check, good);
      return;
    }
    const detail = tally.detail === "" ? "" : `; first: ${tally.detail}`;
    this.#add(check, level, `${bad(tally.count)}${detail}`, tally.first, fixable);
  }

  get level(): Level {
    if (this.findings.some(({ level }) => level === "FAIL")) return "FAIL";
    return this.findings.some(({ level }) => level === "WARN") ? "WARN" : "PASS";
  }

  counts(): DoctorReport["counts"] {
    const of = (asked: Level) => this.findings.filter(({ level }) => level === asked).length;
    return { pass: of("PASS"), warn: of("WARN"), fail: of("FAIL") };
  }

  #add(check: string, level: Level, message: string, where: FindingPlace | undefined, fixable: boolean) {
    const place = where === undefined || Object.keys(where).length === 0 ? {} : { where };
    this.findings.push({ check, level, message, ...place, fixable });
  }
}

export function counted(count: number, what: string, plural = `${what}s`): string {
  return `${count} ${count === 1 ? what : plural}`;
}
