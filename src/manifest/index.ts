export type * from "./manifest.ts";
export { type ParseManifestOptions, parseManifest, readManifest } from "./parse.ts";
export { type JsonSchema, manifestSchema } from "./schema.ts";
