export { conform, type StepRun } from "./conform.ts";
export type { Conformance, Deviation } from "./conformance.ts";
export { type Procedure, type ProcedureStep, parseProcedure, procedureSchema } from "./procedure.ts";
