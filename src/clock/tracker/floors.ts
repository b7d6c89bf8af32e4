import { type Floor, floorOf, LOWEST, type Profile, profileOf } from "../one-way/floor.ts";

/** A row of a window: s since the base, and arrival minus stamp less the base's offset, s. */
export interface Delay {
  readonly time: number;
  readonly delay: number;
}

/** Shapes of the tail at the floor: factors of 2^(1/3) from 1/2 to 8; before any evidence 1.5, within a factor of 2. */
const SHAPES = Array.from({ length: 13 }, (_, i) => 2 ** (i / 3 - 1));
const USUAL_SHAPE = 1.5;
const SHAPE_SPREAD = Math.LN2;
const STEP = Math.LN2 / 3;

/** What windows tell of the shape and of the errors fades by this share with each. */
const FADE = 0.01;

/** The share of a window's rows that is taken for its lowest. */
const SHARE = 0.25;
const LEAST_ROWS = 4;
const FINEST = 1e-9;

/** A tail that vanishes fast may be of any form at the floor: this share at most of the distance to it is uncertain. */
const FORM = 0.6;

/** Floors of windows of delays, by the shape of the tail that all of them have in common. */
export class Floors {
  readonly scores: Float64Array = new Float64Array(SHAPES.length);
  /** What the floors of all windows may be off by together, s, and over how many windows that is known. */
  together = 0;
  windows = 0;

  /** Where the floor of a window lies: `lowest` of so many rows, in ascending order of their rests. */
  read(lowest: readonly { readonly time: number; readonly rest: number }[], rows: number) {
    const count = Math.min(lowest.length, LOWEST, Math.max(LEAST_ROWS, Math.ceil(SHARE * rows)));
    const rests = Float64Array.from(lowest.slice(0, count), ({ rest }) => rest);
    if (!(rests[count - 1]! > rests[0]!)) rests[count - 1] = rests[0]! + FINEST;
    const profile = profileOf(rests, count);
    SHAPES.forEach((shape, k) => {
      this.scores[k] = this.scores[k]! * (1 - FADE) + floorOf(profile, shape).evidence;
    });
    const { shape, sigma } = this.#shape();
    const floor = floorOf(profile, shape);
    this.#learn(profile, floor, shape, sigma);
    const time = lowest.slice(0, count).reduce((sum, one) => sum + one.time, 0) / count;
    return { time, offset: floor.offset, variance: floor.variance };
  }

  #shape(): { shape: number; sigma: number } {
    const scores = SHAPES.map(
      (shape, k) => this.scores[k]! - 0.5 * (Math.log(shape / USUAL_SHAPE) / SHAPE_SPREAD) ** 2,
    );
    const best = Math.min(Math.max(1, scores.indexOf(Math.max(...scores))), SHAPES.length - 2);
    const [below, here, above] = [scores[best - 1]!, scores[best]!, scores[best + 1]!];
    const bend = 2 * here - below - above;
    if (!(bend > 0)) return { shape: SHAPES[best]!, sigma: SHAPE_SPREAD };
    const shift = Math.max(-1, Math.min(1, (above - below) / (2 * bend)));
    return {
      shape: SHAPES[best]! * Math.exp(shift * STEP),
      sigma: Math.min(SHAPE_SPREAD, STEP / Math.sqrt(bend)),
    };
  }

  #learn(profile: Profile, floor: Floor, shape: number, sigma: number): void {
    const pull = ((floorOf(profile, shape * 1.1).offset - floor.offset) / Math.log(1.1)) * sigma;
    const form = Math.min(1, FORM * (shape - 1) ** 2) * (profile.first - floor.offset);
    this.windows++;
    const share = Math.max(FADE, 1 / this.windows);
    this.together += share * (Math.hypot(pull, form) - this.together);
  }
}
