import type { SampleStore } from "../samples.ts";
import { arrange } from "./arrange.ts";
import { type Chunk, type Column, isValid } from "./database.ts";
import { ListSamples } from "./lists.ts";
import type { BlockLog } from "./log.ts";
import { RowSet } from "./row-set.ts";
import { PlacedTrack, storeOfMember, storeOfSamples } from "./series.ts";
import { Member, Track } from "./track.ts";
import type { WideQuery } from "./wide-plan.ts";

/** A tag of a wide table while it is read. */
interface TagColumn {
  readonly valueAt: number;
  readonly badAt: number;
  readonly member?: Member;
  readonly list?: ListSamples;
  /** Set once a cell was empty: the tag's own times, and the rows that it has. */
  own?: { readonly track: Track; readonly rows: RowSet };
}

/** Some rows of a chunk. */
interface Rows {
  readonly chunk: Chunk;
  readonly times: BigInt64Array;
  /** Rows that have a time; undefined where all have. */
  readonly timed: Int32Array | undefined;
  readonly statuses: Uint32Array | undefined;
}

/**
 * The samples of every tag of a wide table, while they are read. Tags without empty cells share one track, so that the
 * join computes their indices once; a tag leaves it at its first empty cell.
 */
export class TableRows {
  readonly #keepsEqual: boolean;
  readonly #tags: TagColumn[];
  readonly #whole: Track;
  /** Rows with a time so far; samples are told apart by their number among them. */
  #rows = 0;

  constructor(log: BlockLog, query: WideQuery, keepsEqual: boolean) {
    this.#keepsEqual = keepsEqual;
    this.#whole = new Track(log, []);
    this.#tags = query.plans.map((plan, at) => {
      const column = { valueAt: query.valueAt[at]!, badAt: query.badAt[at]! };
      if (plan.type === "list") {
        const own = { track: new Track(log, []), rows: new RowSet() };
        return { ...column, list: new ListSamples(plan), own };
      }
      const member = new Member(plan.type, this.#whole.room);
      this.#whole.members.push(member);
      return { ...column, member };
    });
  }

  append(
    chunk: Chunk,
    times: BigInt64Array,
    timed: Int32Array | undefined,
    statuses: Uint32Array | undefined,
  ): void {
    const rows = { chunk, times, timed, statuses };
    const count = timed?.length ?? times.length;
    for (const tag of this.#tags) if (tag.own !== undefined) this.#appendOwn(tag, rows, 0, count);
    const whole = this.#whole;
    for (let start = 0; start < count && whole.members.length > 0; ) {
      if (whole.fill === whole.room) whole.makeRoom();
      const end = Math.min(count, start + whole.room - whole.fill);
      for (let i = start; i < end; i++) whole.times[whole.fill + i - start] = times[timed?.[i] ?? i]!;
      for (const tag of this.#tags) {
        if (tag.own === undefined && !this.#appendWhole(tag, rows, start, end))
          this.#leave(tag, rows, start, count);
      }
      whole.fill += end - start;
      start = end;
    }
    this.#rows += count;
  }

  /** Writes the cells of some rows beside the open times; false at the first empty one. */
  #appendWhole(tag: TagColumn, { chunk, timed, statuses }: Rows, start: number, end: number): boolean {
    const column = chunk.column(tag.valueAt);
    const member = tag.member!;
    if (
      statuses === undefined &&
      timed === undefined &&
      member.setNumbers(this.#whole.fill, column, start, end)
    )
      return true;
    let bad: Column | undefined;
    for (let i = start, at = this.#whole.fill; i < end; i++, at++) {
      const row = timed === undefined ? i : timed[i]!;
      const hasValue = member.set(at, column, row);
      if (!hasValue) {
        bad ??= chunk.column(tag.badAt);
        if ((bad.items as Uint8Array)[row] !== 1) return false;
      }
      const status = statuses === undefined ? 0 : statuses[row]!;
      if (status !== 0 || !hasValue) member.setStatus(at, status, hasValue);
    }
    return true;
  }

  /** Gives a tag times of its own; the rest of the chunk from `start` on is read for it alone. */
  #leave(tag: TagColumn, rows: Rows, start: number, count: number): void {
    const track = this.#whole.leave(tag.member!);
    const own = { track, rows: new RowSet() };
    own.rows.addBelow(this.#rows + start);
    tag.member!.clearFrom(track.fill);
    tag.own = own;
    this.#appendOwn(tag, rows, start, count);
  }

  #appendOwn(tag: TagColumn, { chunk, times, timed, statuses }: Rows, start: number, end: number): void {
    const { track, rows } = tag.own!;
    const column = chunk.column(tag.valueAt);
    const words = new Uint32Array(times.buffer, times.byteOffset, times.length * 2);
    let bad: Column | undefined;
    for (let i = start; i < end; i++) {
      const row = timed === undefined ? i : timed[i]!;
      const [low, high] = [words[2 * row]!, words[2 * row + 1]!];
      const status = statuses === undefined ? 0 : statuses[row]!;
      if (tag.list !== undefined) {
        if (!isValid(column.valid, row)) continue;
        tag.list.setStatus(status, tag.list.append(low, high, column, row));
      } else {
        if (track.fill === track.room) track.makeRoom();
        const hasValue = tag.member!.set(track.fill, column, row);
        if (!hasValue) {
          bad ??= chunk.column(tag.badAt);
          if ((bad.items as Uint8Array)[row] !== 1) continue;
        }
        tag.member!.setStatus(track.put(low, high), status, hasValue);
      }
      rows.add(this.#rows + i);
    }
  }

  /**
   * Puts every tag in time order; rows that lost a cell because a later one is of the same instant go to `superseded`.
   * `whole` is the track of tags without empty cells, where other columns of the same table have it already.
   */
  finish(superseded: RowSet, whole?: PlacedTrack): { stores: SampleStore[]; whole: PlacedTrack | undefined } {
    const keepsEqual = this.#keepsEqual;
    const { members } = this.#whole;
    if (members.length > 0) arrange(this.#whole, keepsEqual, (row) => superseded.add(row));
    const track = members.length > 0 ? (whole ?? new PlacedTrack(this.#whole)) : whole;
    const stores = this.#tags.map(({ member, list, own }) => {
      if (own === undefined) return storeOfMember(track!, member!);
      const dropped: number[] = [];
      let store: SampleStore;
      if (list === undefined) {
        arrange(own.track, keepsEqual, (position) => dropped.push(position));
        store = storeOfMember(new PlacedTrack(own.track), member!);
      } else {
        const finished = list.finish(keepsEqual);
        dropped.push(...finished.dropped);
        store = storeOfSamples(finished.samples);
      }
      for (const row of own.rows.rowsAt(dropped)) superseded.add(row);
      return store;
    });
    return { stores, whole: track };
  }
}
