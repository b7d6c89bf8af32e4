import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type DatasetFormatName,
  datasetFormatNames,
  type ExportOptions,
  exportEpisodes,
  reportJson,
} from "../index.ts";
import { exportText } from "./export-text.ts";
import type { Act } from "./program.ts";

interface ExportFlags {
  format: DatasetFormatName;
  out: string;
  name?: string;
  manifest?: string;
  video?: NonNullable<ExportOptions["video"]>;
  version?: string;
  layout?: string;
  imageSize?: readonly [number, number];
  overwrite?: boolean;
  resume?: boolean;
}

/** Adds `export`: aligned captures become a data set of episodes. */
export function addExport(root: Command, act: Act): Command {
  return root
    .command("export")
    .argument(
      "<aligned...>",
      "results of `align`: their directories, or their tables; several become one data set",
    )
    .description("cut aligned captures into episodes and write them as a data set")
    .addOption(
      new Option("--format <format>", "what to write").choices(datasetFormatNames).makeOptionMandatory(),
    )
    .requiredOption("--out <dir>", "directory of the data set; it is created")
    .option("--name <name>", "name of the data set (default: the last part of the first capture's name)")
    .option("--manifest <file>", "the manifest (default: the one that the result was made by)")
    .addOption(
      new Option("--video <mode>", "what becomes of the pictures (default: as the format has it)").choices([
        "retime",
        "copy",
        "resample",
        "images",
      ]),
    )
    .option("--version <version>", "version of the format: lerobot 3.0 (default) or 2.1")
    .option("--layout <layout>", "layout of the format: hdf5 robomimic (default) or aloha")
    .option("--image-size <size>", "width and height of decoded pictures, such as 224x224", imageSize)
    .option("--ffmpeg <path>", "the ffmpeg to run (else FFMPEG_PATH, else the one on PATH)")
    .addOption(new Option("--overwrite", "replace a data set that is there").conflicts("resume"))
    .option("--resume", "go on where an export of the same inputs was cut short")
    .action((aligned: string[], flags: ExportFlags, command: Command) =>
      act(command, async ({ json, limit, session, show }) => {
        const done = await exportEpisodes(aligned, { ...session, ...flags });
        await show(json ? reportJson(done) : exportText(done, flags.out, limit));
        return 0;
      }),
    );
}

function imageSize(text: string): readonly [number, number] {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  const size = [Number(width), Number(height)] as const;
  if (size.every((side) => side >= 1 && side <= 16_384)) return size;
  throw new InvalidArgumentError("It must be a width and a height, such as 224x224.");
}
