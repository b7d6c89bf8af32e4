import type { Samples } from "../samples.ts";
import type { Column } from "./database.ts";
import { lastOfEach, sortedPositions, takeStatus, takeTimes, takeValues } from "./order.ts";
import { STATUS_NO_DATA } from "./quality.ts";
import { grown, type ValueStore, valueStore } from "./store.ts";
import type { ValuePlan } from "./values.ts";

/** Samples of a list tag while they are read: all in memory, because lists have no fixed size. */
export class ListSamples {
  #times = new BigInt64Array(64);
  #words = new Uint32Array(this.#times.buffer);
  #status = new Uint32Array(64);
  #hasStatus = false;
  #length = 0;
  readonly #values: ValueStore;

  constructor(plan: ValuePlan) {
    this.#values = valueStore("list", 64, plan.itemType);
  }

  /** Adds one sample; false where the cell holds no list. Its status is set apart. */
  append(low: number, high: number, column: Column, row: number): boolean {
    const at = this.#length++;
    if (at === this.#times.length) {
      this.#times = grown(this.#times, 2 * at);
      this.#words = new Uint32Array(this.#times.buffer);
      this.#status = grown(this.#status, 2 * at);
    }
    this.#words[2 * at] = low;
    this.#words[2 * at + 1] = high;
    this.#status[at] = 0;
    return this.#values.set(at, column, row);
  }

  /** Sets the status of the last sample; one without a value is Bad_NoData, unless its own quality is bad already. */
  setStatus(status: number, hasValue: boolean): void {
    const code = hasValue || status >>> 30 >= 2 ? status : STATUS_NO_DATA;
    this.#status[this.#length - 1] = code;
    if (code !== 0) this.#hasStatus = true;
  }

  /** The samples in time order, and the positions of those that fell because a later one is of the same instant. */
  finish(keepsEqual: boolean): { samples: Samples; dropped: number[] } {
    const times = this.#times.subarray(0, this.#length);
    const values = this.#values.finish(this.#length);
    const status = this.#hasStatus ? this.#status.subarray(0, this.#length) : undefined;
    const sorted = sortedPositions(times) ?? Int32Array.from(times, (_, at) => at);
    const last = keepsEqual ? undefined : lastOfEach(takeTimes(times, sorted));
    const positions = last === undefined ? sorted : last.map((at) => sorted[at]!);
    const samples = { times: takeTimes(times, positions), values: takeValues(values, positions) };
    const kept = new Set(last === undefined ? [] : positions);
    return {
      samples: status === undefined ? samples : { ...samples, status: takeStatus(status, positions) },
      dropped: last === undefined ? [] : [...sorted].filter((at) => !kept.has(at)),
    };
  }
}
