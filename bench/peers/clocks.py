"""pyxdf's own correction of time stamps, timed here: one JSON list of cases on stdin, one JSON line for each on stdout.

Columns are files of little-endian float64 s: times and offsets of the measurements, queries to correct.
"""

import json
import sys
from time import process_time

import numpy as np
from pyxdf import pyxdf


class Stream:
    def __init__(self, times, offsets, queries):
        self.clock_times = times.tolist()
        self.clock_values = offsets.tolist()
        self.time_stamps = queries
        self.clock_segments = []


def read(path):
    return np.fromfile(path, dtype="<f8")


for case in json.load(sys.stdin):
    queries = read(case["queries"])
    stream = Stream(read(case["times"]), read(case["offsets"]), queries.copy())
    started = process_time()
    pyxdf._clock_sync({0: stream})
    cpu = process_time() - started
    (stream.time_stamps - queries).astype("<f8").tofile(case["out"])
    print(json.dumps({"cpuMs": 1000 * cpu, "segments": len(stream.clock_segments)}), flush=True)
