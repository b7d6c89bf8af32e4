"""Reads an RLDS data set with tensorflow-datasets, every step of every episode.

usage: rlds.py DIR [TRUTH]

DIR is the folder of dataset_info.json, or one above it. TRUTH is a JSON file: a list with one object an episode, which
has for each key such as "steps/observation/state" the values of all steps, flat: whole numbers as text, null for NaN,
of pictures the shape of one.
Prints one JSON line; exits with 1 on a failure or a warning.
"""

import json
import logging
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

noted = []


class Noted(logging.Handler):
    def emit(self, record):
        noted.append(record.getMessage())


def flat(value, path=()):
    if isinstance(value, dict):
        for key, below in value.items():
            yield from flat(below, (*path, key))
    else:
        yield "/".join(path), value


def same(found, expected):
    import numpy as np

    if isinstance(found[0], bytes):
        return [one.decode() for one in found] == expected
    values = np.array(found)
    plain = values.reshape(-1)
    if values.dtype.kind in "iu":
        return [str(one) for one in plain.tolist()] == expected
    if values.dtype.kind == "b":
        return plain.tolist() == expected
    wanted = np.array([np.nan if one is None else one for one in expected], dtype=values.dtype)
    return np.array_equal(plain, wanted, equal_nan=True)


def check(folder, truth):
    import numpy as np
    import tensorflow as tf
    import tensorflow_datasets as tfds

    logging.getLogger().addHandler(Noted(logging.WARNING))
    for name in ("absl", "tensorflow", "tensorflow_datasets"):
        logging.getLogger(name).addHandler(Noted(logging.WARNING))

    builder = tfds.builder_from_directory(str(folder))
    split = builder.info.splits["train"]
    failures, steps_read, values_compared, index = [], 0, 0, -1
    by_id = None if truth is None else {one["episode_metadata/episode_id"][0]: one for one in truth}
    data = builder.as_dataset(split="train", shuffle_files=False)
    for index, episode in enumerate(data):
        steps = list(episode["steps"].as_numpy_iterator())
        where = f"episode {index}"
        firsts = [bool(step["is_first"]) for step in steps]
        lasts = [bool(step["is_last"]) for step in steps]
        if firsts != [place == 0 for place in range(len(steps))]:
            failures.append(f"{where}: is_first is not of the first step alone")
        if lasts != [place == len(steps) - 1 for place in range(len(steps))]:
            failures.append(f"{where}: is_last is not of the last step alone")
        times = [int(step["observation"]["frame_time_ns"]) for step in steps]
        if any(after <= before for before, after in zip(times, times[1:])):
            failures.append(f"{where}: frame_time_ns does not ascend")
        columns = {}
        for step in steps:
            for key, value in flat(step, ("steps",)):
                columns.setdefault(key, []).append(value)
        metadata = tf.nest.map_structure(lambda one: one.numpy(), episode["episode_metadata"])
        for key, value in flat(metadata, ("episode_metadata",)):
            columns[key] = [value]
        steps_read += len(steps)
        if by_id is None:
            continue
        expected = by_id.pop(columns["episode_metadata/episode_id"][0].decode())
        for key in sorted(columns.keys() | expected.keys()):
            if key.endswith("_image"):
                shape = expected[key]
                if any(list(one.shape) != shape or one.dtype != np.uint8 for one in columns[key]):
                    failures.append(f"{where}: {key} has another shape than {shape}")
            elif key not in columns or key not in expected:
                failures.append(f"{where}: {key} is there only once")
            elif not same(columns[key], expected[key]):
                failures.append(f"{where}: {key} has other values")
            else:
                values_compared += len(expected[key])
    if index + 1 != split.num_examples:
        failures.append(f"{index + 1} episodes were read of {split.num_examples}")
    if by_id:
        failures.append(f"{len(by_id)} episodes that were written are not there")
    return {
        "reader": f"tensorflow-datasets {tfds.__version__}, tensorflow {tf.__version__}",
        "episodes": index + 1,
        "frames": steps_read,
        "values_compared": values_compared,
        "failures": failures,
    }


def main():
    folder = Path(sys.argv[1])
    if not (folder / "dataset_info.json").exists():
        folder = next(iter(sorted(folder.glob("**/dataset_info.json")))).parent
    truth = json.loads(Path(sys.argv[2]).read_text()) if len(sys.argv) > 2 else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = check(folder, truth)
    ours = [one for one in caught if "tensorflow_datasets" in str(one.filename) or "tensorflow" not in str(one.filename)]
    result["warnings"] = sorted({*noted, *(f"{one.category.__name__}: {one.message}" for one in ours)})
    print(json.dumps(result))
    sys.exit(1 if result["failures"] or result["warnings"] else 0)


main()
