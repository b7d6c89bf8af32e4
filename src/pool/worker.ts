import { workerData } from "node:worker_threads";
import { AlignError } from "../errors.ts";
import { Arena, Kernels } from "../kernels/index.ts";
import { perform } from "./perform.ts";
import type { Answer, Task } from "./task.ts";

const kernels = Kernels.load({ arena: Arena.over(workerData.memory, { at: 0, bytes: 0 }) });

/** What a thread of the pool runs for each task. */
export default function work<T extends Task>(task: T): Answer<T> {
  try {
    return { result: perform(kernels, task) };
  } catch (cause) {
    // The way between threads would leave a plain Error of it.
    if (!(cause instanceof AlignError)) throw cause;
    const { code, message, where, hint } = cause;
    return { error: { code, message, where, hint } };
  }
}
