export { createEngine, Engine, type EngineOptions } from "./engine.ts";
export type { AlignedGroup, AlignTask, Result, StatisticsTask, Task, TaskFrames } from "./task.ts";
