import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { instantiateSync } from "@assemblyscript/loader";
import { AlignError } from "../errors.ts";
import type { KernelExports } from "./abi.ts";
import { Arena } from "./arena.ts";

export interface LoadOptions {
  /** The module to load. Default: the release build that ships with the package. */
  wasm?: string | URL;
  /** How many pages of 64 KiB to reserve. Default: all 65,536, which is 4 GiB of address space. */
  pages?: number;
  /** The memory to work in, which several instances may share. Default: a new one. */
  arena?: Arena;
}

const releaseBuild = new URL("../../build/kernels.wasm", import.meta.url);

/** Kernels and the memory they work in. */
export interface Instance {
  exports: KernelExports;
  arena: Arena;
  /** Of the module's bytes, in hexadecimal. */
  sha256: string;
}

/**
 * Compiles and instantiates the kernels.
 *
 * @throws AlignError BUG_KERNELS_MISSING where the module is not there
 */
export function instantiate(options: LoadOptions): Instance {
  const bytes = read(options.wasm ?? releaseBuild);
  const arena = options.arena ?? Arena.reserve(options.pages);
  // The loader is deprecated upstream; `new WebAssembly.Instance(module, imports).exports` would do the same.
  const { exports } = instantiateSync<KernelExports & Record<string, unknown>>(bytes, {
    env: { memory: arena.memory },
  });
  return { exports, arena, sha256: createHash("sha256").update(bytes).digest("hex") };
}

function read(path: string | URL): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    const place = path instanceof URL ? fileURLToPath(path) : path;
    throw new AlignError("BUG_KERNELS_MISSING", `the compiled kernels cannot be read: ${place}`, {
      where: { file: place },
      hint: "npm run build:wasm",
      cause,
    });
  }
}
