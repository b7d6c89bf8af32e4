export { readVideoFrames, type VideoFrames, type VideoOptions } from "./video.ts";
