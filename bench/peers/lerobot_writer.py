"""Writes a data set with LeRobot's own writer, from decoded pictures: arguments are the folder, frames an episode,
episodes, width and height. Prints one line of JSON: seconds and bytes."""
import json
import os
import shutil
import sys
import time

import numpy as np
from lerobot.datasets.lerobot_dataset import LeRobotDataset

root, frames, episodes, width, height = sys.argv[1], *map(int, sys.argv[2:6])
shutil.rmtree(root, ignore_errors=True)
features = {
    "observation.environment_state": {"dtype": "float32", "shape": (14,), "names": [f"tag_{i}" for i in range(14)]},
    "action": {"dtype": "float32", "shape": (4,), "names": [f"setpoint_{i}" for i in range(4)]},
    "observation.images.head": {
        "dtype": "video",
        "shape": (height, width, 3),
        "names": ["height", "width", "channels"],
    },
}
random = np.random.default_rng(7)
pictures = random.integers(0, 256, (30, height, width, 3), dtype=np.uint8)
state = random.standard_normal((frames, 14)).astype(np.float32)
action = random.standard_normal((frames, 4)).astype(np.float32)
start = time.perf_counter()
dataset = LeRobotDataset.create("bench/peer", 30, features, root=root, use_videos=True)
for episode in range(episodes):
    for frame in range(frames):
        dataset.add_frame(
            {
                "observation.environment_state": state[frame],
                "action": action[frame],
                "observation.images.head": pictures[frame % 30],
                "task": "turn the valve",
            }
        )
    dataset.save_episode()
dataset.finalize()
seconds = time.perf_counter() - start
size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(root) for name in names)
print(json.dumps({"seconds": seconds, "bytes": size}))
