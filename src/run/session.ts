import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { relative, resolve, sep } from "node:path";
import { AlignError } from "../errors.ts";
import { kindOfFile, openTable, type TableKind } from "../sources/index.ts";
import { Database, findFiles, literal, type Relation } from "../tables/index.ts";

/** Something that is not an error but must not pass unseen. */
export interface Warning {
  code: string;
  /** How many rows, samples or frames it concerns. */
  count: number;
  /** The first of them, as text: a row or an instant. */
  first: string | null;
  message: string;
}

/** One file that the result depends on; `path` is relative to the manifest where it lies below it. */
export interface Input {
  path: string;
  bytes: number;
  sha256: string;
}

export interface Progress {
  stage: "inputs" | "clocks" | "frames" | "sources" | "align" | "publish" | "export" | "examine";
  /** What is being done, for example a source's name. */
  subject: string;
  done: number;
  total: number;
}

export interface SessionOptions {
  /** The ffprobe to run. Default: the one that comes with the package. */
  ffprobe?: string;
  /** The ffmpeg to run. Default: the one on PATH. */
  ffmpeg?: string;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/** What one job carries from room to room: its database, its files and its warnings. */
export class Session {
  /** Directory that relative paths start from, absolute. */
  readonly base: string;
  readonly database: Database;
  readonly options: SessionOptions;
  readonly warnings: Warning[] = [];
  /** Size and time of change of each file when it was first named. */
  readonly #files = new Map<string, { size: bigint; mtimeNs: bigint }>();
  readonly #onAbort: () => void;
  #interrupting: ReturnType<typeof setInterval> | undefined;

  private constructor(base: string, database: Database, options: SessionOptions) {
    this.base = base;
    this.database = database;
    this.options = options;
    // An interrupt ends the query that runs at that moment, not one that is about to begin.
    this.#onAbort = () => {
      database.interrupt();
      this.#interrupting = setInterval(() => database.interrupt(), 50);
    };
    options.signal?.addEventListener("abort", this.#onAbort);
  }

  /** Does a job in a session of its own. After an abort the only error that comes out is `INTERRUPTED`. */
  static async during<T>(
    base: string,
    options: SessionOptions,
    job: (session: Session) => Promise<T>,
  ): Promise<T> {
    const absolute = resolve(base);
    try {
      options.signal?.throwIfAborted();
      const session = new Session(absolute, await openDatabase(absolute), options);
      try {
        return await job(session);
      } finally {
        session.#close();
      }
    } catch (cause) {
      if (options.signal?.aborted !== true) throw cause;
      throw new AlignError("INTERRUPTED", "interrupted; nothing was written", { cause });
    }
  }

  #close(): void {
    clearInterval(this.#interrupting);
    this.options.signal?.removeEventListener("abort", this.#onAbort);
    this.database.close();
  }

  progress(stage: Progress["stage"], subject: string, done: number, total: number): void {
    this.options.signal?.throwIfAborted();
    this.options.onProgress?.({ stage, subject, done, total });
  }

  warn(code: string, count: number, first: string | null, message: string): void {
    // A source may be read twice: as evidence and for its tags.
    const isTold = this.warnings.some((warning) => warning.code === code && warning.message === message);
    if (count > 0 && !isTold) this.warnings.push({ code, count, first, message });
  }

  /** Files that a manifest path list names; they become inputs of the job. */
  async files(source: string, paths: readonly string[]): Promise<string[]> {
    const found = await findFiles(
      this.database,
      paths,
      (path) => resolve(this.base, path),
      kindOfPath,
      source,
    );
    await this.#note(found);
    return found;
  }

  /** Opens a table by its kind; `kind` undefined: by the file itself. */
  async table(
    name: string,
    place: { kind?: TableKind; path: readonly string[] } | { kind: "sql"; query: string },
    timeColumns: readonly string[],
  ): Promise<Relation> {
    const signal = this.options.signal === undefined ? {} : { signal: this.options.signal };
    if ("query" in place) {
      const files = await this.#filesInQuery(name, place.query);
      return openTable.sql(this.database, { name, files, query: place.query, timeColumns, ...signal });
    }
    const files = await this.files(name, place.path);
    const kind = place.kind ?? (await tableKind(name, files[0] ?? ""));
    return openTable[kind](this.database, { name, files, timeColumns, ...signal });
  }

  /** Notes a source's files as inputs without reading them. */
  async noteFiles(name: string, place: { path: readonly string[] } | { query: string }): Promise<void> {
    if ("query" in place) await this.#filesInQuery(name, place.query);
    else await this.files(name, place.path);
  }

  /** Texts in a query that are names of existing files: what the result depends on. */
  async #filesInQuery(name: string, query: string): Promise<string[]> {
    const texts = [...query.matchAll(/'((?:[^']|'')+)'/g)].map((match) =>
      (match[1] ?? "").replaceAll("''", "'"),
    );
    const files: string[] = [];
    for (const text of texts) {
      const path = resolve(this.base, text);
      if ((await kindOfPath(path)) === "file") files.push(path);
      else if (/[*?[]/.test(text)) {
        const rows = await this.database.rows(`SELECT file FROM glob(${literal(path)}) ORDER BY file`, {
          source: name,
        });
        files.push(...rows.map((row) => String(row[0])));
      }
    }
    await this.#note(files);
    return files;
  }

  async #note(files: readonly string[]): Promise<void> {
    for (const file of files) {
      if (!this.#files.has(file)) this.#files.set(file, await stat(file, { bigint: true }));
    }
  }

  /**
   * Size and hash of every file that was used so far, in name order.
   *
   * @throws AlignError SOURCE_CHANGED where a file is no longer what it was when it was opened
   */
  async inputs(): Promise<Input[]> {
    const files = [...this.#files.keys()].sort();
    const inputs: Input[] = [];
    for (const [index, file] of files.entries()) {
      this.progress("inputs", this.shortPath(file), index, files.length);
      const sha256 = await hashFile(file);
      const [before, now] = [this.#files.get(file), await stat(file, { bigint: true })];
      if (before?.size !== now.size || before.mtimeNs !== now.mtimeNs) {
        throw new AlignError("SOURCE_CHANGED", `${this.shortPath(file)} changed while it was read`, {
          where: { file },
          hint: "align a copy, or wait until the export is complete",
        });
      }
      inputs.push({ path: this.shortPath(file), bytes: Number(now.size), sha256 });
    }
    return inputs;
  }

  shortPath(file: string): string {
    const path = relative(this.base, file);
    return path.startsWith("..") ? file : path.split(sep).join("/");
  }
}

async function openDatabase(base: string): Promise<Database> {
  try {
    return await Database.open(base);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (cause instanceof AlignError || code === undefined) throw cause;
    throw new AlignError("OUTPUT_TEMPORARY", `no temporary folder can be made in ${tmpdir()} (${code})`, {
      where: { file: tmpdir() },
      hint: "make room there, or name another place in the environment variable TMPDIR",
      cause,
    });
  }
}

async function kindOfPath(path: string): Promise<"file" | "directory" | "nothing"> {
  try {
    return (await stat(path)).isDirectory() ? "directory" : "file";
  } catch {
    return "nothing";
  }
}

async function tableKind(source: string, file: string): Promise<TableKind> {
  const kind = await kindOfFile(file);
  if (kind !== undefined && kind !== "video") return kind;
  throw new AlignError(
    "SOURCE_KIND",
    `source ${source}: ${kind === "video" ? "a video" : "this"} is not a table`,
    {
      where: { source, file },
      hint: "a table of times is a .csv, .jsonl, .parquet or .arrow file",
    },
  );
}

/** In two pieces of memory: one is read into while the other is hashed. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path);
  try {
    let [full, free] = [Buffer.allocUnsafe(hashBytes), Buffer.allocUnsafe(hashBytes)];
    let { bytesRead } = await file.read(full);
    while (bytesRead > 0) {
      const next = file.read(free);
      hash.update(full.subarray(0, bytesRead));
      [full, free] = [free, full];
      ({ bytesRead } = await next);
    }
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

const hashBytes = 2 ** 20;
