import { join } from "node:path";
import { openParquet } from "../parquet.ts";
import type { Checkup } from "../report.ts";
import { isFile } from "../tree.ts";
import { numberOf } from "./set.ts";

export const tasksPath = "meta/tasks.parquet";

const where = { file: tasksPath };

/** Reads the tasks of v3.0 as the loader does: by row, with the text as the index of a pandas frame. */
export async function readTasks(root: string, checkup: Checkup): Promise<string[]> {
  if (!(await isFile(join(root, tasksPath)))) {
    checkup.fail("tasks.file", `${tasksPath} is missing`, where);
    return [];
  }
  try {
    return await checkTasks(root, checkup);
  } catch (cause) {
    checkup.fail("tasks.file", `${tasksPath} cannot be read: ${(cause as Error).message}`, where);
    return [];
  }
}

async function checkTasks(root: string, checkup: Checkup): Promise<string[]> {
  const { numbers, texts, index } = await tasksTable(root);
  if (numbers === undefined || texts === undefined) {
    checkup.fail("tasks.columns", "it has no columns task_index (numbers) and task (text)", where);
    return [];
  }
  checkup.pass("tasks.columns", `${texts.length} tasks`);
  if (index === undefined) {
    const lost = "the loader then gives a number in place of each task's text";
    checkup.fail("tasks.index", `no pandas metadata name the text as the index; ${lost}`, where, true);
  } else checkup.pass("tasks.index", "the text is the pandas index");
  const wrong = numbers.findIndex((number, row) => number !== row);
  const isPermutation = new Set(numbers).size === numbers.length && numbers.every((one) => one in texts);
  if (wrong >= 0) {
    const message = `row ${wrong} is task ${numbers[wrong]}; the loader goes by rows, so tasks must be 0 to ${numbers.length - 1} in order`;
    checkup.fail("tasks.order", message, where, isPermutation);
  } else checkup.pass("tasks.order", "tasks are numbered by their rows");
  const twice = texts.find((text, row) => texts.indexOf(text) !== row);
  if (twice !== undefined)
    checkup.fail(
      "tasks.unique",
      `the task ${JSON.stringify(twice)} is there twice, and is looked up by its text`,
      where,
    );
  const ordered: string[] = [];
  for (const [row, number] of numbers.entries()) ordered[number] = texts[row] as string;
  return isPermutation ? ordered : texts;
}

/** The table, its text column by whatever name, and what pandas would make the index. */
export async function tasksTable(
  root: string,
): Promise<{ numbers?: number[]; texts?: string[]; index: string | undefined; columns: string[] }> {
  const file = await openParquet(join(root, tasksPath));
  try {
    const columns = [...file.columns.keys()];
    const textColumns = columns.filter((name) => file.columns.get(name)?.leaf === "string");
    const text = textColumns.includes("task") ? "task" : textColumns[0];
    const index = indexColumn(file.keyValues.get("pandas"), textColumns);
    const asked = index ?? text;
    if (!columns.includes("task_index") || asked === undefined) return { index, columns };
    const read = await file.read(["task_index", asked], 0, file.rows);
    return {
      numbers: Array.from(read.get("task_index") ?? [], numberOf),
      texts: Array.from(read.get(asked) ?? [], String),
      index,
      columns,
    };
  } finally {
    await file.close();
  }
}

function indexColumn(pandas: string | undefined, textColumns: readonly string[]): string | undefined {
  try {
    const { index_columns: columns } = JSON.parse(pandas ?? "{}") as { index_columns?: unknown[] };
    const [name] = columns ?? [];
    return columns?.length === 1 && textColumns.includes(name as string) ? (name as string) : undefined;
  } catch {
    return undefined;
  }
}
