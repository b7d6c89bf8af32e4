import { grown } from "./store.ts";

/** A set of row numbers, a bit each. */
export class RowSet {
  #bits = new Uint8Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(row: number): void {
    const byte = Math.floor(row / 8);
    this.#makeRoom(byte + 1);
    const bit = 1 << (row % 8);
    if ((this.#bits[byte]! & bit) !== 0) return;
    this.#bits[byte]! |= bit;
    this.#size += 1;
  }

  /** Makes an empty set one of all rows below `end`. */
  addBelow(end: number): void {
    const bytes = Math.floor(end / 8);
    this.#makeRoom(bytes);
    this.#bits.fill(0xff, 0, bytes);
    this.#size = 8 * bytes;
    for (let row = 8 * bytes; row < end; row++) this.add(row);
  }

  #makeRoom(bytes: number): void {
    if (bytes > this.#bits.length) this.#bits = grown(this.#bits, 2 * bytes);
  }

  /** The rows at these places among the set's own rows, which are counted from 0 in ascending order. */
  rowsAt(places: readonly number[]): number[] {
    const wanted = [...places].sort((a, b) => a - b);
    const rows: number[] = [];
    let place = 0;
    for (let row = 0; rows.length < wanted.length && row < 8 * this.#bits.length; row++) {
      if (((this.#bits[row >>> 3]! >>> (row & 7)) & 1) === 0) continue;
      if (place++ === wanted[rows.length]) rows.push(row);
    }
    return rows;
  }
}
