import { Worker } from "node:worker_threads";
import { enginePeer } from "../src/bench/engine.ts";
import { type Laps, race, ratios, spread } from "../src/bench/measure.ts";
import { makeWorkload } from "../src/bench/workloads.ts";
import type { ThreadGain } from "./merge.ts";
import { finish, isSmoke } from "./results.ts";

/** What a second thread gains: for a plain copy, which nothing but memory limits, and for `alignFrames`. */
const rounds = isSmoke ? 1 : 9;
const size = isSmoke ? "small" : "full";

/** Waits for a new number in signals[0], copies its part of `from` to `to`, counts itself in signals[1]. */
const copier = `
const { workerData } = require("node:worker_threads");
const { from, to, signals, at, threads } = workerData;
const part = (memory) => new Float64Array(memory).subarray(...[at, at + 1].map((k) => Math.floor((k * memory.byteLength) / 8 / threads)));
const [source, target, flags] = [part(from), part(to), new Int32Array(signals)];
for (let seen = 0; ; seen++) {
  Atomics.wait(flags, 0, seen);
  target.set(source);
  Atomics.add(flags, 1, 1);
  Atomics.notify(flags, 1);
}`;

/** Copies memory in so many threads; `run` returns when all of them are done. */
async function startCopy(bytes: number, threads: number) {
  const [from, to] = [new SharedArrayBuffer(bytes), new SharedArrayBuffer(bytes)];
  for (const memory of [from, to]) new Float64Array(memory).fill(1);
  const signals = new SharedArrayBuffer(8);
  const flags = new Int32Array(signals);
  const workers = Array.from({ length: threads }, (_, at) => {
    return new Worker(copier, { eval: true, workerData: { from, to, signals, at, threads } });
  });
  await Promise.all(workers.map((worker) => new Promise((started) => worker.once("online", started))));
  const run = () => {
    Atomics.store(flags, 1, 0);
    Atomics.add(flags, 0, 1);
    Atomics.notify(flags, 0);
    for (let done = 0; done < threads; done = Atomics.load(flags, 1)) Atomics.wait(flags, 1, done);
  };
  return { run, close: () => Promise.all(workers.map((worker) => worker.terminate())) };
}

function gain(name: string, laps: ReadonlyMap<string, Laps>): ThreadGain {
  const [one, two] = ["1", "2"].map((threads) => (laps.get(threads) as Laps).wall) as [number[], number[]];
  const found = { name, oneMs: spread(one), twoMs: spread(two), ratio: ratios(one, two) };
  const { median, least, most } = found.ratio;
  console.log(
    `${name.padEnd(28)}${found.oneMs.median.toFixed(1)} ms, ${found.twoMs.median.toFixed(1)} ms with two threads: ` +
      `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)}) times as fast`,
  );
  return found;
}

const gains: ThreadGain[] = [];
for (const name of ["W1", "W3s"] as const) {
  const load = makeWorkload(name, size);
  const bytes = load.frames.length * load.tags.length * 8;
  const copies = [await startCopy(bytes, 1), await startCopy(bytes, 2)];
  // A thread that has just come online is not waiting yet.
  await new Promise((waiting) => setTimeout(waiting, 200));
  const contenders = copies.map(({ run }, at) => ({ name: `${at + 1}`, run }));
  gains.push(gain(`copy of ${(bytes / 1e6).toPrecision(3)} MB`, await race(contenders, rounds)));
  for (const { close } of copies) await close();
  for (const kind of ["backward", "linear"] as const) {
    const engines = await Promise.all(
      [1, 2].map(async (threads) => {
        const peer = await enginePeer(threads);
        const loaded = await peer.load(load);
        const [run] = loaded.runs({ kind });
        return { name: `${threads}`, run: run!.run, close: loaded.close };
      }),
    );
    // Memory that is touched for the first time costs both alike, and is not what threads gain.
    await race(engines, 1);
    gains.push(gain(`alignFrames ${name} ${kind}`, await race(engines, rounds)));
    for (const { close } of engines) await close();
  }
}
await finish("threads", { threads: gains });
