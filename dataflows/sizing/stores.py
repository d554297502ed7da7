"""What the servers around detection need: Kafka, Valkey, ClickHouse, Prometheus and the service."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from dataflows.sizing.detection import BUSY, Detection
from dataflows.sizing.need import DAY, GB, MB, Basis, Need, shown

PARTITIONS = 2  # of the log of one process, as shipped
RAW_DAYS = 14  # that raw rows are kept
KAFKA_CACHE_GB, BROKER_CORES = 1.0, 4  # of pages that the machine keeps for a broker, and what one broker may use
STREAM_DAYS, RECORD_DAYS = 7, 90  # that Redis remembers; a record while its alert is open, and 30 days more
REDIS_BASE, REDIS_DISK = 0.1, 3  # GB when empty; times its memory: the append-only file, and another while it is made
FREE = 2  # times what a pool holds: merging parts needs room
CLICKHOUSE_GB, CLICKHOUSE_CORES, NODE_BYTES = 8.0, 2.0, 2e12  # of a node: what its makers ask for to begin with
SCRAPE_SECONDS, METRIC_DAYS = 15, 90  # of Prometheus
SAMPLE_BYTES, SERIES_BYTES, PROMETHEUS_BASE = 2, 8_000, 0.5  # on its disk, by its manual; in its memory; GB when empty
SERVE_GB, SERVE_CORES = 1.0, 0.5  # of one instance


def store_needs(detection: Detection) -> Iterator[Need]:
    """The lines of all of them."""
    yield from _kafka(detection)
    yield from _valkey(detection)
    yield from _clickhouse(detection)
    yield from _prometheus(detection)
    yield from _serve(detection)


def _kafka(detection: Detection) -> Iterator[Need]:
    costs, count, copies = detection.costs, detection.processes.number, detection.wanted.kept_copies
    share = costs.cores("kafka", detection.rate)
    cores = count * copies * share / BUSY
    brokers = max(copies, ceil(cores / BROKER_CORES))
    yield Need(
        "kafka", "partitions", PARTITIONS * count, "partitions", f"{PARTITIONS} × {count}, of the log", "assumed"
    )
    yield Need(
        "kafka", "cores", cores, "cores",
        f"{count} × {copies} (copies) × {share:.2f} at {detection.rate:.3g} events/s / {BUSY:g}",
        _shared_basis(detection),
    )  # fmt: skip
    yield Need("kafka", "brokers", brokers, "brokers", f"one a copy, of {BROKER_CORES} cores at most", "assumed")
    yield Need(
        "kafka", "memory", brokers * (costs["kafka_resident"] / GB + KAFKA_CACHE_GB), "GB memory",
        f"{brokers} × ({costs['kafka_resident'] / GB:.2f} resident + {KAFKA_CACHE_GB:g} of pages)", "assumed",
    )  # fmt: skip
    yield _log_disk(detection)


def _shared_basis(detection: Detection) -> Basis:
    """What figures of a server stand on that follow from the busiest second: one was run, for one process."""
    is_one = detection.processes.number == detection.wanted.kept_copies == 1
    return detection.rate_basis() if is_one else "extrapolated"


def _log_disk(detection: Detection) -> Need:
    costs, wanted = detection.costs, detection.wanted
    ticks = costs["tick_bytes_per_second"] * DAY * detection.processes.number / MB
    events = costs["log_bytes_per_event"] * wanted.events / MB
    raw = costs["raw_bytes_per_event"] * wanted.events * RAW_DAYS / MB
    return Need(
        "kafka", "log", wanted.kept_copies * ((ticks + events) * wanted.days + raw) * MB / GB, "GB disk",
        f"{wanted.kept_copies} × (({shown(ticks)} MB of ticks + {shown(events)} MB of events a day) × {wanted.days}"
        f" days + {shown(raw)} MB of raw rows)", detection.state_basis(),
    )  # fmt: skip


def _valkey(detection: Detection) -> Iterator[Need]:
    costs, wanted, count = detection.costs, detection.wanted, detection.processes.number
    revisions = wanted.events * (wanted.revisions_per_1000 or costs["revisions_per_1000_events"]) / 1_000
    stream, record = costs["stream_bytes_per_revision"], costs["record_bytes_per_revision"]
    memory = REDIS_BASE + revisions * (stream * STREAM_DAYS + record * RECORD_DAYS) / GB
    share = costs.cores("valkey", detection.rate)
    yield Need(
        "valkey", "cores", count * share / BUSY, "cores",
        f"{count} × {shown(share)} at {detection.rate:.3g} events/s / {BUSY:g}", _shared_basis(detection),
    )  # fmt: skip
    yield Need(
        "valkey", "memory", memory, "GB memory",
        f"{REDIS_BASE:g} + {revisions:,.0f} revisions a day × ({stream:,.0f} B × {STREAM_DAYS} days + {record:,.0f} B ×"
        f" {RECORD_DAYS} days)", detection.state_basis(),
    )  # fmt: skip
    yield Need("valkey", "file", REDIS_DISK * memory, "GB disk", f"{REDIS_DISK} × its memory", "assumed")


def _clickhouse(detection: Detection) -> Iterator[Need]:
    wanted, bytes_an_event = detection.wanted, detection.costs["pool_bytes_per_event"]
    each = FREE * bytes_an_event * wanted.events * wanted.days
    nodes = wanted.kept_copies * max(1, ceil(each / NODE_BYTES))
    terabytes = NODE_BYTES / 1e12
    yield Need("clickhouse", "nodes", nodes, "nodes", f"one a copy, of {terabytes:g} TB at most", "assumed")
    yield Need(
        "clickhouse", "cores", nodes * CLICKHOUSE_CORES, "cores", f"{nodes} × {CLICKHOUSE_CORES:g}", "assumed"
    )  # fmt: skip
    yield Need("clickhouse", "memory", nodes * CLICKHOUSE_GB, "GB memory", f"{nodes} × {CLICKHOUSE_GB:g}", "assumed")
    yield Need(
        "clickhouse", "tables", wanted.kept_copies * each / GB, "GB disk",
        f"{wanted.kept_copies} × {FREE} × {bytes_an_event:.0f} B × {wanted.events:,.0f} events a day × {wanted.days}"
        " days",
        detection.state_basis(),
    )  # fmt: skip


def _prometheus(detection: Detection) -> Iterator[Need]:
    series = detection.costs["series"] * detection.processes.number
    yield Need(
        "prometheus", "memory", PROMETHEUS_BASE + series * SERIES_BYTES / GB, "GB memory",
        f"{PROMETHEUS_BASE:g} + {series:,.0f} series × {SERIES_BYTES:,} B", "assumed",
    )  # fmt: skip
    yield Need(
        "prometheus", "samples", series * METRIC_DAYS * DAY / SCRAPE_SECONDS * SAMPLE_BYTES / GB, "GB disk",
        f"{series:,.0f} series × {METRIC_DAYS} days / {SCRAPE_SECONDS} s × {SAMPLE_BYTES} B", "assumed",
    )  # fmt: skip


def _serve(detection: Detection) -> Iterator[Need]:
    instances = max(1, detection.wanted.kept_copies - 1)
    yield Need("serve", "cores", instances * SERVE_CORES, "cores", f"{instances} × {SERVE_CORES:g}", "assumed")
    yield Need("serve", "memory", instances * SERVE_GB, "GB memory", f"{instances} × {SERVE_GB:g}", "assumed")
