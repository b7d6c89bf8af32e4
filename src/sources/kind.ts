import { open } from "node:fs/promises";

/** What a file is, by its first bytes, else by its name; undefined where neither tells. */
export async function kindOfFile(
  path: string,
): Promise<"csv" | "jsonl" | "parquet" | "arrow" | "video" | undefined> {
  const head = await firstBytes(path, 64);
  const text = head.toString("latin1");
  if (text.startsWith("PAR1")) return "parquet";
  if (text.startsWith("ARROW1") || head.readUInt32LE(0) === 0xffff_ffff) return "arrow";
  if (/\.(mp4|m4v|mov|mkv|webm|avi|ts|m2ts|mts|mpg|mpeg|3gp|h264|hevc)$/i.test(path)) return "video";
  if (/\.(jsonl|ndjson)(\.gz)?$/i.test(path)) return "jsonl";
  if (/\.(csv|tsv|txt)(\.gz)?$/i.test(path)) return "csv";
  if (/\.(parquet|pq)$/i.test(path)) return "parquet";
  if (/\.(arrow|arrows|feather|ipc|stream)$/i.test(path)) return "arrow";
  if (text.slice(4, 8) === "ftyp" || text.startsWith("\x1aE\xdf\xa3")) return "video";
  return /^\s*\{/.test(text) ? "jsonl" : undefined;
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
