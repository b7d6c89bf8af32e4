export type { Conformance, Deviation } from "./conformance.ts";
