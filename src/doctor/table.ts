import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Table, tableFromIPC } from "apache-arrow";
import type { Outcome } from "./examine.ts";
import { openParquet } from "./parquet.ts";
import { type Checkup, counted, type DoctorOptions, Tally } from "./report.ts";
import { isFile } from "./tree.ts";

/** Whole columns of numbers of one table. */
type Read = (columns: readonly string[]) => Promise<ReadonlyMap<string, ArrayLike<unknown>>>;

/** Examines the tables of an export (Parquet or Arrow): rows as dataset.json counts them, counters, episodes, videos. */
export async function examineTables(
  root: string,
  checkup: Checkup,
  options: DoctorOptions,
): Promise<Outcome> {
  const blank: Outcome = { version: null, episodes: null, frames: null };
  let about: Record<string, unknown>;
  try {
    about = JSON.parse(await readFile(join(root, "dataset.json"), "utf8")) as Record<string, unknown>;
  } catch (cause) {
    checkup.fail("table.json", `dataset.json is no JSON: ${(cause as Error).message}`, {
      file: "dataset.json",
    });
    return blank;
  }
  const { format, rows, videos, schema_version: version } = about;
  if ((format !== "parquet" && format !== "arrow") || typeof rows !== "object" || rows === null) {
    checkup.fail("table.json", "dataset.json tells no format and rows", { file: "dataset.json" });
    return blank;
  }
  checkup.pass("table.json", `tables as ${format}`);
  await checkVideos(root, Array.isArray(videos) ? videos.map(String) : [], checkup);
  const counts = new Tally();
  const reads = new Map<string, Read>();
  for (const [path, said] of Object.entries(rows as Record<string, number>)) {
    options.signal?.throwIfAborted();
    const file = join(root, path);
    try {
      const { count, read } = await (format === "parquet" ? openParquetTable(file) : openArrowTable(file));
      reads.set(path, read);
      if (count !== said) counts.add({ file: path }, `${count} rows, not ${said}`);
    } catch (cause) {
      const isThere = await isFile(file);
      checkup.fail(
        "table.files",
        `${path} ${isThere ? `cannot be read: ${(cause as Error).message}` : "is missing"}`,
        { file: path },
      );
    }
  }
  checkup.judge("table.rows", {
    tally: counts,
    bad: (count) => `${counted(count, "table")} with another number of rows than dataset.json has`,
    good: `${counted(reads.size, "table")} with the rows that dataset.json has`,
  });
  await checkFrames(format, reads, checkup);
  const [episodes, frames] = [Number(about.episodes), Number(about.frames)];
  return { version: version === undefined ? null : String(version), episodes, frames };
}

async function checkVideos(root: string, videos: readonly string[], checkup: Checkup): Promise<void> {
  const missing = new Tally();
  for (const file of videos) if (!(await isFile(join(root, file)))) missing.add({ file });
  checkup.judge("files.video", {
    tally: missing,
    bad: (count) => `${counted(count, "video")} missing`,
    ...(videos.length === 0 ? {} : { good: `${counted(videos.length, "video")} there` }),
  });
}

async function openParquetTable(path: string): Promise<{ count: number; read: Read }> {
  const { rows } = await withParquet(path, async (file) => file);
  return {
    count: rows,
    read: (columns) => withParquet(path, (file) => file.read(columns, 0, file.rows)),
  };
}

async function withParquet<T>(
  path: string,
  use: (file: Awaited<ReturnType<typeof openParquet>>) => Promise<T>,
): Promise<T> {
  const file = await openParquet(path);
  return use(file).finally(() => file.close());
}

async function openArrowTable(path: string): Promise<{ count: number; read: Read }> {
  const table: Table = tableFromIPC(await readFile(path));
  return {
    count: table.numRows,
    read: async (columns) =>
      new Map(
        columns.map((name) => {
          const vector = table.getChild(name);
          if (vector === null) throw new Error(`column ${name} is missing`);
          // The cells of a timestamp would lose ns; its memory does not.
          return [name, vector.toArray() as ArrayLike<unknown>];
        }),
      ),
  };
}

/** Counters of the frames, and the episodes' lengths against them. */
async function checkFrames(
  format: string,
  reads: ReadonlyMap<string, Read>,
  checkup: Checkup,
): Promise<void> {
  const frames = reads.get(`frames.${format}`);
  const episodes = reads.get(`episodes.${format}`);
  if (frames === undefined || episodes === undefined) return;
  try {
    const read = await frames(["episode_index", "frame_index", "index"]);
    const [index, order] = [new Tally(), new Tally()];
    const lengths: number[] = [];
    const [ofEpisode, inEpisode, ofAll] = ["episode_index", "frame_index", "index"].map((name) =>
      read.get(name),
    );
    for (let row = 0; row < (ofAll?.length ?? 0); row += 1) {
      const episode = Number(ofEpisode?.[row]);
      const where = { file: `frames.${format}`, episode, frame: Number(inEpisode?.[row]) };
      if (episode !== lengths.length - 1) {
        if (episode === lengths.length) lengths.push(0);
        else order.add(where, `episode ${episode} in row ${row}`);
      }
      if (Number(inEpisode?.[row]) !== (lengths[episode] ?? 0)) order.add(where, `frame_index in row ${row}`);
      if (Number(ofAll?.[row]) !== row) index.add(where, `index ${ofAll?.[row]} in row ${row}`);
      lengths[episode] = (lengths[episode] ?? 0) + 1;
    }
    const judge = (check: string, tally: Tally, bad: string, good: string) =>
      checkup.judge(check, { tally, bad: (count) => `${counted(count, "row")} ${bad}`, good });
    judge("table.index", index, "whose index is not the row", "index counts all rows");
    judge("table.order", order, "out of the order of episodes and frames", "frames are in order");
    const said = await episodes(["episode_index", "length"]);
    const wrong = new Tally();
    for (let row = 0; row < (said.get("length")?.length ?? 0); row += 1) {
      const episode = Number(said.get("episode_index")?.[row]);
      const length = Number(said.get("length")?.[row]);
      if (lengths[episode] !== length)
        wrong.add(
          { file: `episodes.${format}`, episode },
          `length ${length}, but ${lengths[episode] ?? 0} frames`,
        );
    }
    judge(
      "episodes.length",
      wrong,
      "of episodes with another length than they have frames",
      "lengths are those of the frames",
    );
  } catch (cause) {
    checkup.fail("table.columns", (cause as Error).message, { file: `frames.${format}` });
  }
}
