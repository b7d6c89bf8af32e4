export { retimeProblem, sameConfig } from "./cut.ts";
export { copyVideo, type WrittenVideo, writeRetimed } from "./retime.ts";
export { type Cut, openVideo, type Packets, type Video } from "./video.ts";
