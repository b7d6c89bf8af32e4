import { AlignError } from "../errors.ts";
import type { EpisodeTag } from "./capture.ts";
import { integerAt, isPresent, numberAt } from "./cells.ts";
import type { Channel, LastValues } from "./channel.ts";
import type { EpisodeRows } from "./rows.ts";
import type { Selection, TagColumn } from "./select.ts";
import type { TableColumn } from "./table.ts";

/** BadNoData: nothing matched. */
const NO_DATA = 0x809b_0000n;

/** How many values a frame each list tag has. */
export type ListSizes = ReadonlyMap<string, number>;

/** A tag whose numbers go into the vectors of an episode. */
interface ValueTag {
  readonly column: TagColumn;
  readonly isAction: boolean;
  /** Name in the vectors that have one value a tag. */
  readonly label: string;
}

/** Features of what is observed and acted on: values, then whether, how old and how good they are. */
export function valueChannels(selection: Selection, sizes: ListSizes): Channel[] {
  const { observation, action, capture } = selection;
  const observed = observation.map((column) => ({ column, isAction: false, label: column.tag.name }));
  const acted = action.map((column) => ({
    column,
    isAction: true,
    label: observation.includes(column) ? `action.${column.tag.name}` : column.tag.name,
  }));
  const isRobot = ({ column }: ValueTag) => column.tag.sourceRole === "robot";
  const tags: ValueTag[] = [...observed, ...acted];
  const has = (suffix: string) =>
    tags.every(({ column: { tag } }) => capture.table.columns.has(tag.name + suffix));
  return [
    vector("observation.state", observed.filter(isRobot), sizes),
    vector(
      "observation.environment_state",
      observed.filter((tag) => !isRobot(tag)),
      sizes,
    ),
    vector("action", acted, sizes),
    perTag("plant.value_valid", "bool", tags, [".status"], (rows) => {
      const values = new Uint8Array(rows.count * tags.length);
      eachValue(tags, rows, ({ name }) => {
        const [column, status] = [rows.column(name), rows.find(`${name}.status`)];
        return (at, row) => {
          values[at] = row >= 0 && isWhole(column, row) && isGood(status, row) ? 1 : 0;
        };
      });
      return values;
    }),
    ...(has(".age") ? [tagIntegers("plant.value_age_ns", tags, ".age", 0n)] : []),
    ...(has(".status") ? [tagIntegers("plant.value_quality", tags, ".status", NO_DATA)] : []),
  ];
}

/** Whether a row has a value, and all items of a list. */
function isWhole(column: TableColumn, row: number): boolean {
  if (!isPresent(column, row)) return false;
  if (column.type !== "list") return true;
  for (let at = column.offsets[row]!; at < column.offsets[row + 1]!; at += 1)
    if (!isPresent(column.items, at)) return false;
  return true;
}

/** Whether a value is what the plant measured lately: status codes of severity good, the two highest bits 0. */
function isGood(status: TableColumn | undefined, row: number): boolean {
  return status?.type !== "uint32" || (isPresent(status, row) && status.values[row]! < 0x4000_0000);
}

function vector(name: string, tags: readonly ValueTag[], sizes: ListSizes): Channel {
  const items = tags.flatMap(({ column: { tag, type } }) =>
    type === "list"
      ? Array.from({ length: sizes.get(tag.name) ?? 0 }, (_, i) => ({ name: `${tag.name}[${i}]`, tag }))
      : [{ name: tag.name, tag }],
  );
  const width = items.length;
  return {
    feature: {
      name,
      type: "float32",
      shape: [width],
      names: items.map((item) => item.name),
      units: items.map(({ tag }) => tag.unit ?? null),
    },
    columns: tags.map(({ column: { tag } }) => tag.name),
    values(rows) {
      const values = new Float32Array(rows.count * width).fill(Number.NaN);
      let at = 0;
      for (const tag of tags) {
        const size = tag.column.type === "list" ? (sizes.get(tag.column.tag.name) ?? 0) : 1;
        putNumbers(values, at, width, tag, size, rows);
        at += size;
      }
      return values;
    },
  };
}

function putNumbers(
  values: Float32Array,
  first: number,
  width: number,
  { column: { tag }, isAction }: ValueTag,
  size: number,
  rows: EpisodeRows,
): void {
  const column = rows.column(tag.name);
  for (let frame = 0, at = first; frame < rows.count; frame += 1, at += width) {
    const row = isAction ? rows.ahead[frame]! : frame;
    if (row < 0) continue;
    if (column.type !== "list") {
      values[at] = numberAt(column, row);
      continue;
    }
    const items = listAt(column, row, size, tag.name);
    for (let item = 0; item < size && items >= 0; item += 1)
      values[at + item] = numberAt(column.items, items + item);
  }
}

/**
 * Where the items of a row begin, -1 where there is no list.
 *
 * @throws AlignError SOURCE_LIST_LENGTH where it has another length than the first one
 */
export function listAt(
  column: TableColumn & { type: "list" },
  row: number,
  size: number,
  tag: string,
): number {
  if (!isPresent(column, row)) return -1;
  const start = column.offsets[row]!;
  const length = column.offsets[row + 1]! - start;
  if (length === size) return start;
  throw new AlignError(
    "SOURCE_LIST_LENGTH",
    `"${tag}" has ${length} values in one row and ${size} in those before`,
    { where: { tag, row }, hint: "name elements of it as tags of their own, such as position[3]" },
  );
}

function perTag(
  name: string,
  type: "bool" | "int64",
  tags: readonly ValueTag[],
  suffixes: readonly string[],
  values: Channel["values"],
): Channel {
  return {
    feature: { name, type, shape: [tags.length], names: tags.map(({ label }) => label) },
    columns: tags.flatMap(({ column: { tag } }) => [
      tag.name,
      ...suffixes.map((suffix) => tag.name + suffix),
    ]),
    values,
  };
}

function tagIntegers(name: string, tags: readonly ValueTag[], suffix: string, none: bigint): Channel {
  return perTag(name, "int64", tags, [suffix], (rows) => {
    const values = new BigInt64Array(rows.count * tags.length);
    eachValue(tags, rows, (tag) => {
      const column = rows.column(tag.name + suffix);
      return (at, row) => {
        values[at] = row < 0 ? none : integerAt(column, row, none);
      };
    });
    return values;
  });
}

/** Goes over tags and frames: for each tag a function of the value's place and the row that it is from, -1 for none. */
function eachValue(
  tags: readonly ValueTag[],
  rows: EpisodeRows,
  of: (tag: EpisodeTag) => (at: number, row: number) => void,
): void {
  for (const [item, { column, isAction }] of tags.entries()) {
    const visit = of(column.tag);
    for (let frame = 0, at = item; frame < rows.count; frame += 1, at += tags.length)
      visit(at, isAction ? rows.ahead[frame]! : frame);
  }
}

/** The key of a frame in `LastValues`: its step, or the whole episode where there is no procedure. */
function stepKey(selection: Selection, rows: EpisodeRows, frame: number): string | null {
  return selection.step === undefined ? "" : rows.stepOf(frame);
}

/** The last valid values of an episode, by step. */
export function lastValues(selection: Selection, rows: EpisodeRows): LastValues {
  const last = new Map<string, Float64Array>();
  for (const [item, { tag }] of selection.previous.entries()) {
    const column = rows.column(tag.name);
    const status = rows.find(`${tag.name}.status`);
    for (let frame = 0; frame < rows.count; frame += 1) {
      const key = stepKey(selection, rows, frame);
      if (key === null || !isPresent(column, frame) || !isGood(status, frame)) continue;
      let values = last.get(key);
      if (values === undefined)
        last.set(key, (values = new Float64Array(selection.previous.length).fill(Number.NaN)));
      values[item] = numberAt(column, frame);
    }
  }
  return last;
}

/** Features of what tags were in the same step of the episode before. */
export function previousChannels(selection: Selection): Channel[] {
  const tags = selection.previous;
  const width = tags.length;
  const names = tags.map(({ tag }) => tag.name);
  const units = tags.map(({ tag }) => tag.unit ?? null);
  const columns = names.flatMap((name) => [name, `${name}.status`]);
  const each = (
    rows: EpisodeRows,
    previous: LastValues | undefined,
    visit: (at: number, value: number, before: number) => void,
  ) => {
    for (const [item, name] of names.entries()) {
      const column = rows.column(name);
      for (let frame = 0, at = item; frame < rows.count; frame += 1, at += width) {
        const before = previous?.get(stepKey(selection, rows, frame) ?? "")?.[item] ?? Number.NaN;
        visit(at, numberAt(column, frame), before);
      }
    }
  };
  const floats = (name: string, of: (value: number, before: number) => number): Channel => ({
    feature: { name, type: "float32", shape: [width], names, units },
    columns,
    values(rows, { previous }) {
      const values = new Float32Array(rows.count * width);
      each(rows, previous, (at, value, before) => (values[at] = of(value, before)));
      return values;
    },
  });
  return [
    floats("plant.previous_value", (_, before) => before),
    floats("plant.previous_delta", (value, before) => value - before),
    {
      feature: { name: "plant.previous_valid", type: "bool", shape: [width], names },
      columns,
      values(rows, { previous }) {
        const values = new Uint8Array(rows.count * width);
        each(rows, previous, (at, value, before) => (values[at] = Number.isNaN(value - before) ? 0 : 1));
        return values;
      },
    },
  ];
}
