import { type Data, DataType, Precision, TimeUnit, type Vector } from "apache-arrow";
import { AlignError, type ErrorPlace } from "../errors.ts";
import type { Values } from "../samples.ts";
import { isBad, Status } from "./status.ts";

/** Instants: int64 ns, or an Arrow timestamp of any unit, or an Arrow int64 of ns. */
export type TimesInput = BigInt64Array | Vector;

/** Values of one tag: numbers, integers, or an Arrow vector of float, int, bool, utf8 or dictionary of utf8. */
export type ValuesInput = Float64Array | BigInt64Array | Int32Array | Vector;

const nsPerUnit: Record<TimeUnit, bigint> = {
  [TimeUnit.SECOND]: 1_000_000_000n,
  [TimeUnit.MILLISECOND]: 1_000_000n,
  [TimeUnit.MICROSECOND]: 1_000n,
  [TimeUnit.NANOSECOND]: 1n,
};

/**
 * Int64 ns of `times`, exactly.
 *
 * @throws AlignError USAGE_TYPE, USAGE_NULL_TIME, USAGE_TIME_RANGE
 */
export function toNanoseconds(times: TimesInput, where: ErrorPlace): BigInt64Array {
  if (times instanceof BigInt64Array) return times;
  const type = times?.type as DataType | undefined;
  const isNanoseconds = type !== undefined && DataType.isInt(type) && type.bitWidth === 64 && type.isSigned;
  if (type === undefined || !(isNanoseconds || DataType.isTimestamp(type))) {
    const hint = "give a BigInt64Array of ns, or an Arrow vector of timestamps or int64 ns";
    throw new AlignError("USAGE_TYPE", `times cannot be read from ${type ?? typeof times}`, { where, hint });
  }
  const factor = DataType.isTimestamp(type) ? nsPerUnit[type.unit] : 1n;
  const [only] = times.data;
  // Nanoseconds in one piece are taken as they lie.
  if (factor === 1n && times.data.length === 1 && only!.nullCount === 0)
    return only!.values.subarray(0, times.length) as BigInt64Array;
  const result = new BigInt64Array(times.length);
  let row = 0;
  for (const chunk of times.data) {
    const values = chunk.values as BigInt64Array;
    for (let i = 0; i < chunk.length; i++, row++) {
      if (!chunk.getValid(i)) {
        throw new AlignError("USAGE_NULL_TIME", `row ${row} has no time`, { where: { ...where, row } });
      }
      result[row] = values[i]! * factor;
      if (result[row]! / factor !== values[i]!) {
        const message = `time ${values[i]} at row ${row} does not fit int64 nanoseconds`;
        throw new AlignError("USAGE_TIME_RANGE", message, {
          where: { ...where, row },
          hint: "instants lie between 1677 and 2262",
        });
      }
    }
  }
  return result;
}

/**
 * The values in the engine's own form. Where a value is null its status is bad: the given one, or BadNoData.
 *
 * @throws AlignError USAGE_TYPE
 */
export function toValues(
  values: ValuesInput,
  status: Uint32Array | undefined,
  where: ErrorPlace,
): { values: Values; status?: Uint32Array } {
  const given = status === undefined ? {} : { status };
  if (values instanceof Float64Array) return { values: { type: "number", data: values }, ...given };
  if (values instanceof BigInt64Array) return { values: { type: "integer", data: values }, ...given };
  if (values instanceof Int32Array) return { values: { type: "integer", data: widened(values) }, ...given };
  const converted = fromVector(values);
  if (converted === undefined) {
    const hint =
      "give a Float64Array, BigInt64Array, Int32Array, or an Arrow vector of float, int, bool or utf8";
    throw new AlignError("USAGE_TYPE", `values cannot be read from ${values?.type ?? typeof values}`, {
      where,
      hint,
    });
  }
  if (values.nullCount === 0) return { values: converted, ...given };
  return { values: converted, status: statusOfNulls(values, status) };
}

function fromVector(vector: Vector): Values | undefined {
  const type = vector?.type as DataType | undefined;
  if (type === undefined) return undefined;
  const { length } = vector;
  const [only] = vector.data;
  const isWhole = vector.data.length === 1 && only!.nullCount === 0;
  if (isWhole && DataType.isFloat(type) && type.precision === Precision.DOUBLE) {
    return { type: "number", data: only!.values.subarray(0, length) as Float64Array };
  }
  if (isWhole && DataType.isInt(type) && type.bitWidth === 64 && type.isSigned) {
    return { type: "integer", data: only!.values.subarray(0, length) as BigInt64Array };
  }
  if (DataType.isFloat(type) && type.precision !== Precision.HALF) {
    return { type: "number", data: filled(vector, new Float64Array(length), (chunk, i) => chunk.values[i]) };
  }
  if (DataType.isInt(type) && !(type.bitWidth === 64 && !type.isSigned)) {
    const data = filled(vector, new BigInt64Array(length), (chunk, i) => BigInt(chunk.values[i]));
    return { type: "integer", data };
  }
  if (DataType.isBool(type)) {
    const bit = (chunk: Data, i: number) =>
      (chunk.values[(chunk.offset + i) >> 3] >> ((chunk.offset + i) & 7)) & 1;
    return { type: "boolean", data: filled(vector, new Uint8Array(length), bit) };
  }
  const isText = DataType.isUtf8(type) || (DataType.isDictionary(type) && DataType.isUtf8(type.dictionary));
  return isText ? textOf(vector) : undefined;
}

/** Copies what is valid; the rest of `target` stays 0. */
function filled<T extends Float64Array | BigInt64Array | Uint8Array>(
  vector: Vector,
  target: T,
  read: (chunk: Data, i: number) => T[number],
): T {
  let row = 0;
  for (const chunk of vector.data) {
    for (let i = 0; i < chunk.length; i++, row++) if (chunk.getValid(i)) target[row] = read(chunk, i);
  }
  return target;
}

function textOf(vector: Vector): Values {
  const codes = new Int32Array(vector.length);
  const known = new Map<string, number>();
  let row = 0;
  for (const text of vector as Iterable<string | null>) {
    if (text !== null) {
      let code = known.get(text);
      if (code === undefined) known.set(text, (code = known.size));
      codes[row] = code;
    }
    row++;
  }
  return { type: "text", codes, dictionary: [...known.keys()] };
}

function statusOfNulls(vector: Vector, given: Uint32Array | undefined): Uint32Array {
  const status = given === undefined ? new Uint32Array(vector.length) : given.slice();
  let row = 0;
  for (const chunk of vector.data) {
    for (let i = 0; i < chunk.length; i++, row++) {
      if (!chunk.getValid(i) && !isBad(status[row]!)) status[row] = Status.noData;
    }
  }
  return status;
}

function widened(values: Int32Array): BigInt64Array {
  return BigInt64Array.from(values, BigInt);
}
