export { createEngine, Engine, type EngineOptions } from "./engine.ts";
export type { TableTag } from "./plans.ts";
export { AlignedTable, isWorthThreads, type TablePart } from "./table.ts";
