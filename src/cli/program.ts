import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import {
  AlignError,
  alignCapture,
  checkCapture,
  inspectFile,
  type Progress,
  reportJson,
  type SessionOptions,
  version,
} from "../index.ts";
import { addBench } from "./bench.ts";
import { addClock } from "./clock.ts";
import { addDoctor } from "./doctor.ts";
import { belowHere, errorDocument, errorText } from "./errors.ts";
import { addExport } from "./export.ts";
import { ProgressLine } from "./progress.ts";
import { alignText, checkText, inspectText } from "./text.ts";

/** What every verb knows: how to show results, progress and errors, and when to stop. */
interface Context {
  readonly json: boolean;
  /** Characters that a line of the terminal takes; Infinity where there is none. */
  readonly limit: number;
  readonly session: SessionOptions;
  readonly show: (text: string) => Promise<void>;
}

interface CommonFlags {
  json?: boolean;
  quiet?: boolean;
  ffprobe?: string;
  ffmpeg?: string;
}

/** Runs the command line; returns the exit status. Only this room writes to the terminal and reads the environment. */
export async function run(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  // They stay until the process ends: a result that is there is not to end with the status of a signal.
  for (const signal of stopSignals) process.on(signal, stop);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedPipe);
  const progress = new ProgressLine(process.stderr);
  let status = 0;
  const isJson = args.includes("--json");
  const act: Act = async (command, action) => {
    const flags = command.optsWithGlobals<CommonFlags>();
    const ffprobe = flags.ffprobe ?? (environment.FFPROBE_PATH || undefined);
    const ffmpeg = flags.ffmpeg ?? (environment.FFMPEG_PATH || undefined);
    const isShown = process.stderr.isTTY === true && flags.quiet !== true;
    status = await action({
      json: isJson,
      limit: process.stdout.isTTY === true ? process.stdout.columns : Number.POSITIVE_INFINITY,
      session: {
        signal: abort.signal,
        ...(ffprobe === undefined ? {} : { ffprobe }),
        ...(ffmpeg === undefined ? {} : { ffmpeg }),
        ...(isShown ? { onProgress: (one: Progress) => progress.show(one) } : {}),
      },
      show: async (text) => {
        progress.clear();
        if (flags.quiet !== true || isJson) await write(process.stdout, text);
      },
    });
  };
  try {
    const root = program(act);
    if (args.length === 0) {
      await write(process.stderr, root.helpInformation());
      return 2;
    }
    await root.parseAsync(args, { from: "user" });
  } catch (error) {
    progress.clear();
    status = await report(error, args, isJson);
  } finally {
    progress.clear();
  }
  return status;
}

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const verbs = ["align", "check", "inspect", "clock", "export", "doctor", "bench"];

export type Act = (command: Command, action: (context: Context) => Promise<number>) => Promise<void>;

function program(act: Act): Command {
  const root = new Command("tagalign")
    .description("For every video frame, the plant's state at that instant.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    // After a verb, --version is that verb's own.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .showSuggestionAfterError(true);
  root
    .command("align")
    .argument("<manifest>", "the capture's manifest, or a directory that holds manifest.yaml")
    .description("align a capture: one row a frame, and report.json")
    .option("--out <dir>", "directory of the result; it is created")
    .option("--from <instant>", "first instant of the rows, on the reference clock")
    .option("--to <instant>", "first instant after the rows")
    .option("--workers <n>", "most threads that join and encode (default: one a processor)", wholeNumber)
    .option("--dry-run", "do everything but write")
    .option("--ffmpeg <path>", "the ffmpeg to run for data sets (else FFMPEG_PATH, else the one on PATH)")
    .addOption(new Option("--overwrite", "replace a result that is there").conflicts("resume"))
    .option("--resume", "keep a complete result of the same inputs, else make it")
    .action((manifest, flags, command) =>
      act(command, async ({ json, limit, session, show }) => {
        const started = performance.now();
        const done = await alignCapture(manifest, { ...session, ...flags });
        await show(
          json
            ? reportJson(done)
            : alignText(
                done,
                flags.dryRun === true ? undefined : flags.out,
                performance.now() - started,
                limit,
              ),
        );
        return 0;
      }),
    );
  root
    .command("check")
    .argument("<manifest>", "the capture's manifest, or a directory that holds manifest.yaml")
    .description("open every source and say what is there; nothing is written")
    .action((manifest, _, command) =>
      act(command, async ({ json, limit, session, show }) => {
        const done = await checkCapture(manifest, session);
        await show(json ? reportJson(done) : checkText(done, limit));
        return done.complete ? 0 : 4;
      }),
    );
  root
    .command("inspect")
    .argument("<file>", "a video, or a table in CSV, JSON lines, Parquet or Arrow")
    .description("say what one file holds, without a manifest")
    .action((file, _, command) =>
      act(command, async ({ json, limit, session, show }) => {
        const done = await inspectFile(file, session);
        await show(json ? reportJson(done) : inspectText(done, limit));
        return 0;
      }),
    );
  addClock(root, act);
  const exporting = addExport(root, act);
  addDoctor(root, act);
  const bench = addBench(root, act);
  for (const command of [root, ...root.commands]) {
    command.option("--json", "one JSON document on stdout").option("-q, --quiet", "no progress and no text");
  }
  for (const command of root.commands) {
    command
      .helpOption("-h, --help", "print this help")
      .version(version, command === exporting ? "-V" : "-V, --version", "print the version");
    if (command !== bench && command !== exporting)
      command.option(
        "--ffprobe <path>",
        "the ffprobe to run (else FFPROBE_PATH, else the one that is shipped)",
      );
  }
  return root;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError("It must be a whole number of at least 1.");
}

/** Writes an error where it belongs and tells the exit status. */
async function report(error: unknown, args: readonly string[], isJson: boolean): Promise<number> {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const known =
    error instanceof AlignError
      ? error
      : error instanceof CommanderError
        ? wrongUsage(error, args)
        : bug(error);
  const shown = belowHere(known, process.cwd());
  try {
    if (isJson) await write(process.stdout, `${JSON.stringify(errorDocument(shown), null, 2)}\n`);
    else await write(process.stderr, errorText(shown));
  } catch {
    process.stderr.write(errorText(shown));
  }
  return known.exitCode;
}

function wrongUsage(cause: CommanderError, args: readonly string[]): AlignError {
  if (cause.code === "commander.help") {
    return new AlignError("USAGE_ARGUMENTS", "no verb was given", {
      hint: `name one: ${verbs.join(", ")}; see \`tagalign --help\``,
      cause,
    });
  }
  const message = cause.message.replace(/^error: /, "").replace(/\n?\(Did you mean/, " (did you mean");
  const verb = args.find((argument) => verbs.includes(argument));
  const hint = `see \`tagalign ${verb === undefined ? "" : `${verb} `}--help\``;
  return new AlignError("USAGE_ARGUMENTS", message, { hint, cause });
}

function bug(error: unknown): AlignError {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? "").split("\n").slice(1, 3).join(" ").trim() : "";
  return new AlignError("BUG_UNEXPECTED", `${message} ${stack}`.trim(), {
    hint: "this is a fault of tagalign; please report it with the command and the manifest",
    cause: error,
  });
}

/** Resolves once the text is on its way, so that nothing is lost at the end of the process. */
function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((done, fail) => {
    stream.write(text, (cause?: NodeJS.ErrnoException | null) => {
      if (cause === null || cause === undefined || cause.code === "EPIPE") return done();
      const name = stream === process.stdout ? "standard output" : "standard error";
      fail(
        new AlignError("OUTPUT_WRITE", `${name} cannot be written (${cause.code ?? cause.message})`, {
          hint: "make room where it is redirected to",
          cause,
        }),
      );
    });
  });
}

/** A reader that has seen enough, such as `head`, is no error; `write` tells of any other. */
function ignoreClosedPipe(): void {}
