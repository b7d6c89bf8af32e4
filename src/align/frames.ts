import { type RecordBatch, Table } from "apache-arrow";
import { AlignError, type ErrorPlace } from "../errors.ts";
import { type Kernels, sharedKernels } from "../kernels/index.ts";
import { createAligner, type FrameColumns } from "./aligner.ts";
import { upload } from "./columns.ts";
import { copyBatch } from "./copy.ts";
import { frameColumns, type Provenance } from "./schema.ts";
import type { Aggregate, AlignedTagInput, Join, Quality } from "./spec.ts";
import { type TimesInput, toNanoseconds, toValues, type ValuesInput } from "./vectors.ts";

/**
 * One tag of `alignFrames`: samples (`times`), or intervals (`starts` and `ends`) for join `covering`.
 *
 * Durations are ns and not negative. Times are on the clock of the frames. The keys mean what they mean in a
 * capture manifest, and a key that does not belong to the join is refused.
 */
export interface FrameTag {
  /** One instant a sample, ascending. */
  times?: TimesInput;
  /** One instant an interval, ascending; with `ends` instead of `times`. */
  starts?: TimesInput;
  /** An interval covers start <= t < end; an end of the largest int64 is open. */
  ends?: TimesInput;
  /** One value a sample or interval; a null counts as BadNoData. */
  values: ValuesInput;
  /** OPC UA StatusCodes, one a value. Default: all good. */
  status?: Uint32Array;
  /** Default: `covering` for intervals, else `backward`. */
  join?: Join["kind"];
  /** The farthest match, inclusive; under `linear` the farthest hold. Default: unlimited. */
  tolerance?: bigint;
  /** `linear`: the widest distance between the two samples around a frame, inclusive. Default: unlimited. */
  maxGap?: bigint;
  /** `linear`: what there is outside the samples. Default: `none`. */
  extrapolate?: "none" | "hold";
  /** A value older than this is marked as last usable. Default: never. */
  staleAfter?: bigint;
  /** Which samples are skipped. Default: `good`, which skips whatever is not good. */
  quality?: Quality;
  /** `covering`: the interval with the greatest start, or a list of all. Default: `latest`. */
  overlap?: "latest" | "all";
  /** `window`: (previous frame, frame], or (frame - span, frame]. */
  window?: { span: "frame" | bigint; aggregate: Aggregate };
  /** Kept in the field's metadata. */
  unit?: string;
}

export interface AlignFramesInput {
  /** One instant a frame, ascending: int64 ns, or an Arrow vector of timestamps or int64 ns. */
  frames: TimesInput;
  /** Output columns, in this order. */
  tags: Readonly<Record<string, FrameTag>>;
  /** `none` leaves `.age` and `.status` out. Default: `full`. */
  provenance?: Provenance;
}

const ROWS_PER_BLOCK = 65_536;

/**
 * Aligns tags to frames in memory: one row a frame, with every tag's value, its age and its status.
 *
 * The columns are `frame_index`, `frame_time`, `frame_pts` (time since the first frame), `frame_uncertainty` (0),
 * then `<tag>`, `<tag>.age` and `<tag>.status`. Nothing is read, written or kept; the table owns its memory.
 *
 * @throws AlignError where times are not ascending (USAGE_UNSORTED, with input and row), an option does not fit the
 *   join (USAGE_OPTION, USAGE_TOLERANCE), an array has the wrong type or length (USAGE_TYPE, USAGE_LENGTH), names
 *   collide (USAGE_NAME), or the values do not suit the join (SOURCE_TYPE)
 */
export function alignFrames(input: AlignFramesInput): Table {
  const kernels = sharedKernels();
  const mark = kernels.arena.mark();
  try {
    const { frames, fill, tags, options } = placeInput(kernels, input);
    fill();
    const aligner = createAligner(kernels, frames, tags, options);
    const batches: RecordBatch[] = [];
    for (const batch of aligner.blocks(ROWS_PER_BLOCK)) batches.push(copyBatch(batch));
    return new Table(aligner.schema, batches);
  } finally {
    kernels.arena.release(mark);
  }
}

/** What `alignFrames` is to align; times are in the arena, values still where they were given. */
export interface FrameJob {
  frames: FrameColumns;
  /** Writes the columns of the frames that the joins do not need. */
  fill: () => void;
  tags: AlignedTagInput[];
  options: { provenance: Provenance; metadata: ReadonlyMap<string, string> };
}

/** Checks what `alignFrames` was given and puts its times into the arena, unless they are there already. */
export function placeInput(
  kernels: Kernels,
  { frames, tags, provenance = "full" }: AlignFramesInput,
): FrameJob {
  const { arena } = kernels;
  checkNames(Object.keys(tags), provenance);
  const placed = new Map<unknown, BigInt64Array>();
  const place = (times: TimesInput, where: ErrorPlace): BigInt64Array => {
    const known = placed.get(times);
    if (known !== undefined) return known;
    const column = upload(arena, arena.i64, toNanoseconds(times, where));
    requireAscending(kernels, column, where);
    placed.set(times, column);
    return column;
  };
  const time = place(frames, { input: "frames" });
  const { length } = time;
  const [index, pts, uncertainty] = [arena.i64(length), arena.i64(length), arena.i64(length)];
  return {
    frames: { index, time, pts, uncertainty },
    fill() {
      kernels.countUp(0n, index);
      kernels.elapsed(time, time[0] ?? 0n, pts);
      new Uint8Array(uncertainty.buffer, uncertainty.byteOffset, uncertainty.byteLength).fill(0);
    },
    tags: Object.entries(tags).map(([name, tag]) => toInput(name, tag, place)),
    options: { provenance, metadata: new Map([["timezone", "UTC"]]) },
  };
}

function toInput(
  name: string,
  tag: FrameTag,
  place: (times: TimesInput, where: ErrorPlace) => BigInt64Array,
): AlignedTagInput {
  const join = toJoin(name, tag);
  const where = { input: name };
  const { values, status } = toValues(tag.values, tag.status, where);
  const length = tag.values.length;
  if (tag.status !== undefined) checkLength(tag.status.length, length, "status", where);
  const given = (key: "times" | "starts" | "ends"): TimesInput => {
    const times = tag[key];
    if (times === undefined) {
      throw new AlignError("USAGE_OPTION", `join ${join.kind} of tag ${name} needs ${key}`, { where });
    }
    checkLength(times.length, length, key, where);
    return times;
  };
  const isText = values.type === "text";
  const metadata = { source: name, tag: name, role: isText ? "context" : "state", join: join.kind };
  const spec = {
    name,
    join,
    quality: tag.quality ?? "good",
    metadata: tag.unit === undefined ? metadata : { ...metadata, unit: tag.unit },
    ...(tag.staleAfter !== undefined && { staleAfterNs: tag.staleAfter }),
  };
  const rows = { values, ...(status && { status }) };
  if (join.kind !== "covering") return { ...spec, samples: { times: place(given("times"), where), ...rows } };
  const ends = toNanoseconds(given("ends"), where);
  return { ...spec, intervals: { starts: place(given("starts"), where), ends, ...rows } };
}

const joinKeys: Record<Join["kind"], readonly (keyof FrameTag)[]> = {
  backward: ["times", "tolerance", "staleAfter"],
  forward: ["times", "tolerance", "staleAfter"],
  nearest: ["times", "tolerance", "staleAfter"],
  linear: ["times", "tolerance", "staleAfter", "maxGap", "extrapolate"],
  covering: ["starts", "ends", "staleAfter", "overlap"],
  window: ["times", "window"],
};
const commonKeys: readonly (keyof FrameTag)[] = ["values", "status", "join", "quality", "unit"];

function toJoin(name: string, tag: FrameTag): Join {
  const where = { input: name };
  const kind = tag.join ?? (tag.starts === undefined ? "backward" : "covering");
  checkWord("join", kind, Object.keys(joinKeys), where);
  checkWord("quality", tag.quality ?? "good", ["good", "usable", "raw"], where);
  checkWord("extrapolate", tag.extrapolate ?? "none", ["none", "hold"], where);
  checkWord("overlap", tag.overlap ?? "latest", ["latest", "all"], where);
  const keys = joinKeys[kind];
  for (const key of Object.keys(tag) as (keyof FrameTag)[]) {
    if (tag[key] === undefined || commonKeys.includes(key) || keys.includes(key)) continue;
    const hint = `it takes ${[...keys, ...commonKeys].join(", ")}`;
    throw new AlignError("USAGE_OPTION", `${key} does not belong to join ${kind} of tag ${name}`, {
      where,
      hint,
    });
  }
  for (const key of ["tolerance", "maxGap", "staleAfter"] as const) checkDuration(key, tag[key], where);
  const tolerance = tag.tolerance === undefined ? {} : { toleranceNs: tag.tolerance };
  const extrapolate = tag.extrapolate ?? "none";
  switch (kind) {
    case "linear":
      if (extrapolate === "none" && tag.tolerance !== undefined) {
        const hint = 'under join linear a tolerance limits extrapolate: "hold"';
        throw new AlignError("USAGE_OPTION", `tolerance of tag ${name} has nothing to limit`, {
          where,
          hint,
        });
      }
      return { kind, extrapolate, ...tolerance, ...(tag.maxGap !== undefined && { maxGapNs: tag.maxGap }) };
    case "covering":
      return { kind, overlap: tag.overlap ?? "latest" };
    case "window":
      return { kind, ...toWindow(name, tag.window) };
    default:
      return { kind, ...tolerance };
  }
}

function toWindow(
  name: string,
  window: FrameTag["window"],
): { span: "frame" | bigint; aggregate: Aggregate } {
  const where = { input: name };
  if (window === undefined) {
    const hint = 'for example window: { span: "frame", aggregate: "count" }';
    throw new AlignError("USAGE_OPTION", `join window of tag ${name} needs window`, { where, hint });
  }
  const { span, aggregate } = window;
  if (span !== "frame" && !(typeof span === "bigint" && span > 0n)) {
    throw new AlignError("USAGE_OPTION", `window.span must be "frame" or a bigint of ns > 0, not ${span}`, {
      where,
    });
  }
  checkWord("aggregate", aggregate, ["count", "sum", "mean", "min", "max", "first", "last"], where);
  return { span, aggregate };
}

function checkDuration(key: string, value: unknown, where: ErrorPlace): void {
  if (value === undefined) return;
  if (typeof value !== "bigint") {
    throw new AlignError("USAGE_TYPE", `${key} must be a bigint of ns, not a ${typeof value}`, { where });
  }
  if (value < 0n) throw new AlignError("USAGE_TOLERANCE", `${key} must be >= 0, not ${value}`, { where });
}

function checkWord(key: string, value: string, words: readonly string[], where: ErrorPlace): void {
  if (words.includes(value)) return;
  throw new AlignError("USAGE_OPTION", `no such ${key}: ${value}`, {
    where,
    hint: `one of ${words.join(", ")}`,
  });
}

function checkLength(found: number, expected: number, what: string, where: ErrorPlace): void {
  if (found === expected) return;
  throw new AlignError("USAGE_LENGTH", `${what} has ${found} entries, but values has ${expected}`, { where });
}

function requireAscending(kernels: Kernels, times: BigInt64Array, where: ErrorPlace): void {
  const row = kernels.firstDescent(times);
  if (row < 0) return;
  const message = `times are not ascending: row ${row} (${times[row]}) is before row ${row - 1} (${times[row - 1]})`;
  throw new AlignError("USAGE_UNSORTED", message, { where: { ...where, row }, hint: "sort by time first" });
}

function checkNames(names: readonly string[], provenance: Provenance): void {
  const taken = new Set<string>(frameColumns);
  for (const name of names) {
    for (const column of provenance === "full" ? [name, `${name}.age`, `${name}.status`] : [name]) {
      if (taken.has(column)) {
        throw new AlignError("USAGE_NAME", `column ${column} exists twice`, {
          where: { input: name },
          hint: "rename the tag",
        });
      }
      taken.add(column);
    }
  }
}
