import { appendFileSync, cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, it } from "vitest";
import { alignCapture } from "../../src/index.ts";

const room = mkdtempSync(join(tmpdir(), "changed-test-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));

it("publishes nothing where a source grows after it was read", async () => {
  const capture = join(room, "capture");
  cpSync(resolve(import.meta.dirname, "../../fixtures/gas-round"), capture, { recursive: true });
  const { inputs } = await alignCapture(join(capture, "manifest.yaml"), { dryRun: true });
  const table = inputs.find(({ path }) => path.endsWith(".csv"))!.path;
  const out = join(room, "out");
  const run = alignCapture(join(capture, "manifest.yaml"), {
    out,
    onProgress: ({ stage }) => {
      if (stage === "inputs") appendFileSync(join(capture, table), "\n");
    },
  });
  await expect(run).rejects.toMatchObject({ code: "SOURCE_CHANGED", where: { file: join(capture, table) } });
  expect(existsSync(join(out, "report.json"))).toBe(false);
});
