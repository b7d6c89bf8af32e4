export { annexB, compressedVideoProblem, type StreamFrame } from "./annex-b.ts";
export { retimeProblem, sameConfig } from "./cut.ts";
export type { FfmpegOptions } from "./ffmpeg.ts";
export { displayedSize, type PictureOptions, pictures } from "./pictures.ts";
export { type FrameChoice, type ResampledVideo, resampleVideo } from "./resample.ts";
export { copyVideo, type WrittenVideo, writeRetimed } from "./retime.ts";
export { type ImageStatistics, imageStatistics } from "./statistics.ts";
export { type Cut, openVideo, type Packets, type Video } from "./video.ts";
