import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Outcome } from "../examine.ts";
import { type Checkup, counted, type DoctorOptions, Tally } from "../report.ts";
import { filesBelow, isFile } from "../tree.ts";
import { examineRecording, type McapCheck, type RecordingFacts } from "./recording.ts";

/** What dataset.json of an export says of one recording. */
interface ListedRecording {
  path: string;
  frames: number;
  messages: Readonly<Record<string, number>>;
}

const warnings = new Set<McapCheck>(["mcap.order", "mcap.chunked", "mcap.header", "mcap.compression"]);

const good: Readonly<Partial<Record<McapCheck, string>>> = {
  "mcap.structure": "every record is whole and in its section",
  "mcap.crc": "every CRC is that of its bytes",
  "mcap.channels": "channels and schemas come before what needs them",
  "mcap.chunks": "chunks are as long and as old as they say",
  "mcap.indexes": "indexes lead to what they name",
  "mcap.summary": "the summary is that of the data",
  "mcap.order": "messages are in the order of their log times",
};

const bad: Readonly<Record<McapCheck, string>> = {
  "mcap.structure": "against the format",
  "mcap.crc": "with bytes that are not as they were written",
  "mcap.channels": "with channels or schemas missing",
  "mcap.chunks": "with chunks that are not as they say",
  "mcap.indexes": "with indexes that lead elsewhere",
  "mcap.summary": "with a summary that is not of the data",
  "mcap.order": "with log times that go back",
  "mcap.chunked": "with messages outside of chunks, which no index leads to",
  "mcap.header": "with an odd header",
  "mcap.compression": "with chunks that were not looked into",
};

/** Examines recordings: one file, or all in a folder, against dataset.json where there is one. */
export async function examineMcap(root: string, checkup: Checkup, options: DoctorOptions): Promise<Outcome> {
  const isOne = await isFile(root);
  const folder = isOne ? "" : root;
  const stored = isOne ? [basename(root)] : await filesBelow(root, "", /\.mcap$/);
  const listed = isOne ? undefined : await readListed(root, checkup);
  const tallies = new Map<McapCheck, Tally>();
  const asked = stored.slice(0, options.maxEpisodes);
  const count = new Tally();
  let frames = 0;
  for (const [at, file] of asked.entries()) {
    options.signal?.throwIfAborted();
    const seen = new Set<McapCheck>();
    const facts = await examineRecording(isOne ? root : join(folder, file), (check, detail) => {
      const tally = tallies.get(check) ?? new Tally();
      tallies.set(check, tally);
      // A file counts once a check, with what was found first.
      if (!seen.has(check)) tally.add({ file }, detail);
      seen.add(check);
    });
    const entry = listed?.find(({ path }) => path === file);
    frames += entry?.frames ?? 0;
    if (entry !== undefined && facts.isWhole) checkCounts(entry, facts, count);
    options.onProgress?.(at + 1, asked.length);
  }
  for (const check of Object.keys(bad) as McapCheck[]) {
    const said = good[check];
    checkup.judge(check, {
      tally: tallies.get(check) ?? new Tally(),
      level: warnings.has(check) ? "WARN" : "FAIL",
      bad: (files) => `${counted(files, "recording")} ${bad[check]}`,
      ...(said === undefined ? {} : { good: said }),
    });
  }
  if (listed !== undefined) judgeListed(stored, listed, count, checkup);
  return { version: null, episodes: stored.length, frames: listed === undefined ? null : frames };
}

function checkCounts({ path, messages }: ListedRecording, facts: RecordingFacts, tally: Tally): void {
  const found = new Map<string, number>();
  for (const [channel, topic] of facts.topics)
    found.set(topic, (found.get(topic) ?? 0) + Number(facts.counts.get(channel) ?? 0n));
  for (const [topic, said] of Object.entries(messages))
    if ((found.get(topic) ?? 0) !== said)
      tally.add({ file: path }, `${found.get(topic) ?? 0} messages on ${topic}, not ${said}`);
}

function judgeListed(
  stored: readonly string[],
  listed: readonly ListedRecording[],
  count: Tally,
  checkup: Checkup,
): void {
  const missing = new Tally();
  for (const { path } of listed) if (!stored.includes(path)) missing.add({ file: path });
  checkup.judge("files.recordings", {
    tally: missing,
    bad: (files) => `${counted(files, "recording")} of dataset.json missing`,
    good: `${counted(listed.length, "recording")} as dataset.json lists them`,
  });
  checkup.judge("mcap.counts", {
    tally: count,
    bad: (files) => `${counted(files, "topic")} with other numbers of messages than dataset.json has`,
    good: "as many messages as dataset.json has",
  });
}

/** The recordings of an export; undefined where the folder is none. */
async function readListed(root: string, checkup: Checkup): Promise<ListedRecording[] | undefined> {
  const text = await readFile(join(root, "dataset.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { episodes } = JSON.parse(text) as { episodes?: ListedRecording[] };
    return Array.isArray(episodes) ? episodes.filter(({ path }) => typeof path === "string") : undefined;
  } catch (cause) {
    checkup.fail("files.recordings", `dataset.json is no JSON: ${(cause as Error).message}`, {
      file: "dataset.json",
    });
    return undefined;
  }
}
