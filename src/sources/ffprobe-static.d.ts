declare module "ffprobe-static" {
  /** Where the bundled ffprobe of this platform lies. */
  export const path: string;
}
