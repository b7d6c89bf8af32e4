"""Reads MCAP recordings with the official Python reader, every message of every file, by index and from front to back.

usage: mcap.py DIR [TRUTH]

DIR holds dataset.json and the recordings that it lists. TRUTH is a JSON file: an object that has, for each recording,
all messages of some topics, as {path: {topic: [[log time as text, body], ...]}}.
Prints one JSON line; exits with 1 on a failure or a warning.
"""

import json
import sys
import warnings
from collections import Counter
from importlib.metadata import version
from pathlib import Path

# This script has the package's name, and its folder comes first.
sys.path.pop(0)

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from mcap.reader import NonSeekingReader, SeekingReader

failures = []


def expect(condition, text):
    if not condition:
        failures.append(text)


def message_class(schema):
    files = descriptor_pb2.FileDescriptorSet.FromString(schema.data)
    pool = descriptor_pool.DescriptorPool()
    for one in files.file:
        pool.Add(one)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name))


def rows(reader):
    return [
        (schema, channel, message) for schema, channel, message in reader.iter_messages(log_time_order=False)
    ]


def keys(found):
    return [
        (channel.topic, message.sequence, message.log_time, message.publish_time, message.data)
        for _, channel, message in found
    ]


def read(path, about, truth, root):
    with path.open("rb") as file:
        indexed = SeekingReader(file, validate_crcs=True)
        header, summary = indexed.get_header(), indexed.get_summary()
        by_index = rows(indexed)
        metadata = {one.name: one.metadata for one in indexed.iter_metadata()}
    with path.open("rb") as file:
        in_order = rows(NonSeekingReader(file, validate_crcs=True))
    where = path.name
    expect(keys(by_index) == keys(in_order), f"{where}: the readers differ")
    times = [message.log_time for _, _, message in in_order]
    expect(times == sorted(times), f"{where}: log time goes back")
    expect(header.profile == "" and header.library.startswith("tagalign "), f"{where}: header {header}")
    expect(sorted(metadata) == ["episode", "tagalign"], f"{where}: metadata {sorted(metadata)}")
    expect(metadata["episode"]["id"] == about["id"], f"{where}: another episode")
    counts = Counter(channel.topic for _, channel, _ in in_order)
    expect(dict(counts) == about["messages"], f"{where}: {dict(counts)} messages, not {about['messages']}")
    expect(counts["/plant/values"] == about["frames"], f"{where}: not one /plant/values a frame")
    statistics = summary.statistics
    expect(statistics.message_count == len(in_order), f"{where}: statistics say {statistics.message_count}")
    expect(
        (statistics.message_start_time, statistics.message_end_time) == (times[0], times[-1]),
        f"{where}: statistics say other times",
    )
    classes, pictures, found = {}, 0, {}
    for schema, channel, message in in_order:
        if channel.message_encoding == "json":
            json.loads(schema.data)
            body = json.loads(message.data)
            expect(int(body["frame_time_ns"]) == message.log_time, f"{where}: {channel.topic} at another time")
            found.setdefault(channel.topic, []).append([str(message.log_time), body])
            if "picture" in body:
                expect((root / body["path"]).is_file(), f"{where}: {body['path']} is not there")
            continue
        one = classes.setdefault(schema.id, message_class(schema)).FromString(message.data)
        stamp = one.timestamp.seconds * 1_000_000_000 + one.timestamp.nanos
        expect(stamp == message.log_time, f"{where}: {channel.topic} has another timestamp")
        expect(len(one.data) > 0 and one.format in ("h264", "h265", "vp9", "av1"), f"{where}: {one.format}")
        pictures += 1
    for topic, wanted in truth.get(path.name, {}).items():
        expect(found.get(topic) == wanted, f"{where}: {topic} has other messages")
    return len(in_order), pictures, sum(len(wanted) for wanted in truth.get(path.name, {}).values())


def main():
    root = Path(sys.argv[1])
    about = json.loads((root / "dataset.json").read_text())
    truth = json.loads(Path(sys.argv[2]).read_text()) if len(sys.argv) > 2 else {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        totals = [read(root / one["path"], one, truth, root) for one in about["episodes"]]
    expect(len(list(root.glob("*.mcap"))) == len(totals), "recordings that dataset.json does not list")
    messages, pictures, compared = (sum(column) for column in zip(*totals))
    result = {
        "reader": f"mcap {version('mcap')}, protobuf {version('protobuf')}",
        "recordings": len(totals),
        "messages": messages,
        "pictures": pictures,
        "messages_compared": compared,
        "failures": failures,
        "warnings": sorted({f"{one.category.__name__}: {one.message}" for one in caught}),
    }
    print(json.dumps(result))
    sys.exit(1 if result["failures"] or result["warnings"] else 0)


main()
