import { afterAll, beforeAll, expect, it } from "vitest";
import { kindOfFile } from "../../src/sources/index.ts";
import { Room } from "../tables/room.ts";

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

it.each([
  ["a.csv", "ts,a\n", "csv"],
  ["a.tsv.gz", "", "csv"],
  ["A.CSV", "", "csv"],
  ["a.ndjson", "", "jsonl"],
  ["a.log", ' {"ts":1}\n', "jsonl"],
  ["a.csv", "PAR1....", "parquet"],
  ["a", "ARROW1\0\0", "arrow"],
  ["a.stream", "", "arrow"],
  ["a.bin", "\xff\xff\xff\xff....", "arrow"],
  ["a.mp4", "", "video"],
  ["a", "\0\0\0\x18ftypisom", "video"],
  ["a.dat", "hello", undefined],
  ["a", "", undefined],
] as const)("%s that begins with %j is %s", async (name, text, kind) => {
  expect(await kindOfFile(room.write(name, Buffer.from(text, "latin1")))).toBe(kind);
});
