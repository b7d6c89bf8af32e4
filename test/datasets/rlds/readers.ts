import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const hasProtoc = spawnSync("protoc", ["--version"]).status === 0;
export const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

/** The first Python that has a module; undefined where none has. */
export function pythonWith(module: string): string | undefined {
  const candidates = [process.env.PYTHON ?? "python3", "/usr/bin/python3"];
  const find = `import importlib.util, sys; sys.exit(importlib.util.find_spec(${JSON.stringify(module)}) is None)`;
  return candidates.find((python) => spawnSync(python, ["-c", find]).status === 0);
}

/** The records of a TFRecord file, with the two sums that are stored with each. */
export function recordsOf(
  path: string,
): { data: Buffer; lengthSum: number; dataSum: number; head: Buffer }[] {
  const file = readFileSync(path);
  const records = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    records.push({
      head: file.subarray(at, at + 8),
      lengthSum: file.readUInt32LE(at + 8),
      data: file.subarray(at + 12, at + 12 + length),
      dataSum: file.readUInt32LE(at + 12 + length),
    });
    at += 16 + length;
  }
  return records;
}

export type List = { kind: "bytes" | "float" | "int64"; values: (string | Buffer)[] };

/** An example as protoc reads it: the lists by key, numbers as protoc prints them. */
export function decodeByProtoc(data: Buffer): Map<string, List> {
  const text = execFileSync("protoc", [`-I${import.meta.dirname}`, "--decode=Example", "example.proto"], {
    cwd: import.meta.dirname,
    input: data,
    maxBuffer: 1 << 28,
    encoding: "latin1",
  });
  const lists = new Map<string, List>();
  let list: List | undefined;
  for (const line of text.split("\n")) {
    const [, name, value] = /^\s*(\w+):? (.*)$/.exec(line) ?? [];
    if (name === "key") lists.set(unquoted(value!).toString(), (list = { kind: "bytes", values: [] }));
    else if (name?.endsWith("_list")) list!.kind = name.slice(0, -"_list".length) as List["kind"];
    else if (name === "value" && value !== "{") {
      list!.values.push(list!.kind === "bytes" ? unquoted(value!) : value!);
    }
  }
  return lists;
}

function unquoted(text: string): Buffer {
  const escapes: Record<string, number> = { n: 10, r: 13, t: 9 };
  const bytes: number[] = [];
  for (const [, octal, escaped, plain] of text.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\])/g)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (escaped !== undefined) bytes.push(escapes[escaped] ?? escaped.charCodeAt(0));
    else bytes.push(plain!.charCodeAt(0));
  }
  return Buffer.from(bytes);
}

/** What a script of test/interop says, which is one JSON line. */
export function runReader(
  python: string,
  script: string,
  args: readonly string[],
): { status: number | null; result: Record<string, unknown>; errors: string } {
  const done = spawnSync(python, [join("test/interop", script), ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const line = done.stdout.trim().split("\n").at(-1) ?? "";
  return {
    status: done.status,
    result: line.startsWith("{") ? JSON.parse(line) : {},
    errors: done.stderr.slice(-2000),
  };
}
