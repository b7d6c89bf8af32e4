import { Bench } from "tinybench";

/** One thing to time against its rivals; `check` compares the values of `kernel` and `loop` first. */
export interface Case {
  name: string;
  /** What a memory copy moves to be its equal. */
  bytes: number;
  kernel(): void;
  loop(): void;
  /** Throws where the two differ; both have run. */
  check(): void;
}

/** Median and extremes over the rounds. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

export interface Measured {
  name: string;
  bytes: number;
  kernelMs: Spread;
  copyMs: Spread;
  loopMs: Spread;
  /** Time of the kernel over time of the copy, round by round. */
  overCopy: Spread;
  /** Time of the plain loop over time of the kernel, round by round. */
  loopOver: Spread;
}

/** In ms of CPU time. A round runs copy, kernel and loop one after the other, so that a slow second hits all three. */
export function measure(one: Case, rounds: number): Measured {
  one.kernel();
  one.loop();
  one.check();
  const [from, to] = [new Uint8Array(one.bytes).fill(1), new Uint8Array(one.bytes).fill(2)];
  const copies: number[] = [];
  const kernels: number[] = [];
  const loops: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const bench = new Bench({
      time: 10,
      iterations: 1,
      warmup: round === 0,
      warmupTime: 10,
      warmupIterations: 1,
      throws: true,
      now: cpuMs,
    })
      .add("copy", () => to.set(from))
      .add("kernel", () => one.kernel())
      .add("loop", () => one.loop());
    const [copy, kernel, loop] = bench.runSync().map(({ name, result }) => {
      if (result.state !== "completed") throw new Error(`${one.name}: ${name} was not timed`);
      return result.latency.p50;
    });
    copies.push(copy!);
    kernels.push(kernel!);
    loops.push(loop!);
  }
  return {
    name: one.name,
    bytes: one.bytes,
    kernelMs: spread(kernels),
    copyMs: spread(copies),
    loopMs: spread(loops),
    overCopy: spread(kernels.map((kernel, round) => kernel / copies[round]!)),
    loopOver: spread(kernels.map((kernel, round) => loops[round]! / kernel)),
  };
}

/** CPU time of this process, which other work on the machine stretches far less than it does the wall clock. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, least: sorted[0]!, most: sorted[sorted.length - 1]! };
}
