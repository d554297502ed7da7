"""The record of a revision: what it says, what its hash covers, what it must never carry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from small_city import CHANNELS, DAY, HOUR, MINUTE, START, Run, make_rule, report

from alerts.model import Event, Nearest, Region, Revision, from_us
from alerts.record import content_hash, digest
from alerts.rule import Rule


def revision(rule: Rule | None = None, count: int = 3, **fields: Any) -> Revision:
    """The last revision after some contacts a minute apart."""
    run = Run(rule or make_rule())
    for number in range(count):
        run.tell(report(f"e{number}", number * MINUTE, **fields))
    return run.revisions[-1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("engine_epoch", 7),
        ("feed_seq", 9),
        ("feed_seqs", {"alerts:620102": 3}),
        ("published_at", from_us(START + DAY)),
        ("content_hash", "x"),
    ],
)
def test_the_hash_does_not_depend_on_who_publishes_and_when(field: str, value: Any) -> None:
    said = revision()

    assert content_hash(msgspec.structs.replace(said, **{field: value})) == said.content_hash


@pytest.mark.parametrize(
    ("field", "value"),
    [("level", "red"), ("count", 4), ("prev_hash", "x"), ("detected_at", from_us(START)), ("revision", 2), ("key", {})],
)
def test_the_hash_depends_on_everything_that_is_said(field: str, value: Any) -> None:
    said = revision()

    assert content_hash(msgspec.structs.replace(said, **{field: value})) != said.content_hash


def test_the_hash_survives_the_wire() -> None:
    said = revision()
    read = msgspec.json.decode(msgspec.json.encode(said), type=Revision)

    assert read == said
    assert content_hash(read) == said.content_hash


def test_the_digest_covers_all_ids_in_any_order() -> None:
    assert digest(["a", "b"]) == digest(["b", "a"]) != digest(["a"])


def test_evidence_is_capped_and_its_total_and_digest_are_not() -> None:
    rule = make_rule(evidence={"keep": 2, "fields": ["id", "violence", "unit"]}, levels=[{"gte": 4, "level": "blue"}])
    said = revision(rule, count=4, violence=1)

    assert [e.id for e in said.evidence] == ["e2", "e3"]
    assert said.evidence[0].fields == {"violence": 1}
    assert said.evidence_total == 4
    assert said.evidence_digest == digest(["e0", "e1", "e2", "e3"])


def test_evidence_never_holds_words_even_if_a_rule_asks_for_them() -> None:
    rule = make_rule(evidence={"fields": ["text", "lat"]})
    said = revision(rule, text="my neighbour shouts", lat=36.0, lon=103.0)

    assert b"neighbour shouts" not in msgspec.json.encode(said)
    assert said.evidence[0].fields == {}


def test_the_region_is_that_of_the_newest_event_that_has_one() -> None:
    run = Run(make_rule())
    run.tell(report("a", 0, region="620102001003"))
    run.tell(report("b", 1, region="620103002"))
    said = run.tell(report("c", 2))[0]

    assert said.region == Region("620103", "620103002")
    assert said.route.feed == "alerts:620103"


def test_without_a_region_the_feed_says_so() -> None:
    assert revision().route.feed == "alerts:unknown"


def test_times_are_utc_whatever_offset_the_events_were_written_with() -> None:
    here = timezone(timedelta(hours=8))
    run = Run(make_rule(levels=[{"gte": 1, "level": "blue"}]))
    at = datetime(2026, 3, 2, 9, tzinfo=here)
    said = run.tell(Event(id="a", channel="grid", action="received", occurred_at=at, pair="x"))[0]

    assert {t.tzinfo for t in (said.first_occurred_at, said.last_occurred_at, said.evidence[0].occurred_at)} == {UTC}


def test_the_next_level_says_what_it_needs() -> None:
    assert revision().nearest_next == Nearest("red", 2)
    assert revision(count=5).nearest_next is None


def test_the_conditions_are_explained_with_their_numbers() -> None:
    assert revision().explain == {
        "window": "2d",
        "any": [
            {"condition": "gte", "value": 3, "wanted": 3, "level": "blue", "passed": True},
            {"condition": "gte", "value": 3, "wanted": 5, "level": "red", "passed": False},
        ],
    }


def test_a_record_names_its_rule_and_its_key() -> None:
    said = revision(make_rule(key=["pair", "channel"], runbook="rb/x", route={"roles": ["duty"], "chain": "c"}))

    assert said.key == {"pair": "x", "channel": "hotline"}
    assert (said.rule, said.rule_version, said.kind, said.purpose) == ("test.threshold", 1, "threshold", "life-safety")
    assert (said.runbook, said.owner, said.route.roles, said.route.chain) == ("rb/x", "tests", ("duty",), "c")
    assert len(said.semantic_hash) == 16


def test_the_fallback_key_shows_its_own_name() -> None:
    said = revision(make_rule(key_fallback=["household"]), pair=None, household="h")

    assert said.key == {"household": "h"}


def test_level_max_is_the_highest_of_the_episode_also_after_reopening() -> None:
    run = Run(make_rule(lifecycle={"quiet_close": "1d", "reopen_within": "30d"}))
    for number in range(5):
        run.tell(report(f"e{number}", number))
    run.wait_until(3 * DAY)
    for number in range(3):
        run.tell(report(f"f{number}", 4 * DAY + number))

    assert [(r.state, r.level_max) for r in run.revisions[-2:]] == [("closed", "red"), ("open", "red")]


def test_the_matched_time_is_that_of_the_newest_finding() -> None:
    run = Run(make_rule(lifecycle={"quiet_close": "5d"}))
    for number in range(3):
        run.tell(report(f"e{number}", number * HOUR))
    run.tell(report("quiet", 3 * DAY))
    run.wait_until(30 * DAY)

    assert run.revisions[-1].matched_at == from_us(START + 2 * HOUR)
    assert run.revisions[-1].last_occurred_at == from_us(START + 3 * DAY)
    assert CHANNELS["hotline"].rank == 2
