import { writeFileSync } from "node:fs";

/** Loaded before the program: leaves its greatest resident memory (kB) and its time at work (us) in MEASURE_FILE. */
process.on("exit", () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  writeFileSync(process.env.MEASURE_FILE, `${maxRSS} ${userCPUTime + systemCPUTime}`);
});
