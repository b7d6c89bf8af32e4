import { integerAt, isPresent, numberAt, textAt } from "./cells.ts";
import { type Channel, integerChannel, textChannel } from "./channel.ts";
import type { EpisodeRows } from "./rows.ts";
import type { Selection, TagColumn } from "./select.ts";
import type { TableColumn } from "./table.ts";
import { personOf } from "./text.ts";

/** Value of a context feature as JSON: int64 that a number cannot hold is its decimal text. */
export type ContextValue = string | number | boolean | null;

/** Features of what is known of the work, and of who does it. */
export function contextChannels({ context, personnel }: Selection): Channel[] {
  return [
    ...context.flatMap(({ name, column }) => contextChannel(`plant.${name}`, column)),
    ...(personnel === undefined ? [] : [personChannel(personnel.column.tag.name, personnel.salt)]),
  ];
}

function personChannel(name: string, salt: string): Channel {
  return textChannel("plant.personnel_id", [name], (rows) => personOf(rows, name, salt));
}

function contextChannel(feature: string, { tag: { name, unit }, type }: TagColumn): Channel[] {
  if (type === "text")
    return [
      textChannel(feature, [name], (rows) => {
        const column = rows.column(name);
        return (frame) => textAt(column, frame);
      }),
    ];
  const units = unit === undefined ? {} : { units: [unit] };
  const columns = [name];
  const value: Channel =
    type === "bool"
      ? {
          feature: { name: feature, type, shape: [] },
          columns,
          values: (rows) => bytes(rows, name, (column, row) => numberAt(column, row) === 1),
        }
      : type === "float64"
        ? {
            feature: { name: feature, type, shape: [], ...units },
            columns,
            values: (rows) => {
              const column = rows.column(name);
              return Float64Array.from({ length: rows.count }, (_, frame) => numberAt(column, frame));
            },
          }
        : {
            feature: { name: feature, type: "int64", shape: [], ...units },
            columns,
            values: (rows) => {
              const column = rows.column(name);
              return BigInt64Array.from({ length: rows.count }, (_, frame) => integerAt(column, frame, 0n));
            },
          };
  return [
    value,
    {
      feature: { name: `${feature}_valid`, type: "bool", shape: [] },
      columns,
      values: (rows) => bytes(rows, name, isPresent),
    },
  ];
}

function bytes(
  rows: EpisodeRows,
  name: string,
  isSet: (column: TableColumn, row: number) => boolean,
): Uint8Array {
  const column = rows.column(name);
  return Uint8Array.from({ length: rows.count }, (_, frame) => (isSet(column, frame) ? 1 : 0));
}

/** What the context is at one frame, by name. */
export function contextAt(
  { context, personnel }: Selection,
  rows: EpisodeRows,
  frame: number,
): { [name: string]: ContextValue } {
  const values: [string, ContextValue][] = context.map(({ name, column }) => [
    name,
    valueAt(rows.column(column.tag.name), frame),
  ]);
  if (personnel !== undefined)
    values.push(["personnel_id", personOf(rows, personnel.column.tag.name, personnel.salt)(frame)]);
  return Object.fromEntries(values);
}

function valueAt(column: TableColumn, row: number): ContextValue {
  if (column.type === "text") return textAt(column, row);
  if (!isPresent(column, row)) return null;
  if (column.type === "bool") return numberAt(column, row) === 1;
  const value = numberAt(column, row);
  return column.type === "float64" || Number.isSafeInteger(value) ? value : textAt(column, row);
}

/** Features of the step of the procedure that each frame is in. */
export function stepChannels({ step, steps }: Selection): Channel[] {
  if (step === undefined) return [];
  return [
    textChannel("plant.sop_step_id", [], ({ stepOf }) => stepOf),
    textChannel("plant.sop_step_text", [], ({ stepOf }) => {
      return (frame) => steps.get(stepOf(frame) ?? "")?.text ?? null;
    }),
    integerChannel("plant.sop_step_index", [], ({ stepOf }) => {
      return (frame) => BigInt(steps.get(stepOf(frame) ?? "")?.index ?? -1);
    }),
    integerChannel("plant.sop_step_elapsed_ns", [], ({ runs, timeNs }) => {
      let at = 0;
      return (frame) => {
        while (runs[at]!.endFrame <= frame) at += 1;
        const { step: id, sinceNs } = runs[at]!;
        return id === null ? -1n : timeNs[frame]! - sinceNs;
      };
    }),
  ];
}

/** Features of the alarms that are active at each frame. */
export function alarmChannels({ alarms }: Selection): Channel[] {
  if (alarms === undefined) return [];
  const { name, severity } = alarms;
  return [
    integerChannel("plant.alarm_active_count", [name], (rows) => {
      const itemsOf = itemsIn(rows.column(name));
      return (frame) => BigInt(itemsOf(frame)[1] - itemsOf(frame)[0]);
    }),
    ...(severity === undefined ? [] : [severityChannel(severity)]),
    alarmNames(name),
  ];
}

function severityChannel(name: string): Channel {
  return integerChannel("plant.alarm_max_severity", [name], (rows) => {
    const column = rows.column(name);
    const itemsOf = itemsIn(column);
    return (frame) => {
      const [start, end] = itemsOf(frame);
      let most = 0;
      for (let at = start; at < end; at += 1) {
        const severity = column.type === "list" ? numberAt(column.items, at) : Number.NaN;
        if (severity > most) most = severity;
      }
      return BigInt(Math.round(most));
    };
  });
}

function alarmNames(name: string): Channel {
  const eachName = (rows: EpisodeRows, visit: (frame: number, alarm: string) => void) => {
    const column = rows.column(name);
    const itemsOf = itemsIn(column);
    for (let frame = 0; frame < rows.count; frame += 1) {
      const [start, end] = itemsOf(frame);
      for (let at = start; at < end; at += 1) {
        const alarm = column.type === "list" ? textAt(column.items, at) : null;
        if (alarm !== null) visit(frame, alarm);
      }
    }
  };
  return {
    feature: { name: "plant.alarm_multihot", type: "int64", shape: [0], names: [] },
    columns: [name],
    texts(rows) {
      const texts = new Set<string>();
      eachName(rows, (_, alarm) => texts.add(alarm));
      return texts;
    },
    values(rows, { places }) {
      const values = new BigInt64Array(rows.count * places.size);
      eachName(rows, (frame, alarm) => {
        values[frame * places.size + places.get(alarm)!] = 1n;
      });
      return values;
    },
  };
}

/** First item and end of the items of a row; an empty range where it has no list. */
function itemsIn(column: TableColumn): (row: number) => readonly [number, number] {
  if (column.type !== "list") return () => [0, 0];
  return (row) => (isPresent(column, row) ? [column.offsets[row]!, column.offsets[row + 1]!] : [0, 0]);
}
