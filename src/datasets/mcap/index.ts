export { mcap } from "./mcap.ts";
