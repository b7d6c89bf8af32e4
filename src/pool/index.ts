export { createEngine, Engine, type EngineOptions } from "./engine.ts";
export { AlignedTable, isWorthThreads, type TablePart } from "./table.ts";
