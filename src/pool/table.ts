import { type Data, type RecordBatch, type Schema, Table, type Vector } from "apache-arrow";
import {
  type AlignedTagInput,
  alignBlock,
  alignedBatch,
  alignedSchema,
  dataAt,
  emptyTally,
  type FrameColumns,
  type PlanPlaces,
  type Provenance,
  placeFrames,
  placesOfPlan,
  planAt,
  planTags,
  statisticsBytes,
  type TagStatistics,
} from "../align/index.ts";
import { AlignError } from "../errors.ts";
import type { Place, Region } from "../kernels/index.ts";
import type { Engine } from "./engine.ts";
import { Slots } from "./slots.ts";
import type { AlignedGroup, AlignTask } from "./task.ts";

/** Rows of a row group: fixed, so that the bytes do not depend on how the work is cut. */
const groupRows = 16_384;

/** Cells (a tag at a frame) of a task: some milliseconds of work, many times what it costs to hand a task over. */
const taskCells = 400_000;

/** Address space of a task for its scratch and its results; only what is used of it takes memory. */
const slotBytes = 48 * 2 ** 20;

/** How much more a task gets that does not fit, which only lists can make happen. */
const largeSlot = 16;

/** Below so many cells threads would take longer to start than the work takes. */
const fewCells = 4_000_000;

export function isWorthThreads(frames: number, tags: number): boolean {
  return frames * tags >= fewCells;
}

export interface TableOptions {
  provenance: Provenance;
  metadata: ReadonlyMap<string, string>;
  previousFrameNs?: bigint | undefined;
}

/** Neighbouring tags over one row group, in the engine's memory until it is released. */
export interface TablePart {
  start: number;
  end: number;
  /** Columns of the tags, in the schema's order. */
  columns: readonly Data[];
  isLastOfGroup: boolean;
  release(): void;
}

/** The aligned table of a capture, made in an engine's memory, part by part. */
export class AlignedTable {
  readonly schema: Schema;
  /** Number of rows. */
  readonly length: number;
  readonly #engine: Engine;
  readonly #frames: FrameColumns;
  readonly #time: Place;
  readonly #options: TableOptions;
  readonly #plans: PlanPlaces[];
  readonly #samples: number[];

  constructor(engine: Engine, frames: FrameColumns, tags: readonly AlignedTagInput[], options: TableOptions) {
    const { arena, kernels } = engine;
    this.#engine = engine;
    this.#options = options;
    this.#frames = placeFrames(arena, frames);
    this.#time = arena.placeOf(this.#frames.time);
    this.length = frames.time.length;
    const plans = planTags(kernels, tags);
    this.schema = alignedSchema(plans, options.provenance, options.metadata);
    this.#plans = plans.map((plan, at) => placesOfPlan(arena, plan, at));
    this.#samples = plans.map((plan) => plan.times.length);
  }

  /**
   * All parts, in the order in which a file holds them.
   *
   * @param held how many of them are not released before the next is asked for: each one, a row group's, or all
   */
  async *parts(held: "part" | "group" | "all"): AsyncGenerator<TablePart, void, undefined> {
    const tagsPerTask = Math.max(1, Math.floor(taskCells / groupRows));
    const ranges = rangesOf(this.#plans.length, tagsPerTask);
    const groups = Math.max(1, Math.floor(taskCells / (groupRows * Math.max(1, this.#plans.length))));
    const count =
      held === "all" ? Infinity : this.#engine.concurrency + (held === "group" ? ranges.length : 0);
    const slots = new Slots(this.#engine.arena, count, slotBytes);
    for await (const { task, region, result } of this.#aligned(ranges, groups * groupRows, slots)) {
      for (const [at, group] of result.entries()) {
        yield {
          start: group.start,
          end: group.end,
          columns: this.#columns(task, group),
          isLastOfGroup: task.plans.at(-1) === this.#plans.at(-1),
          release: at === result.length - 1 ? () => slots.give(region) : () => undefined,
        };
      }
    }
  }

  /** A row group whose parts are all there. */
  batch(parts: readonly TablePart[]): RecordBatch {
    const { start, end } = parts[0] as TablePart;
    return alignedBatch(
      this.schema,
      this.#frames,
      start,
      end,
      parts.flatMap(({ columns }) => columns),
    );
  }

  /** All rows at once, in the engine's memory. */
  async whole(): Promise<Table> {
    const batches: RecordBatch[] = [];
    let group: TablePart[] = [];
    for await (const part of this.parts("all")) {
      group.push(part);
      if (!part.isLastOfGroup) continue;
      batches.push(this.batch(group));
      group = [];
    }
    return new Table(this.schema, batches);
  }

  /** One row; it holds until the engine is used again. */
  row(at: number): RecordBatch {
    const { arena, kernels } = this.#engine;
    const mark = arena.mark();
    const time = this.#frames.time.subarray(at, at + 1);
    const previousNs = at === 0 ? this.#options.previousFrameNs : this.#frames.time[at - 1];
    const plans = this.#plans.map((places) => planAt(arena, places));
    const columns = alignBlock(kernels, plans, { time, start: at, previousNs }, this.#options.provenance);
    arena.release(mark);
    return alignedBatch(this.schema, this.#frames, at, at + 1, columns);
  }

  /** What the join did for each tag over all frames, in the tags' order. */
  async statistics(): Promise<TagStatistics[]> {
    const { arena } = this.#engine;
    const mark = arena.mark();
    const most = Math.max(1, Math.floor((2 * taskCells) / Math.max(1, this.length)));
    const tagsPerTask = Math.min(most, Math.max(1, this.#plans.length));
    const slots = new Slots(arena, this.#engine.concurrency, tagsPerTask * statisticsBytes(this.length));
    const found: TagStatistics[] = [];
    const tasks = rangesOf(this.#plans.length, tagsPerTask);
    const work = async (): Promise<void> => {
      for (let range = tasks.shift(); range !== undefined; range = tasks.shift()) {
        const region = slots.take() as Region;
        const plans = this.#plans.slice(range.start, range.end);
        const { statistics } = await this.#engine.perform({
          kind: "statistics",
          region,
          frames: this.#rows(0, this.length),
          plans,
          tallies: plans.map(() => emptyTally),
          samples: this.#samples.slice(range.start, range.end),
        });
        for (const [at, one] of (statistics ?? []).entries()) found[range.start + at] = one;
        slots.give(region);
      }
    };
    const done = await Promise.allSettled(Array.from({ length: this.#engine.concurrency }, work));
    arena.release(mark);
    for (const one of done) if (one.status === "rejected") throw one.reason;
    return found;
  }

  async *#aligned(ranges: readonly Range[], rows: number, slots: Slots) {
    const tasks = this.#tasks(ranges, rows);
    const underWay: { task: AlignTask; region: Region; result: Promise<AlignedGroup[]> }[] = [];
    let next = tasks.next();
    try {
      for (;;) {
        while (next.done !== true) {
          const region = slots.take();
          if (region === undefined) break;
          const task = { ...next.value, region };
          const result = this.#engine.perform(task);
          // A failure is met where the result is awaited, which may be much later.
          result.catch(() => undefined);
          underWay.push({ task, region, result });
          next = tasks.next();
        }
        const first = underWay.shift();
        if (first === undefined) return;
        yield await this.#finished(first.task, first.region, first.result, slots);
      }
    } finally {
      // Whatever ends this early, no thread may go on writing into memory that is used for something else.
      await Promise.allSettled(underWay.map(({ result }) => result));
    }
  }

  async #finished(task: AlignTask, region: Region, result: Promise<AlignedGroup[]>, slots: Slots) {
    try {
      return { task, region, result: await result };
    } catch (cause) {
      if (!(cause instanceof AlignError) || cause.code !== "USAGE_TOO_LARGE") throw cause;
      slots.give(region);
      const large = slots.takeLarge(largeSlot);
      return { task, region: large, result: await this.#engine.perform({ ...task, region: large }) };
    }
  }

  *#tasks(ranges: readonly Range[], rows: number): Generator<Omit<AlignTask, "region">, void, undefined> {
    const { provenance } = this.#options;
    for (let start = 0; start < this.length; start += rows) {
      const frames = this.#rows(start, Math.min(start + rows, this.length));
      for (const range of ranges) {
        const plans = this.#plans.slice(range.start, range.end);
        yield { kind: "align", frames, groupRows, plans, provenance };
      }
    }
  }

  #rows(start: number, end: number) {
    return { time: this.#time, start, end, previousNs: this.#options.previousFrameNs };
  }

  #columns({ plans, provenance }: AlignTask, { columns }: AlignedGroup): Data[] {
    const perTag = provenance === "full" ? 3 : 1;
    const frameColumns = this.schema.fields.length - this.#plans.length * perTag;
    return columns.map((places, at) => {
      const plan = plans[Math.floor(at / perTag)] as PlanPlaces;
      const field = this.schema.fields[frameColumns + plan.dictionaryId * perTag + (at % perTag)];
      return dataAt(this.#engine.arena, places, field!.type, this.#dictionary(plan));
    });
  }

  #dictionary(places: PlanPlaces): Vector | undefined {
    if (places.column.type !== "text") return undefined;
    const { column } = planAt(this.#engine.arena, places);
    return column.type === "text" ? column.dictionary : undefined;
  }
}

interface Range {
  start: number;
  end: number;
}

/** 0 .. count in pieces of `size`; one empty piece where there is nothing. */
function rangesOf(count: number, size: number): Range[] {
  return Array.from({ length: Math.max(1, Math.ceil(count / size)) }, (_, at) => ({
    start: at * size,
    end: Math.min(count, (at + 1) * size),
  }));
}
