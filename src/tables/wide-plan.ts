import type { Database } from "./database.ts";
import { identifier, literal } from "./database.ts";
import { missingTags } from "./long.ts";
import type { QualityReading } from "./quality.ts";
import { firstRow, placeOf, type Relation } from "./relation.ts";
import type { TimeReading } from "./time.ts";
import {
  cellText,
  type KindCounts,
  kindOf,
  mayNotFit,
  notANumber,
  planText,
  planTyped,
  refuseUnfit,
  splitElement,
  typeFromKinds,
  type ValuePlan,
  type ValueRequest,
} from "./values.ts";

/** A table whose columns are the tags. */
export interface WideReading {
  /** `time` of samples and events, or `start` and `end` of intervals. */
  readonly columns: { readonly time: string; readonly end?: string; readonly quality?: string };
  readonly time: TimeReading;
  readonly quality?: QualityReading;
  readonly badValues: readonly string[];
  readonly strict: boolean;
}

/** How to read each asked column. */
export async function planTags(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
): Promise<ValuePlan[]> {
  const missing = requests
    .map((one) => one.tag)
    .filter((tag) => !relation.columns.has(splitElement(relation, tag).column));
  if (missing.length > 0) {
    const names = [...relation.columns.keys()];
    const order = await database.rows(
      `SELECT name FROM (SELECT unnest([${names.map(literal).join(", ")}]) AS name) ` +
        `ORDER BY levenshtein(lower(name), lower(${literal(missing[0] ?? "")})), name LIMIT 13`,
      placeOf(relation),
    );
    throw missingTags(
      relation,
      [...new Set(missing)],
      order.map((row) => String(row[0])),
    );
  }
  const kinds = await columnKinds(database, relation, reading, requests);
  const plans: ValuePlan[] = [];
  for (const request of requests) {
    const { column, element } = splitElement(relation, request.tag);
    const found = kinds.get(column);
    const plan =
      found === undefined
        ? planTyped(relation, request, column, element, reading.badValues)
        : await planCell(database, relation, reading, request, found);
    if (element === undefined) {
      await refuseUnfit(database, relation, "true", request, identifier(column), plan);
    }
    plans.push(plan);
  }
  return plans;
}

async function planCell(
  database: Database,
  relation: Relation,
  reading: WideReading,
  request: ValueRequest,
  kinds: KindCounts,
): Promise<ValuePlan> {
  const type = typeFromKinds(kinds, request);
  if (request.linear && type !== "number") {
    const text = cellText(identifier(request.tag));
    const word = await firstRow(database, relation, `(${kindOf(text, reading.badValues)}) = 't'`, text);
    const why = word === undefined ? `its column holds ${type}` : `row ${word.row} holds "${word.text}"`;
    throw notANumber(relation, request.tag, why);
  }
  const plan = planText(identifier(request.tag), type, reading.badValues);
  return { ...plan, mayNotFit: mayNotFit(type, kinds) };
}

/** How often each kind of text occurs in each asked column whose type is found by content. */
async function columnKinds(
  database: Database,
  relation: Relation,
  reading: WideReading,
  requests: readonly ValueRequest[],
): Promise<Map<string, KindCounts>> {
  const tags = [...new Set(requests.map((request) => request.tag))].filter((tag) =>
    relation.typed ? relation.columns.get(tag) === "JSON" : relation.columns.has(tag),
  );
  if (tags.length === 0) return new Map();
  const letters = ["i", "n", "b", "a", "t"];
  const cells = tags.map((tag, at) => `${cellText(identifier(tag))} AS cell_${at}`);
  const kinds = tags.map((_, at) => `${kindOf(`cell_${at}`, reading.badValues)} AS kind_${at}`);
  const select = tags.flatMap((_, at) =>
    letters.map((letter) => `count(*) FILTER (kind_${at} = '${letter}')`),
  );
  const [row] = await database.rows(
    `SELECT ${select.join(", ")} FROM (SELECT ${kinds.join(", ")} FROM (SELECT ${cells.join(", ")} FROM ${relation.from}))`,
    placeOf(relation),
  );
  return new Map(
    tags.map((tag, at) => {
      const counts = letters.map((letter, k) => [letter, Number(row?.[at * letters.length + k] ?? 0)]);
      return [tag, Object.fromEntries(counts)];
    }),
  );
}

/** A query for the columns of some tags. */
export class WideQuery {
  readonly plans: readonly ValuePlan[];
  /** Position of each tag's value among the query's columns, and of its mark: 1 where a cell says that it has no value. */
  readonly valueAt: readonly number[];
  readonly badAt: readonly number[];
  readonly #columns: string[];

  /** `before` are the columns that come first. */
  constructor(plans: readonly ValuePlan[], before: readonly string[]) {
    this.plans = plans;
    this.#columns = [...before];
    this.valueAt = plans.map((plan) => this.#select(plan.sql));
    this.badAt = plans.map((plan) => this.#select(`coalesce(${plan.badSql}, false)::UTINYINT`));
  }

  #select(sql: string): number {
    const known = this.#columns.indexOf(sql);
    return known >= 0 ? known : this.#columns.push(sql) - 1;
  }

  sql(from: string): string {
    return `SELECT ${this.#columns.map((sql, at) => `${sql} AS column_${at}`).join(", ")} FROM ${from}`;
  }
}
