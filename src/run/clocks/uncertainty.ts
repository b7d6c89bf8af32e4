import { AlignError } from "../../errors.ts";
import type { Manifest } from "../../manifest/index.ts";
import type { TableTag } from "../../pool/index.ts";
import { type Allocate, OPEN_END, type SampleStore } from "../../samples.ts";
import { formatDuration, formatInstant } from "../../time.ts";
import type { Clocks } from "./clocks.ts";

/** Arrays that are a window's own. */
export const inMemory: Allocate = {
  i64: (length) => new BigInt64Array(length),
  f64: (length) => new Float64Array(length),
  i32: (length) => new Int32Array(length),
  u32: (length) => new Uint32Array(length),
  u8: (length) => new Uint8Array(length),
};

/**
 * Refuses a clock map whose 1 sigma is above the manifest's limit at a frame or at a sample in use.
 *
 * frames  i64[n] on the reference clock, ascending; samples between two frames are as near to one of them as may be,
 *         so that of the samples only those outside the frames, and intervals, are looked at one by one
 * tags    of the manifest, in its order, on the reference clock
 *
 * @throws AlignError REQUIREMENT_CLOCK
 */
export function requireClockUncertainty(
  manifest: Manifest,
  clocks: Clocks,
  frames: BigInt64Array,
  tags: readonly TableTag[],
): void {
  const most = manifest.require.clockUncertaintyNs;
  if (most === undefined) return;
  for (const [clock, map] of clocks.used()) {
    const outside = tags.flatMap((tag, at) => {
      const source = manifest.sources.get(manifest.tags[at]!.source);
      return source?.clock === clock ? timesInUse(tag, frames) : [];
    });
    const times = map.inverse().apply(BigInt64Array.of(...new Set(outside)));
    const ofFrames = map.inverse().apply(frames);
    const [worst, sigma] = [times, ofFrames]
      .map((own) => largest(own, map.uncertainty(own)))
      .reduce((a, b) => (b[1] > a[1] ? b : a));
    if (sigma <= Number(most)) continue;
    throw new AlignError(
      "REQUIREMENT_CLOCK",
      `clock ${clock} is known to ${formatDuration(BigInt(Math.ceil(sigma)))}, require.clock_uncertainty is ${formatDuration(most)}`,
      {
        where: { source: clock, time: formatInstant(worst) },
        hint: "add evidence near that time or with a smaller uncertainty, or raise require.clock_uncertainty",
      },
    );
  }
}

function largest(times: BigInt64Array, sigmas: Float64Array): [time: bigint, sigma: number] {
  let at = 0;
  for (let i = 1; i < sigmas.length; i++) if (sigmas[i]! > sigmas[at]!) at = i;
  return [times[at] ?? 0n, sigmas[at] ?? 0];
}

/** Times of the samples that the first and the last frame reach outside of them. */
function timesInUse(tag: TableTag, frames: BigInt64Array): bigint[] {
  const [first, last] = [frames[0]!, frames[frames.length - 1]!];
  if ("intervals" in tag) {
    const { starts, ends } = tag.intervals;
    return [...starts.keys()]
      .filter((row) => starts[row]! <= last && ends[row]! > first)
      .flatMap((row) => (ends[row] === OPEN_END ? [starts[row]!] : [starts[row]!, ends[row]!]));
  }
  if (!("store" in tag)) return [];
  const { join } = tag;
  const reach = reachOf(join);
  const span = join.kind === "window" && join.span !== "frame" ? join.span : 0n;
  const before = join.kind === "forward" ? [] : keptTimes(tag.store, tag.quality, first, span);
  const after =
    join.kind === "backward" || join.kind === "window" ? [] : keptTimes(tag.store, tag.quality, last, 0n);
  const isNear = (distance: bigint) => reach === undefined || distance <= reach;
  const earlier =
    join.kind === "window"
      ? before.find((time) => time > first - span)
      : before.findLast((time) => time <= first);
  const later = after.find((time) => time >= last);
  return [
    ...(earlier !== undefined && isNear(first - earlier) ? [earlier] : []),
    ...(later !== undefined && isNear(later - last) ? [later] : []),
  ];
}

/** The farthest that a sample in use may be from a frame. */
function reachOf(join: TableTag["join"]): bigint | undefined {
  if (join.kind === "linear") return join.extrapolate === "hold" ? undefined : join.maxGapNs;
  return "toleranceNs" in join ? join.toleranceNs : undefined;
}

/** Times of the kept samples around a frame. */
function keptTimes(
  store: SampleStore,
  quality: TableTag["quality"],
  frame: bigint,
  beforeNs: bigint,
): bigint[] {
  const { times, status } = store.load(
    { from: frame, to: frame, beforeNs, quality },
    { allocate: inMemory, shared: new Map() },
  );
  const worst = { good: 0, usable: 1, raw: 3 }[quality];
  return Array.from(times).filter((_, i) => (status?.[i] ?? 0) >>> 30 <= worst);
}
