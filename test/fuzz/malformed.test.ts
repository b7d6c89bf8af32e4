import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { tagalign } from "../cli/process.ts";
import { cut, flip, inflateWord, type Mutation, randomFrom, smear, word32 } from "./mutations.ts";
import { arrowSeeds, nestedArrow, parquetSeeds, type Seed, textSeeds, videoSeeds } from "./seeds.ts";

const seed = 20_260_504;
const limitMs = 10_000;
const limitKb = 1_000_000;
const besideEachOther = 2;

const root = mkdtempSync(join(tmpdir(), "malformed-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Case extends Mutation {
  name: string;
}

const random = randomFrom(seed);

function mutated(seeds: readonly Seed[], count: number): Case[] {
  return Array.from({ length: count }, (_, at) => {
    const { name, bytes } = seeds[at % seeds.length] as Seed;
    const round = Math.floor(at / seeds.length);
    const make = [
      () => cut(bytes, random()),
      () => flip(bytes, random),
      () => flip(bytes, random),
      () => smear(bytes, random),
    ][round % 4] as () => Mutation;
    return { name, ...make() };
  });
}

/** Arrow data whose messages claim what is not there. */
function hostileArrow(): Case[] {
  const [file, stream] = arrowSeeds() as [Seed, Seed];
  const metadata = stream.bytes.length - 4_096;
  return [
    ...Array.from({ length: 14 }, (_, at) => ({
      name: stream.name,
      ...inflateWord(stream.bytes, metadata, at * 3 + 1),
    })),
    ...Array.from({ length: 6 }, (_, at) => ({
      name: file.name,
      ...inflateWord(file.bytes, metadata, at * 7 + 2),
    })),
    ...[0x7fff_fff8, 0x8000_0000, -8, 4].map((length) => ({
      name: stream.name,
      ...word32(stream.bytes, 4, length),
    })),
    ...[0x7fff_fff8, -1, 0].map((length) => ({ name: file.name, ...word32(file.bytes, -10, length) })),
    ...[60, 2_000].map((depth) => ({
      name: "nested.arrow",
      what: `${depth} levels`,
      bytes: nestedArrow(depth),
    })),
  ];
}

function hostileParquet(): Case[] {
  const [{ name, bytes }] = parquetSeeds() as [Seed];
  return [0, -1, 0x7fff_ffff, bytes.length, bytes.length - 13].map((length) => ({
    name,
    ...word32(bytes, -8, length),
  }));
}

interface Verdict {
  what: string;
  status: number | null;
  killedBy: string | null;
  code: string;
  message: string;
  fault: string;
}

let caseCount = 0;

/** Cut files of kinds that know their own end, and that passed nevertheless. */
const cutThrough: string[] = [];

/** What `inspect` makes of a file, in a process of its own, and what is wrong with that. */
async function verdictOf({ name, what, bytes }: Case): Promise<Verdict> {
  const dir = join(root, `case-${caseCount++}`);
  const scratch = join(dir, "scratch");
  mkdirSync(scratch, { recursive: true });
  writeFileSync(join(dir, name), bytes);
  const measured = join(dir, "memory");
  const done = await tagalign(["inspect", name, "--json"], {
    cwd: dir,
    env: { TMPDIR: scratch, MEASURE_FILE: measured },
    node: ["--import", join(import.meta.dirname, "measure.mjs")],
    limitMs: 6 * limitMs,
  });
  const { status, killedBy, stdout, stderr } = done;
  const faults: string[] = [];
  const [memoryKb = Number.NaN, workUs = Number.NaN] = existsSync(measured)
    ? readFileSync(measured, "utf8").split(" ").map(Number)
    : [];
  const answer = parsed(stdout);
  if (status !== 0 && status !== 4) faults.push(`status ${status} ${killedBy} ${stderr.slice(0, 300)}`);
  if (answer === undefined) faults.push(`no JSON: ${stdout.slice(0, 200)}`);
  if (!(memoryKb < limitKb)) faults.push(`${memoryKb} kB of memory`);
  // A machine that is busy with other work makes waiting times long, but not the work.
  if (!(workUs / 1000 < limitMs)) faults.push(`${workUs} us of work`);
  if (readdirSync(scratch).length > 0) faults.push("temporary files are left");
  const { code = "", message = "", hint = "" } = answer?.error ?? {};
  if (status === 4 && !/^SOURCE_[A-Z_]+$/.test(code)) faults.push(`code ${code}`);
  if (status === 4 && (message === "" || hint === "")) faults.push("no message or hint");
  if (`${message}${JSON.stringify(answer?.error?.where)}`.includes(scratch))
    faults.push(`temporary path: ${message}`);
  if (status === 0 && answer?.bytes !== bytes.length) faults.push(`bytes ${answer?.bytes}`);
  if (status === 0 && JSON.stringify(answer).includes(scratch)) faults.push("temporary path in the answer");
  if (status === 0 && what.startsWith("cut") && !/\.(csv|jsonl)$/.test(name))
    cutThrough.push(`${name}: ${what}`);
  rmSync(dir, { recursive: true, force: true });
  return { what: `${name}: ${what}`, status, killedBy, code, message, fault: faults.join("; ") };
}

function parsed(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function verdictsOf(cases: readonly Case[]): Promise<Verdict[]> {
  const waiting = [...cases];
  const verdicts: Verdict[] = [];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      verdicts.push(await verdictOf(next));
  };
  await Promise.all(Array.from({ length: besideEachOther }, work));
  return verdicts;
}

const groups: [what: string, cases: Case[], leastRefused: number][] = [
  ["Arrow files and streams", mutated(arrowSeeds(), 40), 10],
  ["hostile Arrow data", hostileArrow(), 12],
  ["Parquet files", mutated(parquetSeeds(), 42), 10],
  ["hostile Parquet footers", hostileParquet(), 5],
  ["text, plain and compressed", mutated(textSeeds(), 36), 9],
  ["videos", mutated(videoSeeds(), 50), 10],
];

describe(`inspect refuses or reads, within ${limitMs / 1000} s and 1 GB (seed ${seed})`, () => {
  it.each(groups)("%s", { timeout: 300_000 }, async (_, cases, leastRefused) => {
    const verdicts = await verdictsOf(cases);
    expect(
      verdicts.filter(({ fault }) => fault !== "").map(({ what, fault }) => `${what}: ${fault}`),
    ).toEqual([]);
    expect(verdicts.filter(({ status }) => status === 4).length).toBeGreaterThanOrEqual(leastRefused);
    expect(verdicts).toHaveLength(cases.length);
  });

  it("whatever is cut off, where the kind can tell", () => {
    expect(cutThrough).toEqual([]);
  });

  it("two hundred of them", () => {
    expect(groups.reduce((sum, [, cases]) => sum + cases.length, 0)).toBeGreaterThanOrEqual(200);
  });
});

describe("before the damage", () => {
  it("every file is read", { timeout: 120_000 }, async () => {
    const whole = [...arrowSeeds(), ...parquetSeeds(), ...textSeeds(), ...videoSeeds()];
    const verdicts = await verdictsOf(whole.map((one) => ({ ...one, what: "whole" })));
    expect(verdicts.filter(({ status }) => status !== 0)).toEqual([]);
    expect(verdicts.filter(({ fault }) => fault !== "")).toEqual([]);
  });
});

const kinds: Record<string, string> = { arrow: "arrow", parquet: "parquet", gz: "csv", jsonl: "jsonl" };

function sourceOf(name: string): string {
  const kind = kinds[name.split(".").at(-1) ?? ""];
  if (kind === undefined) return `{ kind: video, path: ${name}, clock: plant, start: 2026-05-04T07:12:25Z }`;
  const column = kind === "csv" ? "timestamp" : kind === "jsonl" ? "time" : "time_ns";
  const unit = column === "time_ns" ? ", time: { unit: ns }" : "";
  return `{ kind: ${kind}, path: ${name}, clock: plant, columns: { time: ${column} }${unit} }`;
}

function manifestOf(name: string): string {
  const source = sourceOf(name);
  const tag = source.includes("video") ? "pts" : /csv|jsonl/.test(source) ? "name" : "level";
  return `version: 1
capture: damaged
reference_clock: plant
clocks: { plant: {} }
sources:
  frames: { kind: frames, path: frames.csv, clock: plant, columns: { time: t } }
  damaged: ${source}
frames: frames
tags:
  value: { source: damaged, tag: ${tag}, join: backward }
`;
}

describe("align with a damaged source", () => {
  const seeds = [...arrowSeeds(), ...parquetSeeds(), ...textSeeds().slice(1), ...videoSeeds().slice(0, 3)];
  const cases = [0.35, 0.9].flatMap((share) =>
    seeds.map(({ name, bytes }) => ({ name, ...cut(bytes, share) })),
  );

  it(`stops with exit status 4 and leaves nothing, ${cases.length} times`, { timeout: 180_000 }, async () => {
    expect(cases.length).toBeGreaterThanOrEqual(16);
    const faults: string[] = [];
    const one = async ({ name, what, bytes }: Case) => {
      const dir = join(root, `case-${caseCount++}`);
      const scratch = join(root, `scratch-${caseCount}`);
      for (const folder of [dir, scratch]) mkdirSync(folder);
      writeFileSync(join(dir, name), bytes);
      writeFileSync(join(dir, "manifest.yaml"), manifestOf(name));
      writeFileSync(join(dir, "frames.csv"), "t\n2026-05-04T07:12:30Z\n2026-05-04T07:12:31Z\n");
      const before = readdirSync(dir).sort();
      const { status, stdout, stderr } = await tagalign(["align", ".", "--out", "new/out"], {
        cwd: dir,
        env: { TMPDIR: scratch },
      });
      const left = [...readdirSync(dir).filter((file) => !before.includes(file)), ...readdirSync(scratch)];
      const isTold = /^error\[SOURCE_[A-Z_]+\]: .+\n {2}at: .*source damaged.*\n {2}hint: .+\n$/.test(stderr);
      if (status !== 4 || stdout !== "" || !isTold || !stderr.includes(name) || left.length > 0)
        faults.push(`${name}, ${what}: ${status} ${left} ${stderr}`);
    };
    const waiting = [...cases];
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await one(next);
    };
    await Promise.all(Array.from({ length: besideEachOther }, work));
    expect(faults).toEqual([]);
  });
});
