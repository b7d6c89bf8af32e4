import {
  type Data,
  DataType,
  Dictionary,
  type Field,
  makeData,
  type Utf8,
  Utf8 as Utf8Type,
  Vector,
} from "apache-arrow";
import type { Arena, Column, Place } from "../kernels/index.ts";
import type { SampleColumn } from "./columns.ts";
import { outputType, type Plan } from "./plan.ts";
import type { TagSpec } from "./spec.ts";

/** A plan whose columns are places in the arena: what may cross to another thread. */
export interface PlanPlaces {
  spec: TagSpec;
  times: Place;
  column: ColumnPlaces;
  ends: Place | undefined;
  status: Place | undefined;
  badAfter: Place | undefined;
  skipped: Place | undefined;
  changes: { times: Place; variances: Place; reachNs: bigint } | undefined;
  numbers: Place | undefined;
  lapses: { flags: Place; from: Place } | undefined;
  dictionaryId: number;
}

type ColumnPlaces = { validity: Place | undefined } & (
  | { type: "number" | "integer" | "boolean"; data: Place }
  | { type: "text"; data: Place; dictionary: { offsets: Place; bytes: Place } }
  | { type: "list"; starts: Place; ends: Place; items: ColumnPlaces }
);

/** Columns of an aligned block as places; the field says the type. */
export interface DataPlaces {
  length: number;
  nullCount: number;
  values: Place | undefined;
  validity: Place | undefined;
  offsets: Place | undefined;
  children: DataPlaces[];
}

/** `dictionaryId` is the tag's position; texts are copied into the arena. */
export function placesOfPlan(arena: Arena, plan: Plan, dictionaryId: number): PlanPlaces {
  const place = (column: Column | undefined) => column && arena.placeOf(column);
  const { changes, lapses } = plan;
  return {
    spec: plan.spec,
    times: arena.placeOf(plan.times),
    column: placesOfColumn(arena, plan.column),
    ends: place(plan.ends),
    status: place(plan.status),
    badAfter: place(plan.badAfter),
    skipped: place(plan.skipped),
    changes: changes && {
      times: arena.placeOf(changes.times),
      variances: arena.placeOf(changes.variances),
      reachNs: changes.reachNs,
    },
    numbers: place(plan.numbers),
    lapses: lapses && { flags: arena.placeOf(lapses.flags), from: arena.placeOf(lapses.from) },
    dictionaryId,
  };
}

function placesOfColumn(arena: Arena, column: SampleColumn): ColumnPlaces {
  const validity = column.validity && arena.placeOf(column.validity);
  switch (column.type) {
    case "text": {
      const { valueOffsets, values } = column.dictionary.data[0] as Data<Utf8>;
      const dictionary = {
        offsets: arena.placeOf(arena.copy(valueOffsets)),
        bytes: arena.placeOf(arena.copy(values)),
      };
      return { validity, type: "text", data: arena.placeOf(column.data), dictionary };
    }
    case "list": {
      const [starts, ends] = [arena.placeOf(column.starts), arena.placeOf(column.ends)];
      return { validity, type: "list", starts, ends, items: placesOfColumn(arena, column.items) };
    }
    default:
      return { validity, type: column.type, data: arena.placeOf(column.data) };
  }
}

/** The plan that lies at these places. */
export function planAt(arena: Arena, places: PlanPlaces): Plan {
  const column = columnAt(arena, places.column);
  const type = outputType(places.spec.join, column, places.dictionaryId);
  const plan: Plan = { spec: places.spec, times: arena.view(places.times) as BigInt64Array, column, type };
  if (places.ends) plan.ends = arena.view(places.ends) as BigInt64Array;
  if (places.status) plan.status = arena.view(places.status) as Uint32Array;
  if (places.badAfter) plan.badAfter = arena.view(places.badAfter) as BigInt64Array;
  if (places.skipped) plan.skipped = arena.view(places.skipped) as Uint8Array;
  if (places.numbers) plan.numbers = arena.view(places.numbers) as Float64Array;
  if (places.changes) {
    const { times, variances, reachNs } = places.changes;
    plan.changes = {
      times: arena.view(times) as BigInt64Array,
      variances: arena.view(variances) as Float64Array,
      reachNs,
    };
  }
  if (places.lapses) {
    plan.lapses = {
      flags: arena.view(places.lapses.flags) as Uint8Array,
      from: arena.view(places.lapses.from) as BigInt64Array,
    };
  }
  return plan;
}

function columnAt(arena: Arena, places: ColumnPlaces): SampleColumn {
  const validity = places.validity && (arena.view(places.validity) as Uint8Array);
  const common = validity === undefined ? {} : { validity };
  switch (places.type) {
    case "text": {
      const valueOffsets = arena.view(places.dictionary.offsets) as Int32Array;
      const data = arena.view(places.dictionary.bytes) as Uint8Array;
      const length = valueOffsets.length - 1;
      const texts = makeData({ type: new Utf8Type(), length, nullCount: 0, valueOffsets, data });
      return {
        ...common,
        type: "text",
        data: arena.view(places.data) as Int32Array,
        dictionary: new Vector([texts]),
      };
    }
    case "list":
      return {
        ...common,
        type: "list",
        starts: arena.view(places.starts) as Int32Array,
        ends: arena.view(places.ends) as Int32Array,
        items: columnAt(arena, places.items),
      };
    default:
      return { ...common, type: places.type, data: arena.view(places.data) } as SampleColumn;
  }
}

/** The places of a column; a dictionary stays with the plan. */
export function placesOfData(arena: Arena, data: Data): DataPlaces {
  const isThere = (column: unknown): column is Column =>
    ArrayBuffer.isView(column) && column.byteLength > 0 && column.buffer === arena.buffer;
  const place = (column: unknown) => (isThere(column) ? arena.placeOf(column) : undefined);
  return {
    length: data.length,
    nullCount: data.nullCount,
    values: place(data.values),
    validity: data.nullCount === 0 ? undefined : place(data.nullBitmap),
    offsets: place(data.valueOffsets),
    children: data.children.map((child) => placesOfData(arena, child)),
  };
}

/** The column at these places, as Arrow sees it. */
export function dataAt(arena: Arena, places: DataPlaces, type: DataType, dictionary?: Vector): Data {
  const { length, nullCount } = places;
  const view = (place: Place | undefined) => (place === undefined ? undefined : arena.view(place));
  const nullBitmap = nullCount === 0 ? null : (view(places.validity) as Uint8Array);
  const common = { type, length, nullCount, nullBitmap };
  if (DataType.isList(type)) {
    const child = dataAt(arena, places.children[0] as DataPlaces, (type.children[0] as Field).type);
    return makeData({
      ...common,
      type,
      valueOffsets: (view(places.offsets) ?? new Int32Array(1)) as Int32Array,
      child,
    });
  }
  const data = view(places.values) ?? new Uint8Array(0);
  if (DataType.isUtf8(type)) {
    return makeData({
      ...common,
      type,
      valueOffsets: (view(places.offsets) ?? new Int32Array(1)) as Int32Array,
      data,
    } as never);
  }
  if (type instanceof Dictionary) return makeData({ ...common, type, data, dictionary } as never);
  return makeData({ ...common, data } as never);
}
