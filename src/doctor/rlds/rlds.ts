import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Outcome } from "../examine.ts";
import { type Checkup, counted, type DoctorOptions, Tally } from "../report.ts";
import { filesBelow } from "../tree.ts";
import { type ExampleValues, readExample } from "./example.ts";
import { type Leaf, leavesOf } from "./features.ts";
import { tfRecords } from "./tfrecord.ts";

interface Split {
  name: string;
  filepathTemplate?: string;
  numBytes?: string;
  shardLengths?: string[];
}

/** Examines a data set of tensorflow-datasets: what it says of itself, its shards, and every example in them. */
export async function examineRlds(root: string, checkup: Checkup, options: DoctorOptions): Promise<Outcome> {
  const blank: Outcome = { version: null, episodes: null, frames: null };
  const described = await filesBelow(root, "", /(^|\/)features\.json$/);
  const [features] = described;
  const folder = features === undefined ? "." : dirname(features);
  const leaves =
    features === undefined ? undefined : await readJson(root, features, checkup, "rlds.features");
  const info = await readJson(root, join(folder, "dataset_info.json"), checkup, "rlds.info");
  if (features === undefined)
    checkup.fail("rlds.features", "features.json is missing", { file: "features.json" });
  if (info === undefined) return blank;
  const known = leaves === undefined ? undefined : leavesOf(leaves);
  if (known !== undefined) checkFeatures(known, checkup);
  const { name, version, splits, fileFormat } = info as Record<string, unknown>;
  if (fileFormat !== undefined && fileFormat !== "tfrecord") {
    checkup.fail("rlds.info", `fileFormat is ${fileFormat}; only tfrecord is looked into`, {
      file: "dataset_info.json",
    });
    return blank;
  }
  if (typeof name !== "string" || !Array.isArray(splits) || splits.length === 0) {
    checkup.fail("rlds.info", "dataset_info.json has no name and splits", { file: "dataset_info.json" });
    return blank;
  }
  checkup.pass("rlds.info", `${name} ${version}, ${counted(splits.length, "split")}`);
  const pass = new ShardPass(root, folder, name, known ?? [], options);
  for (const split of splits as Split[]) await pass.read(split);
  pass.judge(await filesBelow(root, folder === "." ? "" : folder, /\.tfrecord-\d+-of-\d+$/), checkup);
  return { version: String(version), episodes: pass.examples, frames: pass.steps };
}

async function readJson(root: string, path: string, checkup: Checkup, check: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(root, path), "utf8"));
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const why = isMissing
      ? "is missing; it is written last, so the set is unfinished: go on with the export's --resume"
      : `is no JSON: ${(cause as Error).message}`;
    checkup.fail(check, `${path} ${why}`, { file: path });
    return undefined;
  }
}

function checkFeatures(leaves: readonly Leaf[], checkup: Checkup): void {
  const steps = new Set(leaves.filter(({ isStep }) => isStep).map(({ key }) => key));
  const where = { file: "features.json" };
  const missing = ["steps/is_first", "steps/is_last"].filter((key) => !steps.has(key));
  if (steps.size === 0)
    checkup.fail("rlds.features", "there is no data set of steps in features.json", where);
  else if (missing.length > 0)
    checkup.fail("rlds.features", `${missing.join(" and ")} missing; RLDS wants both`, where);
  else checkup.pass("rlds.features", `${counted(leaves.length, "feature")}, ${steps.size} of them per step`);
}

class ShardPass {
  examples = 0;
  steps = 0;
  readonly #root: string;
  readonly #folder: string;
  readonly #name: string;
  readonly #leaves: readonly Leaf[];
  readonly #options: DoctorOptions;
  readonly #named = new Set<string>();
  readonly #tallies = {
    missing: new Tally(),
    crc: new Tally(),
    count: new Tally(),
    bytes: new Tally(),
    message: new Tally(),
    keys: new Tally(),
    lengths: new Tally(),
    bounds: new Tally(),
  };

  constructor(root: string, folder: string, name: string, leaves: readonly Leaf[], options: DoctorOptions) {
    this.#root = root;
    this.#folder = folder;
    this.#name = name;
    this.#leaves = leaves;
    this.#options = options;
  }

  async read(split: Split): Promise<void> {
    const shards = (split.shardLengths ?? []).map(Number);
    let bytes = 0;
    let isWhole = true;
    for (const [at, said] of shards.entries()) {
      const file = this.#path(split, at, shards.length);
      this.#named.add(file);
      let records = 0;
      try {
        for await (const { data, problem } of tfRecords(join(this.#root, file))) {
          this.#options.signal?.throwIfAborted();
          if (problem !== undefined) this.#tallies.crc.add({ file }, problem);
          isWhole &&= data !== undefined;
          if (data === undefined) break;
          bytes += data.length;
          if (this.examples < (this.#options.maxEpisodes ?? Number.POSITIVE_INFINITY))
            this.#example(data, file, records);
          records += 1;
          this.examples += 1;
        }
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
        isWhole = false;
        this.#tallies.missing.add({ file });
        continue;
      }
      if (records !== said) this.#tallies.count.add({ file }, `${records} examples, not ${said}`);
      this.#options.onProgress?.(at + 1, shards.length);
    }
    if (isWhole && split.numBytes !== undefined && Number(split.numBytes) !== bytes)
      this.#tallies.bytes.add({ file: "dataset_info.json" }, `${split.numBytes} bytes, not ${bytes}`);
  }

  #path({ name, filepathTemplate }: Split, shard: number, of: number): string {
    const digits = (number: number) => String(number).padStart(5, "0");
    const file = (filepathTemplate ?? "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}")
      .replace("{DATASET}", this.#name)
      .replace("{SPLIT}", name)
      .replace("{FILEFORMAT}", "tfrecord")
      .replace("{SHARD_X_OF_Y}", `${digits(shard)}-of-${digits(of)}`);
    return this.#folder === "." ? file : `${this.#folder}/${file}`;
  }

  #example(data: Uint8Array, file: string, record: number): void {
    const { message, keys, lengths, bounds } = this.#tallies;
    const where = { file, episode: this.examples };
    let values: Map<string, ExampleValues>;
    try {
      values = readExample(data, new Set(["steps/is_first", "steps/is_last"]));
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      message.add(where, `record ${record}: ${cause.message}`);
      return;
    }
    const steps = values.get("steps/is_first")?.count ?? 0;
    this.steps += steps;
    for (const { key, size, kinds, isStep } of this.#leaves) {
      const one = values.get(key);
      if (one === undefined) keys.add(where, `${key} is missing`);
      else if (one.kind !== "none" && !kinds.includes(one.kind))
        keys.add(where, `${key} holds ${one.kind} values`);
      else if (size !== undefined && one.count !== size * (isStep ? steps : 1))
        lengths.add(where, `${key} has ${one.count} values, not ${size * (isStep ? steps : 1)}`);
    }
    if (this.#leaves.length > 0) {
      const known = new Set(this.#leaves.map(({ key }) => key));
      for (const key of values.keys())
        if (!known.has(key) && !/\/ragged_(flat_values|row_lengths_\d+)$/.test(key))
          keys.add(where, `${key} is not in features.json`);
    }
    const isBound = (key: string, at: number) =>
      values.get(key)?.integers.every((value, step) => value === (step === at ? 1n : 0n)) ?? true;
    if (steps === 0) bounds.add(where, "no steps");
    else if (!isBound("steps/is_first", 0)) bounds.add(where, "is_first is not of the first step alone");
    else if (!isBound("steps/is_last", steps - 1)) bounds.add(where, "is_last is not of the last step alone");
  }

  judge(stored: readonly string[], checkup: Checkup): void {
    const tallies = this.#tallies;
    const judge = (check: string, tally: Tally, of: string, bad: string, good: string) =>
      checkup.judge(check, { tally, bad: (count) => `${counted(count, of)} ${bad}`, good });
    judge("files.shards", tallies.missing, "shard", "missing", "every shard is there");
    judge("rlds.crc", tallies.crc, "record", "that cannot be read as written", "every record has its CRC");
    judge(
      "rlds.counts",
      tallies.count,
      "shard",
      "with another number of examples than stated",
      `${this.examples} examples as stated`,
    );
    checkup.judge("rlds.bytes", {
      tally: tallies.bytes,
      level: "WARN",
      bad: (count) => `numBytes of ${counted(count, "split")} is not what the shards hold`,
    });
    judge(
      "rlds.examples",
      tallies.message,
      "example",
      "that is no tf.train.Example",
      "every record is an example",
    );
    judge(
      "rlds.keys",
      tallies.keys,
      "key",
      "not as features.json has it",
      "examples have the features' keys",
    );
    judge(
      "rlds.lengths",
      tallies.lengths,
      "key",
      "with another number of values than its shape and steps",
      "values fill their shapes at every step",
    );
    judge(
      "rlds.bounds",
      tallies.bounds,
      "episode",
      "whose first and last step are not marked",
      "first and last steps are marked",
    );
    const strange = new Tally();
    for (const file of stored) if (!this.#named.has(file)) strange.add({ file });
    checkup.judge("files.unnamed", {
      tally: strange,
      level: "WARN",
      bad: (count) => `${counted(count, "shard")} that dataset_info.json does not name`,
    });
  }
}
