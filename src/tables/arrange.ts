import type { Cells } from "./log.ts";
import { lastOfEach, sortedPositions } from "./order.ts";
import {
  type CellBlock,
  cellBlock,
  cellsOf,
  type Member,
  type TimeBlock,
  type Track,
  timeBlock,
} from "./track.ts";

/**
 * Puts a track in time order, stably, and lets all samples of an instant but the last fall, unless equal times are kept.
 * Returns how many fell; `onDrop` is told which, as positions in reading order.
 *
 * Blocks whose spans of time touch are put in order together, the others stay as they are: memory is bounded by how far
 * rows are out of place.
 */
export function arrange(track: Track, keepsEqual: boolean, onDrop?: (position: number) => void): number {
  track.seal();
  if (isArranged(track.blocks, keepsEqual)) return 0;
  const { blocks, members } = track;
  const starts = new Float64Array(blocks.length);
  for (let i = 1; i < blocks.length; i++) starts[i] = starts[i - 1]! + blocks[i - 1]!.length;
  const cells = members.map((member) => member.blocks);
  track.blocks = [];
  for (const member of members) member.blocks = [];
  let dropped = 0;
  for (const group of touching(blocks)) {
    const [only] = group;
    if (group.length === 1 && isArranged([blocks[only!]!], keepsEqual)) {
      track.blocks.push(blocks[only!]!);
      for (const [at, member] of members.entries()) member.blocks.push(cells[at]![only!]!);
      continue;
    }
    const parts = group.map((at) => blocks[at]!);
    const times = joinedTimes(track, parts);
    const sorted = sortedPositions(times);
    const ordered = sorted === undefined ? times : taken(times, sorted);
    const last = keepsEqual ? undefined : lastOfEach(ordered);
    const positions = composed(sorted, last);
    if (last !== undefined) {
      dropped += times.length - last.length;
      if (onDrop !== undefined) noteDropped(group, blocks, starts, positions!, times.length, onDrop);
    }
    appendTimes(track, positions === undefined ? times : taken(times, positions));
    for (const [at, member] of members.entries()) {
      const own = group.map((block) => cells[at]![block]!);
      appendCells(track, member, parts, own, positions);
    }
  }
  return dropped;
}

function isArranged(blocks: readonly TimeBlock[], keepsEqual: boolean): boolean {
  return blocks.every((block, at) => {
    const before = blocks[at - 1];
    if (block.order === "unsorted" || (block.order === "equal" && !keepsEqual)) return false;
    return before === undefined || before.max < block.min || (keepsEqual && before.max === block.min);
  });
}

/** Groups of blocks, by time, whose spans do not touch those of another group; in a group they are in reading order. */
function touching(blocks: readonly TimeBlock[]): number[][] {
  const byTime = blocks.map((_, at) => at);
  byTime.sort((a, b) => (blocks[a]!.min < blocks[b]!.min ? -1 : blocks[a]!.min > blocks[b]!.min ? 1 : a - b));
  const groups: number[][] = [];
  let max = 0n;
  for (const at of byTime) {
    const { min, max: own } = blocks[at]!;
    const group = groups.at(-1);
    if (group !== undefined && min <= max) group.push(at);
    else groups.push([at]);
    if (group === undefined || min > max || own > max) max = own;
  }
  for (const group of groups) group.sort((a, b) => a - b);
  return groups;
}

function joinedTimes(track: Track, parts: readonly TimeBlock[]): BigInt64Array {
  const times = new BigInt64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const { times: address, length } of parts) {
    track.log.read(address, times.subarray(at, at + length));
    at += length;
  }
  return times;
}

function composed(sorted: Int32Array | undefined, last: Int32Array | undefined): Int32Array | undefined {
  if (sorted === undefined || last === undefined) return sorted ?? last;
  return taken(sorted, last);
}

function taken<C extends Cells>(cells: C, positions: Int32Array): C {
  const result = new (cells.constructor as new (length: number) => C)(positions.length);
  for (let i = 0; i < positions.length; i++) result[i] = cells[positions[i]!]!;
  return result;
}

function noteDropped(
  group: readonly number[],
  blocks: readonly TimeBlock[],
  starts: Float64Array,
  positions: Int32Array,
  length: number,
  onDrop: (position: number) => void,
): void {
  const kept = new Uint8Array(length);
  for (const position of positions) kept[position] = 1;
  let at = 0;
  for (const block of group) {
    for (let i = 0; i < blocks[block]!.length; i++, at++) if (kept[at] === 0) onDrop(starts[block]! + i);
  }
}

function appendTimes({ blocks, log }: Track, times: BigInt64Array): void {
  for (const part of cut(times, log.limits.blockLength)) blocks.push(timeBlock(log, part, part.length));
}

function appendCells(
  { log }: Track,
  member: Member,
  parts: readonly TimeBlock[],
  own: readonly CellBlock[],
  positions: Int32Array | undefined,
): void {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const values = cellsOf(member.type, length);
  const status = own.some((block) => block.status >= 0) ? new Uint32Array(length) : undefined;
  let at = 0;
  for (const [index, block] of own.entries()) {
    const end = at + parts[index]!.length;
    log.read(block.values, values.subarray(at, end));
    if (block.status >= 0) log.read(block.status, status!.subarray(at, end));
    at = end;
  }
  const { blockLength } = log.limits;
  const codes = status && cut(positions === undefined ? status : taken(status, positions), blockLength);
  const runs = cut(positions === undefined ? values : taken(values, positions), blockLength);
  for (const [index, run] of runs.entries()) {
    const code = codes?.[index];
    member.blocks.push(cellBlock(log, run, code?.some((one) => one !== 0) ? code : undefined, run.length));
  }
}

function cut<C extends Cells>(cells: C, length: number): C[] {
  const parts: C[] = [];
  for (let at = 0; at < cells.length; at += length) parts.push(cells.subarray(at, at + length) as C);
  return parts;
}
