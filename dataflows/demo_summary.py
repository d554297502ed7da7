"""What a demo ended with: every row accounted for, stories found and missed, false alarms, latency."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connectors.metrics_reader import Samples
from dataflows.city.truth import Verdict
from dataflows.demo import Demo, count_pool


def summarise(demo: Demo) -> dict[str, Any]:
    """The summary as plain data; `accounted_for` is true where no row and no event is missing."""
    final = demo.final
    verdict = demo.truth.judge(demo.alerts())
    in_pool, differing = count_pool(demo.pool_dsn)
    books = _books(final)
    problems = _problems(demo, books, in_pool, len(differing))
    return {
        "seed": demo.plan.seed,
        "seconds": demo.plan.seconds,
        "simulated_days": demo.plan.days * len(demo.cities),
        "rows_sent": demo.sent.rows,
        "rows_by_way": dict(demo.sent.ways),
        **books,
        "in_pool": in_pool,
        "aggregates_differing_from_recount": len(differing),
        "accounted_for": not problems,
        "unaccounted": problems,
        "alerts": _alerts(demo),
        "revisions": len(demo.revisions),
        "stories": _stories(verdict),
        "false_alarms": [
            {"rule": each.rule, "level": each.level, "story": each.story} for each in verdict.false_alarms
        ],
        "alerts_on_harmless_resident": len(verdict.on_harmless),
        "latency_seconds": {
            "from": "produced to Kafka",
            "to": "written to Redis",
            "count": int(final.total("alert_published_seconds_count")),
            "p50": final.quantile("alert_published_seconds", 0.5),
            "p99": final.quantile("alert_published_seconds", 0.99),
        },
    }


def _books(final: Samples) -> dict[str, Any]:
    return {
        "received": int(final.total("events_received_total")),
        "admitted": int(final.total("events_admitted_total")),
        "dead": int(final.total("events_dead_lettered_total")),
        "dead_by_reason": _whole(final.by("events_dead_lettered_total", "reason")),
        "dropped": _whole(final.by("events_dropped_total", "reason")),
        "linked": int(final.total("events_linked_total")),
        "duplicates": int(final.total("events_duplicated_total")),
        "heartbeats": int(final.total("heartbeats_read_total")),
        "late": int(final.total("events_late_total")),
        "late_by_rule": _whole(final.by("events_late_total", "rule")),
    }


def _problems(demo: Demo, books: dict[str, Any], in_pool: int, differing: int) -> list[str]:
    """What does not add up, in words."""
    dropped = sum(books["dropped"].values())
    sums = (
        ("received = admitted + dead + dropped", books["received"], books["admitted"] + books["dead"] + dropped),
        ("admitted = linked + duplicates + heartbeats", books["admitted"],
         books["linked"] + books["duplicates"] + books["heartbeats"]),
        ("rows sent = received", demo.sent.rows, books["received"]),
        ("linked = in pool", books["linked"], in_pool),
        ("aggregates equal a recount", differing, 0),
    )  # fmt: skip
    return [f"{claim}: {left} and {right}" for claim, left, right in sums if left != right]


def _whole(counts: dict[str, float]) -> dict[str, int]:
    return {name: int(count) for name, count in sorted(counts.items()) if count}


def _alerts(demo: Demo) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for revision in demo.last_revisions():
        counts.setdefault(revision.rule, Counter())[revision.level_max] += 1
    return {rule: dict(levels) for rule, levels in sorted(counts.items())}


def _stories(verdict: Verdict) -> dict[str, Any]:
    def lines(expected: tuple[Any, ...]) -> list[dict[str, Any]]:
        return [
            {"story": e.story, "zh": e.zh, "rule": e.rule, "must_reach": e.must_reach, "level": e.level}
            for e in expected
        ]

    return {
        "planted": len(verdict.found) + len(verdict.wrong_level) + len(verdict.missed),
        "found": lines(verdict.found),
        "wrong_level": lines(verdict.wrong_level),
        "missed": lines(verdict.missed),
    }
