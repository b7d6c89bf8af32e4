"""Loads a data set with LeRobot itself: every frame of every episode, by every video backend that is installed, with
the loader's own tolerance and every warning an error; then in batches. The argument is the data set's folder.
Prints one line of JSON."""

import json
import logging
import sys
import warnings
from pathlib import Path

import lerobot
import numpy as np
import pyarrow.parquet as parquet
import torch

problems = []


class Collect(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            problems.append(f"log: {record.getMessage()}")


logging.getLogger().addHandler(Collect())

from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402

root = Path(sys.argv[1])
info = json.loads((root / "meta/info.json").read_text())
backends = []
frames = {}

# From here on all warnings are ours: those of the imports are not about the data set.
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for backend in ["torchcodec", "pyav"]:
        try:
            dataset = LeRobotDataset("local/set", root=root, video_backend=backend)
            first = dataset[0]
        except (ImportError, RuntimeError) as error:
            if "torchcodec" in str(error) or "libav" in str(error):
                continue
            raise
        backends.append(backend)
        assert dataset.num_frames == info["total_frames"], dataset.num_frames
        assert dataset.num_episodes == info["total_episodes"], dataset.num_episodes
        rows = parquet.read_table(sorted((root / "data").rglob("*.parquet"))).to_pydict()
        for at in range(len(dataset)):
            item = dataset[at]
            assert item["index"].item() == at
            assert item["timestamp"].item() == np.float32(item["frame_index"].item() / info["fps"])
            assert item["task"] == dataset.meta.tasks.iloc[rows["task_index"][at]].name
            assert isinstance(item["task"], str)
            for key, feature in info["features"].items():
                if feature["dtype"] == "video":
                    height, width, channels = feature["shape"]
                    assert tuple(item[key].shape) == (channels, height, width), (key, item[key].shape)
                elif feature["dtype"] != "string":
                    found = np.asarray(item[key]).reshape(-1)
                    expected = np.asarray(rows[key][at], dtype=found.dtype).reshape(-1)
                    assert found.tobytes() == expected.tobytes(), (key, at)
                    if feature["dtype"].startswith("float"):
                        assert np.isfinite(found).all(), (key, at)
        frames[backend] = len(dataset)
    assert backends, "no video backend works here"
    loader = torch.utils.data.DataLoader(dataset, batch_size=4, shuffle=False)
    batches = sum(1 for _ in loader)
    for key, feature in info["features"].items():
        if feature["dtype"] == "string":
            continue
        stats = dataset.meta.stats[key]
        if feature["dtype"] == "video":
            assert tuple(stats["mean"].shape) == (3, 1, 1), key
        assert {"min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"} <= set(stats), key

for one in caught:
    problems.append(f"{one.category.__name__}: {one.message}")
print(
    json.dumps(
        {
            "reader": f"lerobot {lerobot.__version__}",
            "episodes": info["total_episodes"],
            "frames": frames,
            "batches": batches,
            "warnings": sorted(set(problems)),
        }
    )
)
sys.exit(1 if problems else 0)
