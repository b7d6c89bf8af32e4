import type { ParquetFile } from "../parquet.ts";
import type { Checkup } from "../report.ts";
import { type Feature, type Info, isNumeric, languageColumns } from "./info.ts";

/** Checks that a data file has the features' columns and no other; returns those whose values can be read. */
export function checkColumns(file: ParquetFile, path: string, info: Info, checkup: Checkup): Feature[] {
  const stored = info.features.filter(({ dtype }) => dtype !== "video");
  const names = new Set(stored.map(({ name }) => name));
  const readable: Feature[] = [];
  for (const name of file.columns.keys()) {
    if (names.has(name)) continue;
    const why = languageColumns.includes(name)
      ? "a language column that meta/info.json does not declare"
      : "a column that meta/info.json does not declare";
    checkup.fail("data.columns", `${name} is ${why}; loading fails`, { file: path, feature: name });
  }
  for (const feature of stored) {
    const { name } = feature;
    const column = file.columns.get(name);
    if (column === undefined) {
      checkup.fail("data.columns", `the column ${name} is missing`, { file: path, feature: name });
      continue;
    }
    const problem = kindProblem(feature, column.leaf, column.depth);
    if (problem === undefined) readable.push(feature);
    else {
      checkup[problem.isCast ? "warn" : "fail"]("data.columns", problem.message, {
        file: path,
        feature: name,
      });
      if (problem.isCast) readable.push(feature);
    }
  }
  return readable;
}

const numbers = /^(bool|u?int\d+|float\d+|timestamp)$/;

function kindProblem(
  feature: Feature,
  leaf: string,
  depth: number,
): { message: string; isCast: boolean } | undefined {
  const { name, dtype, shape } = feature;
  const said = (stored: string, asked: string) => `${name} is stored as ${stored}, not as ${asked}`;
  const failed = (message: string) => ({ message, isCast: false });
  if (dtype === "image")
    return leaf === "struct" || leaf === "binary" ? undefined : failed(said(leaf, "pictures"));
  if (dtype === "language") {
    const isRows = leaf === "struct" && depth === 1;
    return isRows ? undefined : failed(said(leaf, "a list of language rows"));
  }
  if (dtype === "string") return leaf === "string" && depth === 0 ? undefined : failed(said(leaf, "text"));
  if (!isNumeric(feature) || !numbers.test(leaf)) return failed(said(leaf, dtype));
  const sides = shape.length === 1 && shape[0] === 1 ? 0 : shape.length;
  if (depth !== sides) return failed(said(`lists ${depth} deep`, `[${shape}]`));
  // Small whole numbers have no type of their own in files of some writers.
  return leaf === dtype
    ? undefined
    : { message: `${said(leaf, dtype)}; it is cast at loading`, isCast: true };
}
