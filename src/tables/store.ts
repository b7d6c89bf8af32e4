import { AlignError } from "../errors.ts";
import type { Values, ValueType } from "../samples.ts";
import { type Column, isValid } from "./database.ts";
import type { Cells } from "./log.ts";
import { STATUS_GOOD, STATUS_NO_DATA } from "./quality.ts";

/** Values of one tag while they are read; row by row or a block at a time. */
export interface ValueStore {
  /** Copies one cell; false where it holds no value. */
  set(position: number, column: Column, row: number): boolean;
  finish(length: number): Values;
}

export function valueStore(
  type: ValueType,
  capacity: number,
  itemType?: Exclude<ValueType, "list">,
): ValueStore {
  switch (type) {
    case "number":
      return numberStore(capacity);
    case "integer":
      return integerStore(capacity);
    case "boolean":
      return booleanStore(capacity);
    case "text":
      return textStore(capacity);
    case "list":
      return listStore(capacity, itemType ?? "number");
  }
}

function numberStore(capacity: number): ValueStore {
  const data = new Float64Array(capacity);
  return {
    set(position, column, row) {
      if (!isValid(column.valid, row)) return false;
      const value = (column.items as Float64Array)[row] ?? 0;
      if (Number.isNaN(value)) return false;
      data[position] = value;
      return true;
    },
    finish: (length) => ({ type: "number", data: data.subarray(0, length) }),
  };
}

function integerStore(capacity: number): ValueStore {
  const data = new BigInt64Array(capacity);
  return {
    set(position, column, row) {
      if (!isValid(column.valid, row)) return false;
      data[position] = (column.items as BigInt64Array)[row] ?? 0n;
      return true;
    },
    finish: (length) => ({ type: "integer", data: data.subarray(0, length) }),
  };
}

function booleanStore(capacity: number): ValueStore {
  const data = new Uint8Array(capacity);
  return {
    set(position, column, row) {
      if (!isValid(column.valid, row)) return false;
      data[position] = (column.items as Uint8Array)[row] ?? 0;
      return true;
    },
    finish: (length) => ({ type: "boolean", data: data.subarray(0, length) }),
  };
}

function textStore(capacity: number): ValueStore {
  const codes = new Int32Array(capacity);
  const dictionary: string[] = [];
  const codeOf = new Map<string, number>();
  return {
    set(position, column, row) {
      const text = (column.items as readonly (string | null)[])[row];
      if (text === null || text === undefined) return false;
      let code = codeOf.get(text);
      if (code === undefined) {
        code = dictionary.push(text) - 1;
        codeOf.set(text, code);
      }
      codes[position] = code;
      return true;
    },
    finish: (length) => ({ type: "text", codes: codes.subarray(0, length), dictionary }),
  };
}

/** A number that is missing inside a list is NaN; other elements must be there. */
function listStore(capacity: number, itemType: Exclude<ValueType, "list">): ValueStore {
  let offsets = new Int32Array(capacity + 1);
  const holes: number[] = [];
  let room = 1024;
  let items = valueStore(itemType, room);
  let used = 0;
  const parts: Values[] = [];
  const total = () => parts.reduce((sum, part) => sum + lengthOf(part), 0);
  return {
    set(position, column, row) {
      if (position + 1 >= offsets.length) offsets = grown(offsets, 2 * position + 2);
      const start = offsets[position] ?? 0;
      offsets[position + 1] = start;
      if (column.list === undefined || !isValid(column.valid, row)) return false;
      const [from, length] = [column.list.offset(row), column.list.length(row)];
      if (used + length > room) {
        parts.push(items.finish(used));
        room = Math.max(2 * room, length);
        items = valueStore(itemType, room);
        used = 0;
      }
      for (let k = 0; k < length; k++) {
        if (items.set(used + k, column.list.elements, from + k)) continue;
        if (itemType !== "number") {
          throw new AlignError("SOURCE_VALUE", `a list of ${itemType} values has an empty element`, {
            hint: "fill the element in a source of kind sql",
          });
        }
        holes.push(total() + used + k);
      }
      used += length;
      offsets[position + 1] = start + length;
      return true;
    },
    finish(length) {
      parts.push(items.finish(used));
      const elements = joined(itemType, parts);
      if (elements.type === "number") for (const hole of holes) elements.data[hole] = Number.NaN;
      return { type: "list", offsets: offsets.subarray(0, length + 1), items: elements };
    },
  };
}

/** The same cells with room for more. */
export function grown<C extends Cells>(cells: C, length: number): C {
  const larger = new (cells.constructor as new (length: number) => C)(length);
  larger.set(cells as never);
  return larger;
}

function joined(type: Exclude<ValueType, "list">, parts: readonly Values[]): Values {
  const total = parts.reduce((sum, part) => sum + lengthOf(part), 0);
  const store = valueStore(type, total);
  let at = 0;
  for (const part of parts) {
    const length = lengthOf(part);
    const items =
      part.type === "text" ? Array.from(part.codes, (code) => part.dictionary[code] ?? null) : dataOf(part);
    for (let i = 0; i < length; i++) store.set(at + i, { items, valid: null }, i);
    at += length;
  }
  return store.finish(total);
}

function lengthOf(values: Values): number {
  if (values.type === "text") return values.codes.length;
  return values.type === "list" ? values.offsets.length - 1 : values.data.length;
}

function dataOf(values: Values): Float64Array | BigInt64Array | Uint8Array {
  if (values.type === "text" || values.type === "list") throw new TypeError("a flat column was expected");
  return values.data;
}

/** StatusCodes of one tag while they are read: no array while every sample is good. */
export class StatusStore {
  readonly #capacity: number;
  #codes: Uint32Array | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** A cell without a value is Bad_NoData, unless its own quality is bad already. */
  set(position: number, status: number, hasValue: boolean): void {
    const code = hasValue || status >>> 30 >= 2 ? status >>> 0 : STATUS_NO_DATA;
    if (code === STATUS_GOOD) return;
    this.#codes ??= new Uint32Array(this.#capacity);
    this.#codes[position] = code;
  }

  finish(length: number): Uint32Array | undefined {
    return this.#codes?.subarray(0, length);
  }
}
