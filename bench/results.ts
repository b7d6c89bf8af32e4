import { mkdir, writeFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };

const { values } = parseArgs({ options: { smoke: { type: "boolean" }, json: { type: "string" } } });

/** Smallest sizes: only to see that the values are right. */
export const isSmoke = values.smoke === true;

/** What the figures were taken on. */
function machine() {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
    tagalign: packageJson.version,
    dependencies: packageJson.dependencies,
  };
}

/** Writes the figures of one benchmark to the file that `--json` names. */
export async function finish(name: string, figures: object): Promise<void> {
  if (values.json === undefined) return;
  await mkdir(dirname(values.json), { recursive: true });
  await writeFile(values.json, `${JSON.stringify({ name, machine: machine(), ...figures }, null, 2)}\n`);
}
