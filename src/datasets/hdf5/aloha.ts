import type { Episode } from "../../episodes/index.ts";
import { featureColumns, writeBookkeeping } from "./episode.ts";
import { episodeFacts, setFacts } from "./facts.ts";
import { type Address, Hdf5Writer } from "./file.ts";
import type { Job } from "./job.ts";

/**
 * Writes one episode as a file of its own.
 *
 * `observations/qpos` is the robot's state; where none was captured it is the state of the plant, so that loaders find
 * what they ask for. The attribute `qpos_feature` of the root tells which. Velocities and efforts are never made up.
 * Rows of `compress_len` are in the order of the attribute `camera_names`.
 */
export async function writeAloha(path: string, episode: Episode, job: Job): Promise<void> {
  const { set, pictures } = job;
  const file = await Hdf5Writer.create(path);
  try {
    const frames = await set.read(episode.index);
    const columns = featureColumns(set, frames);
    const write = async (name: string, as: string): Promise<Record<string, Address>> => {
      const column = columns.get(name);
      return column === undefined
        ? {}
        : { [as]: await file.dataset(column.type, column.shape, column.values) };
    };
    const [robot, plant] = ["observation.state", "observation.environment_state"] as const;
    const state = columns.has(robot) ? robot : plant;
    const images = pictures === undefined ? undefined : await writeImages(file, episode, job);
    const links = {
      observations: await file.group({
        ...(await write(state, "qpos")),
        ...(state === robot ? await write(plant, "environment_state") : {}),
        ...(images === undefined ? {} : { images: images.group }),
      }),
      ...(await write("action", "action")),
      ...(images === undefined ? {} : { compress_len: images.lengths }),
      ...(await writeBookkeeping(file, set, frames, columns, pictures === undefined)),
    };
    const root = await file.group(links, {
      sim: false,
      compress: images !== undefined,
      ...(images === undefined ? {} : { camera_names: set.cameras.map(({ name }) => name) }),
      ...(columns.has(state) ? { qpos_feature: state } : {}),
      ...setFacts(set),
      ...episodeFacts(set, episode, job.videosOf(episode)),
    });
    await file.finish(root);
  } finally {
    await file.close();
  }
}

async function writeImages(file: Hdf5Writer, episode: Episode, { set, pictures }: Job) {
  const group: Record<string, Address> = {};
  const lengths: number[] = [];
  for (const [camera, { name }] of set.cameras.entries()) {
    const rows = await writeRows(file, pictures!.of(episode, camera, "jpeg"));
    group[name] = await file.datasetAt("uint8", [episode.length, rows.width], rows.at);
    lengths.push(...rows.lengths);
  }
  const shape = [set.cameras.length, episode.length];
  return {
    group: await file.group(group),
    lengths: await file.dataset("int64", shape, BigInt64Array.from(lengths, BigInt)),
  };
}

/**
 * Writes pieces of bytes as rows of one width, that of the longest, with zeros behind.
 *
 * The width shows only at the end: until then the pieces stand close together, then they are moved apart where they
 * are, the last one first, which never covers one that is still to be moved.
 */
async function writeRows(file: Hdf5Writer, pieces: AsyncIterable<Uint8Array>) {
  const at = file.reserve(0);
  const lengths: number[] = [];
  let end = at;
  for await (const piece of pieces) {
    await file.writeAt(end, piece);
    end += piece.length;
    lengths.push(piece.length);
  }
  const width = lengths.reduce((longest, length) => Math.max(longest, length), 0);
  for (let row = lengths.length - 1; row >= 0; row -= 1) {
    const length = lengths[row]!;
    end -= length;
    const padded = new Uint8Array(width);
    padded.set(await file.readAt(end, length));
    await file.writeAt(at + row * width, padded);
  }
  file.reserve(lengths.length * width);
  return { at, width, lengths };
}
