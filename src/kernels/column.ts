import { AlignError } from "../errors.ts";
import type { Arena, Column } from "./arena.ts";
import { bitmapBytes } from "./arena.ts";

/**
 * The address of a column for a kernel.
 *
 * @throws AlignError BUG_KERNEL_ARGUMENT where the column is not in the arena, or has fewer than `length` entries
 */
export function address(arena: Arena, name: string, column: Column, length: number): number {
  if (column.buffer !== arena.buffer) {
    throw new AlignError("BUG_KERNEL_ARGUMENT", `${name} is not in the kernel memory`);
  }
  if (column.length < length) {
    throw new AlignError("BUG_KERNEL_ARGUMENT", `${name} has ${column.length} entries, ${length} are needed`);
  }
  return column.byteOffset;
}

/** The address of a column that may be absent: 0 where it is. */
export function optional(arena: Arena, name: string, column: Column | undefined, length: number): number {
  return column === undefined ? 0 : address(arena, name, column, length);
}

/** The address of a bitmap that a kernel reads: `length` bits. */
export function bitsIn(arena: Arena, name: string, bitmap: Uint8Array | undefined, length: number): number {
  return optional(arena, name, bitmap, Math.ceil(length / 8));
}

/** The address of a bitmap that a kernel writes, in whole 64-bit words. */
export function bitsOut(arena: Arena, name: string, bitmap: Uint8Array, length: number): number {
  return address(arena, name, bitmap, bitmapBytes(length));
}

/** An inclusive limit as the u64 that kernels compare distances with; absent is no limit. */
export function limit(name: string, value: bigint | undefined): bigint {
  if (value === undefined || value > MOST_DISTANCE) return MOST_DISTANCE;
  if (value < 0n) throw new AlignError("BUG_KERNEL_ARGUMENT", `${name} is negative: ${value}`);
  return value;
}

const MOST_DISTANCE = 0xffff_ffff_ffff_ffffn;
