import { writeFileSync } from "node:fs";

/** Loaded before the program: leaves its greatest resident memory (kB) in the file that MEASURE_FILE names. */
process.on("exit", () => writeFileSync(process.env.MEASURE_FILE, String(process.resourceUsage().maxRSS)));
