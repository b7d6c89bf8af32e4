import { type FileHandle, open, readFile } from "node:fs/promises";
import type { DatasetWarning } from "../datasets/index.ts";
import type { Json } from "../episodes/index.ts";

/** A file of a data set that is complete. */
export interface DatasetFile {
  /** Relative to the data set's root, with `/`. */
  path: string;
  bytes: number;
  /** Of its bytes, in hexadecimal. */
  sha256: string;
}

/** With what its maker returned. */
interface MadeFile extends DatasetFile {
  value: Json;
}

/** What of an export is complete, line by line on the disk: a line cut off by a kill is as if it had not been. */
export class Journal {
  readonly job: string;
  readonly #path: string;
  readonly #files = new Map<string, MadeFile>();
  readonly #warnings = new Map<string, DatasetWarning>();
  #file: Promise<FileHandle> | undefined;
  /** Lines are written one after the other, whoever adds them. */
  #last: Promise<void> = Promise.resolve();
  /** Bytes of whole lines. */
  #length = 0;

  private constructor(path: string, job: string) {
    this.#path = path;
    this.job = job;
  }

  static async create(path: string, job: string): Promise<Journal> {
    const journal = new Journal(path, job);
    await journal.#append({ job });
    return journal;
  }

  /** Undefined where there is none, or none with a first line. */
  static async read(path: string): Promise<Journal | undefined> {
    const text = await readFile(path, "utf8").catch(() => "");
    const lines = text.slice(0, text.lastIndexOf("\n") + 1);
    let journal: Journal | undefined;
    for (const line of lines.split("\n").filter((one) => one !== "")) {
      const entry = parsed(line);
      if (entry === undefined) break;
      if (journal === undefined) {
        if (entry.job === undefined) return undefined;
        journal = new Journal(path, entry.job);
      } else if (entry.made !== undefined) journal.#files.set(entry.made.path, entry.made);
      else if (entry.warning !== undefined) journal.#keep(entry.warning);
      journal.#length += Buffer.byteLength(line) + 1;
    }
    return journal;
  }

  find(path: string): MadeFile | undefined {
    return this.#files.get(path);
  }

  /** In name order. */
  get files(): DatasetFile[] {
    const files = [...this.#files.values()].map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }));
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Each once, in the order of their codes and texts, so that a resumed run tells the same. */
  get warnings(): DatasetWarning[] {
    return [...this.#warnings.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, warning]) => warning);
  }

  async add(made: MadeFile): Promise<void> {
    this.#files.set(made.path, made);
    await this.#append({ made });
  }

  warn(warning: DatasetWarning): void {
    // A failure comes out at the next file.
    if (this.#keep(warning)) this.#append({ warning }).catch(() => undefined);
  }

  /** False where it is known. */
  #keep(warning: DatasetWarning): boolean {
    const key = `${warning.code}\n${warning.message}`;
    const isNew = !this.#warnings.has(key);
    if (isNew) this.#warnings.set(key, { code: warning.code, message: warning.message });
    return isNew;
  }

  #append(entry: object): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    this.#last = this.#last.then(async () => {
      this.#file ??= open(this.#path, this.#length === 0 ? "w" : "r+");
      const file = await this.#file;
      await file.write(line, 0, line.length, this.#length);
      await file.datasync();
      this.#length += line.length;
    });
    return this.#last;
  }

  /** Closes its file once all lines are written. */
  async close(): Promise<void> {
    await this.#last;
    await (await this.#file)?.close();
    this.#file = undefined;
  }
}

function parsed(line: string): { job?: string; made?: MadeFile; warning?: DatasetWarning } | undefined {
  try {
    return JSON.parse(line) as object;
  } catch {
    return undefined;
  }
}
