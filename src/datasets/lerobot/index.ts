export { lerobot } from "./lerobot.ts";
