import type { Episode, EpisodeSet, Json } from "../../episodes/index.ts";
import { AlignError } from "../../errors.ts";
import type { DatasetFiles, FormatOptions } from "../format.ts";
import { together } from "../together.ts";
import { counterColumns, type DataColumn, featureColumns } from "./columns.ts";
import {
  chunkFiles,
  featureEntries,
  ownFacts,
  statisticsMembers,
  writeJson,
  writeJsonLines,
  writeText,
} from "./files.ts";
import { requireGrid } from "./grid.ts";
import { annotationsOf, modality, stateColumn } from "./modality.ts";
import { cellsOf, openTable } from "./parquet.ts";
import { type EpisodeStatistics, episodeStatistics } from "./statistics.ts";
import { type CameraVideos, planVideos, videoStatistics, writeVideo } from "./videos.ts";

/** LeRobotDataset v2.1 with modality.json, as GR00T reads it: one data file and one video an episode. */
export async function writeVersion2(
  set: EpisodeSet,
  files: DatasetFiles,
  options: FormatOptions,
): Promise<void> {
  const annotations = annotationsOf(set);
  const state = stateColumn(set);
  const columns = [
    ...(state === undefined ? [] : [state]),
    ...featureColumns(set).filter(({ name }) => !/^observation\.(environment_)?state$/.test(name)),
    ...annotations.columns,
    ...counterColumns(set),
  ];
  const cameras = await planVideos(set, options, false);
  const total = set.episodes.reduce((sum, { length }) => sum + length, 0);
  const [{ numbers, grid }, pictures] = await together([
    writeEpisodes(set, cameras, columns, files, options),
    videoStatistics(cameras, files, options),
  ]);
  const isPicture = (feature: string) => cameras.some(({ key }) => key === feature);
  const statistics = numbers.map((own, at) => {
    const seen = (pictures ?? []).map((one, camera) => [cameras[camera]!.key, one[at]!]);
    const members = statisticsMembers({ ...own, ...Object.fromEntries(seen) }, isPicture);
    return `{"episode_index": ${at}, "stats": {${members.join(", ")}}}\n`;
  });
  await files.write("meta/tasks.jsonl", (path) =>
    writeJsonLines(
      path,
      annotations.texts.map((task, place) => ({ task_index: place, task })),
    ),
  );
  const hasSegments = set.episodes.some(({ segments }) => segments.length > 0);
  await files.write("meta/episodes.jsonl", (path) =>
    writeJsonLines(
      path,
      set.episodes.map(({ index, tasks, length, segments }) => ({
        episode_index: index,
        tasks: tasks.map((task) => set.tasks[task]),
        length,
        // All rows have the same keys, because tools make a table of them.
        ...(hasSegments
          ? {
              action_config: segments.map(({ startFrame, endFrame, text }) => ({
                start_frame: startFrame,
                end_frame: endFrame,
                action_text: text,
              })),
            }
          : {}),
      })),
    ),
  );
  await files.write("meta/episodes_stats.jsonl", (path) => writeText(path, statistics.join("")));
  await files.write("meta/modality.json", (path) => writeJson(path, modality(set, annotations)));
  await files.write("meta/tagalign.json", (path) => writeJson(path, ownFacts(set, grid)));
  const chunks = Math.ceil(set.episodes.length / chunkFiles);
  await files.write("meta/info.json", (path) =>
    writeJson(path, {
      codebase_version: "v2.1",
      robot_type: set.robotType,
      total_episodes: set.episodes.length,
      total_frames: total,
      total_tasks: annotations.texts.length,
      total_videos: cameras.length * set.episodes.length,
      total_chunks: chunks,
      chunks_size: chunkFiles,
      fps: set.fps,
      splits: { train: `0:${set.episodes.length}` },
      data_path: "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
      video_path:
        cameras.length === 0
          ? null
          : "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
      features: featureEntries(columns, cameras),
    }),
  );
}

const chunkOf = ({ index }: Episode) => `chunk-${String(Math.floor(index / chunkFiles)).padStart(3, "0")}`;
const nameOf = ({ index }: Episode) => `episode_${String(index).padStart(6, "0")}`;

/** This version takes a video's first frame for the episode's. */
function noKeyFrame({ id, videos }: Episode, set: EpisodeSet, camera: number, lead: number): AlignError {
  const message = `the video of camera ${set.cameras[camera]!.name} in episode ${id} can only be cut at a key frame, ${lead} frames before it begins, and version 2.1 has no place to say so`;
  return new AlignError("SOURCE_RETIME", message, {
    where: { file: videos[camera]!.path },
    hint: "export with --video resample, or as --version 3.0",
  });
}

async function writeEpisodes(
  set: EpisodeSet,
  cameras: readonly CameraVideos[],
  columns: readonly DataColumn[],
  files: DatasetFiles,
  options: FormatOptions,
): Promise<{ numbers: EpisodeStatistics[]; grid: Json[] }> {
  const total = set.episodes.reduce((sum, { length }) => sum + length, 0);
  const numbers: EpisodeStatistics[] = [];
  const grid: Json[] = [];
  for (const [at, episode] of set.episodes.entries()) {
    const data = files.write(`data/${chunkOf(episode)}/${nameOf(episode)}.parquet`, (path) =>
      writeEpisode(path, set, episode, columns, options),
    ) as Promise<unknown> as Promise<{ statistics: EpisodeStatistics; grid: Json }>;
    const videos = cameras.map((camera, place) =>
      files.write(`videos/${chunkOf(episode)}/${camera.key}/${nameOf(episode)}.mp4`, async (path) => {
        const [lead] = await writeVideo(path, camera.files[at]!, camera, set.fps, options, files.signal);
        if (lead !== 0) throw noKeyFrame(episode, set, place, lead!);
        return null;
      }),
    );
    const [made] = await together([data, together(videos)]);
    numbers.push(made.statistics);
    if (made.grid !== null) grid.push(made.grid);
    files.progress(episode.firstIndex + episode.length, total);
  }
  return { numbers, grid };
}

async function writeEpisode(
  path: string,
  set: EpisodeSet,
  { index }: Episode,
  columns: readonly DataColumn[],
  { video }: FormatOptions,
): Promise<Json> {
  const frames = await set.read(index);
  const grid = video === "retime" ? requireGrid(set, frames) : null;
  const table = openTable(
    path,
    columns.map(({ name, dtype, size }) => ({ name, type: dtype, depth: size === 1 ? 0 : 1 })),
  );
  table.write(columns.map((column) => cellsOf(column, column.values(frames))));
  table.close();
  return { statistics: episodeStatistics(columns, frames), grid } as unknown as Json;
}
