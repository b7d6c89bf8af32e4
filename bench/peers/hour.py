"""The hour as a good user of polars or pandas writes it: python hour.py LIBRARY DIR OUT FORMAT PROVENANCE TAGS.

Each tag backward within 10 s, bad samples skipped, with its age and an OPC UA status: stale after 1 s, or where a
bad sample was skipped. Tells on file descriptor 3 what the process used.
"""

import json
import os
import re
import resource
import sys

library, directory, out, form, provenance, tags = sys.argv[1:7]
names = [(f"t{at + 1:04}", f"TI-{at + 1:04}.PV") for at in range(int(tags))]
is_full = provenance == "full"

CAMERA_AHEAD = 180_000_000
TOLERANCE = 10_000_000_000
STALE_AFTER = 1_000_000_000
GOOD, STALE, NO_DATA = 0, 0x40900000, 0x809B0000


def with_polars():
    import polars as pl

    frames = (
        pl.read_parquet(f"{directory}/frames.parquet")
        .select(
            frame_index=pl.int_range(pl.len(), dtype=pl.Int64),
            frame_time=pl.col("device_ns") - CAMERA_AHEAD,
            frame_pts=pl.col("device_ns") - pl.col("device_ns").first(),
            frame_uncertainty=pl.lit(5_000_000, dtype=pl.Int64),
        )
        .set_sorted("frame_time")
    )
    time = pl.col("ts").cast(pl.Int64) * 1000
    samples = pl.scan_parquet(f"{directory}/by-time.parquet").select("tag", "value", "quality", ts=time).collect()
    by_tag = samples.partition_by("tag", as_dict=True, include_key=False)
    left = frames.lazy().select("frame_time")

    def joined(column, tag):
        bad = pl.col("quality") != 192
        rows = by_tag[(tag,)].lazy()
        if is_full:
            rows = rows.with_columns(skipped=pl.when(bad.shift(-1)).then(pl.col("ts").shift(-1)))
        good = rows.filter(~bad).drop("quality").set_sorted("ts")
        found = left.join_asof(good, left_on="frame_time", right_on="ts", tolerance=TOLERANCE, coalesce=False)
        if not is_full:
            return found.select(pl.col("value").alias(column))
        age = pl.col("frame_time") - pl.col("ts")
        stale = (age > STALE_AFTER) | (pl.col("skipped") <= pl.col("frame_time")).fill_null(False)
        status = pl.when(age.is_null()).then(NO_DATA).when(stale).then(STALE).otherwise(GOOD).cast(pl.UInt32)
        return found.select(
            pl.col("value").alias(column), age.alias(f"{column}.age"), status.alias(f"{column}.status")
        )

    columns = pl.collect_all([joined(column, tag) for column, tag in names])
    table = pl.concat([frames, *columns], how="horizontal").with_columns(pl.col("frame_time").cast(pl.Datetime("ns")))
    if form == "parquet":
        table.write_parquet(out)
    else:
        table.write_ipc(out)


def with_pandas():
    import numpy as np
    import pandas as pd

    device = pd.read_parquet(f"{directory}/frames.parquet")["device_ns"].to_numpy()
    times = device - CAMERA_AHEAD
    columns = {
        "frame_index": np.arange(len(times)),
        "frame_time": times.astype("datetime64[ns]"),
        "frame_pts": device - device[0],
        "frame_uncertainty": np.full(len(times), 5_000_000),
    }
    samples = pd.read_parquet(f"{directory}/by-time.parquet", columns=["tag", "ts", "value", "quality"])
    samples["ts"] = samples["ts"].dt.as_unit("ns").astype("int64")
    left = pd.DataFrame({"frame_time": times})
    by_tag = dict(list(samples.groupby("tag", sort=False, observed=True)))
    for column, tag in names:
        rows = by_tag[tag]
        bad = rows["quality"].to_numpy() != 192
        if is_full:
            ts = rows["ts"].to_numpy()
            skipped = np.full(len(ts), np.iinfo("int64").max)
            skipped[:-1][bad[1:]] = ts[1:][bad[1:]]
            rows = rows.assign(skipped=skipped)
        good = rows[~bad].drop(columns=["tag", "quality"])
        found = pd.merge_asof(left, good, left_on="frame_time", right_on="ts", tolerance=TOLERANCE)
        columns[column] = pd.array(found["value"], dtype="Float64")
        if is_full:
            none = found["ts"].isna()
            # The joined times are floats where one is missing, so ages come from positions.
            at = np.searchsorted(good["ts"].to_numpy(), times, side="right") - 1
            age = times - good["ts"].to_numpy()[at]
            stale = (age > STALE_AFTER) | (good["skipped"].to_numpy()[at] <= times)
            columns[f"{column}.age"] = pd.arrays.IntegerArray(age, none.to_numpy())
            columns[f"{column}.status"] = np.where(none, NO_DATA, np.where(stale, STALE, GOOD)).astype("uint32")
    table = pd.DataFrame(columns)
    if form == "parquet":
        table.to_parquet(out, index=False)
    else:
        table.to_feather(out, compression="uncompressed")


def arrow_to_parquet():
    """Not timed: so that one reader can compare every result."""
    import pyarrow as pa
    from pyarrow import parquet

    with pa.memory_map(directory) as file:
        parquet.write_table(pa.ipc.open_file(file).read_all(), out)


{"polars": with_polars, "pandas": with_pandas, "convert": arrow_to_parquet}[library]()
used = resource.getrusage(resource.RUSAGE_SELF)
try:
    peak = int(re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read()).group(1)) * 1024
except OSError:
    peak = used.ru_maxrss * 1024
os.write(3, json.dumps({"cpuMs": (used.ru_utime + used.ru_stime) * 1000, "peakBytes": peak}).encode())
