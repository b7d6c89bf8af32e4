import { type Data, type DataType, Field, type RecordBatch, Schema, vectorFromArray } from "apache-arrow";
import type { Episode, EpisodeSet, Feature, Segment } from "../../episodes/index.ts";
import type { CapturedVideos } from "../captured-videos.ts";
import type { Change } from "../changes.ts";
import { batchOf, bool, float64, instantField, int64, plain, text, texts } from "./columns.ts";

type Cell = string | number | bigint | boolean | readonly string[] | null;

/** A small table, whose rows are in memory. */
export interface Records {
  readonly schema: Schema;
  readonly batch: RecordBatch;
}

/** A column, and its cell in a row. */
type Column<Row> = readonly [Field, (row: Row, at: number) => Cell];

function records<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  metadata: Map<string, string>,
): Records {
  const schema = new Schema(
    columns.map(([field]) => field),
    metadata,
  );
  const children = columns.map(([field, cell]) => dataOf(field, rows.map(cell)));
  return { schema, batch: batchOf(schema, rows.length, children) };
}

function dataOf({ type, nullable }: Field, cells: readonly Cell[]): Data {
  if (!nullable && cells.every((cell) => typeof cell === "bigint"))
    return plain(type, BigInt64Array.from(cells));
  return vectorFromArray(cells as unknown[], type).data[0]!;
}

const field = (name: string, type: DataType, isNullable = false) => new Field(name, type, isNullable);

/** One row an episode. */
export function episodeRecords(
  set: EpisodeSet,
  videos: CapturedVideos,
  metadata: Map<string, string>,
): Records {
  const columns: Column<Episode>[] = [
    [field("episode_index", int64), ({ index }) => BigInt(index)],
    [field("episode_id", text), ({ id }) => id],
    [field("capture", text), ({ capture }) => capture],
    [field("length", int64), ({ length }) => BigInt(length)],
    [field("dataset_from_index", int64), ({ firstIndex }) => BigInt(firstIndex)],
    [field("dataset_to_index", int64), ({ firstIndex, length }) => BigInt(firstIndex + length)],
    [instantField("start_time_ns"), ({ startNs }) => startNs],
    [instantField("end_time_ns"), ({ endNs }) => endNs],
    [field("scene", text), ({ scene }) => scene],
    [field("tasks", texts), ({ tasks }) => tasks.map((task) => set.tasks[task]!)],
    ...contextColumns(set),
    [field("procedure", text, true), ({ conformance }) => conformance?.procedure ?? null],
    [field("conformance", text, true), ({ conformance }) => conformance?.result ?? null],
    [
      field("deviations", text, true),
      ({ conformance }) => (conformance === undefined ? null : JSON.stringify(conformance.deviations)),
    ],
    [field("missing_steps", texts, true), ({ conformance }) => conformance?.missing ?? null],
    ...set.cameras.map(
      ({ name }, camera): Column<Episode> => [
        field(`observation.images.${name}.path`, text),
        (episode) => videos.get(episode.videos[camera]!.path)!,
      ],
    ),
  ];
  return records(set.episodes, columns, metadata);
}

/** What is known of the work at an episode's first frame. */
function contextColumns({ episodes, features }: EpisodeSet): Column<Episode>[] {
  return Object.keys(episodes[0]?.context ?? {}).map((name) => {
    const type = features.find((feature) => feature.name === `plant.${name}`)?.type ?? "text";
    return [
      field(`plant.${name}`, contextType(type), true),
      ({ context }) => contextCell(type, context[name]),
    ];
  });
}

function contextType(type: Feature["type"]): DataType {
  return { text, bool, int64, float32: float64, float64 }[type];
}

/** Whole numbers that a number does not hold come as text. */
function contextCell(type: Feature["type"], value: Episode["context"][string] | undefined): Cell {
  if (value === null || value === undefined) return null;
  return type === "int64" ? BigInt(value) : value;
}

/** One row for each stretch of frames with one step. */
export function segmentRecords({ episodes }: EpisodeSet, metadata: Map<string, string>): Records {
  const rows = episodes.flatMap(({ index, segments }) =>
    segments.map((segment, place) => ({ index, place, segment })),
  );
  const of =
    <T extends Cell>(cell: (segment: Segment) => T) =>
    ({ segment }: (typeof rows)[number]) =>
      cell(segment);
  return records(
    rows,
    [
      [field("episode_index", int64), ({ index }) => BigInt(index)],
      [field("segment_index", int64), ({ place }) => BigInt(place)],
      [field("kind", text), () => "step"],
      [field("start_frame", int64), of(({ startFrame }) => BigInt(startFrame))],
      [field("end_frame", int64), of(({ endFrame }) => BigInt(endFrame))],
      [instantField("start_time_ns"), of(({ startNs }) => startNs)],
      [instantField("end_time_ns"), of(({ endNs }) => endNs)],
      [field("id", text), of(({ id }) => id)],
      [field("text", text), of(({ text: words }) => words)],
    ],
    metadata,
  );
}

/** A change, with the episode and the instant that it is in. */
export interface Event extends Change {
  readonly episode: number;
  readonly timeNs: bigint;
}

/** One row for each change of order, step, task or alarms. */
export function eventRecords(events: readonly Event[], metadata: Map<string, string>): Records {
  return records<Event>(
    events,
    [
      [field("episode_index", int64), ({ episode }) => BigInt(episode)],
      [field("frame_index", int64), ({ frame }) => BigInt(frame)],
      [instantField("event_time_ns"), ({ timeNs }) => timeNs],
      [field("source_time_ns", int64, true), ({ sourceNs }) => sourceNs],
      [field("kind", text), ({ kind }) => kind],
      [field("id", text, true), ({ id }) => id],
      [field("payload", text), ({ payload }) => JSON.stringify(payload)],
    ],
    metadata,
  );
}

/** One row a task. */
export function taskRecords({ tasks }: EpisodeSet, metadata: Map<string, string>): Records {
  return records(
    tasks,
    [
      [field("task_index", int64), (_, at) => BigInt(at)],
      [field("task", text), (task) => task],
    ],
    metadata,
  );
}
