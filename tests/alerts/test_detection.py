"""A shard: the same drafts however its keys are spread, cut and restarted; timers at their instants."""

from __future__ import annotations

import random
from typing import Any

import pytest
from msgspec import Raw
from small_city import CHANNELS, DAY, HOUR, MINUTE, RANKS, START, Run, make_rule, report, said

from alerts import track
from alerts.calendar import Calendar
from alerts.detection import STATE_VERSION, Shard
from alerts.groups import groups_of
from alerts.kept import StateVersionError, decode, encode
from alerts.model import AlertLink, Arrival, Slice, from_us
from alerts.pipeline import Pipeline
from alerts.router import shard_of
from alerts.rule import Rule


def rules() -> list[Rule]:
    life = {"lifecycle": {"quiet_close": "12h", "reopen_within": "1d", "min_gap": "15m"}}
    return [
        make_rule("threshold", 0, **life),
        make_rule("distinct", 1, of="reporter", key=["subject"], window={"size": "1d", "lateness": "2h"}, **life),
        make_rule(
            "progression", 2, key=["matter"], levels=[{"steps": 2, "level": "blue"}],
            when={"chain": {"measure": "channel_rank", "min_steps": 2}},
            unless={"fine": {"satisfied": [True]}}, **life,
        ),
    ]  # fmt: skip


def busy_log(seed: int, size: int = 400) -> list[Arrival]:
    rng = random.Random(seed)
    found = []
    for number in range(size):
        at = rng.randrange(6 * DAY)
        event = report(
            f"e{number}", at, rng.choice(sorted(RANKS)), pair=rng.choice("abcdef"), reporter=rng.choice("pqrstu"),
            subject=rng.choice("xy"), matter=rng.choice([None, "m1"]), category="dispute", region="620102",
            satisfied=rng.random() < 0.05 or None, action=rng.choice(["received"] * 5 + ["visited"]),
        )  # fmt: skip
        found.append(Arrival(event, START + at + rng.randrange(8 * HOUR) // MINUTE * MINUTE, f"row-{number}", at + 1))
    return sorted(found, key=lambda arrival: (arrival.arrived_us, arrival.event.id))


def play(log: list[Arrival], shards: int, rng: random.Random | None, restarts: bool = False) -> Any:
    pipeline = Pipeline(rules(), CHANNELS, shards)
    drafts, late = [], []
    position = 0
    while position < len(log):
        step = rng.randint(1, 60) if rng else len(log)
        part = log[position : position + step]
        position += step
        routed, said_now = pipeline.take(Slice(part[-1].arrived_us, part))
        drafts += said_now
        late += routed.late
        if restarts:
            kept = pipeline.snapshot()
            pipeline = Pipeline(rules(), CHANNELS, shards)
            pipeline.restore(kept)
    return drafts + pipeline.finish()[1], late


@pytest.mark.parametrize("seed", range(4))
def test_cuts_shards_and_restarts_change_no_byte_of_several_rules_with_moves_and_late_events(seed: int) -> None:
    log = busy_log(seed)
    whole = play(log, 1, None)
    rng = random.Random(seed)

    assert len(whole[0]) > 50
    assert whole[1]
    assert play(log, 1, rng) == whole
    assert play(log, 3, rng) == whole
    assert play(log, 2, rng, restarts=True) == whole


def test_drafts_come_in_the_order_of_the_log_and_records_before_timers() -> None:
    drafts, _ = play(busy_log(9), 3, random.Random(9))
    orders = [draft.order for draft in drafts]

    assert orders == sorted(orders)


def test_a_record_at_the_instant_of_a_timer_comes_first() -> None:
    run = Run(make_rule(lifecycle={"quiet_close": "1d", "max_quiet_update": "9d"}))
    for number in range(3):
        run.tell(report(f"e{number}", number))
    run.tell(report("keeps", DAY + 1), arrive=2 + DAY + 6 * HOUR)

    assert run.wait_until(2 + DAY + 6 * HOUR) == []
    assert said(run.wait_until(2 * DAY + 6 * HOUR + 1)) == [(2, "closed", "blue", "quiet")]


def test_all_that_one_record_changes_is_said_once() -> None:
    """Six events change their matter at once: the new alert opens at its full height, the old one goes once."""
    run = Run(make_rule(key=["matter"], levels=[{"gte": 2, "level": "blue"}, {"gte": 5, "level": "red"}]))
    topic = {"category": "dispute", "region": "620102", "matter": None}
    for number in range(6):
        run.tell(report(f"b{number}", HOUR + number * MINUTE, **topic))
    moved = run.tell(report("a", 0, **topic), arrive=2 * HOUR)

    assert sorted((r.state, r.level, r.count) for r in moved) == [("merged", "red", 5), ("open", "red", 7)]
    gone, heir = sorted(moved, key=lambda r: r.state)
    assert AlertLink("merged_into", heir.alert_id) in gone.links
    assert heir.links == ()


def test_state_of_another_version_is_refused_with_a_sentence() -> None:
    shard = Shard([])

    with pytest.raises(StateVersionError, match="state must have version 5; got 99; rebuild from the intake log"):
        shard.restore([encode(99, {}, whole=True)])


def test_a_rule_that_means_another_thing_now_starts_afresh() -> None:
    before, after = make_rule(), make_rule(levels=[{"gte": 2, "level": "blue"}])
    old = Run(before)
    old.tell(report("a", 0))
    shard = Shard([after])
    shard.restore([old.pipeline.shards[0].snapshot()])

    assert shard.sizes() == [("test.threshold", 0, 0, 0)]


def changed(shard: Shard) -> set[tuple[Any, ...]]:
    """The names of the parts of the next changes."""
    return set(decode([shard.changes()], STATE_VERSION))


def test_what_is_saved_is_what_has_changed() -> None:
    run = Run(make_rule())
    [shard] = run.pipeline.shards
    for number, pair in enumerate("xxy"):
        run.tell(report(f"e{number}", number, pair=pair))
    whole = changed(shard)
    run.tell(report("third", 4, pair="x"))

    assert whole == {("rules",), ("guards",), ("subject", 0, ("0", "x")), ("subject", 0, ("0", "y"))}
    assert changed(shard) == {("subject", 0, ("0", "x")), ("alerts", 0, ("0", "x"))}
    assert changed(shard) == set()


def test_a_key_that_is_forgotten_is_gone_from_what_is_saved() -> None:
    run = Run(make_rule())
    [shard] = run.pipeline.shards
    run.tell(report("a", 0))
    saved = [shard.changes()]
    run.wait_until(9 * DAY)
    saved.append(shard.changes())

    assert set(decode(saved, STATE_VERSION)) == {("rules",), ("guards",)}


def test_after_a_restart_only_the_keys_that_something_happens_to_are_read() -> None:
    run = Run(make_rule())
    for number, pair in enumerate("xxy"):
        run.tell(report(f"e{number}", number, pair=pair))
    run.restart()
    run.tell(report("third", 3, pair="x"))
    [shard] = run.pipeline.shards

    assert list(shard.subjects[0].awake) == [("0", "x")]
    assert shard.sizes() == [("test.threshold", 2, 4, 1)]
    assert changed(shard) == {("subject", 0, ("0", "x")), ("alerts", 0, ("0", "x"))}


YEAR_END = 306 * DAY  # Monday, 28 December 2026


def promised(*years: int) -> Rule:
    """Closing within five working days, by a calendar of some years."""
    return make_rule(
        "obligation", key=[], select={}, window={"lateness": "9d"}, stages=[{"at": "100%", "level": "yellow"}],
        obligation={"id": ["matter"], "opens": {"action": ["received"]}, "satisfied_by": {"action": ["closed"]},
                    "due": "5wd", "calendar": "cn", "vouch": ["hotline"], "max_hold": "2h"},
        calendars={"cn": Calendar("cn", [], [], years)},
    )  # fmt: skip


def kept_waiting(before: Rule, after: Rule, *actions: str, days: int) -> Run:
    """A matter of the end of the year, and so many days later a restart, with the calendar of then."""
    run = Run(before)
    for number, action in enumerate(actions):
        run.tell(report(f"e{number}", YEAR_END + number * MINUTE, action=action))
    run.wait_until(YEAR_END + days * DAY)
    run.rules = (after,)
    run.restart()
    run.restart()
    run.wait_until(YEAR_END + days * DAY + MINUTE)
    return run


@pytest.mark.parametrize("actions", [["received"], ["received", "closed", "received"]], ids=["opened", "again"])
def test_a_deadline_that_no_calendar_knew_is_said_in_time_once_the_next_year_is_there(actions: list[str]) -> None:
    short, long = promised(2026), promised(2026, 2027)
    runs = [kept_waiting(before, long, *actions, days=2) for before in (short, long)]
    for run in runs:
        run.wait_until(YEAR_END + 8 * DAY)

    assert said(runs[0].revisions) == [(1, "open", "yellow", "opened")]
    assert runs[0].revisions == runs[1].revisions


def test_a_deadline_that_has_passed_before_a_calendar_knew_it_is_said_at_the_start() -> None:
    run = kept_waiting(promised(2026), promised(2026, 2027), "received", days=20)

    assert said(run.revisions) == [(1, "open", "yellow", "opened")]
    assert run.revisions[0].detected_at == from_us(START + YEAR_END + 20 * DAY + MINUTE)


def test_what_is_closed_and_waits_to_be_forgotten_sleeps_on() -> None:
    run = kept_waiting(promised(2026), promised(2026, 2027), "received", "closed", days=2)

    assert not run.pipeline.shards[0].subjects[0].awake


def test_a_key_with_a_broken_state_is_passed_over_and_what_is_saved_stays_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(track, "PIECES_ABOVE", 1)
    run = Run(make_rule())
    for number in range(2):
        run.tell(report(f"e{number}", number))
    run.restart()
    [shard] = run.pipeline.shards
    kept = shard.subjects[0].asleep
    kept["0", "x"] = kept["0", "x"]._replace(state=Raw(b"\xc0"))
    run.tell(report("third", 3))

    assert [failure.key for failure in shard.failures] == [("0", "x")]
    assert not [name for name in decode([shard.snapshot()], STATE_VERSION) if "x" in str(name)]


def test_sizes_count_keys_events_and_open_alerts() -> None:
    run = Run(make_rule())
    for number, pair in enumerate("xxxy"):
        run.tell(report(f"e{number}", number, pair=pair))

    assert run.pipeline.shards[0].sizes() == [("test.threshold", 2, 4, 1)]


def test_rules_must_be_numbered_by_their_place() -> None:
    with pytest.raises(ValueError, match=r"rule `test\.threshold` must have its place as its number; got 0 at 1"):
        groups_of([make_rule(), make_rule()])


def test_the_shard_of_a_key_never_changes() -> None:
    assert [shard_of(("0", name), 64) for name in ("x", "y", "某人")] == [18, 4, 21]
