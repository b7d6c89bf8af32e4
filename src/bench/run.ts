import { AlignError } from "../errors.ts";
import { Kernels } from "../kernels/index.ts";
import { enginePeer } from "./engine.ts";
import { loopBackward, loopLinear } from "./loops.ts";
import { type Contender, type Laps, race, ratios, spread } from "./measure.ts";
import type { LoadedPeer, MissingPeer, Peer, PeerRun } from "./peer.ts";
import { polarsPeer } from "./polars.ts";
import { type BenchReport, type Cell, type FixedCost, machine, type Rival } from "./results.ts";
import { type JoinTask, makeSubject } from "./subject.ts";
import { type Joined, nanWhereNull, requireSame } from "./values.ts";
import {
  makeWorkload,
  type Size,
  type Variant,
  variantOf,
  variants,
  type Workload,
  type WorkloadName,
  workloadNames,
} from "./workloads.ts";

export interface BenchOptions {
  /** Workloads by name. Default: all. */
  names?: readonly string[];
  /** `small` takes seconds and tells only whether the values are right. Default: `full`. */
  size?: Size;
  /** Default: all. */
  variants?: readonly Variant[];
  /** Threads that DuckDB gets, and that the other peers were started with; we take one. Default: 1. */
  threads?: number;
  /** Further peers. */
  peers?: readonly (Peer | MissingPeer)[];
  /** Times each contender at least so often. Default: 5, and 2 where the size is small. */
  rounds?: number;
  signal?: AbortSignal;
  onCell?: (cell: Cell) => void;
}

/**
 * Times the joins of the workloads against a memory copy, the plain loop and the peers that can be imported.
 * Values of all of them are compared first.
 *
 * @throws AlignError USAGE_WORKLOAD where a name is none of the workloads, INTERRUPTED on `signal`
 * @throws Error where a value differs
 */
export async function runBenchmarks(options: BenchOptions = {}): Promise<BenchReport> {
  const { size = "full", threads = 1, signal, onCell } = options;
  const names =
    options.names === undefined || options.names.length === 0 ? workloadNames : options.names.map(known);
  const rounds = options.rounds ?? (size === "full" ? 5 : 2);
  // Loaded here, because DuckDB is large and every verb loads this room.
  const { duckdbPeer } = await import("./duckdb.ts");
  const all = [
    await enginePeer(threads),
    await duckdbPeer(threads),
    await polarsPeer(),
    ...(options.peers ?? []),
  ];
  const peers = all.filter((one): one is Peer => !("missing" in one));
  const report: BenchReport = { size, machine: machine(), peers: {}, cells: [], fixed: [] };
  for (const { name, ...rest } of all)
    report.peers[name] = "missing" in rest ? { missing: rest.missing } : { version: rest.version };
  const warm = Kernels.load();
  try {
    report.fixed = await fixedCosts(peers, rounds);
    for (const name of names) {
      stopOn(signal);
      const load = makeWorkload(name, size);
      const wanted = options.variants ?? variants;
      for (const some of [wanted.filter((one) => one !== "nulls"), wanted.filter((one) => one === "nulls")]) {
        for await (const cell of measure(warm, load, some, { threads, rounds, peers })) {
          stopOn(signal);
          report.cells.push(cell);
          onCell?.(cell);
        }
      }
    }
  } finally {
    for (const peer of peers) await peer.close();
  }
  return report;
}

function stopOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AlignError("INTERRUPTED", "the benchmark was stopped");
}

function known(name: string): WorkloadName {
  const found = workloadNames.find((one) => one.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  throw new AlignError("USAGE_WORKLOAD", `there is no workload ${name}`, {
    hint: `name one of ${workloadNames.join(", ")}`,
  });
}

interface Setting {
  threads: number;
  rounds: number;
  peers: readonly Peer[];
}

/** The variants that have the same samples, so that the peers take them in once. */
async function* measure(
  warm: Kernels,
  plain: Workload,
  some: readonly Variant[],
  setting: Setting,
): AsyncGenerator<Cell> {
  if (some[0] === undefined) return;
  const load = variantOf(plain, some[0]);
  const loaded: LoadedPeer[] = [];
  for (const peer of setting.peers) loaded.push(await peer.load(load));
  const start = warm.arena.mark();
  for (const variant of some) {
    for (const kind of ["backward", "linear"] as const) {
      const limitNs = kind === "backward" ? load.toleranceNs : load.maxGapNs;
      const task: JoinTask = variant === "limit" ? { kind, limitNs } : { kind };
      const peers = loaded.flatMap((one) => one.runs(task));
      const cold = variant === "plain" ? await coldLaps(load, task, setting.rounds) : undefined;
      const cell = await measureJoin(warm, load, task, peers, setting);
      yield { ...cell, variant, ...(cold && { coldMs: spread(cold) }) };
      warm.arena.release(start);
    }
  }
  for (const one of loaded) await one.close();
}

async function measureJoin(
  kernels: Kernels,
  load: Workload,
  task: JoinTask,
  peers: readonly PeerRun[],
  { threads, rounds }: Setting,
): Promise<Cell> {
  const subject = makeSubject(kernels, load, task);
  const loop = plainLoop(load, task);
  subject.run();
  loop.run();
  requireSame("the plain loop", subject.outputs(), loop.outputs.map(nanWhereNull), 0);
  const skipped: Cell["skipped"] = [];
  const able: PeerRun[] = [];
  for (const peer of peers) {
    const why = await tooLarge(peer);
    if (why !== undefined) {
      skipped.push({ name: peer.name, why });
      continue;
    }
    if (peer.values !== undefined)
      requireSame(peer.name, subject.outputs(), await peer.values(), peer.relative);
    able.push(peer);
  }
  const bytes = subject.outputBytes + (load.counts === "output" ? 0 : subject.inputBytes);
  const [from, to] = [new Uint8Array(bytes).fill(1), new Uint8Array(bytes).fill(2)];
  const laps = await race(
    [
      { name: "copy", run: () => to.set(from) },
      { name: "ours", run: () => subject.run() },
      { name: "plain loop", run: () => loop.run() },
      ...able.map((peer): Contender => ({ name: peer.name, isSingle: true, run: () => peer.run() })),
    ],
    rounds,
  );
  const ours = laps.get("ours") as Laps;
  const all = load.tags.length;
  const joined = [{ name: "copy", tags: all }, { name: "plain loop", tags: all }, ...able];
  const rivals = joined.map(({ name, tags = load.peerTags }): Rival => {
    const { wall } = laps.get(name) as Laps;
    const scale = all / tags;
    const part = tags === all ? {} : { tags };
    return {
      name,
      wallMs: spread(wall.map((ms) => ms * scale)),
      ratio: ratios(wall, ours.wall, scale),
      ...part,
    };
  });
  return {
    workload: load.name,
    about: load.about,
    variant: "plain",
    join: task.kind,
    threads,
    frames: load.frames.length,
    tags: all,
    bytes,
    wallMs: spread(ours.wall),
    cpuMs: spread(ours.cpu),
    rivals,
    skipped,
  };
}

/** Runs it; says why where it does not fit its memory. */
async function tooLarge(peer: PeerRun): Promise<string | undefined> {
  try {
    await peer.run();
    return undefined;
  } catch (error) {
    if (error instanceof AlignError && error.code === "USAGE_TOO_LARGE") return error.message;
    throw error;
  }
}

function plainLoop(load: Workload, task: JoinTask): { run(): void; outputs: readonly Joined[] } {
  const outputs = load.tags.map(() => ({
    values: new Float64Array(load.frames.length),
    validity: new Uint8Array(Math.ceil(load.frames.length / 8)),
  }));
  const loop = task.kind === "linear" ? loopLinear : loopBackward;
  const limit = task.limitNs ?? Number.POSITIVE_INFINITY;
  const run = () => {
    for (const [at, tag] of load.tags.entries())
      loop(load.relativeFrames, tag, limit, outputs[at]!.values, outputs[at]!.validity);
  };
  return { run, outputs };
}

/** Each run writes to memory that was never touched, in an arena of its own. */
async function coldLaps(load: Workload, task: JoinTask, rounds: number): Promise<number[]> {
  const subject = makeSubject(Kernels.load(), load, task);
  const prepare = () => subject.renew();
  const laps = await race([{ name: "cold", isSingle: true, prepare, run: () => subject.run() }], rounds);
  return laps.get("cold")?.wall ?? [];
}

async function fixedCosts(peers: readonly Peer[], rounds: number): Promise<FixedCost[]> {
  const small = makeWorkload("W1", "small");
  const [tag] = small.tags;
  const first = <T extends Float64Array | BigInt64Array>(column: T) => column.slice(0, 1) as T;
  const one: Workload = {
    ...small,
    frames: first(small.frames),
    tags: [{ times: first(tag!.times), relative: first(tag!.relative), values: first(tag!.values) }],
    peerTags: 1,
  };
  const costs: FixedCost[] = [];
  for (const peer of peers) {
    const loaded = await peer.load(one);
    const runs = [...loaded.runs({ kind: "backward" }), ...loaded.runs({ kind: "linear" })];
    for (const { run } of runs) await run();
    const laps = await race(
      runs.map(({ name, run }) => ({ name, run })),
      rounds,
    );
    costs.push(...[...laps].map(([name, { wall }]) => ({ peer: name, wallMs: spread(wall) })));
    await loaded.close();
  }
  return costs;
}
