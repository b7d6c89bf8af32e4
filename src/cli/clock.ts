import type { Command } from "commander";
import { inspectClocks, reportJson } from "../index.ts";
import { clockText } from "./clock-text.ts";
import type { Act } from "./program.ts";

/** Adds `clock`: how the clocks of a capture are tied together, and how well. */
export function addClock(root: Command, act: Act): Command {
  return root
    .command("clock")
    .argument("<manifest>", "the capture's manifest, or a directory that holds manifest.yaml")
    .description("fit the clock maps and say how sure they are")
    .option("--out <file>", "write the maps and all that is known of them as JSON")
    .option("--plot <file>", "write one HTML page with the maps, residuals and events; it needs no network")
    .option("--overwrite", "replace files that are there")
    .action(
      (manifest: string, flags: { out?: string; plot?: string; overwrite?: boolean }, command: Command) =>
        act(command, async ({ json, limit, session, show }) => {
          const { out, plot } = flags;
          const done = await inspectClocks(manifest, { ...session, ...flags });
          const files = [out, plot].filter((file) => file !== undefined);
          await show(json ? reportJson(done.report) : clockText(done, files, limit));
          return 0;
        }),
    );
}
