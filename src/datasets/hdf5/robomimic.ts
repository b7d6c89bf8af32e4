import type { Episode, EpisodeSet } from "../../episodes/index.ts";
import { outcomeOf } from "../outcome.ts";
import { type Column, featureColumns, writeBookkeeping, writeColumns } from "./episode.ts";
import { episodeFacts, setFacts } from "./facts.ts";
import { type Address, Hdf5Writer } from "./file.ts";
import type { Job } from "./job.ts";

/** robomimic numbers its kinds of simulators from 1; recordings have none. */
const NO_SIMULATOR = 0;

/** Writes all episodes as `data/demo_<index>` of one file. */
export async function writeRobomimic(path: string, job: Job): Promise<void> {
  const { set } = job;
  const file = await Hdf5Writer.create(path);
  try {
    const demos: Record<string, Address> = {};
    for (const episode of set.episodes) {
      demos[nameOf(episode)] = await writeDemo(file, episode, job);
      job.progress(episode);
    }
    const frames = set.episodes.reduce((sum, { length }) => sum + length, 0);
    const environment = { env_name: set.name, env_type: NO_SIMULATOR, type: NO_SIMULATOR, env_kwargs: {} };
    const data = await file.group(demos, {
      total: BigInt(frames),
      env_args: JSON.stringify(environment),
      ...setFacts(set),
    });
    const mask = await file.group(await writeSplit(file, set));
    await file.finish(await file.group({ data, mask }));
  } finally {
    await file.close();
  }
}

async function writeDemo(file: Hdf5Writer, episode: Episode, job: Job): Promise<Address> {
  const { set, pictures } = job;
  const frames = await set.read(episode.index);
  const columns = featureColumns(set, frames);
  const observed = [...columns]
    .filter(([name]) => name.startsWith("observation."))
    .map(([name, column]) => [name.slice("observation.".length), column] as const);
  const obs = await writeColumns(file, observed);
  const nextObs = await writeColumns(
    file,
    observed.map(([name, column]) => [name, next(column)] as const),
  );
  if (pictures !== undefined) {
    for (const [camera, { name }] of set.cameras.entries()) {
      [obs[`${name}_image`], nextObs[`${name}_image`]] = await writePictures(file, episode, camera, job);
    }
  }
  const { length } = episode;
  const last = (value: number) =>
    BigInt64Array.from({ length }, (_, frame) => (frame === length - 1 ? BigInt(value) : 0n));
  const action = columns.get("action");
  const links = {
    ...(action === undefined
      ? {}
      : { actions: await file.dataset(action.type, action.shape, action.values) }),
    obs: await file.group(obs),
    next_obs: await file.group(nextObs),
    rewards: await file.dataset(
      "float64",
      [length],
      Float64Array.from(last(outcomeOf(episode).reward), Number),
    ),
    dones: await file.dataset("int64", [length], last(1)),
    ...(await writeBookkeeping(file, set, frames, columns, pictures === undefined)),
  };
  return file.group(links, {
    num_samples: BigInt(length),
    ...episodeFacts(set, episode, job.videosOf(episode)),
  });
}

/** What is observed one frame later; at the last frame the same again. */
function next({ type, shape, values }: Column): Column {
  if (!(values instanceof Float32Array)) throw new TypeError("what is observed is numbers");
  const shifted = values.slice();
  shifted.set(values.subarray(values.length / shape[0]!));
  return { type, shape, values: shifted };
}

/** Pixels of obs and of next_obs, written side by side as they are decoded. */
async function writePictures(
  file: Hdf5Writer,
  episode: Episode,
  camera: number,
  { pictures }: Job,
): Promise<[Address, Address]> {
  const { width, height } = pictures!.sizes[camera]!;
  const shape = [episode.length, height, width, 3];
  const bytes = height * width * 3;
  const [now, next] = [file.reserve(episode.length * bytes), file.reserve(episode.length * bytes)];
  let frame = 0;
  for await (const picture of pictures!.of(episode, camera, "rgb24")) {
    await file.writeAt(now + frame * bytes, picture);
    if (frame > 0) await file.writeAt(next + (frame - 1) * bytes, picture);
    if (frame === episode.length - 1) await file.writeAt(next + frame * bytes, picture);
    frame += 1;
  }
  return [await file.datasetAt("uint8", shape, now), await file.datasetAt("uint8", shape, next)];
}

/** Every tenth episode is for validation; of fewer than ten, the last one, where there are two. */
async function writeSplit(file: Hdf5Writer, { episodes }: EpisodeSet): Promise<Record<string, Address>> {
  const count = episodes.length;
  const isHeldOut = (index: number) => index % 10 === 9 || (count > 1 && count < 10 && index === count - 1);
  const names = (held: boolean) => episodes.filter(({ index }) => isHeldOut(index) === held).map(nameOf);
  const [train, valid] = [names(false), names(true)];
  return {
    train: await file.dataset("text", [train.length], train),
    valid: await file.dataset("text", [valid.length], valid),
  };
}

function nameOf({ index }: Episode): string {
  return `demo_${index}`;
}
