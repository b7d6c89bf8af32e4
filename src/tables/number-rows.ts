import { type Column, isValid } from "./database.ts";
import type { Track } from "./track.ts";

/** Rows of a long table: each belongs to the tag at position `codes[row]`. */
export interface TimedRows {
  readonly codes: Uint32Array;
  /** The two halves of each row's time, low before high, where `valid` says that it has one. */
  readonly words: Uint32Array;
  readonly valid: Uint32Array | null;
}

/** Samples of a tag that are gathered before its track gets them. */
const slot = 128;

/**
 * The rows of most long tables, one number a tag: they are gathered in flat arrays, a slot a tag, because neighbouring
 * rows are of different tags and what a track is made of would be found in the cache no more.
 */
export class NumberRows {
  readonly #tracks: readonly Track[];
  readonly #fill: Int32Array;
  readonly #words: Uint32Array;
  readonly #values: Float64Array;
  readonly #statuses: Uint32Array;
  /** 1 where a value of the slot is missing or a status is not good. */
  readonly #isMarked: Uint8Array;

  constructor(tracks: readonly Track[]) {
    this.#tracks = tracks;
    this.#fill = new Int32Array(tracks.length);
    this.#words = new Uint32Array(2 * slot * tracks.length);
    this.#values = new Float64Array(slot * tracks.length);
    this.#statuses = new Uint32Array(slot * tracks.length);
    this.#isMarked = new Uint8Array(tracks.length);
  }

  append(
    { codes, words, valid }: TimedRows,
    rowCount: number,
    column: Column,
    statuses: Uint32Array | undefined,
  ): void {
    const [fill, ownWords, values, ownStatuses] = [this.#fill, this.#words, this.#values, this.#statuses];
    const items = column.items as Float64Array;
    const there = column.valid;
    for (let row = 0; row < rowCount; row++) {
      if (valid !== null && !isValid(valid, row)) continue;
      const tag = codes[row]!;
      if (fill[tag] === slot) this.#flush(tag);
      const at = tag * slot + fill[tag]!;
      fill[tag]! += 1;
      ownWords[2 * at] = words[2 * row]!;
      ownWords[2 * at + 1] = words[2 * row + 1]!;
      const isThere = there === null || isValid(there, row);
      const value = isThere ? items[row]! : Number.NaN;
      const status = statuses === undefined ? 0 : statuses[row]!;
      values[at] = value;
      ownStatuses[at] = status;
      if (status !== 0 || Number.isNaN(value)) this.#isMarked[tag] = 1;
    }
  }

  /** Hands over what is left. */
  end(): void {
    for (let tag = 0; tag < this.#tracks.length; tag++) this.#flush(tag);
  }

  #flush(tag: number): void {
    const track = this.#tracks[tag]!;
    const first = tag * slot;
    const end = first + this.#fill[tag]!;
    for (let at = first; at < end; ) {
      if (track.fill === track.room) track.makeRoom();
      const count = Math.min(end - at, track.room - track.fill);
      track.words.set(this.#words.subarray(2 * at, 2 * (at + count)), 2 * track.fill);
      const member = track.members[0]!;
      (member.values as Float64Array).set(this.#values.subarray(at, at + count), track.fill);
      if (this.#isMarked[tag] === 1) {
        for (let i = 0; i < count; i++) {
          const hasValue = !Number.isNaN(this.#values[at + i]);
          if (!hasValue) member.values[track.fill + i] = 0;
          member.setStatus(track.fill + i, this.#statuses[at + i]!, hasValue);
        }
      }
      track.fill += count;
      at += count;
    }
    this.#fill[tag] = 0;
    this.#isMarked[tag] = 0;
  }
}
