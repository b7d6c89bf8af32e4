import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeNumbered, hasFfmpeg } from "../../video/footage.ts";
import { plantSet } from "../plant-set.ts";
import { expectSound, exporter } from "./exported.ts";

const { room, write } = exporter();
const python = process.env.PYTHON ?? "python3";
const has = (module: string) => {
  const find = `import importlib.util, sys; sys.exit(importlib.util.find_spec(${JSON.stringify(module)}) is None)`;
  return spawnSync(python, ["-c", find]).status === 0;
};
const hasPandas = has("pandas") && has("pyarrow");
const hasLerobot = has("lerobot");
if (!hasPandas) console.warn("skipped: pandas on tasks.parquet; PYTHON names an interpreter that has it");
if (!hasLerobot) console.warn("skipped: LeRobot on whole sets; PYTHON names an interpreter that has it");

describe("Python readers", () => {
  it.skipIf(!hasPandas)(
    "find tasks by their text, and their text by their place (pandas)",
    async () => {
      const tasks = ["Write it down", "Check the line", 'Größe "漢"'];
      const { dir } = await write({ ...plantSet({ lengths: [3, 2] }), tasks });
      const script = `
import json, sys
import pandas
tasks = pandas.read_parquet(sys.argv[1])
print(json.dumps({
    "index": tasks.index.name,
    "columns": list(tasks.columns),
    "texts": [tasks.iloc[i].name for i in range(len(tasks))],
    "places": [int(tasks.loc[text].task_index) for text in tasks.index],
}))`;
      const said = execFileSync(python, ["-c", script, join(dir, "meta/tasks.parquet")], {
        encoding: "utf8",
      });
      expect(JSON.parse(said)).toEqual({
        index: "task",
        columns: ["task_index"],
        texts: tasks,
        places: [0, 1, 2],
      });
    },
    120_000,
  );

  it.skipIf(!hasLerobot || !hasFfmpeg)(
    "load every frame of two cameras with B-frames, cut within groups of pictures, without a warning (LeRobot)",
    async () => {
      const x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "15"];
      const head = encodeNumbered(join(room, "head.mp4"), 90, [...x264, "-bf", "2", "-b_strategy", "0"]);
      const wrist = encodeNumbered(join(room, "wrist.mp4"), 90, x264);
      const cameras = [
        { name: "head", path: head, first: [15, 41, 30, 0] },
        { name: "wrist", path: wrist, first: [3, 60, 0, 44] },
      ];
      const { dir } = await write(plantSet({ lengths: [20, 15, 9, 2], cameras }));
      await expectSound(dir);
      const done = spawnSync(python, ["test/interop/load_lerobot.py", dir], {
        encoding: "utf8",
        timeout: 200_000,
      });
      const line = done.stdout.trim().split("\n").at(-1) ?? "";
      expect(line, done.stderr.slice(-2000)).toMatch(/^\{/);
      const { episodes, frames, warnings } = JSON.parse(line);
      expect(warnings).toEqual([]);
      expect(episodes).toBe(4);
      expect(Object.keys(frames).length).toBeGreaterThan(0);
      for (const count of Object.values(frames)) expect(count).toBe(46);
      expect(done.status).toBe(0);
    },
    240_000,
  );
});
