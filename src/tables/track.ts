import { type Column, isValid } from "./database.ts";
import type { BlockLog, Cells } from "./log.ts";
import { STATUS_NO_DATA } from "./quality.ts";
import { grown } from "./store.ts";

/** Types whose values are one cell a sample. */
export type FlatType = "number" | "integer" | "boolean" | "text";

/** Up to `blockLength` neighbouring times. */
export interface TimeBlock {
  readonly length: number;
  /** Where the times lie in the log. */
  readonly times: number;
  readonly min: bigint;
  readonly max: bigint;
  /** Whether the times ascend, and whether equal ones are among them. */
  readonly order: "strict" | "equal" | "unsorted";
}

/** What belongs to a block of times: addresses in the log. */
export interface CellBlock {
  readonly values: number;
  /** -1 where every sample is good. */
  readonly status: number;
  /** Samples whose severity is uncertain, and bad. */
  readonly uncertain: number;
  readonly bad: number;
}

const firstRoom = 64;

/** Values of one tag beside the times of a track. */
export class Member {
  readonly type: FlatType;
  readonly dictionary: string[] = [];
  blocks: CellBlock[] = [];
  /** The open block's values; numbers are written by whoever reads fast. */
  values: Cells;
  #status: Uint32Array | undefined;
  #hasStatus = false;
  readonly #codeOf = new Map<string, number>();

  constructor(type: FlatType, room = firstRoom) {
    this.type = type;
    this.values = cellsOf(type, room);
  }

  /** Copies one cell to a position of the open block; false where it holds no value. */
  set(position: number, column: Column, row: number): boolean {
    if (this.type === "text") return this.#setText(position, (column.items as readonly string[])[row]);
    const value = (column.items as Float64Array)[row]!;
    const isThere = isValid(column.valid, row) && !Number.isNaN(value);
    this.values[position] = isThere ? value : ((this.type === "integer" ? 0n : 0) as number);
    return isThere;
  }

  /** Copies the cells of neighbouring rows; false, and nothing is said of them, unless all are numbers. */
  setNumbers(position: number, column: Column, start: number, end: number): boolean {
    if (this.type !== "number") return false;
    const items = column.items as Float64Array;
    const values = this.values as Float64Array;
    for (let row = start, at = position; row < end; row++, at++) {
      const value = items[row]!;
      if (Number.isNaN(value) || !isValid(column.valid, row)) return false;
      values[at] = value;
    }
    return true;
  }

  #setText(position: number, text: string | null | undefined): boolean {
    let code = text === null || text === undefined ? 0 : this.#codeOf.get(text);
    if (code === undefined) {
      code = this.dictionary.push(text as string) - 1;
      this.#codeOf.set(text as string, code);
    }
    this.values[position] = code;
    return text !== null && text !== undefined;
  }

  /** A cell without a value is Bad_NoData, unless its own quality is bad already. */
  setStatus(position: number, status: number, hasValue: boolean): void {
    const code = hasValue || status >>> 30 >= 2 ? status : STATUS_NO_DATA;
    if (code === 0) return;
    this.#status ??= new Uint32Array(this.values.length);
    this.#status[position] = code;
    this.#hasStatus = true;
  }

  /** Forgets the statuses of the open block from a position on. */
  clearFrom(position: number): void {
    this.#status?.fill(0, position);
  }

  grow(room: number): void {
    this.values = grown(this.values, room);
    if (this.#status !== undefined) this.#status = grown(this.#status, room);
  }

  seal(log: BlockLog, length: number): void {
    const status = this.#hasStatus ? this.#status : undefined;
    this.blocks.push(cellBlock(log, this.values, status, length));
    this.#status?.fill(0);
    this.#hasStatus = false;
  }
}

export function cellBlock(
  log: BlockLog,
  values: Cells,
  status: Uint32Array | undefined,
  length: number,
): CellBlock {
  let [uncertain, bad] = [0, 0];
  for (let i = 0; status !== undefined && i < length; i++) {
    const severity = status[i]! >>> 30;
    if (severity >= 2) bad += 1;
    else if (severity === 1) uncertain += 1;
  }
  const address = status === undefined ? -1 : log.append(status, length);
  return { values: log.append(values, length), status: address, uncertain, bad };
}

export function cellsOf(type: FlatType, length: number): Cells {
  switch (type) {
    case "number":
      return new Float64Array(length);
    case "integer":
      return new BigInt64Array(length);
    case "boolean":
      return new Uint8Array(length);
    case "text":
      return new Int32Array(length);
  }
}

/** Times in reading order, block by block, and the values of every tag that has a sample at each of them. */
export class Track {
  readonly log: BlockLog;
  readonly members: Member[];
  blocks: TimeBlock[] = [];
  /** The open block: its times, the same as 32-bit words, and how many there are. */
  times: BigInt64Array;
  words: Uint32Array;
  fill = 0;
  room: number;

  constructor(log: BlockLog, members: Member[], room = firstRoom) {
    this.log = log;
    this.members = members;
    this.room = Math.min(room, log.limits.blockLength);
    this.times = new BigInt64Array(this.room);
    this.words = new Uint32Array(this.times.buffer);
  }

  /** Makes room for at least one sample more. */
  makeRoom(): void {
    const { blockLength } = this.log.limits;
    if (this.fill < this.room) return;
    if (this.fill === blockLength) {
      this.seal();
      return;
    }
    this.room = Math.min(4 * this.room, blockLength);
    this.times = grown(this.times, this.room);
    this.words = new Uint32Array(this.times.buffer);
    for (const member of this.members) member.grow(this.room);
  }

  /** Adds the time with these halves; returns its position in the open block. */
  put(low: number, high: number): number {
    if (this.fill === this.room) this.makeRoom();
    const at = this.fill++;
    this.words[2 * at] = low;
    this.words[2 * at + 1] = high;
    return at;
  }

  /** Closes the open block. */
  seal(): void {
    if (this.fill === 0) return;
    this.blocks.push(timeBlock(this.log, this.times, this.fill));
    for (const member of this.members) member.seal(this.log, this.fill);
    this.fill = 0;
  }

  /** Takes a member out, into a track of its own that holds the same times so far. */
  leave(member: Member): Track {
    this.members.splice(this.members.indexOf(member), 1);
    const own = new Track(this.log, [member], this.room);
    own.times.set(this.times);
    own.blocks = [...this.blocks];
    own.fill = this.fill;
    return own;
  }
}

export function timeBlock(log: BlockLog, times: BigInt64Array, length: number): TimeBlock {
  let order: TimeBlock["order"] = "strict";
  // Positions, because a bigint kept from one round to the next would be an allocation.
  let [min, max] = [0, 0];
  for (let i = 1; i < length; i++) {
    if (times[i]! > times[max]!) max = i;
    else if (times[i] !== times[max]) {
      order = "unsorted";
      if (times[i]! < times[min]!) min = i;
    } else if (order === "strict") order = "equal";
  }
  return { length, times: log.append(times, length), min: times[min]!, max: times[max]!, order };
}
