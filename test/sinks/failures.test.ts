import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { AlignError } from "../../src/errors.ts";
import { openSink, type SinkKind, sinkKinds } from "../../src/sinks/index.ts";
import { plantBatch, plantSchema } from "./plant.ts";

const room = mkdtempSync(join(tmpdir(), "sink-test-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));
const fullDisk = "/dev/full";

async function errorOf(work: () => Promise<unknown>): Promise<AlignError> {
  const error = await work().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AlignError) return error;
  throw new Error(`not an AlignError: ${String(error)}`);
}

async function writeAll(kind: SinkKind, path: string): Promise<void> {
  const sink = await openSink(kind, path, plantSchema);
  try {
    for (let from = 0; from < 40_000; from += 10_000) await sink.write(plantBatch(from, from + 10_000));
    await sink.close();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

describe.each(sinkKinds)("%s", (kind) => {
  it("names the path and the way out where a file cannot be made", async () => {
    mkdirSync(join(room, `folder-${kind}`));
    for (const path of [
      join(room, `folder-${kind}`),
      join(room, "missing", "file"),
      join(room, "x".repeat(300)),
    ]) {
      const error = await errorOf(() => openSink(kind, path, plantSchema));
      expect(error.code).toBe("OUTPUT_WRITE");
      expect(error.exitCode).toBe(7);
      expect(error.message).toContain(path);
      expect(error.hint).not.toBe("");
    }
  });

  it.skipIf(!existsSync(fullDisk))("tells a full disk, and does not hang", async () => {
    const error = await errorOf(() => writeAll(kind, fullDisk));
    expect(error.code).toBe("OUTPUT_WRITE");
    expect(error.message).toContain("ENOSPC");
    expect(error.hint).toContain("room");
    expect(existsSync(fullDisk)).toBe(true);
  });
});
