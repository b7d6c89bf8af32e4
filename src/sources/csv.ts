import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { AlignError } from "../errors.ts";
import {
  type Database,
  describe,
  fileLiteral,
  literal,
  type Relation,
  requireSameColumns,
  requireWholeGzip,
} from "../tables/index.ts";
import type { TableRequest } from "./source.ts";

const headerBytes = 1024 * 1024;

/** The head of one file: its encoding, separator and column names. */
interface Head {
  readonly encoding: "utf-8" | "utf-16";
  readonly separator: string;
  readonly names: readonly string[];
}

/**
 * Comma, semicolon, tab or bar separated text with one header row, RFC 4180 quoting, optionally gzipped.
 * Every cell is text to DuckDB: its own type sniffing may skip rows that do not fit.
 */
export async function openCsv(database: Database, request: TableRequest): Promise<Relation> {
  const place = { source: request.name };
  for (const file of request.files) await requireWholeGzip(request.name, file, request.signal);
  const heads = await Promise.all(request.files.map((file) => readHead(file, request.name)));
  requireSameColumns(
    request.name,
    heads.map((head, index) => ({ file: request.files[index] ?? "", columns: head.names })),
  );
  const scans = request.files.map((file, index) => `SELECT * FROM ${scan(file, heads[index] as Head)}`);
  const from = `(${scans.join(" UNION ALL BY NAME ")})`;
  return {
    source: request.name,
    from,
    columns: await describe(database, from, place),
    typed: false,
    files: request.files,
  };
}

function scan(file: string, head: Head): string {
  const columns = head.names.map((name) => `${literal(name)}: 'VARCHAR'`).join(", ");
  return (
    `read_csv(${fileLiteral(file)}, auto_detect = false, header = true, delim = ${literal(head.separator)}, ` +
    `quote = '"', escape = '"', nullstr = '', encoding = '${head.encoding}', columns = {${columns}})`
  );
}

async function readHead(file: string, source: string): Promise<Head> {
  const bytes = await firstBytes(file, source);
  const place = { where: { source, file } };
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    throw new AlignError("SOURCE_ENCODING", `source ${source}: the file is big-endian UTF-16`, {
      ...place,
      hint: "save it as UTF-8",
    });
  }
  const text = new TextDecoder(isUtf16 ? "utf-16le" : "utf-8").decode(bytes);
  const line = firstRecord(text, bytes.length < headerBytes);
  if (line === undefined) {
    throw new AlignError("SOURCE_HEADER", `source ${source}: the header row does not end`, {
      where: { source, file, line: 1 },
      hint: "it is longer than 1 MiB, or a quote in it is not closed",
    });
  }
  if (line.trim() === "") {
    throw new AlignError("SOURCE_EMPTY", `source ${source}: the file has no header row`, {
      ...place,
      hint: "the first row must name the columns; is the export complete?",
    });
  }
  const separator = mostFrequent(line);
  const names = splitRecord(line, separator);
  const folded = names.map((name) => name.toLowerCase());
  const twice = names.find((_, index) => folded.indexOf(folded[index] ?? "") !== index);
  if (twice !== undefined || names.includes("")) {
    const what =
      twice === undefined || twice === "" ? "a column without a name" : `two columns named "${twice}"`;
    throw new AlignError("SOURCE_HEADER", `source ${source}: the header has ${what}`, {
      where: { source, file, line: 1 },
      hint: "give every column a name of its own, in small or capital letters; a file without a header row is read by a source of kind sql",
    });
  }
  return { encoding: isUtf16 ? "utf-16" : "utf-8", separator, names };
}

/** Refuses bytes that are not UTF-8 and a gzip stream that is not whole: DuckDB may break down over them. */
async function requireUtf8(file: string, request: TableRequest): Promise<void> {
  const source = createReadStream(file, { highWaterMark: 1 << 20 });
  const isGzip = (await firstBytes(file, request.name, 2, false)).equals(gzipMagic);
  let rest = Buffer.alloc(0);
  let line = 1;
  try {
    for await (const part of isGzip ? source.pipe(createGunzip()) : source) {
      request.signal?.throwIfAborted();
      const bytes = rest.length === 0 ? (part as Buffer) : Buffer.concat([rest, part as Buffer]);
      const end = bytes.length - unfinishedBytes(bytes);
      if (!isUtf8(bytes.subarray(0, end))) throw notUtf8(bytes.subarray(0, end));
      if (end < bytes.length) rest = Buffer.from(bytes.subarray(end));
      else rest = Buffer.alloc(0);
    }
  } catch (cause) {
    if (cause instanceof AlignError || request.signal?.aborted === true) throw cause;
    throw badGzip(request.name, file, cause);
  } finally {
    source.destroy();
  }
  if (rest.length > 0) throw notUtf8(rest);
}

async function firstBytes(file: string, source: string): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const buffer = Buffer.alloc(headerBytes);
    const { bytesRead } = await handle.read(buffer, 0, headerBytes, 0);
    const head = buffer.subarray(0, bytesRead);
    return head[0] === 0x1f && head[1] === 0x8b ? await inflateHead(head, source, file) : head;
  } finally {
    await handle.close();
  }
}

/** Inflates as much as the first compressed bytes give; the rest of the stream is not needed for the header. */
async function inflateHead(head: Buffer, source: string, file: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const gunzip = createGunzip();
    gunzip.on("data", (part: Buffer) => parts.push(part));
    const done = (cause?: unknown) => {
      if (parts.length > 0) return resolve(Buffer.concat(parts).subarray(0, headerBytes));
      reject(
        new AlignError("SOURCE_UNREADABLE", `source ${source}: the gzip stream cannot be read`, {
          where: { source, file },
          hint: "the file is damaged or cut off; export it again",
          cause,
        }),
      );
    };
    gunzip.on("end", () => done());
    gunzip.on("error", done);
    gunzip.end(head);
  });
}

/** The text up to the first line break outside quotes; undefined where there is none and the text is not whole. */
function firstRecord(body: string, isWhole: boolean): string | undefined {
  let isQuoted = false;
  for (let i = 0; i < body.length; i++) {
    if (body[i] === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (body[i] === "\n" || body[i] === "\r")) return body.slice(0, i);
  }
  return isWhole ? body : undefined;
}

function mostFrequent(line: string): string {
  const bare = line.replace(/"(?:[^"]|"")*"/g, "");
  const counts = [",", ";", "\t", "|"].map((one) => ({ one, count: bare.split(one).length - 1 }));
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).one;
}

function splitRecord(line: string, separator: string): string[] {
  const names: string[] = [];
  let cell = "";
  let isQuoted = false;
  for (let i = 0; i < line.length; i++) {
    const char = line[i] ?? "";
    if (char === '"' && isQuoted && line[i + 1] === '"') {
      cell += '"';
      i += 1;
    } else if (char === '"') isQuoted = !isQuoted;
    else if (char === separator && !isQuoted) {
      names.push(cell);
      cell = "";
    } else cell += char;
  }
  names.push(cell);
  return names.map((name) => name.trim());
}
