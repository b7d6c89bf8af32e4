/** Copies `length` bits into zero bits; whole bytes where both places are at a byte. */
export function copyBits(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  let done = 0;
  if (((start | at) & 7) === 0) {
    to.set(from.subarray(start >> 3, (start + length) >> 3), at >> 3);
    done = length & ~7;
  }
  for (; done < length; done++) {
    const bit = (from[(start + done) >> 3]! >> ((start + done) & 7)) & 1;
    to[(at + done) >> 3]! |= bit << ((at + done) & 7);
  }
}

/** Sets `length` bits to 1. */
export function setBits(bits: Uint8Array, at: number, length: number): void {
  let i = at;
  const end = at + length;
  for (; i < end && (i & 7) !== 0; i++) bits[i >> 3]! |= 1 << (i & 7);
  if (i + 8 <= end) {
    bits.fill(0xff, i >> 3, end >> 3);
    i = end & ~7;
  }
  for (; i < end; i++) bits[i >> 3]! |= 1 << (i & 7);
}

/** How many of `length` bits are 1. */
export function countBits(bits: Uint8Array, at: number, length: number): number {
  let count = 0;
  for (let i = at; i < at + length; i++) count += (bits[i >> 3]! >> (i & 7)) & 1;
  return count;
}
