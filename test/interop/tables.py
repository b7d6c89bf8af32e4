"""Reads tables of episodes with pyarrow and pandas, as notebooks do.

usage: tables.py DIR

DIR holds frames, episodes, segments, events and tasks, in Parquet or Arrow, and export.json.
Prints one JSON line; exits with 1 on a failure or a warning.
"""

import json
import sys
import warnings
from pathlib import Path

import pandas
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

root = Path(sys.argv[1])
expected = json.loads((root / "export.json").read_text())
failures = []
rows = {}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for path in sorted([*root.glob("*.parquet"), *root.glob("*.arrow")]):
        if path.suffix == ".parquet":
            table = pyarrow.parquet.read_table(path)
        else:
            table = pyarrow.ipc.open_file(path).read_all()
        table.validate(full=True)
        frame = table.to_pandas()
        rows[path.stem] = len(frame)
        if path.stem == "frames":
            grid = frame["frame_index"].to_numpy() / expected["fps"]
            if not (frame["timestamp"].to_numpy() == grid.astype("float32")).all():
                failures.append("timestamp is not frame_index / fps")
            if not (frame["index"].to_numpy() == range(len(frame))).all():
                failures.append("index does not count all rows")
for name, count in [("frames", "frames"), ("episodes", "episodes"), ("tasks", "tasks")]:
    if rows.get(name) != expected[count]:
        failures.append(f"{name} has {rows.get(name)} rows in place of {expected[count]}")
noted = sorted({str(one.message) for one in caught})
print(
    json.dumps(
        {
            "reader": f"pyarrow {pyarrow.__version__}, pandas {pandas.__version__}",
            "episodes": rows.get("episodes"),
            "frames": rows.get("frames"),
            "failures": failures,
            "warnings": noted,
        }
    )
)
sys.exit(1 if failures or noted else 0)
