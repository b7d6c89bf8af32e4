import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../src/bench/results.ts";

const { values } = parseArgs({
  strict: false,
  options: { smoke: { type: "boolean" }, json: { type: "string" } },
});

/** Smallest sizes: only to see that the values are right. */
export const isSmoke = values.smoke === true;

/** Writes the figures of one benchmark to the file that `--json` names. */
export async function finish(name: string, figures: object): Promise<void> {
  if (typeof values.json !== "string") return;
  await mkdir(dirname(values.json), { recursive: true });
  await writeFile(values.json, `${JSON.stringify({ name, machine: machine(), ...figures }, null, 2)}\n`);
}
