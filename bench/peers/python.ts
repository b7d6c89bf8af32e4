import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { LoadedPeer, MissingPeer, Peer, PeerRun } from "../../src/bench/peer.ts";
import { isValid } from "../../src/bench/series.ts";
import type { JoinTask } from "../../src/bench/subject.ts";
import type { Workload } from "../../src/bench/workloads.ts";

/** The Python with the peers' libraries. */
export const python = process.env.PYTHON ?? "python3";

/** Whether that Python has these modules. */
export function hasPython(modules: readonly string[]): Promise<boolean> {
  const child = spawn(python, ["-c", modules.map((name) => `import ${name}`).join("\n")], {
    stdio: "ignore",
  });
  return new Promise((done) =>
    child.on("close", (status) => done(status === 0)).on("error", () => done(false)),
  );
}

const script = join(import.meta.dirname, "joins.py");

interface Way {
  way: string;
  name: string;
  library: string;
  kind: JoinTask["kind"];
  /** Whether it has a limit. */
  isLimited: boolean;
  /** Whether it is worth a run beside another one for this workload and so many threads. */
  isFor(load: Workload, threads: number): boolean;
  relative: number;
}

const always = () => true;
const ways: readonly Way[] = [
  {
    way: "pandas",
    name: "pandas merge_asof",
    library: "pandas",
    kind: "backward",
    isLimited: true,
    isFor: (_, threads) => threads === 1,
    relative: 0,
  },
  {
    way: "polars",
    name: "polars join_asof (Python)",
    library: "polars",
    kind: "backward",
    isLimited: true,
    isFor: always,
    relative: 0,
  },
  {
    way: "polars lazy",
    name: "polars join_asof, one plan (Python)",
    library: "polars",
    kind: "backward",
    isLimited: true,
    isFor: (load) => groupsOf(load).size > 1,
    relative: 0,
  },
  {
    way: "numpy take",
    name: "numpy searchsorted, take",
    library: "numpy",
    kind: "backward",
    isLimited: true,
    isFor: (_, threads) => threads === 1,
    relative: 0,
  },
  // Its times are floats and it multiplies by the slope, so the last bits differ.
  {
    way: "numpy interp",
    name: "numpy interp",
    library: "numpy",
    kind: "linear",
    isLimited: false,
    isFor: (_, threads) => threads === 1,
    relative: 1e-12,
  },
];

/** pandas, polars and numpy in one Python process, which times itself. */
export async function pythonPeer(threads: number): Promise<Peer | MissingPeer> {
  const missing = {
    name: "Python",
    missing: "pip install numpy pandas polars pyarrow; PYTHON names the interpreter",
  };
  const child = spawn(python, [script], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, POLARS_MAX_THREADS: String(threads), OMP_NUM_THREADS: String(threads) },
  });
  const asked = new Conversation(child);
  let versions: Record<string, string>;
  try {
    versions = (await asked.ask({ do: "versions" })) as Record<string, string>;
  } catch {
    return missing;
  }
  const dir = await mkdtemp(join(tmpdir(), "tagalign-python-"));
  const usable = ways.filter(({ library }) => versions[library] !== undefined);
  return {
    name: "Python",
    version: Object.entries(versions)
      .map((one) => one.join(" "))
      .join(", "),
    async load(load) {
      await asked.ask({ do: "load", ...(await writeColumns(dir, load)) });
      return loaded(
        asked,
        dir,
        load,
        usable.filter((one) => one.isFor(load, threads)),
      );
    },
    async close() {
      child.stdin?.end();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function loaded(asked: Conversation, dir: string, load: Workload, usable: readonly Way[]): LoadedPeer {
  const fits = (way: Way, { kind, limitNs }: JoinTask) =>
    way.kind === kind && (limitNs === undefined || way.isLimited);
  return {
    runs: (task) =>
      usable
        .filter((way) => fits(way, task))
        .map(
          ({ way, name, relative }): PeerRun => ({
            name,
            relative,
            run: async () => Number((await asked.ask({ do: "run", way, limit: task.limitNs ?? null })).wall),
            values: async () => {
              const path = join(dir, "joined");
              await asked.ask({ do: "values", path });
              return readColumns(path, Math.min(load.peerTags, load.tags.length), load.frames.length);
            },
          }),
        ),
    close: async () => {},
  };
}

/** One question at a time, one line each way. */
class Conversation {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #failed: Promise<never>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    this.#failed = new Promise((_, fail) => child.on("error", fail));
    this.#failed.catch(() => {});
    child.stdin?.on("error", () => {});
  }

  async ask(question: object): Promise<Record<string, unknown>> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await Promise.race([this.#answers.next(), this.#failed]);
    if (done === true) throw new Error(`${script} ended early`);
    return JSON.parse(value);
  }
}

function groupsOf(load: Workload): Map<BigInt64Array, Workload["tags"]> {
  const groups = new Map<BigInt64Array, Workload["tags"]>();
  for (const tag of load.tags.slice(0, load.peerTags))
    groups.set(tag.times, [...(groups.get(tag.times) ?? []), tag]);
  return groups;
}

async function writeColumns(dir: string, load: Workload): Promise<object> {
  let files = 0;
  const write = async (column: BigInt64Array | Float64Array) => {
    const path = join(dir, `column-${files++}`);
    await writeFile(path, column);
    return path;
  };
  const groups = [];
  for (const [times, tags] of groupsOf(load)) {
    const values = [];
    for (const { values: all, validity } of tags)
      values.push(await write(all.map((value, i) => (isValid(validity, i) ? value : Number.NaN))));
    groups.push({ times: await write(times), values });
  }
  return { frames: await write(load.frames), groups };
}

async function readColumns(path: string, columns: number, rows: number): Promise<Float64Array[]> {
  const file = await open(path);
  try {
    const out = [];
    for (let at = 0; at < columns; at++) {
      const column = new Float64Array(rows);
      await file.read(column, 0, column.byteLength);
      out.push(column);
    }
    return out;
  } finally {
    await file.close();
  }
}
