import type { GatherKernel } from "./abi.ts";
import { type Arena, bitmapBytes, type Column } from "./arena.ts";
import type {
  LinearSamples,
  LineOptions,
  NullableColumn,
  StatusAsofOptions,
  StatusLinearOptions,
} from "./arguments.ts";
import { address, bitsIn, bitsOut, limit, optional } from "./column.ts";
import type { Instance } from "./load.ts";
import { asof, checkedRuns, isRuns, type Line, line, type Match, match } from "./match.ts";
import type { AsofOptions } from "./scan.ts";

/**
 * The kernels that join samples to frames.
 *
 * A match and a line are made once for all tags that share their times, then values, ages and statuses are made from
 * them. Which form they have depends on how many frames there are to a sample; what comes out of them does not.
 */
export class JoinKernels {
  readonly arena: Arena;
  readonly #instance: Instance;

  constructor(instance: Instance) {
    this.#instance = instance;
    this.arena = instance.arena;
  }

  /**
   * The sample of each frame; takes its memory from the arena.
   *
   * Of equal sample times backward takes the last, forward the first, nearest the last at or before the frame and
   * the first after it. Distances are compared unsigned, so int64 extremes are right.
   */
  match(frames: BigInt64Array, samples: BigInt64Array, options: AsofOptions): Match {
    return match(this.#instance, frames, samples, options);
  }

  /** As match: index[i] = the position of the frame's sample, or -1; returns how many matched. */
  asof(frames: BigInt64Array, samples: BigInt64Array, index: Int32Array, options: AsofOptions): number {
    return asof(this.#instance, frames, samples, index, options);
  }

  /** The position of each frame's sample, or -1; takes its memory from the arena where the match has another form. */
  index(match: Match): Int32Array {
    if (!isRuns(match)) return match;
    const index = this.arena.i32(match.length);
    const at = checkedRuns(this.#instance, match, match.length, match.sampleLength);
    this.#instance.exports.indexRuns(at, match.length, index.byteOffset);
    return index;
  }

  /** Bit i = frame i has a sample; returns how many. */
  matched(match: Match, out: Uint8Array): number {
    const { exports } = this.#instance;
    const at = bitsOut(this.arena, "validity", out, match.length);
    if (isRuns(match)) {
      const runsAt = checkedRuns(this.#instance, match, match.length, match.sampleLength);
      return exports.matchedRuns(runsAt, match.length, at) >>> 0;
    }
    return exports.matched(address(this.arena, "index", match, match.length), match.length, at) >>> 0;
  }

  /**
   * Where a linear value is drawn: on a sample; between two at most `maxGap` apart; as far outside as values hold.
   * Takes its memory from the arena.
   *
   * @param backward the backward match of these frames and samples, without tolerance
   * @param times    ns, ascending, no two equal
   */
  line(backward: Match, frames: BigInt64Array, times: BigInt64Array, options: LineOptions): Line {
    return line(this.#instance, backward, frames, times, options);
  }

  /**
   * v0 + w * (v1 - v0) with w = (t - t0) / (t1 - t0), times subtracted exactly; returns how many are valid.
   *
   * A frame on a valid sample copies it. Otherwise a null sample on either side gives null: value 0, bit 0.
   */
  linear(
    line: Line,
    frames: BigInt64Array,
    { times, values, validity }: LinearSamples,
    out: NullableColumn<Float64Array>,
  ): number {
    const { arena } = this;
    const { exports } = this.#instance;
    const { length } = frames;
    const sampleLength = times.length;
    const framesAt = address(arena, "frames", frames, length);
    const timesAt = address(arena, "samples.times", times, sampleLength);
    const valuesAt = address(arena, "samples.values", values, sampleLength);
    const validityAt = bitsIn(arena, "samples.validity", validity, sampleLength);
    const outAt = address(arena, "out.values", out.values, length);
    const bitsAt = bitsOut(arena, "out.validity", out.validity, length);
    if (isRuns(line)) {
      const runsAt = checkedRuns(this.#instance, line, length, sampleLength);
      return (
        exports.lineRuns(
          runsAt,
          framesAt,
          length,
          timesAt,
          valuesAt,
          validityAt,
          sampleLength,
          outAt,
          bitsAt,
        ) >>> 0
      );
    }
    const indexAt = address(arena, "line.index", line.index, length);
    const weightsAt = address(arena, "line.weights", line.weights, length);
    const matchedAt = bitsIn(arena, "line.matched", line.matched, length);
    return (
      exports.blend(
        indexAt,
        weightsAt,
        matchedAt,
        length,
        valuesAt,
        validityAt,
        sampleLength,
        outAt,
        bitsAt,
      ) >>> 0
    );
  }

  /**
   * The value of each frame's sample, or 0 and bit 0 where there is none or the source is null; returns how many are
   * valid.
   */
  gather<T extends Column>(
    values: T,
    validity: Uint8Array | undefined,
    match: Match,
    out: NullableColumn<T>,
  ): number {
    const { arena } = this;
    const { length } = match;
    const valuesAt = address(arena, "values", values, values.length);
    const validityAt = bitsIn(arena, "validity", validity, values.length);
    const outAt = address(arena, "out.values", out.values, length);
    const bitsAt = bitsOut(arena, "out.validity", out.validity, length);
    const [gather, fill] = this.#kernelsFor(values);
    if (isRuns(match)) {
      const runsAt = checkedRuns(this.#instance, match, length, values.length);
      return fill(runsAt, valuesAt, validityAt, length, outAt, bitsAt) >>> 0;
    }
    const indexAt = address(arena, "index", match, length);
    if (values.length === 0) {
      new Uint8Array(arena.buffer, outAt, length * values.BYTES_PER_ELEMENT).fill(0);
      out.validity.fill(0, 0, bitmapBytes(length));
      return 0;
    }
    return gather(indexAt, valuesAt, validityAt, length, outAt, bitsAt) >>> 0;
  }

  /**
   * out[i] = frames[i] less the time of its sample where bit i of `matched` is 1, else 0; wraps beyond int64.
   *
   * @param matched the bits of the match or line; a line before the first sample goes by that one
   */
  age(
    frames: BigInt64Array,
    times: BigInt64Array,
    match: Match | Line,
    matched: Uint8Array,
    out: BigInt64Array,
  ): void {
    const { arena } = this;
    const { exports } = this.#instance;
    const { length } = frames;
    const framesAt = address(arena, "frames", frames, length);
    const timesAt = address(arena, "times", times, times.length);
    const outAt = address(arena, "out", out, length);
    if (isRuns(match)) {
      exports.ageRuns(
        checkedRuns(this.#instance, match, length, times.length),
        framesAt,
        length,
        timesAt,
        outAt,
      );
      return;
    }
    const indexAt = address(arena, "index", "index" in match ? match.index : match, length);
    const bitsAt = bitsIn(arena, "matched", matched, length);
    if (times.length === 0) out.fill(0n, 0, length);
    else exports.age(framesAt, length, timesAt, indexAt, bitsAt, outAt);
  }

  /**
   * The StatusCode of an as-of match: 0x809B0000 where there is none; the sample's own; or 0x40900000 where that is
   * not bad but the sample is older than `staleAfter`, or a later bad one was skipped at or before the frame.
   */
  statusAsof(
    frames: BigInt64Array,
    times: BigInt64Array,
    match: Match,
    options: StatusAsofOptions,
    out: Uint32Array,
  ): void {
    const { arena } = this;
    const { exports } = this.#instance;
    const { length } = frames;
    const rest = [
      address(arena, "frames", frames, length),
      length,
      address(arena, "times", times, times.length),
      optional(arena, "sampleStatus", options.sampleStatus, times.length),
      optional(arena, "badAfter", options.badAfter, times.length),
      limit("staleAfter", options.staleAfter),
      address(arena, "out", out, length),
    ] as const;
    if (isRuns(match))
      exports.statusAsofRuns(checkedRuns(this.#instance, match, length, times.length), ...rest);
    else exports.statusAsof(address(arena, "index", match, length), ...rest);
  }

  /**
   * The StatusCode of a `linear` value, from its line.
   *
   * No line: 0x809B0000. On a sample: its code. Between two: the code of the first bad one; else 0x00000402
   * interpolated, or 0x40A40402 where one of the two is not good or one was skipped between them. Held: 0x40A40000.
   * One that is not bad and whose age is more than `staleAfter`: 0x40900000.
   */
  statusLinear(
    frames: BigInt64Array,
    times: BigInt64Array,
    line: Line,
    options: StatusLinearOptions,
    out: Uint32Array,
  ): void {
    const { arena } = this;
    const { exports } = this.#instance;
    const { length } = frames;
    const rest = [
      address(arena, "frames", frames, length),
      length,
      address(arena, "times", times, times.length),
      times.length,
      optional(arena, "sampleStatus", options.sampleStatus, times.length),
      optional(arena, "skipped", options.skipped, times.length),
      limit("staleAfter", options.staleAfter),
      address(arena, "out", out, length),
    ] as const;
    if (isRuns(line)) {
      exports.statusLinearRuns(checkedRuns(this.#instance, line, length, times.length), ...rest);
      return;
    }
    const indexAt = address(arena, "line.index", line.index, length);
    exports.statusLinear(indexAt, bitsIn(arena, "line.matched", line.matched, length), ...rest);
  }

  #kernelsFor(values: Column): [gather: GatherKernel, fill: GatherKernel] {
    const { gather64, gather32, gather8, fill64, fill32, fill8 } = this.#instance.exports;
    if (values.BYTES_PER_ELEMENT === 8) return [gather64, fill64];
    return values.BYTES_PER_ELEMENT === 4 ? [gather32, fill32] : [gather8, fill8];
  }
}
