import type { ColumnSource } from "hyparquet-writer";
import type { Episode, EpisodeSet } from "../../episodes/index.ts";
import { fileNumber, nested } from "./files.ts";
import { openTable, type TableColumn } from "./parquet.ts";
import { type EpisodeStatistics, statisticNames } from "./statistics.ts";
import type { VideoPlace } from "./videos.ts";

/** What meta/episodes says of one episode. */
export interface EpisodeRow {
  readonly episode: Episode;
  readonly dataFile: number;
  readonly videos: readonly { readonly key: string; readonly place: VideoPlace }[];
  readonly statistics: EpisodeStatistics;
}

interface RowColumn extends TableColumn {
  of(row: EpisodeRow): unknown;
}

/**
 * Writes meta/episodes: row i is episode i.
 *
 * The steps of the procedure are there as sub-tasks with their names, frames and seconds within the episode.
 *
 * @param pictureKeys cameras whose pictures have statistics
 */
export function writeEpisodes(
  path: string,
  set: EpisodeSet,
  rows: readonly EpisodeRow[],
  pictureKeys: readonly string[],
): void {
  const columns = [
    ...placeColumns(set),
    ...videoColumns(set, rows[0]),
    ...segmentColumns(set),
    ...statisticColumns(rows[0], pictureKeys),
    int64("meta/episodes/chunk_index", () => 0),
    int64("meta/episodes/file_index", () => 0),
  ];
  const table = openTable(path, columns);
  table.write(columns.map((column) => rows.map((row) => column.of(row)) as ColumnSource["data"]));
  table.close();
}

function int64(name: string, of: (row: EpisodeRow) => number): RowColumn {
  return { name, type: "int64", depth: 0, of: (row) => BigInt(of(row)) };
}

function text(name: string, of: (row: EpisodeRow) => string): RowColumn {
  return { name, type: "string", depth: 0, of };
}

function placeColumns({ tasks }: EpisodeSet): RowColumn[] {
  return [
    int64("episode_index", ({ episode }) => episode.index),
    {
      name: "tasks",
      type: "string",
      depth: 1,
      of: ({ episode }) => episode.tasks.map((task) => tasks[task]!),
    },
    int64("length", ({ episode }) => episode.length),
    int64("data/chunk_index", ({ dataFile }) => fileNumber(dataFile).chunk),
    int64("data/file_index", ({ dataFile }) => fileNumber(dataFile).file),
    int64("dataset_from_index", ({ episode }) => episode.firstIndex),
    int64("dataset_to_index", ({ episode }) => episode.firstIndex + episode.length),
    text("episode_id", ({ episode }) => episode.id),
    text("scene", ({ episode }) => episode.scene),
  ];
}

/** Seconds follow from counts of frames, because sums of durations drift. */
function videoColumns({ fps }: EpisodeSet, first: EpisodeRow | undefined): RowColumn[] {
  return (first?.videos ?? []).flatMap(({ key }, camera): RowColumn[] => {
    const place = ({ videos }: EpisodeRow) => videos[camera]!.place;
    const seconds = (name: string, of: (row: EpisodeRow) => number): RowColumn => ({
      name: `videos/${key}/${name}`,
      type: "float64",
      depth: 0,
      of: (row) => of(row) / fps,
    });
    return [
      int64(`videos/${key}/chunk_index`, (row) => fileNumber(place(row).file).chunk),
      int64(`videos/${key}/file_index`, (row) => fileNumber(place(row).file).file),
      seconds("from_timestamp", (row) => place(row).firstFrame),
      seconds("to_timestamp", (row) => place(row).firstFrame + row.episode.length),
    ];
  });
}

function segmentColumns({ fps, episodes }: EpisodeSet): RowColumn[] {
  if (episodes.every(({ segments }) => segments.length === 0)) return [];
  const list = (
    name: string,
    type: TableColumn["type"],
    of: (segment: Episode["segments"][number]) => unknown,
  ) => ({
    name: `dense_subtask_${name}`,
    type,
    depth: 1,
    of: ({ episode }: EpisodeRow) => episode.segments.map(of),
  });
  return [
    list("names", "string", ({ text: name }) => name),
    list("start_frames", "int64", ({ startFrame }) => BigInt(startFrame)),
    list("end_frames", "int64", ({ endFrame }) => BigInt(endFrame)),
    list("start_times", "float64", ({ startFrame }) => startFrame / fps),
    list("end_times", "float64", ({ endFrame }) => endFrame / fps),
  ];
}

function statisticColumns(first: EpisodeRow | undefined, pictureKeys: readonly string[]): RowColumn[] {
  return Object.keys(first?.statistics ?? {}).flatMap((key) => {
    const isPicture = pictureKeys.includes(key);
    return statisticNames.map(
      (name): RowColumn => ({
        name: `stats/${key}/${name}`,
        type: name === "count" ? "int64" : "float64",
        depth: isPicture && name !== "count" ? 3 : 1,
        of: ({ statistics }) => {
          const values = nested(statistics[key]!, name, isPicture);
          return name === "count" ? values.map((count) => BigInt(count as number)) : [...values];
        },
      }),
    );
  });
}
