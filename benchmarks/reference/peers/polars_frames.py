"""O1 and O3 of job R in Polars: data frames after the fact, one thread. Not a stream; how fast a batch can be."""

from __future__ import annotations

import os
import sys

os.environ["POLARS_MAX_THREADS"] = "1"  # read when Polars is imported

import numpy
import polars
from polars import col

CHANNELS = ("police", "hotline", "petition", "grid")
DAY = 86_400
OFFSET = 8 * 3_600  # of local time
COLUMNS = {
    "event_id": polars.String,
    "channel": polars.String,
    "occurred_at": polars.String,
    "region_code": polars.String,
    "category": polars.String,
    "caller": polars.String,
    "severity": polars.Int64,
}


def read(data: str) -> polars.DataFrame:
    """The events; `at` is local time."""
    files = polars.concat([polars.scan_ndjson(f"{data}/{channel}.jsonl", schema=COLUMNS) for channel in CHANNELS])
    return files.select(
        "event_id", "caller", "severity",
        col("channel").cast(polars.Enum(CHANNELS)), col("region_code").cast(polars.Categorical),
        col("category").cast(polars.Categorical),
        at=col("occurred_at").str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="ms"),
    ).collect()  # fmt: skip


def aggregates(events: polars.DataFrame) -> polars.DataFrame:
    """O3."""
    keys = ["region_code", "channel", "category", "hour"]
    seconds = col("at").dt.epoch("s") - OFFSET
    return (
        events.lazy()
        .with_columns(hour=seconds // 3_600)
        .group_by(keys)
        .agg(events=polars.len(), callers=col("caller").n_unique(), most=col("severity").max())
        .collect()
    )


def repeats(events: polars.DataFrame) -> polars.DataFrame:
    """O1: the candidates, and of each caller's the first and then the first a day later, again and again."""
    found = candidates(events)
    callers, at = found["caller"].rle_id().to_numpy().astype(numpy.int64), found["seconds"].to_numpy()
    places = (callers << 33) + at
    following = numpy.searchsorted(places, places + DAY)
    alerts = numpy.flatnonzero(numpy.diff(callers, prepend=-1))
    kept = []
    while len(alerts):
        kept.append(alerts)
        after = following[alerts]
        inside = after < len(places)
        after, alerts = after[inside], alerts[inside]
        alerts = after[callers[after] == callers[alerts]]
    rows = numpy.sort(numpy.concatenate(kept)) if kept else []
    return found[rows].select("caller", "event_id", "seconds", "events", "channels")


def candidates(events: polars.DataFrame) -> polars.DataFrame:
    """The events that would raise an alert were there no quiet time, by caller and time."""
    sums = [
        (col("channel").to_physical() == number).cast(polars.Int32)
        .rolling_sum_by("at", "24h", closed="both").over("caller").alias(name)
        for number, name in enumerate(CHANNELS)
    ]  # fmt: skip
    there = [(col(name) > 0).cast(polars.Int32) for name in CHANNELS]
    bits = [each * (1 << number) for number, each in enumerate(there)]
    return (
        events.select("caller", "event_id", "at", "channel")
        .sort("caller", "at")
        .with_columns(sums)
        .with_columns(events=polars.sum_horizontal(CHANNELS), channels=polars.sum_horizontal(bits))
        .filter((col("events") >= 3) & (polars.sum_horizontal(there) >= 2))
        .with_columns(seconds=col("at").dt.epoch("s") - OFFSET)
    )


def main(data: str, out: str) -> None:
    """Read the events once, then answer from the frame."""
    events = read(data)
    aggregates(events).write_csv(f"{out}/o3", include_header=False)
    repeats(events).write_csv(f"{out}/o1", include_header=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
