import { writeFile } from "node:fs/promises";
import type { RecordBatch } from "apache-arrow";
import type { EpisodeSet, Json } from "../../episodes/index.ts";
import { version } from "../../version.ts";
import { type CapturedVideos, capturedVideos, copyVideos } from "../captured-videos.ts";
import { changesOf } from "../changes.ts";
import type { DatasetFiles, DatasetFormat } from "../format.ts";
import { together } from "../together.ts";
import { type WriteTable, writeArrow, writeParquet } from "./files.ts";
import { FrameColumns } from "./frames.ts";
import {
  type Event,
  episodeRecords,
  eventRecords,
  type Records,
  segmentRecords,
  taskRecords,
} from "./records.ts";

/** Of the columns and of dataset.json. */
const schemaVersion = 1;

/** Parquet files: frames, episodes, segments, events and tasks, with the captures' videos beside them. */
export const parquet: DatasetFormat = tables("parquet", writeParquet);

/** The same as Arrow IPC files; frames have one record batch an episode. */
export const arrow: DatasetFormat = tables("arrow", writeArrow);

function tables(kind: "parquet" | "arrow", write: WriteTable): DatasetFormat {
  return {
    videoModes: ["copy"],
    async write(set, files) {
      const videos = capturedVideos(set);
      const facts = factsOf(set);
      const metadata = new Map([["tagalign", JSON.stringify(facts)]]);
      const rows: Record<string, number> = {};
      const save = async (name: string, make: () => Promise<Records>) => {
        const path = `${name}.${kind}`;
        rows[path] = await files.write(path, async (to) => {
          const { schema, batch } = await make();
          await write(to, schema, once(batch));
          return batch.numRows;
        });
      };
      let events: Event[] | undefined;
      const columns = new FrameColumns(set, metadata);
      const frames = files.write(`frames.${kind}`, async (to) => {
        const found: Event[] = [];
        await write(to, columns.schema, frameBatches(set, columns, files, found));
        events = found;
        return set.episodes.reduce((sum, { length }) => sum + length, 0);
      });
      [rows[`frames.${kind}`]] = await together([frames, copyVideos(videos, files)]);
      await save("episodes", async () => episodeRecords(set, videos, metadata));
      await save("segments", async () => segmentRecords(set, metadata));
      await save("events", async () => eventRecords(events ?? (await eventsOf(set)), metadata));
      await save("tasks", async () => taskRecords(set, metadata));
      const about = { format: kind, ...facts, ...contentOf(set, videos), rows };
      await files.write("dataset.json", async (to) => {
        await writeFile(to, `${JSON.stringify(about, undefined, 2)}\n`);
        return null;
      });
    },
  };
}

async function* once(batch: RecordBatch): AsyncGenerator<RecordBatch> {
  yield batch;
}

async function* frameBatches(
  set: EpisodeSet,
  columns: FrameColumns,
  files: DatasetFiles,
  events: Event[],
): AsyncGenerator<RecordBatch> {
  const total = set.episodes.reduce((sum, { length }) => sum + length, 0);
  for (const { index, firstIndex, length } of set.episodes) {
    const frames = await set.read(index);
    events.push(...eventsIn(set, frames));
    yield columns.batch(frames);
    files.progress(firstIndex + length, total);
  }
}

async function eventsOf(set: EpisodeSet): Promise<Event[]> {
  const events: Event[] = [];
  for (const { index } of set.episodes) events.push(...eventsIn(set, await set.read(index)));
  return events;
}

function eventsIn(set: EpisodeSet, frames: Awaited<ReturnType<EpisodeSet["read"]>>): Event[] {
  return changesOf(set, frames).map((change) => ({
    ...change,
    episode: frames.episode.index,
    timeNs: frames.timeNs[change.frame]!,
  }));
}

/** What every file says of the set. */
function factsOf({ name, fps, robotType, provenance }: EpisodeSet) {
  return {
    schema_version: schemaVersion,
    tagalign: version,
    name,
    fps,
    robot_type: robotType,
    timebase: "UTC ns (POSIX)",
    provenance,
  };
}

function contentOf(set: EpisodeSet, videos: CapturedVideos): { readonly [key: string]: Json } {
  const { episodes, tasks, features, cameras, leftOut } = set;
  return {
    episodes: episodes.length,
    frames: episodes.reduce((sum, { length }) => sum + length, 0),
    tasks: tasks.length,
    cameras: cameras.map(({ name }) => name),
    videos: [...videos.values()],
    features: features.map(({ name, type, shape, names = null, units = null }) => ({
      name,
      type,
      shape,
      names,
      units,
    })),
    left_out: leftOut.map((one) => ({ ...one })),
  };
}
