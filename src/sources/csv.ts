import { isUtf8 } from "node:buffer";
import { AlignError } from "../errors.ts";
import {
  type Database,
  describe,
  fileLiteral,
  inflated,
  literal,
  type Relation,
  requireSameColumns,
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
  const heads: Head[] = [];
  for (const file of request.files) heads.push(await readHead(file, request));
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

async function readHead(file: string, request: TableRequest): Promise<Head> {
  const source = request.name;
  const place = { where: { source, file } };
  const bytes = await scanBytes(file, request);
  const isUtf16 = utf16Mark.equals(bytes.subarray(0, 2));
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
  // pandas writes its index without a name, and some exports end every row with a separator.
  const names = splitRecord(line, separator).map((name, index) => name || `column${index}`);
  const folded = names.map((name) => name.toLowerCase());
  const twice = names.find((_, index) => folded.indexOf(folded[index] ?? "") !== index);
  if (twice !== undefined) {
    throw new AlignError("SOURCE_HEADER", `source ${source}: the header has two columns named "${twice}"`, {
      where: { source, file, line: 1 },
      hint: "give every column a name of its own, in small or capital letters; a file without a header row is read by a source of kind sql",
    });
  }
  return { encoding: isUtf16 ? "utf-16" : "utf-8", separator, names };
}

const utf16Mark = Buffer.from([0xff, 0xfe]);

/**
 * The first bytes of a file, inflated where it is gzip.
 * All of it is looked at, because DuckDB breaks down over bytes that are not UTF-8.
 */
async function scanBytes(file: string, request: TableRequest): Promise<Buffer> {
  const head: Buffer[] = [];
  let room = headerBytes;
  let rest: Buffer = Buffer.alloc(0);
  for await (const part of inflated(request.name, file, request.signal)) {
    if (room > 0) head.push(part.subarray(0, room));
    room -= part.length;
    if (head[0] !== undefined && utf16Mark.equals(head[0].subarray(0, 2))) {
      if (room <= 0) break;
      continue;
    }
    const bytes = rest.length === 0 ? part : Buffer.concat([rest, part]);
    const end = bytes.length - unfinishedBytes(bytes);
    requireUtf8(bytes.subarray(0, end), file, request.name);
    rest = bytes.subarray(end);
  }
  requireUtf8(rest, file, request.name);
  return Buffer.concat(head);
}

/** How many bytes at the end begin a character that is not complete. */
function unfinishedBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
}

function requireUtf8(bytes: Buffer, file: string, source: string): void {
  if (isUtf8(bytes)) return;
  const text = bytes.toString("utf8");
  const at = text.indexOf("\ufffd");
  const near = text.slice(Math.max(0, at - 12), at + 4).replace(/[\r\n]+/g, " ");
  throw new AlignError("SOURCE_ENCODING", `source ${source}: the file is not UTF-8 (near "${near}")`, {
    where: { source, file },
    hint: "save it as UTF-8; on a command line: iconv -f WINDOWS-1252 -t UTF-8",
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
