import { Bench } from "tinybench";

/** Median and extremes over the rounds. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

/** One thing to time. */
export interface Contender {
  name: string;
  /** Runs once a round, for what cannot be repeated or takes long; else the round fills `roundMs`. */
  isSingle?: boolean;
  /** Before each run, not timed. */
  prepare?(): void;
  /** May give its own time in ms, taken elsewhere. */
  run(): unknown;
}

/** ms of one run in each round. */
export interface Laps {
  wall: number[];
  /** Of all threads of this process. */
  cpu: number[];
}

/** What a quick contender repeats itself for in each round. */
const roundMs = 60;

/** Times the contenders one after the other in every round, so that a slow second hits all of them. */
export async function race(contenders: readonly Contender[], rounds: number): Promise<Map<string, Laps>> {
  const laps = new Map(contenders.map(({ name }) => [name, { wall: [], cpu: [] } as Laps]));
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      const { wall, cpu } = await lap(contender);
      laps.get(contender.name)?.wall.push(wall);
      laps.get(contender.name)?.cpu.push(cpu);
    }
  }
  return laps;
}

async function lap({ name, isSingle, prepare, run }: Contender): Promise<{ wall: number; cpu: number }> {
  let cpu = 0;
  const bench = new Bench({
    time: isSingle === true ? 0 : roundMs,
    iterations: 1,
    warmup: false,
    throws: true,
    setup: () => void (cpu -= cpuMs()),
    teardown: () => void (cpu += cpuMs()),
  }).add(
    name,
    async () => {
      const taken = await run();
      return typeof taken === "number" ? { overriddenDuration: taken } : undefined;
    },
    prepare === undefined ? {} : { beforeEach: prepare },
  );
  const [task] = await bench.run();
  if (task?.result.state !== "completed") throw new Error(`${name} was not timed`);
  return { wall: task.result.latency.p50, cpu: cpu / task.runs };
}

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

/** rival / ours, round by round: how many times as fast we are. */
export function ratios(rival: readonly number[], ours: readonly number[], scale = 1): Spread {
  return spread(rival.map((one, round) => (scale * one) / ours[round]!));
}
