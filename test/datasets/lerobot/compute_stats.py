"""Prints what LeRobot's own functions make of three episodes whose values follow from formulas, as one line of JSON."""

import json

import numpy as np
from lerobot.datasets.compute_stats import aggregate_stats, compute_episode_stats

LENGTHS = [500, 37, 1]
FEATURES = {
    "observation.state": {"dtype": "float32", "shape": (3,)},
    "action": {"dtype": "float32", "shape": (1,)},
    "plant.density": {"dtype": "float64", "shape": (1,)},
    "plant.value_valid": {"dtype": "bool", "shape": (2,)},
    "plant.count": {"dtype": "int64", "shape": (1,)},
}


def episode(index, length):
    frame = np.arange(length)
    return {
        "observation.state": np.stack(
            [(frame * 7919 % 1009) / 16 - 20, np.full(length, 0.1), (frame % 7 == 3) * (index + 1.0)], axis=1
        ).astype(np.float32),
        "action": (frame * frame % 97 / 8 - index).astype(np.float32),
        "plant.density": 1000 + (frame * 31 % 64) / 1024 - index,
        "plant.value_valid": np.stack([frame % 3 == 0, np.ones(length, bool)], axis=1),
        "plant.count": frame * 13 % 251 - 100 * index,
    }


def plain(stats):
    """Lists of numbers: extremes of a single frame's booleans are booleans."""
    return {
        key: {name: (np.asarray(value) * 1).tolist() for name, value in one.items()} for key, one in stats.items()
    }


episodes = [compute_episode_stats(episode(index, length), FEATURES) for index, length in enumerate(LENGTHS)]
total = aggregate_stats(episodes)
print(json.dumps({"episodes": [plain(one) for one in episodes], "total": plain({key: total[key] for key in FEATURES})}))
