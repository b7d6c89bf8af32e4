import { readFile, writeFile } from "node:fs/promises";
import { AlignError } from "../errors.ts";
import { type Database, parquetRelation, type Relation } from "../tables/index.ts";
import type { TableRequest } from "./source.ts";

/**
 * Arrow IPC, file or stream. The frame of every message is checked first, then the validating Rust reader
 * turns the batches into Parquet for DuckDB: apache-arrow's own reader trusts the lengths that a file states.
 */
export async function openArrow(database: Database, request: TableRequest): Promise<Relation> {
  // It is compiled as it is loaded, which takes longer than to read a small capture of another kind.
  const library = await import("parquet-wasm");
  const parts: string[] = [];
  for (const file of request.files) {
    request.signal?.throwIfAborted();
    const bytes = await readFile(file);
    const part = database.scratchFile("parquet");
    await writeFile(part, convert(library, bytes, request.name, file));
    parts.push(part);
  }
  return parquetRelation(database, { ...request, parts });
}

function convert(
  { Table, WriterPropertiesBuilder, writeParquet }: typeof import("parquet-wasm"),
  bytes: Buffer,
  source: string,
  file: string,
): Uint8Array {
  const stream = streamOf(bytes, source, file);
  checkMessages(stream, source, file);
  try {
    const table = Table.fromIPCStream(stream);
    return writeParquet(table, new WriterPropertiesBuilder().setDictionaryEnabled(false).build());
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (/decompression requires/.test(reason)) {
      throw broken(
        source,
        file,
        "the buffers are compressed",
        "write the file uncompressed (pyarrow: compression=None)",
      );
    }
    const isTrap = cause instanceof Error && cause.name === "RuntimeError";
    throw broken(source, file, isTrap ? "a column's type or data cannot be read" : reason.slice(0, 200));
  }
}

const fileMagic = "ARROW1";

/**
 * The stream inside: an IPC file is a stream between a magic word and a footer.
 * Some writers, apache-arrow for JavaScript among them, put the schema into the footer only.
 */
function streamOf(bytes: Buffer, source: string, file: string): Buffer {
  const isMagic = (at: number) =>
    at >= 0 && bytes.toString("latin1", at, at + fileMagic.length) === fileMagic;
  if (!isMagic(0)) return bytes;
  if (bytes.length < 24 || !isMagic(bytes.length - fileMagic.length)) {
    throw broken(source, file, "the file ends before its footer");
  }
  const length = bytes.readInt32LE(bytes.length - 10);
  if (length < 8 || length > bytes.length - 18) throw broken(source, file, "its footer has a wrong length");
  const end = bytes.length - 10 - length;
  const body = bytes.subarray(8, end);
  const marker = body.length >= 8 && body.readInt32LE(0) === -1 ? 8 : 4;
  const first = body.length < marker + 8 ? undefined : rootTable(body, marker, body.length);
  if (first?.byte(1) === messageKind.schema) return body;
  const footer = bytes.subarray(end, end + length);
  const schema = rootTable(footer, 0, footer.length)?.table(1);
  if (schema === undefined) throw broken(source, file, "its footer has no schema");
  return Buffer.concat([schemaMessage(footer, schema.at), body]);
}

const messageKind = { schema: 1, dictionary: 2, batch: 3 };

/** A schema message around the schema table at `at` of a footer, by hand: a vtable, a Message table, the footer's bytes. */
function schemaMessage(footer: Buffer, at: number): Buffer {
  const [vtable, table, start] = [8, 20, 32];
  const length = start + Math.ceil(footer.length / 8) * 8;
  const message = Buffer.alloc(8 + length);
  message.writeInt32LE(-1, 0);
  message.writeInt32LE(length, 4);
  const flat = message.subarray(8);
  flat.writeUInt32LE(table, 0);
  flat.writeUInt16LE(10, vtable);
  flat.writeUInt16LE(12, vtable + 2);
  flat.writeUInt16LE(4, vtable + 4);
  flat.writeUInt16LE(6, vtable + 6);
  flat.writeUInt16LE(8, vtable + 8);
  flat.writeInt32LE(table - vtable, table);
  flat.writeInt16LE(metadataVersion5, table + 4);
  flat.writeUInt8(messageKind.schema, table + 6);
  flat.writeUInt32LE(start + at - (table + 8), table + 8);
  footer.copy(flat, start);
  return message;
}

const metadataVersion5 = 4;

/** Every message must lie within the file, and a batch must not claim more rows than its bytes can hold bits. */
function checkMessages(bytes: Buffer, source: string, file: string): void {
  let at = 0;
  let count = 0;
  while (at + 4 <= bytes.length) {
    let length = bytes.readInt32LE(at);
    at += 4;
    if (length === -1) {
      if (at + 4 > bytes.length) throw broken(source, file, "it ends within a message");
      length = bytes.readInt32LE(at);
      at += 4;
    }
    if (length === 0) break;
    if (length < 8 || at + length > bytes.length)
      throw broken(source, file, `message ${count} runs past the end`);
    const message = rootTable(bytes, at, at + length);
    if (message === undefined) throw broken(source, file, `message ${count} is not an Arrow message`);
    const body = message.int64(3);
    if (body < 0 || at + length + body > bytes.length)
      throw broken(source, file, `message ${count} runs past the end`);
    const kind = message.byte(1);
    if (count === 0 && kind !== messageKind.schema)
      throw broken(source, file, "it does not begin with a schema");
    const header = message.table(2);
    if (kind === messageKind.schema && header !== undefined && header.short(0) !== 0) {
      throw broken(source, file, "it is big-endian", "write it on a little-endian machine");
    }
    const batch =
      kind === messageKind.batch ? header : kind === messageKind.dictionary ? header?.table(1) : undefined;
    const rows = batch?.int64(0) ?? 0;
    if (rows < 0 || rows > body * 8)
      throw broken(source, file, `message ${count} claims ${rows} rows in ${body} bytes`);
    at += length + body;
    count += 1;
  }
  if (count === 0) throw broken(source, file, "it is not Arrow IPC data");
}

/** One flatbuffer table: fields by position, absent ones are 0. */
interface FlatTable {
  readonly at: number;
  byte(field: number): number;
  short(field: number): number;
  int64(field: number): number;
  table(field: number): FlatTable | undefined;
}

function rootTable(bytes: Buffer, start: number, end: number): FlatTable | undefined {
  return tableAt(bytes, start, end, start + bytes.readUInt32LE(start));
}

function tableAt(bytes: Buffer, start: number, end: number, at: number): FlatTable | undefined {
  if (at < start || at + 4 > end) return undefined;
  const vtable = at - bytes.readInt32LE(at);
  if (vtable < start || vtable + 4 > end) return undefined;
  const vtableBytes = bytes.readUInt16LE(vtable);
  const fieldAt = (field: number, size: number): number | undefined => {
    const entry = 4 + 2 * field;
    if (entry + 2 > vtableBytes || vtable + entry + 2 > end) return undefined;
    const offset = bytes.readUInt16LE(vtable + entry);
    return offset === 0 || at + offset + size > end ? undefined : at + offset;
  };
  const read = (field: number, size: number, get: (position: number) => number) => {
    const position = fieldAt(field, size);
    return position === undefined ? 0 : get(position);
  };
  return {
    at,
    byte: (field) => read(field, 1, (position) => bytes.readUInt8(position)),
    short: (field) => read(field, 2, (position) => bytes.readInt16LE(position)),
    int64: (field) => read(field, 8, (position) => Number(bytes.readBigInt64LE(position))),
    table(field) {
      const position = fieldAt(field, 4);
      return position === undefined
        ? undefined
        : tableAt(bytes, start, end, position + bytes.readUInt32LE(position));
    },
  };
}

function broken(source: string, file: string, why: string, hint?: string): AlignError {
  return new AlignError("SOURCE_UNREADABLE", `source ${source}: not a readable Arrow file: ${why}`, {
    where: { source, file },
    hint: hint ?? "the file is damaged, cut off, or of another kind; write it again",
  });
}
