import { AlignError } from "../../errors.ts";
import type { ClockEvent } from "../event.ts";
import { type Evidence, INVALID, readEvidence } from "../evidence.ts";
import { ClockMap } from "../map.ts";
import { placeStretches } from "../place.ts";
import type { SegmentPieces } from "../segment.ts";
import { quantile } from "../statistics.ts";
import { Envelope } from "./envelope.ts";
import { Follower, type Row } from "./follower.ts";

export type Ns = bigint | BigInt64Array;

export interface TrackerOptions {
  readonly kind: "two-way" | "marks" | "one-way";
  readonly lagNs?: bigint;
  readonly prior?: { readonly driftPpb: number; readonly sigmaPpb: number };
}

export class ClockTracker {
  readonly kind: TrackerOptions["kind"];
  readonly #follower: Follower;
  readonly #envelope: Envelope | undefined;

  constructor(options: TrackerOptions) {
    const { kind, lagNs = 120_000_000_000n, prior } = options;
    this.kind = kind;
    this.#follower = new Follower({
      lag: Number(lagNs) / 1e9,
      drift: (prior?.driftPpb ?? 0) / 1e9,
      driftSigma: prior === undefined ? undefined : prior.sigmaPpb / 1e9,
    });
    this.#envelope = kind === "one-way" ? new Envelope(this.#follower) : undefined;
  }

  add(rows: Record<string, Ns>): ClockEvent[] {
    const columns = Object.fromEntries(
      Object.entries(rows).map(([name, value]) => [name, typeof value === "bigint" ? BigInt64Array.of(value) : value]),
    );
    const { readings } = readEvidence([
      { kind: this.kind, ...columns } as unknown as Evidence,
      { kind: "constant", offset: 0n },
    ]);
    const { from, values, holdsOffsets, uncertainty, roundTrip, states } = readings[0]!;
    const follower = this.#follower;
    for (let i = 0; i < from.length; i++) {
      follower.pairs++;
      if (states[i] === INVALID) follower.rejected++;
      else if (this.#envelope !== undefined) this.#envelope.take(from[i]!, values[i]!);
      else {
        const row: Row = {
          from: from[i]!,
          offset: holdsOffsets ? values[i]! : values[i]! - from[i]!,
          half: roundTrip === undefined ? Number.NaN : Number(roundTrip[i]!) / 2e9,
          sigma: uncertainty === undefined ? Number.NaN : Math.max(1, Number(uncertainty[i]!)) / 1e9,
        };
        follower.take(row);
      }
    }
    const told = follower.told;
    follower.told = [];
    return told;
  }

  get settled(): bigint | undefined {
    const { current, past } = this.#follower;
    const stretch = current !== undefined && current.knots.length > 0 ? current : past.at(-1);
    const knot = stretch?.knots.at(-1);
    return knot && stretch!.base.from + BigInt(Math.round(knot.time * 1e9));
  }

  map(): ClockMap {
    let follower = this.#follower;
    if (follower.current === undefined) {
      if (follower.warm.length === 0)
        throw new AlignError("CLOCK_TOO_LITTLE_EVIDENCE", "no clock map: there is no evidence yet", {});
      follower = follower.preview();
    }
    const { current, past, model } = follower;
    current!.pairs = follower.pairs;
    current!.rejected = follower.rejected;
    const stretches = [...past, current!].map((stretch) => {
      const { first, last, base, knots, dropped } = stretch;
      const start = dropped > 0 ? base.from + BigInt(Math.round(knots[0]!.time * 1e9)) : first;
      const pieces = stretch.pieces(model);
      const sizes = [...knots, ...stretch.smoothed(stretch.pending.length, model)].map(({ residual }) =>
        Math.abs(residual * 1e9),
      );
      return { stretch, start, end: last, pieces, sizes };
    });
    const segments = placeStretches(stretches).map(({ stretch: i, start, end, pieces }): SegmentPieces => {
      const { stretch, sizes } = stretches[i]!;
      const { pairs, rejected } = stretch;
      const residuals = { residualP50Ns: quantile(sizes, 0.5), residualP99Ns: quantile(sizes, 0.99) };
      return { start, end, pairs, rejected, ...residuals, pieces };
    });
    return new ClockMap(segments, follower.events);
  }
}
