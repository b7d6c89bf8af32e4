import { type Database, parquetRelation, type Relation } from "../tables/index.ts";
import type { TableRequest } from "./source.ts";

/** Parquet, read in place. */
export async function openParquet(database: Database, request: TableRequest): Promise<Relation> {
  return parquetRelation(database, { ...request, parts: request.files });
}
