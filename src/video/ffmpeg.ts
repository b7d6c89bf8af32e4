import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { AlignError } from "../errors.ts";

export interface FfmpegOptions {
  /** The ffmpeg to run. */
  readonly ffmpeg: string;
  readonly signal?: AbortSignal | undefined;
}

/** A running ffmpeg that reads its standard input and writes its standard output. */
export interface Ffmpeg {
  /** Waits until the child takes more; false once it takes no more at all. */
  feed(bytes: Uint8Array): Promise<boolean>;
  endInput(): void;
  readonly output: Readable;
  /** Settles when the child has ended well; rejects with what it said at last, or with the signal's reason. */
  readonly ended: Promise<void>;
  kill(): void;
}

const linesKept = 5;

/** @param failure what it means that the child failed, by what it said at last */
export function startFfmpeg(
  args: readonly string[],
  options: FfmpegOptions,
  failure: (why: string) => AlignError,
): Ffmpeg {
  const { ffmpeg, signal } = options;
  signal?.throwIfAborted();
  const child = spawn(ffmpeg, ["-hide_banner", "-nostdin", "-v", "error", ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  const kill = () => {
    child.stdout.destroy();
    child.kill("SIGKILL");
  };
  signal?.addEventListener("abort", kill, { once: true });
  const ended = endOf(child, options, failure).finally(() => signal?.removeEventListener("abort", kill));
  // Whoever reads the output awaits the end after it; until then nobody does.
  ended.catch(() => undefined);
  child.stdin.on("error", () => undefined);
  return {
    feed: (bytes) => feed(child.stdin, bytes),
    endInput: () => child.stdin.end(),
    output: child.stdout,
    ended,
    kill,
  };
}

async function feed(input: Writable, bytes: Uint8Array): Promise<boolean> {
  if (input.destroyed || !input.writable) return false;
  if (input.write(bytes)) return true;
  return new Promise((settle) => {
    const done = () => {
      input.off("drain", done).off("close", done);
      settle(!input.destroyed);
    };
    input.on("drain", done).on("close", done);
  });
}

function endOf(
  child: ChildProcess,
  { ffmpeg, signal }: FfmpegOptions,
  failure: (why: string) => AlignError,
): Promise<void> {
  const last: string[] = [];
  let rest = "";
  child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split(/[\r\n]+/);
    rest = lines.pop()!;
    last.push(...lines.filter((line) => line !== ""));
    last.splice(0, Math.max(0, last.length - linesKept));
  });
  return new Promise((settle, fail) => {
    child.on("error", (cause) => fail(cannotRun(ffmpeg, cause)));
    child.on("close", (exitCode, killedBy) => {
      if (signal?.aborted) return fail(signal.reason);
      if (exitCode === 0) return settle();
      const said = [...last, rest].filter((line) => line !== "").map(plain);
      fail(failure(said.join("; ") || `it ended with ${killedBy ?? `status ${exitCode}`}`));
    });
  });
}

function cannotRun(ffmpeg: string, cause: Error): AlignError {
  const why = (cause as NodeJS.ErrnoException).code ?? cause.message;
  return new AlignError("USAGE_FFMPEG", `ffmpeg cannot be run: ${ffmpeg} (${why})`, {
    hint: "install ffmpeg, name one with --ffmpeg, or choose another --video mode",
    cause,
  });
}

/** Without the address that differs from run to run. */
function plain(line: string): string {
  return line.replace(/^\[([^\]]*?) @ [^\]]*\]/, "[$1]");
}

const passthroughs = new Map<string, Promise<string[]>>();

/** The option that keeps every frame and makes up none, whose name has changed with version 5.1. */
export function everyFrame(options: FfmpegOptions): Promise<string[]> {
  const known = passthroughs.get(options.ffmpeg);
  if (known !== undefined) return known;
  const asked = versionOf(options).then(([major, minor]) => {
    const isOld = major < 5 || (major === 5 && minor < 1);
    return [isOld ? "-vsync" : "-fps_mode", "passthrough"];
  });
  passthroughs.set(options.ffmpeg, asked);
  asked.catch(() => passthroughs.delete(options.ffmpeg));
  return asked;
}

/** A build without a number is one of these years. */
async function versionOf(options: FfmpegOptions): Promise<[number, number]> {
  const child = startFfmpeg(["-version"], options, (why) => cannotRun(options.ffmpeg, new Error(why)));
  child.endInput();
  let said = "";
  for await (const chunk of child.output) said += String(chunk);
  await child.ended;
  const found = /^ffmpeg version n?(\d+)\.(\d+)/.exec(said);
  return found === null ? [9, 0] : [Number(found[1]), Number(found[2])];
}
