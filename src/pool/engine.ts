import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Table } from "apache-arrow";
import { Piscina } from "piscina";
import { type AlignFramesInput, placeInput } from "../align/index.ts";
import { AlignError } from "../errors.ts";
import { type Arena, Kernels } from "../kernels/index.ts";
import { perform } from "./perform.ts";
import { AlignedTable, isWorthThreads } from "./table.ts";
import type { Answer, Result, Task } from "./task.ts";

export interface EngineOptions {
  /** Threads that join, at least 1; with 1 the calling thread does it. Default: as many as there are processors. */
  workers?: number;
  /** Bytes of address space for frames, samples and results, at most 4 GiB, which is the default. */
  memory?: number;
}

const PAGE_BYTES = 65_536;
const MOST_BYTES = 65_536 * PAGE_BYTES;

/** The same file whether this one runs as TypeScript or compiled: a thread needs JavaScript. */
const workerFile = new URL("../../dist/pool/worker.js", import.meta.url);

/**
 * Makes an engine: one memory that is reserved once and reused, and threads that work in it.
 *
 * Threads start with the first work that is worth them. `close()` ends them; an engine that never used them needs no
 * closing.
 *
 * @throws AlignError USAGE_OPTION
 */
export function createEngine(options: EngineOptions = {}): Engine {
  return new Engine(options);
}

/** Kernels, their memory and the threads over it. */
export class Engine {
  readonly kernels: Kernels;
  readonly workers: number;
  #pool: Piscina | undefined;
  #reserved: number;

  constructor({ workers = availableParallelism(), memory = MOST_BYTES }: EngineOptions) {
    if (!Number.isInteger(workers) || workers < 1) {
      throw new AlignError("USAGE_OPTION", `workers must be a whole number from 1 on, got ${workers}`);
    }
    if (!Number.isInteger(memory) || memory < PAGE_BYTES || memory > MOST_BYTES) {
      throw new AlignError(
        "USAGE_OPTION",
        `memory must be from ${PAGE_BYTES} to ${MOST_BYTES} bytes, got ${memory}`,
      );
    }
    this.workers = workers;
    this.kernels = Kernels.load({ pages: Math.ceil(memory / PAGE_BYTES) });
    this.#reserved = this.arena.mark();
  }

  get arena(): Arena {
    return this.kernels.arena;
  }

  /**
   * As `alignFrames`, without a copy: the table lies in the engine's memory and holds until the engine is used again.
   *
   * Inputs in columns of `reserve` are read where they are, others are copied once. Large jobs go to the threads.
   */
  async alignFrames(input: AlignFramesInput): Promise<Table> {
    this.arena.release(this.#reserved);
    const { frames, fill, tags, options } = placeInput(this.kernels, input);
    if (isWorthThreads(frames.time.length, tags.length)) this.start();
    return new AlignedTable(this, frames, tags, options).whole(fill);
  }

  /** A column of int64 in the engine's memory for `alignFrames` to read, kept as long as the engine; ends the last table. */
  reserveInt64(length: number): BigInt64Array {
    return this.#reserve(() => this.arena.i64(length));
  }

  /** As `reserveInt64`, of float64. */
  reserveFloat64(length: number): Float64Array {
    return this.#reserve(() => this.arena.f64(length));
  }

  #reserve<T>(take: () => T): T {
    this.arena.release(this.#reserved);
    const column = take();
    this.#reserved = this.arena.mark();
    return column;
  }

  /** Starts the threads, so that they are there when the first task comes. */
  start(): void {
    if (this.workers === 1 || this.#pool !== undefined) return;
    this.#pool = new Piscina({
      filename: fileURLToPath(workerFile),
      minThreads: this.workers,
      maxThreads: this.workers,
      concurrentTasksPerWorker: 2,
      workerData: { memory: this.arena.memory },
    });
  }

  /** Does a task: in a thread where they were started, else here and now. */
  async perform<T extends Task>(task: T): Promise<Result<T>> {
    if (this.#pool === undefined) return perform(this.kernels, task);
    const answer: Answer<T> = await this.#pool.run(task);
    if ("result" in answer) return answer.result;
    const { code, message, where, hint } = answer.error;
    throw new AlignError(code as "BUG_", message, {
      ...(where !== undefined && { where }),
      ...(hint !== undefined && { hint }),
    });
  }

  /** Threads that were started; 1 where the calling thread does the work. */
  get threads(): number {
    return this.#pool === undefined ? 1 : this.workers;
  }

  /** How many tasks can be under way at once. */
  get concurrency(): number {
    return this.#pool === undefined ? 1 : this.workers * 2;
  }

  /** Ends the threads, also in the middle of a task. */
  async close(): Promise<void> {
    await this.#pool?.destroy();
    this.#pool = undefined;
  }
}
