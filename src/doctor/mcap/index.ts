export { examineMcap } from "./mcap.ts";
