"""Joins of pandas, polars and numpy over the same columns, timed here and told over stdin and stdout.

One JSON document a line: {"do": "load" | "run" | "values", ...}; each answer is one line too.
Columns are files of little-endian numbers: times are int64 ns, values float64 with NaN where null.
"""

import json
import sys
from time import perf_counter, process_time

import numpy as np

try:
    import pandas as pd
except ImportError:
    pd = None
try:
    import polars as pl
except ImportError:
    pl = None

load = {}
kept = []


def read(request):
    """Frames, and one group for each column of times: tags that share it are columns of one table."""
    frames = np.fromfile(request["frames"], dtype="<i8")
    base = frames[0]
    load.clear()
    load["frames"] = frames
    load["relative"] = (frames - base).astype("f8")
    load["groups"] = []
    for group in request["groups"]:
        times = np.fromfile(group["times"], dtype="<i8")
        values = [np.fromfile(path, dtype="<f8") for path in group["values"]]
        load["groups"].append((times, (times - base).astype("f8"), values))
    if pd is not None:
        load["pandas"] = pd.DataFrame({"t": frames}), [
            pd.DataFrame({"t": times, **named(values)}) for times, _, values in load["groups"]
        ]
    if pl is not None:
        right = [
            pl.DataFrame({"t": times, **named(values)}, nan_to_null=True) for times, _, values in load["groups"]
        ]
        load["polars"] = pl.DataFrame({"t": frames}).set_sorted("t"), [one.set_sorted("t") for one in right]


def named(values):
    return {f"v{at}": one for at, one in enumerate(values)}


def pandas_merge_asof(limit):
    left, right = load["pandas"]
    return [pd.merge_asof(left, one, on="t", tolerance=limit) for one in right]


def polars_join_asof(limit):
    left, right = load["polars"]
    return [left.join_asof(one, on="t", tolerance=limit) for one in right]


def polars_lazy(limit):
    """All tags in one plan, which polars may spread over its threads."""
    left, right = load["polars"]
    return pl.collect_all([left.lazy().join_asof(one.lazy(), on="t", tolerance=limit) for one in right])


def numpy_take(limit):
    frames = load["frames"]
    out = []
    for times, _, values in load["groups"]:
        at = np.searchsorted(times, frames, side="right") - 1
        none = at < 0
        if limit is not None:
            none |= frames - times[at] > limit
        for one in values:
            found = one[at]
            found[none] = np.nan
            out.append(found)
    return out


def numpy_interp(limit):
    relative = load["relative"]
    return [
        np.interp(relative, times, one, left=np.nan, right=np.nan)
        for _, times, values in load["groups"]
        for one in values
    ]


def columns_of(joined):
    for one in joined:
        if isinstance(one, np.ndarray):
            yield one
        elif pd is not None and isinstance(one, pd.DataFrame):
            yield from (one[name].to_numpy() for name in one.columns[1:])
        else:
            yield from (one[name].fill_null(np.nan).to_numpy() for name in one.columns[1:])


ways = {
    "pandas": pandas_merge_asof,
    "polars": polars_join_asof,
    "polars lazy": polars_lazy,
    "numpy take": numpy_take,
    "numpy interp": numpy_interp,
}


def answer(request):
    global kept
    if request["do"] == "versions":
        modules = {"numpy": np, "pandas": pd, "polars": pl}
        return {name: module.__version__ for name, module in modules.items() if module is not None}
    if request["do"] == "load":
        kept = []
        read(request)
        return {}
    if request["do"] == "values":
        with open(request["path"], "wb") as file:
            for column in columns_of(kept):
                np.ascontiguousarray(column, dtype="<f8").tofile(file)
        kept = []
        return {}
    kept = []
    wall, cpu = perf_counter(), process_time()
    kept = ways[request["way"]](request["limit"])
    return {"wall": (perf_counter() - wall) * 1000, "cpu": (process_time() - cpu) * 1000}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
