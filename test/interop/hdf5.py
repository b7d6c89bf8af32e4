"""Reads an HDF5 data set with h5py, as robomimic's and ALOHA's loaders do.

usage: hdf5.py DIR [TRUTH]

DIR holds dataset.hdf5 (robomimic) or episode_<index>.hdf5 (ALOHA). TRUTH is a JSON file: an object that has, for each
file, the datasets and attributes that must be there, by path ("path" or "path@attribute"), as {"shape": [...],
"values": [...]}, flat, whole numbers as text; pictures have no values but a "sha256" of all their bytes.
Prints one JSON line; exits with 1 on a failure or a warning.
"""

import hashlib
import json
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np

failures = []


def expect(condition, text):
    if not condition:
        failures.append(text)


def contents(file):
    found = {}

    def visit(name, thing):
        for key, value in thing.attrs.items():
            found[f"{name}@{key}"] = value
        if isinstance(thing, h5py.Dataset):
            found[name] = thing

    visit("", file)
    file.visititems(visit)
    return found


def flat(values):
    if values.dtype.kind == "O":
        return [one.decode() if isinstance(one, bytes) else one for one in values.reshape(-1)]
    if values.dtype.kind in "iu":
        return [str(one) for one in values.reshape(-1).tolist()]
    return values.reshape(-1).tolist()


def compare(file, truth):
    found = contents(file)
    compared = 0
    for path in sorted(found.keys() | truth.keys()):
        if path not in found or path not in truth:
            failures.append(f"{path} is there only once")
            continue
        expected = truth[path]
        values = np.asarray(found[path][()] if isinstance(found[path], h5py.Dataset) else found[path])
        if values.dtype.kind == "U":
            values = values.astype(object)
        expect(list(values.shape) == expected["shape"], f"{path} has the shape {list(values.shape)}")
        if "sha256" in expected:
            expect(hashlib.sha256(values.tobytes()).hexdigest() == expected["sha256"], f"{path} has other pixels")
        elif values.dtype.kind == "f":
            wanted = np.array(expected["values"], dtype=values.dtype)
            expect(np.array_equal(values.reshape(-1), wanted, equal_nan=True), f"{path} has other values")
        else:
            expect(flat(values) == expected["values"], f"{path} has other values")
        compared += values.size
    return compared


def robomimic(file):
    data = file["data"]
    demos = sorted(data.keys(), key=lambda name: int(name.removeprefix("demo_")))
    lengths = {name: int(data[name].attrs["num_samples"]) for name in demos}
    expect(int(data.attrs["total"]) == sum(lengths.values()), "total is not the sum of num_samples")
    environment = json.loads(data.attrs["env_args"])
    expect({"env_name", "type", "env_kwargs"} <= environment.keys(), "env_args lacks a key")
    for name in demos:
        demo, length = data[name], lengths[name]
        for path, thing in contents(demo).items():
            if isinstance(thing, h5py.Dataset):
                expect(thing.shape[0] == length, f"{name}/{path} has {thing.shape[0]} rows of {length}")
        expect(demo["obs"].keys() == demo["next_obs"].keys(), f"{name}: obs and next_obs differ in keys")
        for key in demo["obs"]:
            now, after = demo["obs"][key], demo["next_obs"][key]
            expect(np.array_equal(now[1:], after[:-1]), f"{name}/next_obs/{key} is not one frame ahead")
            expect(np.array_equal(now[-1], after[-1]), f"{name}/next_obs/{key} ends otherwise")
        expect(demo["dones"][:].tolist() == [0] * (length - 1) + [1], f"{name}/dones is not of the last frame alone")
        expect(bool(np.all(np.diff(demo["timestamp_ns"][:]) > 0)), f"{name}/timestamp_ns does not ascend")
    held = [[one.decode() for one in np.array(file[f"mask/{key}"][:])] for key in ("train", "valid")]
    expect(sorted(held[0] + held[1]) == sorted(demos), "mask does not part the episodes")
    return len(demos), sum(lengths.values())


def aloha(file):
    length = file["/observations/qpos"].shape[0]
    for path, thing in contents(file).items():
        if isinstance(thing, h5py.Dataset) and path != "compress_len":
            expect(thing.shape[0] == length, f"{path} has {thing.shape[0]} rows of {length}")
    if file.attrs.get("compress", False):
        cameras = file["/observations/images"]
        expect(file["/compress_len"].shape == (len(cameras), length), "compress_len has another shape")
        for row, name in zip(file["/compress_len"][:], file.attrs["camera_names"]):
            for frame, size in enumerate(row):
                jpeg = cameras[name][frame]
                whole = jpeg[:2].tobytes() == b"\xff\xd8" and jpeg[size - 2 : size].tobytes() == b"\xff\xd9"
                expect(whole and not jpeg[size:].any(), f"{name}: picture {frame} is no padded JPEG")
    return 1, length


def main():
    folder = Path(sys.argv[1])
    truth = json.loads(Path(sys.argv[2]).read_text()) if len(sys.argv) > 2 else None
    files = sorted(folder.glob("dataset.hdf5")) or sorted(
        folder.glob("episode_*.hdf5"), key=lambda path: int(path.stem.removeprefix("episode_"))
    )
    expect(len(files) > 0, "there is no HDF5 file")
    episodes = frames = compared = 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for path in files:
            with h5py.File(path, "r") as file:
                counts = robomimic(file) if path.name == "dataset.hdf5" else aloha(file)
                episodes, frames = episodes + counts[0], frames + counts[1]
                if truth is not None:
                    compared += compare(file, truth[path.name])
    if truth is not None:
        expect(sorted(truth) == sorted(path.name for path in files), "other files were written")
    result = {
        "reader": f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}",
        "episodes": episodes,
        "frames": frames,
        "values_compared": compared,
        "failures": failures,
        "warnings": sorted({f"{one.category.__name__}: {one.message}" for one in caught}),
    }
    print(json.dumps(result))
    sys.exit(1 if failures or result["warnings"] else 0)


main()
