import { open } from "node:fs/promises";
import { constants, gunzipSync } from "node:zlib";

/** What a file is, by its first bytes, else by its name; undefined where neither tells. */
export async function kindOfFile(
  path: string,
): Promise<"csv" | "jsonl" | "parquet" | "arrow" | "video" | undefined> {
  const head = await firstBytes(path, 4096);
  const text = head.toString("latin1");
  if (text.startsWith("PAR1")) return "parquet";
  if (text.startsWith("ARROW1") || head.readUInt32LE(0) === 0xffff_ffff) return "arrow";
  if (/\.(mp4|m4v|mov|mkv|webm|avi|ts|m2ts|mts|mpg|mpeg|3gp|h264|hevc)$/i.test(path)) return "video";
  if (/\.(jsonl|ndjson)(\.gz)?$/i.test(path)) return "jsonl";
  if (/\.(csv|tsv|txt)(\.gz)?$/i.test(path)) return "csv";
  if (/\.(parquet|pq)$/i.test(path)) return "parquet";
  if (/\.(arrow|arrows|feather|ipc|stream)$/i.test(path)) return "arrow";
  if (text.slice(4, 8) === "ftyp" || text.startsWith("\x1aE\xdf\xa3")) return "video";
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  return /^\s*\{/.test(isGzip ? firstText(head) : text) ? "jsonl" : undefined;
}

/** As much text as the first bytes of a gzip stream give. */
function firstText(head: Buffer): string {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }).toString("latin1");
  } catch {
    return "";
  }
}

async function firstBytes(path: string, length: number): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.alloc(length);
    await handle.read(buffer, 0, length, 0);
    return buffer;
  } finally {
    await handle.close();
  }
}
