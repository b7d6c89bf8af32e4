import { stat } from "node:fs/promises";
import type { Episode, EpisodeSet, Json } from "../../episodes/index.ts";
import type { DatasetFiles, DatasetWarning, FormatOptions } from "../format.ts";
import { together } from "../together.ts";
import { counterColumns, type DataColumn, featureColumns } from "./columns.ts";
import { type EpisodeRow, writeEpisodes } from "./episodes.ts";
import {
  chunkFiles,
  featureEntries,
  fileNumber,
  ownFacts,
  statisticsMembers,
  writeJson,
  writeText,
} from "./files.ts";
import { requireGrid } from "./grid.ts";
import { cellsOf, openTable } from "./parquet.ts";
import { type EpisodeStatistics, episodeStatistics, joinStatistics, type Statistics } from "./statistics.ts";
import { writeTasks } from "./tasks.ts";
import { type CameraVideos, planVideos, type VideoPlace, videoStatistics, writeVideo } from "./videos.ts";

/** Largest data file, by an estimate of its bytes before they are compressed. */
const dataFileMegabytes = 100;
const videoFileMegabytes = 200;

/** What a data file tells of its episodes. */
interface DataFile {
  readonly statistics: readonly EpisodeStatistics[];
  readonly grid: readonly Json[];
}

/** LeRobotDataset v3.0: many episodes a file; meta/info.json comes last. */
export async function writeVersion3(
  set: EpisodeSet,
  files: DatasetFiles,
  options: FormatOptions,
): Promise<void> {
  const columns = [...featureColumns(set), ...counterColumns(set)];
  const cameras = await planVideos(set, options, true);
  const plan = dataFiles(set.episodes, columns);
  const total = set.episodes.reduce((sum, { length }) => sum + length, 0);

  const [{ statistics, grid }, { places, megabytes }, pictures] = await together([
    writeDataFiles(set, plan, columns, files, options),
    writeVideos(set, cameras, files, options),
    videoStatistics(cameras, files, options),
  ]);
  const all = statistics.map((one, at) => withPictures(one, cameras, pictures, at));

  const fileOf = plan.flatMap((episodes, n) => episodes.map(() => n));
  const rows = set.episodes.map(
    (episode, at): EpisodeRow => ({
      episode,
      dataFile: fileOf[at]!,
      videos: cameras.map(({ key }, camera) => ({ key, place: places[camera]![at]! })),
      statistics: all[at]!,
    }),
  );
  await files.write(`meta/episodes/${fileNumber(0).path}.parquet`, async (path) => {
    writeEpisodes(path, set, rows, pictures === undefined ? [] : cameras.map(({ key }) => key));
    return null;
  });
  await files.write("meta/tasks.parquet", async (path) => {
    writeTasks(path, set.tasks);
    return null;
  });
  const isPicture = (feature: string) => cameras.some(({ key }) => key === feature);
  await files.write("meta/stats.json", (path) =>
    writeText(path, `{\n${statisticsMembers(totals(all), isPicture).join(",\n")}\n}\n`),
  );
  await files.write("meta/tagalign.json", (path) => writeJson(path, ownFacts(set, grid)));
  await files.write("meta/info.json", (path) =>
    writeJson(path, {
      codebase_version: "v3.0",
      robot_type: set.robotType,
      total_episodes: set.episodes.length,
      total_frames: total,
      total_tasks: set.tasks.length,
      chunks_size: chunkFiles,
      data_files_size_in_mb: dataFileMegabytes,
      video_files_size_in_mb: megabytes,
      fps: set.fps,
      splits: { train: `0:${set.episodes.length}` },
      data_path: "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
      video_path:
        cameras.length === 0 ? null : "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
      features: featureEntries(columns, cameras),
    }),
  );
}

async function writeDataFiles(
  set: EpisodeSet,
  plan: readonly (readonly Episode[])[],
  columns: readonly DataColumn[],
  files: DatasetFiles,
  options: FormatOptions,
): Promise<DataFile> {
  const total = set.episodes.reduce((sum, { length }) => sum + length, 0);
  const statistics: EpisodeStatistics[] = [];
  const grid: Json[] = [];
  for (const [n, episodes] of plan.entries()) {
    const made = (await files.write(`data/${fileNumber(n).path}.parquet`, (path) =>
      writeData(path, set, episodes, columns, options),
    )) as unknown as DataFile;
    statistics.push(...made.statistics);
    grid.push(...made.grid);
    files.progress(episodes.at(-1)!.firstIndex + episodes.at(-1)!.length, total);
  }
  return { statistics, grid };
}

/** Returns where every episode is in each camera's files, and what the largest file or the limit takes. */
async function writeVideos(
  set: EpisodeSet,
  cameras: readonly CameraVideos[],
  files: DatasetFiles,
  options: FormatOptions,
): Promise<{ places: VideoPlace[][]; megabytes: number }> {
  const places: VideoPlace[][] = [];
  let megabytes = videoFileMegabytes;
  for (const camera of cameras) {
    const own: VideoPlace[] = [];
    for (const [n, file] of camera.files.entries()) {
      const made = await files.write(`videos/${camera.key}/${fileNumber(n).path}.mp4`, async (path) => {
        const first = await writeVideo(path, file, camera, set.fps, options, files.signal);
        return { first, bytes: (await stat(path)).size };
      });
      megabytes = Math.max(megabytes, Math.ceil(made.bytes / 2 ** 20));
      own.push(...made.first.map((firstFrame) => ({ file: n, firstFrame })));
    }
    const warning = streamingProblem(set, camera, own);
    if (warning !== undefined) files.warn(warning);
    places.push(own);
  }
  return { places, megabytes };
}

/** Readers that stream take the number of a frame in the set for its number in the camera's one video. */
function streamingProblem(
  { episodes }: EpisodeSet,
  { key, files }: CameraVideos,
  places: readonly VideoPlace[],
): DatasetWarning | undefined {
  if (files.length > 1) {
    const message = `${key} is in ${files.length} files, because its videos differ in how they are encoded; readers that stream expect one`;
    return { code: "SEVERAL_VIDEO_FILES", message };
  }
  const first = places.findIndex(({ firstFrame }, at) => firstFrame !== episodes[at]!.firstIndex);
  if (first === -1) return undefined;
  const { firstFrame } = places[first]!;
  const message = `the video of ${key} also holds frames that only decode those of episodes: frame ${episodes[first]!.firstIndex} of the set is frame ${firstFrame} there; LeRobotDataset goes by that, StreamingLeRobotDataset shows other pictures; --video resample leaves none`;
  return { code: "VIDEO_LEAD_FRAMES", message };
}

/** Episodes a file, in order, by how many bytes their frames take at most. */
function dataFiles(episodes: readonly Episode[], columns: readonly DataColumn[]): Episode[][] {
  const bytesOf = { float32: 4, float64: 8, int64: 8, bool: 1, string: 4 };
  const frameBytes = columns.reduce((sum, { dtype, size }) => sum + bytesOf[dtype] * size, 0);
  const most = Math.max(1, Math.floor((dataFileMegabytes * 2 ** 20) / frameBytes));
  const plan: Episode[][] = [];
  let frames = Number.POSITIVE_INFINITY;
  for (const episode of episodes) {
    if (frames + episode.length > most) {
      plan.push([]);
      frames = 0;
    }
    plan.at(-1)!.push(episode);
    frames += episode.length;
  }
  return plan;
}

/** One row group an episode. */
async function writeData(
  path: string,
  set: EpisodeSet,
  episodes: readonly Episode[],
  columns: readonly DataColumn[],
  { video }: FormatOptions,
): Promise<Json> {
  const table = openTable(
    path,
    columns.map(({ name, dtype, size }) => ({ name, type: dtype, depth: size === 1 ? 0 : 1 })),
  );
  const statistics: EpisodeStatistics[] = [];
  const grid: Json[] = [];
  for (const { index } of episodes) {
    const frames = await set.read(index);
    if (video === "retime") grid.push(requireGrid(set, frames));
    statistics.push(episodeStatistics(columns, frames));
    table.write(columns.map((column) => cellsOf(column, column.values(frames))));
  }
  table.close();
  return { statistics, grid } as unknown as Json;
}

function withPictures(
  numbers: EpisodeStatistics,
  cameras: readonly CameraVideos[],
  pictures: readonly (readonly Statistics[])[] | undefined,
  episode: number,
): EpisodeStatistics {
  if (pictures === undefined) return numbers;
  return { ...numbers, ...Object.fromEntries(cameras.map(({ key }, at) => [key, pictures[at]![episode]!])) };
}

function totals(all: readonly EpisodeStatistics[]): EpisodeStatistics {
  const keys = Object.keys(all[0] ?? {});
  return Object.fromEntries(keys.map((key) => [key, joinStatistics(all.map((one) => one[key]!))]));
}
