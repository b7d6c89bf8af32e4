export { ManifestDocument, type ManifestPath, type Problem } from "./document.ts";
export { problemsOf } from "./issues.ts";
export type * from "./manifest.ts";
export { nearestWord } from "./nearest.ts";
export { type ParseManifestOptions, parseManifest, readManifest } from "./parse.ts";
export { span, word } from "./scalars.ts";
export { type JsonSchema, manifestSchema } from "./schema.ts";
