import type { SampleStore, ValueType } from "../samples.ts";
import { arrange } from "./arrange.ts";
import { type Chunk, type Column, isValid } from "./database.ts";
import { ListSamples } from "./lists.ts";
import type { BlockLog } from "./log.ts";
import { NumberRows, type TimedRows } from "./number-rows.ts";
import { type QualityPlan, readStatuses } from "./quality.ts";
import { PlacedTrack, storeOfMember, storeOfSamples } from "./series.ts";
import { type FlatType, Member, Track } from "./track.ts";
import type { ValuePlan } from "./values.ts";

/** Rows of a long table. */
export interface LongRows extends TimedRows {
  readonly chunk: Chunk;
  /** Reads the third column. */
  readonly quality: QualityPlan | undefined;
}

/** One tag: a track with a member for each flat type that it is read as, and a list where it is read as one. */
interface TagSamples {
  readonly track: Track;
  readonly columns: number[];
  list?: { readonly samples: ListSamples; readonly column: number };
  stores: Map<ValueType, SampleStore>;
}

/** The samples of every tag of a long table, while they are read. */
export class TagRows {
  readonly #tags: TagSamples[];
  readonly #tracks: Track[];
  readonly #seen: Uint8Array;
  #statuses = new Uint32Array(0);
  #numbers: NumberRows | "mixed" | undefined;

  constructor(log: BlockLog, tags: number) {
    this.#seen = new Uint8Array(tags);
    this.#tags = Array.from({ length: tags }, () => ({
      track: new Track(log, []),
      columns: [],
      stores: new Map(),
    }));
    this.#tracks = this.#tags.map(({ track }) => track);
  }

  get tags(): number {
    return this.#tags.length;
  }

  /** Reads a tag as a type, out of the query's column at position `column`. */
  ask(tag: number, plan: ValuePlan, column: number): void {
    const samples = this.#tags[tag]!;
    const { members } = samples.track;
    if (plan.type === "list") samples.list ??= { samples: new ListSamples(plan), column };
    else if (!members.some(({ type }) => type === plan.type)) {
      members.push(new Member(plan.type, samples.track.room));
      samples.columns.push(column);
    }
  }

  noteSeen(tag: number): void {
    this.#seen[tag] = 1;
  }

  isSeen(tag: number): boolean {
    const { track } = this.#tags[tag]!;
    return this.#seen[tag] === 1 || track.fill > 0 || track.blocks.length > 0;
  }

  append(rows: LongRows): void {
    const { chunk, quality } = rows;
    if (this.#statuses.length < chunk.rowCount) this.#statuses = new Uint32Array(chunk.rowCount);
    const statuses = quality && readStatuses(quality, chunk.column(2), this.#statuses);
    this.#numbers ??= this.#isPlain ? new NumberRows(this.#tracks) : "mixed";
    if (this.#numbers === "mixed") this.#appendCells(rows, statuses);
    else this.#numbers.append(rows, chunk.rowCount, chunk.column(this.#tags[0]!.columns[0]!), statuses);
  }

  /** Whether every tag is one number out of the same column. */
  get #isPlain(): boolean {
    const column = this.#tags[0]!.columns[0];
    return this.#tags.every(
      ({ track, columns, list }) =>
        list === undefined &&
        track.members[0]?.type === "number" &&
        columns.length === 1 &&
        columns[0] === column,
    );
  }

  /** Says that all rows were appended. */
  end(): void {
    if (this.#numbers instanceof NumberRows) this.#numbers.end();
  }

  #appendCells({ chunk, codes, words, valid }: LongRows, statuses: Uint32Array | undefined): void {
    const read: Column[] = [];
    const column = (at: number) => (read[at] ??= chunk.column(at));
    for (let row = 0; row < chunk.rowCount; row++) {
      if (!isValid(valid, row)) continue;
      const { track, columns, list } = this.#tags[codes[row]!]!;
      const [low, high] = [words[2 * row]!, words[2 * row + 1]!];
      const status = statuses?.[row] ?? 0;
      const at = track.put(low, high);
      for (let k = 0; k < columns.length; k++) {
        const member = track.members[k]!;
        member.setStatus(at, status, member.set(at, column(columns[k]!), row));
      }
      if (list === undefined) continue;
      const hasValue = list.samples.append(low, high, column(list.column), row);
      list.samples.setStatus(status, hasValue);
    }
  }

  /** Puts every tag in time order; returns how many samples fell because a later one is of the same instant. */
  arrange(): number {
    let duplicates = 0;
    for (const { track, list, stores } of this.#tags) {
      const dropped = arrange(track, false);
      duplicates += dropped;
      const placed = new PlacedTrack(track);
      for (const member of track.members) stores.set(member.type, storeOfMember(placed, member));
      if (list !== undefined) stores.set("list", storeOfSamples(list.samples.finish(false).samples));
    }
    return duplicates;
  }

  store(tag: number, type: FlatType | "list"): SampleStore {
    return this.#tags[tag]!.stores.get(type)!;
  }
}
