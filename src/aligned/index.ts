export { type AlignedFile, openAlignedFile } from "./open.ts";
