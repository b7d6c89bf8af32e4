export type { ChunkColumn, ChunkMeta, EncodedChunk } from "./chunk.ts";
export { chunkColumn } from "./column.ts";
export { encodeChunk } from "./encode.ts";
export { Footer, magic } from "./footer.ts";
export { GroupBuffer } from "./group.ts";
export { fileColumns } from "./schema.ts";
