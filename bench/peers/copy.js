// Copies a folder, each file flushed to the disk: what any writer of the same bytes has to do at least.
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { pipeline } from "node:stream/promises";

const [from, to] = process.argv.slice(2);
for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath, entry.name);
  const copy = join(to, relative(from, path));
  await mkdir(dirname(copy), { recursive: true });
  const highWaterMark = 2 ** 20;
  await pipeline(createReadStream(path, { highWaterMark }), createWriteStream(copy, { highWaterMark }));
  const file = await open(copy, "r+");
  await file.sync();
  await file.close();
}
