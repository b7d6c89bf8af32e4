import { join } from "node:path";
import { openParquet } from "../parquet.ts";
import { type Checkup, counted, type DoctorOptions, Tally } from "../report.ts";
import { checkColumns } from "./columns.ts";
import { type EpisodeData, type GatheredValues, gather, type Piece, summarize } from "./episode-data.ts";
import { FrameTimes } from "./frame-times.ts";
import { type Feature, isInput, isNumeric } from "./info.ts";
import { checkLanguage } from "./language.ts";
import type { LerobotSet } from "./set.ts";

/** What all frames say. */
export interface SetData {
  /** In the order of their frames. */
  episodes: EpisodeData[];
  /** Of the files, whether read or not. */
  rows: number;
  /** Of the episodes that were read. */
  rowsRead: number;
  /** Whether values of all frames were read. */
  isWhole: boolean;
}

/** Seconds that a loaded picture may be from the one asked for. */
export const toleranceS = 1e-4;

/** Reads all frames, one episode at a time, and holds them against the loader's rules. */
export async function examineData(
  set: LerobotSet,
  checkup: Checkup,
  options: DoctorOptions,
): Promise<SetData> {
  const pass = new DataPass(set, checkup, options);
  for (const path of set.dataFiles) await pass.readFile(path);
  return pass.finish();
}

class DataPass {
  readonly #set: LerobotSet;
  readonly #checkup: Checkup;
  readonly #options: DoctorOptions;
  readonly #episodes: EpisodeData[] = [];
  readonly #times: FrameTimes;
  readonly #cameras: ReadonlySet<string>;
  /** Of the episode that is being read. */
  #pieces: Piece[] = [];
  #file = "";
  #features: Feature[] = [];
  #index = Number.NaN;
  /** Rows of the whole set before the current row group, and before the current episode. */
  #rows = 0;
  #episodeRow = 0;
  #isCut = false;
  #columnTroubles = 0;
  readonly #tallies = {
    order: new Tally(),
    split: new Tally(),
    groups: new Tally(),
    index: new Tally(),
    frame: new Tally(),
    near: new Tally(),
    far: new Tally(),
    task: new Tally(),
    taskText: new Tally(),
    nulls: new Tally(),
    shape: new Tally(),
    nan: new Tally(),
    otherNan: new Tally(),
    language: new Tally(),
  };

  constructor(set: LerobotSet, checkup: Checkup, options: DoctorOptions) {
    this.#set = set;
    this.#checkup = checkup;
    this.#options = options;
    this.#times = new FrameTimes(set.info.fps);
    const { features } = set.info;
    this.#cameras = new Set(
      features.filter(({ dtype }) => dtype === "video" || dtype === "image").map(({ name }) => name),
    );
  }

  async readFile(path: string): Promise<void> {
    const before = this.#checkup.findings.length;
    try {
      const file = await openParquet(join(this.#set.root, path));
      try {
        const features = checkColumns(file, path, this.#set.info, this.#checkup);
        this.#columnTroubles += this.#checkup.findings.length - before;
        // Without its episode a frame cannot be placed.
        if (!features.some(({ name }) => name === "episode_index")) this.#rows += file.rows;
        else for (const group of file.groups) await this.#readGroup(path, features, group, file.read);
      } finally {
        await file.close();
      }
    } catch (cause) {
      if (this.#options.signal?.aborted === true) throw cause;
      this.#checkup.fail("data.files", `${path} cannot be read: ${(cause as Error).message}`, { file: path });
    }
  }

  async #readGroup(
    file: string,
    features: Feature[],
    { start, end }: { start: number; end: number },
    read: (names: string[], start: number, end: number) => Promise<Piece["columns"]>,
  ): Promise<void> {
    this.#options.signal?.throwIfAborted();
    const rows = end - start;
    if (!this.#isCut) {
      const names = features.filter(({ dtype }) => dtype !== "image").map(({ name }) => name);
      const columns = await read(names, start, end);
      const episodes = columns.get("episode_index");
      let from = 0;
      let runs = 0;
      for (let row = 0; row < rows && !this.#isCut; row += 1) {
        const index = Number(episodes?.[row]);
        if (!Object.is(index, this.#index) || file !== this.#file) {
          this.#add({ columns, start: from, end: row });
          from = row;
          this.#begin(index, file, features, row);
          runs += 1;
        }
      }
      if (!this.#isCut) this.#add({ columns, start: from, end: rows });
      if (runs !== 1 && this.#set.info.layout === 3)
        this.#tallies.groups.add({ file }, `a row group of ${rows} rows begins ${counted(runs, "episode")}`);
    }
    this.#rows += rows;
  }

  #add(piece: Piece): void {
    if (piece.end > piece.start) this.#pieces.push(piece);
  }

  #begin(index: number, file: string, features: Feature[], row: number): void {
    const { order, split } = this.#tallies;
    this.#end();
    const last = this.#episodes.at(-1);
    if (this.#episodes.length >= (this.#options.maxEpisodes ?? Number.POSITIVE_INFINITY)) {
      this.#isCut = true;
      return;
    }
    const place = { file, episode: index };
    if (last?.index === index) split.add(place, `episode ${index} goes on in another file than ${last.file}`);
    else if (index !== (last?.index ?? -1) + 1)
      order.add(place, `episode ${index} comes after ${last === undefined ? "none" : last.index}`);
    this.#index = index;
    this.#file = file;
    this.#features = features;
    this.#episodeRow = this.#rows + row;
  }

  /** The episode that was read is complete. */
  #end(): void {
    const pieces = this.#pieces;
    this.#pieces = [];
    const length = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
    if (length === 0) return;
    const gathered = new Map<Feature, GatheredValues>();
    const place = { file: this.#file, episode: this.#index };
    for (const feature of this.#features) {
      if (isNumeric(feature)) gathered.set(feature, gather(feature, pieces, length));
      else if (feature.dtype === "string") this.#checkTexts(feature, pieces, place);
      else if (feature.dtype === "language")
        checkLanguage(feature.name, pieces, this.#cameras, place, this.#tallies.language);
    }
    this.#checkValues(gathered, place);
    const timestamps = this.#checkCounters(gathered, length, place);
    this.#times.add(pieces, length, place);
    this.#episodes.push({
      index: this.#index,
      length,
      file: this.#file,
      firstRow: this.#episodeRow,
      timestamps,
      ...summarize(gathered, length, this.#set.info.layout),
    });
    this.#options.onProgress?.(this.#episodes.length, this.#set.episodes.length);
  }

  #checkTexts({ name }: Feature, pieces: readonly Piece[], place: { file: string; episode: number }): void {
    let frame = 0;
    for (const { columns, start, end } of pieces) {
      const column = columns.get(name);
      for (let row = start; row < end; row += 1, frame += 1)
        if (column?.[row] === null || column?.[row] === undefined)
          this.#tallies.nulls.add({ ...place, feature: name, frame });
    }
  }

  #checkValues(
    gathered: ReadonlyMap<Feature, GatheredValues>,
    place: { file: string; episode: number },
  ): void {
    const { nulls, shape, nan, otherNan } = this.#tallies;
    const add = (tally: Tally, feature: Feature, count: number, frame: number) => {
      if (count === 0) return;
      tally.add({ ...place, feature: feature.name, frame });
      tally.count += count - 1;
    };
    for (const [feature, one] of gathered) {
      add(nulls, feature, one.nulls, one.firstNull);
      add(shape, feature, one.misshapen, one.firstMisshapen);
      add(isInput(feature) ? nan : otherNan, feature, one.nans, one.firstNan);
    }
  }

  /** Returns the timestamps where they are not on the grid. */
  #checkCounters(
    gathered: ReadonlyMap<Feature, GatheredValues>,
    length: number,
    place: { file: string; episode: number },
  ): Float64Array | undefined {
    const columns = new Map([...gathered].map(([{ name }, { values }]) => [name, values]));
    const { index, frame: frames, near, far, task, taskText } = this.#tallies;
    const { fps } = this.#set.info;
    const allowed = new Set(this.#set.episodes.find((one) => one.index === this.#index)?.tasks);
    let isOnGrid = true;
    for (let frame = 0; frame < length; frame += 1) {
      const where = { ...place, frame };
      const row = columns.get("index")?.[frame];
      if (row !== undefined && row !== this.#episodeRow + frame)
        index.add(where, `index ${row} in row ${this.#episodeRow + frame}`);
      const number = columns.get("frame_index")?.[frame];
      if (number !== undefined && number !== frame)
        frames.add(where, `frame_index ${number} at frame ${frame}`);
      const time = columns.get("timestamp")?.[frame];
      const truth = Math.fround(frame / fps);
      if (time !== undefined && time !== truth) {
        isOnGrid = false;
        const isNear = Math.abs(time - truth) < toleranceS;
        (isNear ? near : far).add(where, `timestamp ${time}, not ${truth}`);
      }
      const number2 = columns.get("task_index")?.[frame];
      if (number2 === undefined) continue;
      const text = this.#set.tasks[number2];
      if (text === undefined) task.add(where, `task_index ${number2}`);
      else if (!allowed.has(text)) taskText.add(where, `task ${JSON.stringify(text)}`);
    }
    return isOnGrid ? undefined : columns.get("timestamp");
  }

  finish(): SetData {
    this.#end();
    const checkup = this.#checkup;
    const tallies = this.#tallies;
    const { info, dataFiles, tasks } = this.#set;
    if (dataFiles.length > 0 && this.#columnTroubles === 0)
      checkup.pass("data.columns", "every data file has the declared columns");
    const frames = (count: number) => counted(count, "frame");
    const some = (tally: Tally, check: string, bad: string, good: string, fixable = false) =>
      checkup.judge(check, { tally, bad: (count) => `${frames(count)} ${bad}`, good, fixable });
    checkup.judge("data.order", {
      tally: tallies.order,
      bad: (count) => `${counted(count, "episode")} out of order, or with numbers left out`,
      good: `${counted(this.#episodes.length, "episode")} in order`,
    });
    checkup.judge("data.split", {
      tally: tallies.split,
      bad: (count) => `${counted(count, "episode")} split over files; metadata can name one only`,
      good: "no episode is split over files",
    });
    checkup.judge("data.row-groups", {
      tally: tallies.groups,
      level: "WARN",
      bad: (count) =>
        `${counted(count, "row group")} not one episode; readers of single episodes then read more`,
      ...(info.layout === 3 ? { good: "a row group an episode" } : {}),
    });
    some(tallies.index, "data.index", "whose index is not the row in the whole set", "index counts all rows");
    some(
      tallies.frame,
      "data.frame_index",
      "whose frame_index is not its place",
      "frame_index counts frames",
    );
    const isFixable = tallies.frame.count === 0;
    const grid = `float32(frame_index / ${info.fps})`;
    if (tallies.far.count > 0 || tallies.near.count === 0)
      some(
        tallies.far,
        "data.timestamp",
        `off the grid beyond the loader's ${toleranceS} s`,
        `timestamp is ${grid}`,
        isFixable,
      );
    checkup.judge("data.timestamp", {
      tally: tallies.near,
      level: "WARN",
      bad: (count) => `${frames(count)} whose timestamp is near ${grid}, but not equal`,
      fixable: isFixable,
    });
    some(tallies.task, "data.task_index", `whose task is none of the ${tasks.length}`, "every task is known");
    checkup.judge("data.tasks", {
      tally: tallies.taskText,
      level: "WARN",
      bad: (count) => `${frames(count)} whose task is not among those of the episode's metadata`,
    });
    some(tallies.nulls, "data.nulls", "with a null, which no batch can hold", "no nulls");
    some(
      tallies.shape,
      "data.shapes",
      "whose values are not as many as the shape has",
      "values fill their shapes",
    );
    checkup.judge("data.nan", {
      tally: tallies.nan,
      level: "WARN",
      bad: (count) => `${frames(count)} with NaN in an input: its statistics and training become NaN`,
      good: "no NaN in inputs",
    });
    checkup.judge("data.nan", {
      tally: tallies.otherNan,
      level: "WARN",
      bad: (count) => `${frames(count)} with NaN in a feature that is no input: its statistics become NaN`,
    });
    if (info.features.some(({ dtype }) => dtype === "language"))
      checkup.judge("data.language", {
        tally: tallies.language,
        bad: (count) => `${counted(count, "language row")} against the rules`,
        good: "language rows keep the rules",
      });
    this.#times.judge(checkup);
    const sum = this.#episodes.reduce((rows, { length }) => rows + length, 0);
    return { episodes: this.#episodes, rows: this.#rows, rowsRead: sum, isWhole: !this.#isCut };
  }
}
