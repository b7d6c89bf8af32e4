import { Kernels } from "../src/kernels/index.ts";
import { asofCase, gatherCase, joinCase, mapCase, windowSumCase } from "./cases.ts";
import { fastTags, longTag, slowTags, type Workload, withNulls } from "./data.ts";
import { type Case, type Measured, measure, type Spread } from "./measure.ts";
import { finish, isSmoke } from "./results.ts";

const rounds = isSmoke ? 2 : 5;
const hour = isSmoke ? 3_001 : 108_000;
const long = isSmoke ? 5_003 : 10_000_000;
const tags = isSmoke ? 3 : 200;

const kernels = Kernels.load();
const start = kernels.arena.mark();
const measured: Measured[] = [];

function run(make: () => Case): void {
  kernels.arena.release(start);
  const one = measure(make(), rounds);
  measured.push(one);
  console.log(
    `${one.name.padEnd(52)} ${ms(one.kernelMs)}   / copy ${ratio(one.overCopy)}   loop / ${ratio(one.loopOver)}`,
  );
}

function joins(
  name: string,
  load: Workload,
  counts: "output" | "input and output",
  toleranceNs?: number,
): void {
  const limits = { counts, ...(toleranceNs === undefined ? {} : { toleranceNs }) };
  run(() => joinCase(kernels, `${name}, hold`, load, { join: "hold", ...limits }));
  run(() => joinCase(kernels, `${name}, linear`, load, { join: "linear", ...limits }));
}

const ms = ({ median }: Spread) => `${median.toFixed(3).padStart(9)} ms`;
const ratio = ({ median, least, most }: Spread) =>
  `${median.toFixed(2).padStart(6)} (${least.toFixed(2)} to ${most.toFixed(2)})`;

const slow = slowTags(hour, tags);
run(() => mapCase(kernels, `clock map, ${hour} frames`, slow.frames));
joins(`${hour} frames x ${tags} tags, 1 Hz`, slow, "output");
joins(`${hour} frames x ${tags} tags, 1 Hz, 5 % nulls`, withNulls(slow, 0.05), "output");
joins(`${hour} frames x ${tags} tags, 1 Hz, limit 500 ms`, slow, "output", 500_000_000);
for (const direction of ["backward", "forward", "nearest"] as const)
  run(() => asofCase(kernels, `${hour} frames x ${tags} tags, 1 Hz, ${direction}`, slow, direction));

const fast = fastTags(hour, isSmoke ? 2 : 25);
joins(`${hour} frames x ${fast.tags.length} tags, 100 Hz`, fast, "input and output");
run(() => windowSumCase(kernels, `${hour} frames, 100 Hz, sum of 500 ms`, fast, 500_000_000));
run(() => windowSumCase(kernels, `${hour} frames, 100 Hz, sum of 5 s`, fast, 5_000_000_000));

for (const phase of ["separate", "colliding"] as const) {
  const load = longTag(long, phase);
  joins(`${long} frames, 30 Hz ${phase}`, load, "input and output");
  for (const direction of ["backward", "forward", "nearest"] as const)
    run(() => asofCase(kernels, `${long} frames, 30 Hz ${phase}, ${direction}`, load, direction));
  if (phase === "colliding") continue;
  run(() => gatherCase(kernels, `gather, ${long} frames`, load));
  run(() => mapCase(kernels, `clock map, ${long} frames`, load.frames));
}

await finish("kernels", { rounds, cases: measured });
