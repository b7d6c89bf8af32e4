export * from "../samples.ts";
