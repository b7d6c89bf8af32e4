import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import {
  Bool,
  Field,
  Float64,
  Int32,
  List,
  Schema,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { Compression, Table as ParquetTable, WriterPropertiesBuilder, writeParquet } from "parquet-wasm";

const root = resolve(import.meta.dirname, "../..");

/** A whole file of a kind that `inspect` reads; the mutations start from it. */
export interface Seed {
  /** Ends in the kind's own extension. */
  name: string;
  bytes: Buffer;
}

const rows = 600;

function plantTable(): Table {
  const each = <T>(value: (row: number) => T) => Array.from({ length: rows }, (_, row) => value(row));
  return new Table({
    time_ns: vectorFromArray(each((row) => 1_777_878_744_037_000_000n + BigInt(row) * 100_000_000n)),
    level: vectorFromArray(
      each((row) => (row % 7 === 0 ? null : Math.sin(row / 40))),
      new Float64(),
    ),
    open: vectorFromArray(
      each((row) => row % 90 < 40),
      new Bool(),
    ),
    state: vectorFromArray(each((row) => (row % 200 < 100 ? "RUN" : "STOP"))),
    name: vectorFromArray(
      each((row) => `batch ${row}`),
      new Utf8(),
    ),
    joints: vectorFromArray(
      each((row) => [row, row + 1, row + 2]),
      new List(new Field("item", new Int32(), true)),
    ),
  });
}

export function arrowSeeds(): Seed[] {
  const table = plantTable();
  return (["file", "stream"] as const).map((format) => ({
    name: `${format}.arrow`,
    bytes: Buffer.from(tableToIPC(table, format)),
  }));
}

/** An empty table of one column whose lists are nested so deep. */
export function nestedArrow(depth: number): Buffer {
  let field = new Field("item", new Int32(), true);
  for (let level = 0; level < depth; level++) field = new Field("item", new List(field), true) as never;
  return Buffer.from(tableToIPC(new Table(new Schema([field])), "stream"));
}

export function parquetSeeds(): Seed[] {
  const stream = tableToIPC(plantTable(), "stream");
  return [Compression.UNCOMPRESSED, Compression.SNAPPY, Compression.ZSTD].map((compression) => ({
    name: `${Compression[compression]?.toLowerCase()}.parquet`,
    bytes: Buffer.from(
      writeParquet(
        ParquetTable.fromIPCStream(stream),
        new WriterPropertiesBuilder().setCompression(compression).build(),
      ),
    ),
  }));
}

export function textSeeds(): Seed[] {
  const fixture = join(root, "fixtures/gas-round");
  const csv = readFileSync(join(fixture, "historian.csv"));
  return [
    { name: "historian.csv", bytes: csv },
    { name: "historian.csv.gz", bytes: gzipSync(csv) },
    { name: "alarms.jsonl", bytes: readFileSync(join(fixture, "alarms.jsonl")) },
  ];
}

/** Recordings that are no whole video to begin with. */
const unreadable = ["exo_full_blocks.mkv", "exo_invalid-bitstream.webm", "mb_annex-b.mp4"];

/** Small recordings, of whatever containers are at hand. */
export function videoSeeds(): Seed[] {
  const folder = resolve(root, "../shared/data/video");
  const names = existsSync(folder)
    ? readdirSync(folder).filter((name) => /\.(mp4|mkv|webm)$/.test(name) && !unreadable.includes(name))
    : [];
  const found = names
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }))
    .filter(({ bytes }) => bytes.length < 1_000_000);
  const one = { name: "headcam.mp4", bytes: readFileSync(join(root, "fixtures/gas-round/headcam.mp4")) };
  return [one, ...found];
}
