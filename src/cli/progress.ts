import type { Progress } from "../index.ts";

const words: Record<Progress["stage"], string> = {
  inputs: "hashing inputs",
  clocks: "tying clocks",
  frames: "reading frames",
  sources: "reading sources",
  align: "aligning",
  publish: "publishing",
  export: "exporting",
  examine: "examining",
};

/** One line of progress that is written over itself; only for a terminal. */
export class ProgressLine {
  readonly #terminal: NodeJS.WriteStream;
  #shownAt = 0;
  #isShown = false;

  constructor(terminal: NodeJS.WriteStream) {
    this.#terminal = terminal;
  }

  /** At most ten times a second, because a terminal is slower than a join. */
  show({ stage, subject, done, total }: Progress): void {
    const now = performance.now();
    if (this.#isShown && now - this.#shownAt < 100) return;
    this.#shownAt = now;
    this.#isShown = true;
    const share = total > 1 ? `${Math.floor((100 * done) / total)} %` : "";
    const text = [words[stage], subject, share].filter((part) => part !== "").join(" ");
    const width = Math.max(20, (this.#terminal.columns ?? 80) - 1);
    this.#terminal.write(`\r\x1b[K${text.slice(0, width)}`);
  }

  clear(): void {
    if (this.#isShown) this.#terminal.write("\r\x1b[K");
    this.#isShown = false;
  }
}
