export { arrow, parquet } from "./table.ts";
