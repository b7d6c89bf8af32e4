import { type Data, type RecordBatch, type Schema, Table, type Vector } from "apache-arrow";
import {
  alignBlock,
  alignedBatch,
  alignedSchema,
  columnsOf,
  dataAt,
  emptyTally,
  type FrameColumns,
  frameColumns,
  type PlanPlaces,
  type Provenance,
  placeFrames,
  planAt,
  statisticsBytes,
  type TagStatistics,
  type Tally,
} from "../align/index.ts";
import { AlignError } from "../errors.ts";
import type { Place, Region } from "../kernels/index.ts";
import type { EncodedChunk } from "../parquet/index.ts";
import type { Engine } from "./engine.ts";
import { type Range, rangesOf, TablePlans, type TableTag } from "./plans.ts";
import { Slots } from "./slots.ts";
import type { AlignedGroup, AlignTask, TaskForms } from "./task.ts";

/** Rows of a row group of a file: fixed, so that the bytes do not depend on how the work is cut. */
const fileGroupRows = 16_384;

/** Rows of a batch in memory: the kernels are fastest over long columns, and each column costs its Arrow objects. */
const wholeGroupRows = 65_536;

/** Tags that share their times look samples up once, which is worth a longer task. */
const sharedCells = 4_000_000;

/** Cells (a tag at a frame) of a task: some milliseconds of work, many times what it costs to hand a task over. */
const taskCells = { values: 3_000_000, more: 400_000 };

/** What a task may need for a cell: its value, where it came from, and scratch for both. */
const cellBytes = { none: 24, full: 40, encoded: 32, more: 64 };

/** Samples that a task reads where they are not in memory from first to last. */
const windowBytes = 16 * 2 ** 20;

/** Below so many cells threads would take longer to start than the work takes. */
const fewCells = 4_000_000;

export function isWorthThreads(frames: number, tags: number): boolean {
  return frames * tags >= fewCells;
}

export interface TableOptions {
  provenance: Provenance;
  metadata: ReadonlyMap<string, string>;
  previousFrameNs?: bigint | undefined;
  /** Bytes of samples that stay in memory from first to last; beyond that they are read again for each window. */
  residentBytes?: number;
}

/** Neighbouring tags over one row group, in the engine's memory until it is released. */
export interface TablePart {
  start: number;
  end: number;
  /** Columns of the tags, in the schema's order. */
  columns: readonly Data[];
  /** The same as Parquet chunks, after those of the frames' own columns in the first part of a row group. */
  chunks: readonly EncodedChunk[];
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
  /** The columns of `#frames`, in the schema's order. */
  readonly #own: [index: Place, time: Place, pts: Place, uncertainty: Place];
  readonly #options: TableOptions;
  readonly #plans: TablePlans;

  constructor(engine: Engine, frames: FrameColumns, tags: readonly TableTag[], options: TableOptions) {
    const { arena, kernels } = engine;
    this.#engine = engine;
    this.#options = options;
    this.#frames = placeFrames(arena, frames);
    const { index, time, pts, uncertainty } = this.#frames;
    const place = (column: BigInt64Array) => arena.placeOf(column);
    this.#own = [place(index), place(time), place(pts), place(uncertainty)];
    this.length = time.length;
    this.#plans = new TablePlans(kernels, tags, time, options);
    this.schema = alignedSchema(this.#plans.columns, options.provenance, options.metadata);
  }

  /**
   * All parts, in the order in which a file holds them.
   *
   * @param held how many of them are not released before the next is asked for: each one, a row group's, or all
   * @param forms what they come as
   */
  async *parts(held: "part" | "group" | "all", forms: TaskForms): AsyncGenerator<TablePart, void, undefined> {
    const groupRows = held === "all" ? wholeGroupRows : fileGroupRows;
    const cells = this.#cells(forms);
    const ranges = this.#ranges(groupRows, cells);
    const widest = Math.max(...ranges.map(({ start, end }) => end - start), 1);
    const rows = this.#rowsPerTask(widest, groupRows, cells);
    const count =
      held === "all" ? Infinity : this.#engine.concurrency + (held === "group" ? ranges.length : 0);
    const slots = new Slots(this.#engine.arena, count, this.#slotBytes(widest, rows, forms.chunks));
    for await (const { task, isLast, regions, result } of this.#aligned(
      ranges,
      { rows, groupRows, forms },
      slots,
    )) {
      for (const [at, group] of result.entries()) {
        yield {
          start: group.start,
          end: group.end,
          columns: this.#columns(task, group),
          chunks: group.chunks.map(({ parts, meta }) => ({
            parts: parts.map((place) => this.#engine.arena.view(place) as Uint8Array),
            meta,
          })),
          isLastOfGroup: isLast,
          release: () => {
            if (at === result.length - 1) for (const region of regions) slots.give(region);
          },
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

  /** All rows at once, in the engine's memory; `meanwhile` is done once the threads have their work. */
  async whole(meanwhile: () => void = () => undefined): Promise<Table> {
    const batches: RecordBatch[] = [];
    let group: TablePart[] = [];
    const parts = this.parts("all", { columns: true, chunks: false });
    const first = parts.next();
    meanwhile();
    for (let next = await first; next.done !== true; next = await parts.next()) {
      const part = next.value;
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
    this.#plans.keep({ start: 0, end: this.#tagCount });
    const mark = arena.mark();
    const { plans: places, region } = this.#plans.for(
      { start: 0, end: this.#tagCount },
      { start: at, end: at + 1 },
      arena.region(arena.free - 65_536),
    );
    const own = kernels.within(region);
    const time = this.#frames.time.subarray(at, at + 1);
    const uncertainty = this.#frames.uncertainty.subarray(at, at + 1);
    const previousNs = at === 0 ? this.#options.previousFrameNs : this.#frames.time[at - 1];
    const plans = places.map((one) => planAt(arena, one));
    const block = { time, start: at, previousNs, uncertainty };
    const columns = alignBlock(own, plans, block, this.#options.provenance);
    arena.release(mark);
    return alignedBatch(this.schema, this.#frames, at, at + 1, columns);
  }

  /** What the join did for each tag over all frames, in the tags' order. */
  async statistics(): Promise<TagStatistics[]> {
    const { arena } = this.#engine;
    this.#plans.keep({ start: 0, end: this.#tagCount });
    const mark = arena.mark();
    const most = Math.max(1, Math.floor(taskCells.values / Math.max(1, this.length)));
    const ranges = rangesOf(this.#tagCount, Math.min(most, Math.max(1, this.#tagCount)));
    const bytes = ranges[0]!.end * statisticsBytes(this.length) + this.#windowBytes;
    const slots = new Slots(arena, this.#engine.concurrency, bytes);
    const found: TagStatistics[] = [];
    const work = async (): Promise<void> => {
      for (let range = ranges.shift(); range !== undefined; range = ranges.shift()) {
        const region = slots.take() as Region;
        for (const [at, one] of (await this.#statisticsOf(range, region)).entries()) {
          found[range.start + at] = one;
        }
        slots.give(region);
      }
    };
    const done = await Promise.allSettled(Array.from({ length: this.#engine.concurrency }, work));
    arena.release(mark);
    for (const one of done) if (one.status === "rejected") throw one.reason;
    return found;
  }

  async #statisticsOf(range: Range, region: Region): Promise<TagStatistics[]> {
    const count = range.end - range.start;
    const own = this.#engine.kernels.within(region).arena;
    const ages = Array.from({ length: count }, () => own.placeOf(own.i64(this.length)));
    const rest = { at: own.mark(), bytes: own.free };
    let tallies: Readonly<Tally>[] = Array.from({ length: count }, () => emptyTally);
    const rows = Math.max(fileGroupRows, this.#rowsInMemory(count));
    for (let start = 0; ; start += rows) {
      const end = Math.min(start + rows, this.length);
      const result = await this.#engine.perform({
        kind: "statistics",
        frames: this.#rows(start, end),
        ...this.#plans.for(range, { start, end }, rest),
        tallies,
        ages,
        ...(end === this.length && { samples: this.#plans.samples(range) }),
      });
      if (result.statistics !== undefined) return result.statistics;
      tallies = result.tallies;
    }
  }

  /** Address space of a task for samples, scratch and results; only what is used of it takes memory. */
  #slotBytes(tags: number, rows: number, encodes: boolean): number {
    const { provenance } = this.#options;
    const isMore = this.#plans.columns.some(({ spec }) => columnsOf(spec, provenance) > 3);
    const perCell = cellBytes[provenance] + (encodes ? cellBytes.encoded : 0) + (isMore ? cellBytes.more : 0);
    const cells = tags * Math.min(rows, this.length);
    return cells * perCell + tags * 8_192 + 2 ** 20 + this.#windowBytes;
  }

  /** Room for samples that are read window by window, and for what lies around them in the same blocks. */
  get #windowBytes(): number {
    return this.#plans.windowBytesPerFrame === 0 ? 0 : 3 * windowBytes;
  }

  get #tagCount(): number {
    return this.#plans.columns.length;
  }

  /** Values alone are joined several times as fast as with age, status and encoding. */
  #cells({ chunks }: TaskForms): number {
    return this.#options.provenance === "none" && !chunks ? taskCells.values : taskCells.more;
  }

  /** Tags of each task, over one row group at least. */
  #ranges(groupRows: number, cells: number): Range[] {
    const rows = Math.max(1, Math.min(groupRows, this.length));
    const ranges: Range[] = [];
    let start = 0;
    do {
      let end = Math.min(start + Math.max(1, Math.floor(cells / rows)), this.#tagCount);
      while (this.#plans.sharesTimes(end - 1, end) && (end - start) * rows < sharedCells) end++;
      ranges.push({ start, end });
      start = end;
    } while (start < this.#tagCount);
    return ranges;
  }

  /** Whole row groups: enough for the cells of a task, few enough that their samples fit its memory. */
  #rowsPerTask(tags: number, groupRows: number, cells: number): number {
    const groups = Math.floor(Math.min(cells / tags, this.#rowsInMemory(tags)) / groupRows);
    return Math.max(1, groups) * groupRows;
  }

  /** How many frames' samples of so many tags may be in memory at once. */
  #rowsInMemory(tags: number): number {
    const bytesPerFrame = (this.#plans.windowBytesPerFrame * tags) / Math.max(1, this.#tagCount);
    return bytesPerFrame === 0 ? Math.max(1, this.length) : Math.floor(windowBytes / bytesPerFrame);
  }

  async *#aligned(ranges: readonly Range[], cut: Cut, slots: Slots) {
    const tasks = this.#tasks(ranges, cut);
    const underWay: UnderWay[] = [];
    let next = tasks.next();
    try {
      for (;;) {
        while (next.done !== true) {
          const region = slots.take();
          if (region === undefined) break;
          underWay.push(this.#begun(next.value, region, slots));
          next = tasks.next();
        }
        const first = underWay.shift();
        if (first === undefined) return;
        yield await this.#finished(first, slots);
      }
    } finally {
      // Whatever ends this early, no thread may go on writing into memory that is used for something else.
      await Promise.allSettled(underWay.map(({ result }) => result));
    }
  }

  #begun({ tags, rows, ...rest }: PartOfTable, slot: Region, slots: Slots): UnderWay {
    const begin = (region: Region): UnderWay => {
      const placed = this.#plans.for(tags, rows, region);
      const task: AlignTask = { kind: "align", frames: this.#rows(rows.start, rows.end), ...placed, ...rest };
      const result = this.#engine.perform(task);
      // A failure is met where the result is awaited, which may be much later.
      result.catch(() => undefined);
      return { task, regions: [region], isLast: tags.end === this.#tagCount, result };
    };
    try {
      return begin(slot);
    } catch (cause) {
      if (!isTooLarge(cause)) throw cause;
      slots.give(slot);
      return begin(slots.takeLarge());
    }
  }

  async #finished({ task, regions, isLast, result }: UnderWay, slots: Slots) {
    try {
      return { task, isLast, regions, result: await result };
    } catch (cause) {
      if (!isTooLarge(cause)) throw cause;
      // The samples of the task stay where they are while it runs again in a larger place.
      const region = slots.takeLarge();
      const again = await this.#engine.perform({ ...task, region });
      return { task, isLast, regions: [...regions, region], result: again };
    }
  }

  *#tasks(
    ranges: readonly Range[],
    { rows: rowsPerTask, groupRows, forms }: Cut,
  ): Generator<PartOfTable, void, undefined> {
    const { provenance } = this.#options;
    for (let start = 0; start < this.length; start += rowsPerTask) {
      const rows = { start, end: Math.min(start + rowsPerTask, this.length) };
      for (const tags of ranges) {
        const part = { tags, rows, groupRows, provenance, forms };
        yield forms.chunks && tags === ranges[0] ? { ...part, own: this.#own } : part;
      }
    }
  }

  #rows(start: number, end: number) {
    const [, time, , uncertainty] = this.#own;
    return { time, uncertainty, start, end, previousNs: this.#options.previousFrameNs };
  }

  #columns({ plans, provenance }: AlignTask, { columns }: AlignedGroup): Data[] {
    const plansOfColumns = plans.flatMap((plan) =>
      new Array<PlanPlaces>(columnsOf(plan.spec, provenance)).fill(plan),
    );
    const first = this.#plans.firstColumns[plans[0]?.dictionaryId ?? 0] as number;
    return columns.map((places, at) => {
      const field = this.schema.fields[frameColumns.length + first + at];
      const plan = plansOfColumns[at] as PlanPlaces;
      return dataAt(this.#engine.arena, places, field!.type, this.#dictionary(plan));
    });
  }

  #dictionary(places: PlanPlaces): Vector | undefined {
    if (places.column.type !== "text") return undefined;
    const { column } = planAt(this.#engine.arena, places);
    return column.type === "text" ? column.dictionary : undefined;
  }
}

/** How a table is cut into tasks: whole row groups, so many rows a task. */
interface Cut {
  rows: number;
  groupRows: number;
  forms: TaskForms;
}

/** Some tags over some rows. */
type PartOfTable = Pick<AlignTask, "groupRows" | "provenance" | "forms" | "own"> & {
  tags: Range;
  rows: Range;
};

interface UnderWay {
  task: AlignTask;
  /** Where its samples, scratch and results lie. */
  regions: Region[];
  /** Whether its tags are the last of their rows. */
  isLast: boolean;
  result: Promise<AlignedGroup[]>;
}

function isTooLarge(cause: unknown): boolean {
  return cause instanceof AlignError && cause.code === "USAGE_TOO_LARGE";
}
