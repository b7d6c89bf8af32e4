import { AlignError } from "../../errors.ts";
import type { ClockEvent } from "../event.ts";
import { ClockMap } from "../map.ts";
import type { Piece } from "../piece.ts";
import { type Placed, placeStretches } from "../place.ts";
import type { SegmentPieces } from "../segment.ts";
import { quantile } from "../statistics.ts";
import type { Follower } from "./follower.ts";
import type { Model, Stretch } from "./stretch.ts";

/** A stretch as the map shows it. */
interface Shown extends Placed {
  readonly first: bigint;
  readonly report: Omit<SegmentPieces, "pieces" | "start" | "end">;
}

/** The map of what a follower knows; `delayDoubt` is by how much delays are in doubt, s. */
export function liveMap(follower: Follower, delayDoubt: number): ClockMap {
  if (follower.current === undefined) {
    if (follower.warm.length > 0) return liveMap(follower.preview(), delayDoubt);
    throw new AlignError("CLOCK_TOO_LITTLE_EVIDENCE", "no clock map: the tracker has no evidence yet", {
      hint: "add rows first; one-way stamps tell nothing before there are four",
    });
  }
  const { current, past, model, pairs, rejected } = follower;
  const doubt = Math.max(follower.doubt, delayDoubt);
  const shown = [
    ...past.map((stretch) => show(stretch, model)),
    show(Object.assign(current, { pairs, rejected }), model, doubt),
  ];
  const events = follower.events.map((event): ClockEvent => {
    const at = shown.findIndex(({ first }) => first === event.time);
    if (event.kind !== "step-or-delay" || at <= 0) return event;
    const shifted = shown.map((one, i) => (i < at ? one : moved(one, -event.sizeNs)));
    const others = follower.events.filter((other) => other !== event);
    return { ...event, alternative: new ClockMap(segmentsOf(shifted), others) };
  });
  return new ClockMap(segmentsOf(shown), events);
}

function show(stretch: Stretch, model: Model, doubt = 0): Shown {
  const { first, last, knots, dropped, pairs, rejected } = stretch;
  const start = dropped > 0 ? stretch.instant(knots[0]!.time) : first;
  const all = [...knots, ...stretch.smoothed(stretch.pending.length, model)];
  const sizes = all.map(({ residual }) => Math.abs(residual * 1e9));
  const residuals = { residualP50Ns: quantile(sizes, 0.5), residualP99Ns: quantile(sizes, 0.99) };
  const end = stretch.instant(all.at(-1)!.time);
  const pieces = stretch.pieces(model).map((piece): Piece => {
    if (doubt === 0 || piece.since < end) return piece;
    const [v0, v1, v2] = piece.variance;
    return { ...piece, variance: [v0 + (doubt * 1e9) ** 2, v1, v2], boundNs: Number.POSITIVE_INFINITY };
  });
  return { first, start, end: last, pieces, report: { pairs, rejected, ...residuals } };
}

function moved(one: Shown, by: bigint): Shown {
  return { ...one, pieces: one.pieces.map((piece) => ({ ...piece, to: piece.to + by })) };
}

function segmentsOf(shown: readonly Shown[]): SegmentPieces[] {
  return placeStretches(shown).map(({ stretch, start, end, pieces }) => {
    return { ...shown[stretch]!.report, start, end, pieces };
  });
}
