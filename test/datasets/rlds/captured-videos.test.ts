import { describe, expect, it } from "vitest";
import { capturedVideos } from "../../../src/datasets/captured-videos.ts";
import { plantSet } from "./plant-set.ts";

describe("where copies of videos go", () => {
  it("is told by capture and camera, once a file, and never outside", () => {
    const set = plantSet({ lengths: [2, 2, 2], cameras: [{ name: "head", path: "/a/head.MP4" }] });
    const captures = ["unit 3/round", "../UNIT_3_ROUND", "..\\unit_3_round"];
    const files = ["/a/one.mp4", "/b/two.mp4", "/a/one.mp4"];
    const moved = {
      ...set,
      episodes: set.episodes.map((episode, index) => ({
        ...episode,
        capture: captures[index]!,
        videos: episode.videos.map((video) => ({ ...video, path: files[index]! })),
      })),
    };
    expect([...capturedVideos(moved)]).toEqual([
      ["/a/one.mp4", "videos/unit_3_round/head.mp4"],
      ["/b/two.mp4", "videos/___UNIT_3_ROUND/head.mp4"],
    ]);
    const same = {
      ...moved,
      episodes: moved.episodes.map((one) => ({
        ...one,
        capture: one.index === 1 ? "UNIT 3.ROUND" : "unit 3.round",
      })),
    };
    expect([...capturedVideos(same).values()]).toEqual([
      "videos/unit_3.round/head.mp4",
      "videos/UNIT_3.ROUND/head-2.mp4",
    ]);
  });
});
