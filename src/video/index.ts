export { type Cut, openVideo, type Packets, type Video } from "./video.ts";
