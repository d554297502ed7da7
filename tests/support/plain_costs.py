"""Costs of round numbers, so that a test can reckon in its head."""

from __future__ import annotations

from dataflows.sizing.costs import Cost, Costs, Part, Share

PLAIN = {
    "run_base": 1e9, "state_base": 0.0, "state_per_daily_report": 1e6, "state_disk_per_daily_report": 1e5,
    "linking_share_of_state": 0.5, "linking_share_of_replay": 0.5, "reports_per_event": 0.1,
    "revisions_per_1000_events": 10.0, "replay_factor": 1e-3, "replay_reports_exponent": 1.0,
    "replay_days_exponent": 0.0, "replay_fresh": 1e-4, "kafka_resident": 5e8,
    "tick_bytes_per_second": 100.0, "log_bytes_per_event": 1_000.0, "raw_bytes_per_event": 1_000.0,
    "pool_bytes_per_event": 100.0, "stream_bytes_per_revision": 1_000.0,
    "record_bytes_per_revision": 1_000.0, "series": 1_000.0,
}  # fmt: skip


def cores(of_all: float) -> dict[Part, float]:
    """The same for each part."""
    return {"run": of_all, "kafka": of_all, "valkey": of_all, "clickhouse": of_all}


def plain_costs() -> Costs:
    """A tenth of a core when nobody calls, two tenths at 10 events a second, half of one at 100."""
    return Costs(
        machine="a machine",
        measured_on="2026-01-01",
        commit="abcdef0",
        rules=10,
        reports_a_day=(100.0, 10_000.0),
        days=400,
        shares=(Share(0.0, cores(0.1)), Share(10.0, cores(0.2)), Share(100.0, cores(0.5))),
        costs={name: Cost(value, "bytes", "a run") for name, value in PLAIN.items()},
        keys={"cx.channel-climb": 50.0, "sp.same-place": 1.0},
        max_keys={"cx.channel-climb": 200_000, "sp.same-place": 200_000},
    )
