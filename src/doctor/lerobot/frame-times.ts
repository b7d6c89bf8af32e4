import { type Checkup, counted, Tally } from "../report.ts";
import type { Piece } from "./episode-data.ts";

const column = "align.frame_time_ns";

/** Deviation of an episode's real frame rate from the declared one that is told. */
const shareMax = 0.01;

/** Holds the true times of frames, where a set keeps them, against the declared rate. */
export class FrameTimes {
  readonly #fps: number;
  readonly #backward = new Tally();
  readonly #rate = new Tally();
  #isThere = false;

  constructor(fps: number) {
    this.#fps = fps;
  }

  add(pieces: readonly Piece[], length: number, place: { file: string; episode: number }): void {
    let before: bigint | undefined;
    let first: bigint | undefined;
    let frame = 0;
    for (const { columns, start, end } of pieces) {
      const times = columns.get(column);
      if (times === undefined) return;
      this.#isThere = true;
      for (let row = start; row < end; row += 1, frame += 1) {
        const time = times[row];
        if (typeof time !== "bigint") return;
        first ??= time;
        if (before !== undefined && time <= before)
          this.#backward.add({ ...place, feature: column, frame }, `${time} after ${before}`);
        before = time;
      }
    }
    if (first === undefined || before === undefined || length < 2) return;
    const rate = ((length - 1) * 1e9) / Number(before - first);
    if (Math.abs(rate / this.#fps - 1) > shareMax)
      this.#rate.add({ ...place, feature: column }, `${rate.toFixed(3)} frames a second`);
  }

  judge(checkup: Checkup): void {
    if (!this.#isThere) return;
    checkup.judge("plausible.frame-times", {
      tally: this.#backward,
      level: "WARN",
      bad: (count) => `${counted(count, "frame")} captured no later than the frame before`,
      good: "frames were captured one after the other",
    });
    checkup.judge("plausible.rate", {
      tally: this.#rate,
      level: "WARN",
      bad: (count) => `${counted(count, "episode")} captured at another rate than ${this.#fps}`,
      good: `frames were captured at the declared rate of ${this.#fps}`,
    });
  }
}
