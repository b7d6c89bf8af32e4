"""Loads a data set with LeRobot itself: every frame of every episode, by every video backend that is installed, with
the loader's own tolerance and every warning an error; then in batches, by both ways to collate. Statistics are held
against LeRobot's own, and two episodes are taken out and put together again by its tools. A set of version 2.1 is
converted by LeRobot first. The argument is the data set's folder. Prints one line of JSON."""

import json
import logging
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import lerobot
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import torch

problems = []


class Collect(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            problems.append(f"log: {record.getMessage()}")


collect = Collect()
logging.getLogger().addHandler(collect)

from lerobot.datasets.compute_stats import aggregate_stats, compute_episode_stats  # noqa: E402
from lerobot.datasets.dataset_tools import merge_datasets, split_dataset  # noqa: E402
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402
from lerobot.scripts.convert_dataset_v21_to_v30 import convert_dataset  # noqa: E402
from lerobot.utils.collate import lerobot_collate_fn  # noqa: E402

quantiles = ["q01", "q10", "q50", "q90", "q99"]


def converted(folder, room):
    """The set itself, or what LeRobot makes of an older one; its warnings about fields of its own older version are no findings."""
    if json.loads((folder / "meta/info.json").read_text())["codebase_version"] == "v3.0":
        return folder
    copy = room / "set"
    shutil.copytree(folder, copy)
    convert_dataset("local/set", root=copy, push_to_hub=False)
    problems.clear()
    return copy


def rows_of(root):
    return parquet.read_table(sorted((root / "data").rglob("*.parquet"))).combine_chunks()


def is_number(feature):
    return feature["dtype"] not in ("video", "image", "string", "language")


def is_same(tensor, cell):
    """Bit for bit, in the type that the loader gives it."""
    found = np.asarray(tensor).reshape(-1)
    return found.tobytes() == np.asarray(cell, dtype=found.dtype).reshape(-1).tobytes()


def load(root, info, rows, backend):
    """Every item, held against the rows; returns the mean colour of each episode's pictures, a camera."""
    dataset = LeRobotDataset("local/set", root=root, video_backend=backend)
    assert dataset.num_frames == info["total_frames"], dataset.num_frames
    assert dataset.num_episodes == info["total_episodes"], dataset.num_episodes
    colours = {}
    for at in range(len(dataset)):
        item = dataset[at]
        assert item["index"].item() == at
        assert item["timestamp"].item() == np.float32(item["frame_index"].item() / info["fps"])
        assert isinstance(item["task"], str)
        assert item["task"] == dataset.meta.tasks.iloc[rows["task_index"][at]].name
        for key, feature in info["features"].items():
            if feature["dtype"] == "video":
                height, width, channels = feature["shape"]
                assert tuple(item[key].shape) == (channels, height, width), (key, item[key].shape)
                colours.setdefault((key, item["episode_index"].item()), []).append(item[key].mean((1, 2)))
            elif feature["dtype"] == "string":
                assert item[key] == rows[key][at], (key, at)
            else:
                assert is_same(item[key], rows[key][at]), (key, at)
                assert torch.isfinite(item[key]).all(), (key, at)
    return dataset, {key: torch.stack(some).mean(0).numpy() for key, some in colours.items()}


def check_statistics(name, ours, theirs, values):
    """Least, greatest, mean and deviation are those of the numbers, which LeRobot sums in float32; quantiles are its own, to a bin."""
    exact = values.astype(np.float64) if np.issubdtype(values.dtype, np.floating) else values
    away = (exact - exact[0]).astype(np.float64)
    span = values.max(0).astype(np.float64) - values.min(0).astype(np.float64)
    size = np.abs(values).max(0).astype(np.float64)
    near = 1e-9 * span + 4 * np.finfo(np.float64).eps * size + 1e-300
    first = values[0].astype(np.float64)
    truth = {"min": values.min(0), "max": values.max(0), "mean": first + away.mean(0), "std": away.std(0)}
    for part, expected in truth.items():
        assert (np.abs(ours[part] - expected) <= near).all(), (name, part, ours[part], expected)
    assert ours["count"].tolist() == [len(values)], (name, ours["count"])
    for part in quantiles:
        bins = 2 * span / 5000 + 2e-10 + near + 1e-6 * size
        assert (np.abs(ours[part] - theirs[part]) <= bins).all(), (name, part, ours[part], theirs[part])


def check_all_statistics(root, info, rows, dataset, colours):
    features = {key: one for key, one in info["features"].items() if is_number(one)}
    columns = {}
    for key, feature in features.items():
        column = np.array(rows[key], dtype=feature["dtype"])
        # What LeRobot takes the least of is a number.
        columns[key] = column.astype(np.int64 if feature["dtype"] == "bool" else column.dtype)
    episode = columns["episode_index"]
    told = pa.concat_tables(
        [parquet.read_table(path) for path in sorted((root / "meta/episodes").rglob("*.parquet"))]
    ).to_pylist()
    theirs = []
    for index, row in enumerate(told):
        own = {key: column[episode == index] for key, column in columns.items()}
        theirs.append(compute_episode_stats(own, features))
        for key, values in own.items():
            ours = {part: np.array(row[f"stats/{key}/{part}"]) for part in ["min", "max", "mean", "std", "count", *quantiles]}
            check_statistics(f"{key} of episode {index}", ours, theirs[index][key], values.reshape(len(values), -1))
        for (key, at), colour in colours.items():
            if at == index and f"stats/{key}/mean" in row:
                mean = np.array(row[f"stats/{key}/mean"]).reshape(-1)
                assert np.abs(mean - colour).max() < 0.1, (key, index, mean, colour)
    joined = aggregate_stats(theirs)
    for key, column in columns.items():
        check_statistics(key, dataset.meta.stats[key], joined[key], column.reshape(len(column), -1))
    for key, feature in info["features"].items():
        if feature["dtype"] == "video":
            for part in ["min", "max", "mean", "std", *quantiles]:
                found = dataset.meta.stats[key][part]
                assert found.shape == (3, 1, 1) and (found >= 0).all() and (found <= 1).all(), (key, part, found)


def check_tools(dataset, rows, room):
    """Two episodes, each taken out and both put together, hold what they held."""
    last = dataset.num_episodes - 1
    parts = split_dataset(dataset, {"first": [0], "last": [last]}, output_dir=room / "split")
    whole = merge_datasets([parts["first"], parts["last"]], output_repo_id="local/whole", output_dir=room / "whole")
    episode = np.array(rows["episode_index"])
    order = [*np.flatnonzero(episode == 0), *np.flatnonzero(episode == last)]
    assert len(whole) == len(order), (len(whole), len(order))
    reindexed = {"index", "episode_index", "task_index"}
    for at, row in enumerate(order):
        item = whole[at]
        for key, feature in whole.meta.features.items():
            if is_number(feature) and key not in reindexed:
                assert is_same(item[key], rows[key][row]), (key, at)
            elif feature["dtype"] == "video" and at in (0, len(order) - 1):
                before = dataset[int(row)][key]
                assert (item[key] - before).abs().mean() < 0.05, (key, at)


with tempfile.TemporaryDirectory() as place:
    room = Path(place)
    root = converted(Path(sys.argv[1]), room)
    info = json.loads((root / "meta/info.json").read_text())
    rows = rows_of(root).to_pydict()
    frames = {}
    # From here on all warnings are ours: those of the imports are not about the data set.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for backend in ["torchcodec", "pyav"]:
            try:
                LeRobotDataset("local/set", root=root, video_backend=backend)[0]
            except (ImportError, RuntimeError) as error:
                if "torchcodec" in str(error) or "libav" in str(error):
                    continue
                raise
            dataset, colours = load(root, info, rows, backend)
            frames[backend] = len(dataset)
        assert frames, "no video backend works here"
        batches = 0
        for collate in [None, lerobot_collate_fn]:
            loader = torch.utils.data.DataLoader(dataset, batch_size=16, shuffle=False, collate_fn=collate)
            batches += sum(1 for _ in loader)
    # Statistics of instants are beyond what LeRobot squares, and its tools say what they do.
    logging.getLogger().removeHandler(collect)
    check_all_statistics(root, info, rows, dataset, colours)
    if dataset.num_episodes > 1:
        check_tools(dataset, rows, room)

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
