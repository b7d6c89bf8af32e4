import { type Command, Option } from "commander";
import { type DoctorReport, examineDataset, mendDataset, reportJson } from "../index.ts";
import { doctorText } from "./doctor-text.ts";
import { type Act, wholeNumber } from "./program.ts";

interface DoctorFlags {
  fix?: boolean;
  maxEpisodes?: number;
  failOn: "fail" | "warn";
}

/** Adds `doctor`: whether training code can load a data set, and what is wrong with it. */
export function addDoctor(root: Command, act: Act): Command {
  return root
    .command("doctor")
    .argument("<dir>", "a data set: LeRobot, RLDS, MCAP, HDF5, or tables of episodes")
    .description("prove a data set by the rules of the programs that read it")
    .option("--fix", "mend what follows from the data, then look again; values and frames stay as they are")
    .option("--max-episodes <n>", "look at the values and pictures of the first n episodes only", wholeNumber)
    .addOption(
      new Option("--fail-on <level>", "the least finding that leads to exit status 4")
        .choices(["fail", "warn"])
        .default("fail"),
    )
    .action((dir: string, flags: DoctorFlags, command: Command) =>
      act(command, async ({ json, limit, session, show }) => {
        const { signal, ffprobe, onProgress } = session;
        const done = await (flags.fix === true ? mendDataset : examineDataset)(dir, {
          ...(signal === undefined ? {} : { signal }),
          ...(ffprobe === undefined ? {} : { ffprobe }),
          ...(flags.maxEpisodes === undefined ? {} : { maxEpisodes: flags.maxEpisodes }),
          ...(onProgress === undefined
            ? {}
            : {
                onProgress: (count: number, total: number) =>
                  onProgress({ stage: "examine", subject: dir, done: count, total }),
              }),
        });
        await show(json ? reportJson(done) : doctorText(done, limit));
        return isRefused(done, flags.failOn) ? 4 : 0;
      }),
    );
}

function isRefused({ level }: DoctorReport, failOn: DoctorFlags["failOn"]): boolean {
  return level === "FAIL" || (level === "WARN" && failOn === "warn");
}
