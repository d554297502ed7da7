"""The life of an alert, told by the clock: opened, revised, folded, closed, opened again, withdrawn."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from small_city import DAY, HOUR, MINUTE, START, Run, make_rule, report, said

from alerts.alert import Alert, Draft, Moment, alert_id
from alerts.model import AlertLink, Link, Revision, from_us
from alerts.record import content_hash
from alerts.rule import Rule
from alerts.track import Track

RUNGS = [{"gte": 3, "level": "blue"}, {"gte": 5, "level": "yellow"}, {"gte": 8, "level": "red"}]


def rule(quiet: str | None = "1d", **life: Any) -> Rule:
    return make_rule(levels=RUNGS, lifecycle={"quiet_close": quiet, **life} if quiet else life)


def opened(*minutes: int, **life: Any) -> Run:
    """A run in which contacts came at these minutes."""
    run = Run(rule(**life))
    for number, minute in enumerate(minutes or (0, 1, 2)):
        run.tell(report(f"e{number}", minute * MINUTE))
    return run


def test_the_third_contact_opens_an_alert() -> None:
    run = opened()

    assert said(run.revisions) == [(1, "open", "blue", "opened")]
    assert run.revisions[0].count == 3
    assert run.revisions[0].detected_at == from_us(START + 2 * MINUTE)


def test_a_level_rise_does_not_wait_for_the_gap() -> None:
    run = opened(0, 1, 2, 3, 4, min_gap="15m")

    assert said(run.revisions) == [(1, "open", "blue", "opened"), (2, "open", "yellow", "level_up")]
    assert run.revisions[1].published_at == from_us(START + 4 * MINUTE)


def test_a_new_channel_waits_for_the_gap_and_is_said_exactly_then() -> None:
    run = opened(min_gap="15m")
    run.tell(report("p", 5 * MINUTE, "police"))

    assert len(run.revisions) == 1
    assert run.wait_until(17 * MINUTE - 1) == []

    revision = run.wait_until(17 * MINUTE)[0]

    assert said([revision]) == [(2, "open", "blue", "new_channel")]
    assert revision.published_at == from_us(START + 17 * MINUTE)
    assert revision.suppressed_since_last.count == 1
    assert revision.suppressed_since_last.first == from_us(START + 5 * MINUTE)
    assert [delta.field for delta in revision.delta] == ["count", "channels", "evidence_total"]


def test_after_the_gap_a_new_channel_is_said_at_once() -> None:
    run = opened(min_gap="15m")

    assert said(run.tell(report("p", 30 * MINUTE, "police"))) == [(2, "open", "blue", "new_channel")]


def test_the_gap_doubles_up_to_its_greatest() -> None:
    life = {"quiet_close": "3d", "min_gap": "15m", "max_gap": "20m"}
    run = Run(make_rule(levels=[{"gte": 1, "level": "blue"}], lifecycle=life))
    for number, channel in enumerate(("hotline", "grid", "police", "petition", "superior")):
        run.tell(report(f"c{number}", (2 + 19 * number) * MINUTE, channel))
    run.wait_until(DAY)
    published = [(r.published_at - from_us(START)).total_seconds() / 60 for r in run.revisions]

    assert published == [2, 21, 41, 61, 81]


def test_more_of_the_same_is_folded_and_said_after_max_quiet_update() -> None:
    run = opened(max_quiet_update="6h")
    run.tell(report("e3", 10 * MINUTE))
    run.tell(report("e4", 2 * HOUR + DAY - HOUR))  # in the window, but after the update

    assert said(run.revisions)[1] == (2, "open", "blue", "evidence")
    assert run.revisions[1].published_at == from_us(START + 2 * MINUTE + 6 * HOUR)
    assert run.revisions[1].suppressed_since_last.count == 1
    assert run.revisions[1].evidence_total == 4


def test_the_closing_says_how_much_was_folded() -> None:
    run = opened()
    run.tell(report("e3", 10 * MINUTE))
    run.wait_until(3 * DAY)

    assert said(run.revisions)[-1] == (run.revisions[-1].revision, "closed", "blue", "quiet")


def test_an_alert_closes_by_quiet_exactly_when_the_watermark_reaches_the_end() -> None:
    run = opened(max_quiet_update="9d")
    end = 2 * MINUTE + DAY + 6 * HOUR  # last event, quiet_close, lateness

    assert run.wait_until(end - 1) == []
    assert said(run.wait_until(end)) == [(2, "closed", "blue", "quiet")]
    assert run.revisions[-1].published_at == from_us(START + end)


def test_an_alert_without_quiet_close_stays_open() -> None:
    run = opened(quiet=None, max_quiet_update="9d")

    assert run.wait_until(90 * DAY) == []


def test_an_event_one_moment_before_the_end_keeps_it_open_and_one_at_the_end_does_not() -> None:
    before, at = opened(max_quiet_update="9d"), opened(max_quiet_update="9d")
    before.tell(report("e9", 2 * MINUTE + DAY - 1))
    at.tell(report("e9", 2 * MINUTE + DAY))
    end = 2 * MINUTE + DAY + 6 * HOUR

    assert before.wait_until(end) == []
    assert said(at.wait_until(end))[0] == (2, "closed", "blue", "quiet")


def closed_then_again(at: int, **life: Any) -> Run:
    """An alert that closed 1 d 2 min after the start; a new contact in the same window at `at`."""
    run = opened(max_quiet_update="9d", **life)
    run.wait_until(2 * MINUTE + DAY + 6 * HOUR)
    run.tell(report("late", at - 1))
    run.tell(report("again", at))
    return run


def test_a_finding_within_reopen_within_opens_the_same_alert_again() -> None:
    run = closed_then_again(DAY + 6 * HOUR + 3 * MINUTE, reopen_within="7d")

    assert said(run.revisions)[2] == (3, "open", "blue", "reopened")
    assert len({r.alert_id for r in run.revisions}) == 1


def test_a_later_finding_begins_the_next_episode_and_names_the_one_before() -> None:
    run = closed_then_again(DAY + 6 * HOUR + 3 * MINUTE)

    assert said(run.revisions)[2] == (1, "open", "blue", "opened")
    assert run.revisions[2].episode == 2
    assert run.revisions[2].links == (AlertLink("previous", run.revisions[0].alert_id),)
    assert run.revisions[2].alert_id == alert_id(run.rules[0].id, 1, ("0", "x"), 2)


@pytest.mark.parametrize(("gap", "episode"), [(7 * DAY, 1), (7 * DAY + 1, 2)], ids=["at the edge", "after it"])
def test_reopen_within_counts_from_the_closing_and_includes_its_end(gap: int, episode: int) -> None:
    run = opened(max_quiet_update="90d", reopen_within="7d")
    run.wait_until(3 * DAY)
    again = 2 * MINUTE + DAY + gap
    run.tell(report("a", again - 2))
    run.tell(report("b", again - 1))
    run.tell(report("c", again))

    assert run.revisions[-1].episode == episode


def test_during_aftercare_a_match_opens_one_level_higher() -> None:
    run = closed_then_again(DAY + 6 * HOUR + 3 * MINUTE, aftercare={"for": "3d"})

    assert run.revisions[2].level == run.revisions[2].level_max == "yellow"
    assert run.revisions[2].nearest_next is not None
    assert run.revisions[2].nearest_next.level == "red"


def test_after_aftercare_a_match_opens_at_its_own_level() -> None:
    run = closed_then_again(DAY + 6 * HOUR + 3 * MINUTE, aftercare={"for": "1h"})

    assert run.revisions[2].level == "blue"


def chain(eager: bool = True) -> Rule:
    return make_rule(
        "progression",
        when={"chain": {"measure": "channel_rank", "min_steps": 2}, "eager": eager},
        unless={"fine": {"satisfied": [True]}},
        levels=[{"steps": 2, "level": "blue"}, {"steps": 3, "level": "red"}],
        lifecycle={"quiet_close": "1d"},
    )


def climbed(*names: str) -> Run:
    run = Run(chain())
    for number, name in enumerate(names):
        run.tell(report(name, number * HOUR, name))
    return run


def test_late_evidence_that_contradicts_an_alert_retracts_it() -> None:
    run = climbed("grid", "hotline")
    gone = run.tell(report("fine", HOUR // 2, action="visited", satisfied=True), arrive=2 * HOUR)

    assert said(gone) == [(2, "retracted", "blue", "late_evidence")]
    assert run.drafts[-1].evidence_ids == ("grid", "hotline")


def test_eager_gaps_are_said_at_once_and_taken_back_if_an_event_comes_between() -> None:
    faster = {"name": "faster", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}, "level": "blue"}
    run = Run(make_rule("progression", when={"any": [faster], "eager": True}))
    for name, at in (("a", 0), ("b", 4 * HOUR), ("c", 6 * HOUR)):
        run.tell(report(name, at))
    gone = run.tell(report("between", 2 * HOUR), arrive=7 * HOUR)

    assert said(run.revisions[:1]) == [(1, "open", "blue", "opened")]
    assert run.revisions[0].detected_at == from_us(START + 6 * HOUR)
    assert said(gone) == [(2, "retracted", "blue", "late_evidence")]


def test_late_evidence_that_lowers_an_alert_is_said_at_once() -> None:
    run = climbed("grid", "hotline", "petition")
    lower = run.tell(report("fine", HOUR // 2, action="visited", satisfied=True), arrive=3 * HOUR)

    assert said(run.revisions[:2]) == [(1, "open", "blue", "opened"), (2, "open", "red", "level_up")]
    assert said(lower) == [(3, "open", "blue", "late_evidence")]


def test_what_was_retracted_opens_again_under_the_same_id_and_goes_on_counting() -> None:
    run = climbed("grid", "hotline")
    run.tell(report("fine", HOUR // 2, action="visited", satisfied=True), arrive=2 * HOUR)
    run.wait_until(9 * DAY)  # long enough to forget the key
    run.tell(report("a", 9 * DAY, "grid"))
    run.tell(report("b", 9 * DAY + 1, "hotline"))

    assert said(run.revisions)[2] == (3, "open", "blue", "reopened")
    assert run.revisions[2].alert_id == run.revisions[0].alert_id
    assert run.revisions[2].prev_hash == run.revisions[1].content_hash


def test_an_event_that_moves_away_merges_the_alert_that_stood_on_it() -> None:
    run = Run(make_rule(key=["matter"], levels=[{"gte": 2, "level": "blue"}]))
    grid = {"category": "dispute", "region": "620102", "matter": None}
    run.tell(report("b", 2 * HOUR, pair="q", reporter="r", **grid))
    run.tell(report("c", 3 * HOUR, pair="q", reporter="r", **grid))
    old = run.revisions[0]
    new = run.tell(report("a", HOUR, pair="q", reporter="r", **grid), arrive=4 * HOUR)

    assert sorted((r.state, r.reason) for r in new) == [("merged", "merged"), ("open", "opened")]
    assert [r.alert_id for r in new if r.state == "merged"] == [old.alert_id]
    assert [d.evidence_ids for d in run.drafts if d.revision.state == "merged"] == [("b", "c")]
    assert [d.evidence_ids for d in run.drafts[1:] if d.revision.state == "open"] == [("a", "b", "c")]


def test_a_move_that_changes_no_key_of_the_rule_says_nothing() -> None:
    run = Run(make_rule(key=["reporter"], levels=[{"gte": 2, "level": "blue"}]))
    topic = {"category": "dispute", "matter": None, "pair": None, "reporter": "r"}
    run.tell(report("b", 2 * HOUR, **topic))
    run.tell(report("c", 3 * HOUR, **topic))

    assert said(run.tell(report("a", HOUR, **topic), arrive=4 * HOUR)) == []
    assert [link.event_id for link in run.routed[-1].links] == ["a", "b", "c"]


def test_a_contact_that_turns_out_to_be_a_transfer_lowers_the_count_once() -> None:
    run = Run(make_rule(levels=[{"gte": 2, "level": "blue"}]))
    run.tell(report("b", 2 * HOUR, link=Link("transfer", "case-7")))
    run.tell(report("c", 3 * HOUR, link=Link("transfer", "a")))

    assert said(run.revisions) == [(1, "open", "blue", "opened")]

    gone = run.tell(report("a", HOUR, case="case-7"), arrive=4 * HOUR)

    assert said(gone) == [(2, "retracted", "blue", "late_evidence")]


def test_revisions_are_gapless_and_chained_by_their_hashes() -> None:
    run = opened(*range(0, 200, 3), min_gap="15m", reopen_within="7d")
    run.wait_until(9 * DAY)
    revisions = run.revisions

    assert [r.revision for r in revisions] == list(range(1, len(revisions) + 1))
    assert [r.prev_hash for r in revisions] == ["", *(r.content_hash for r in revisions[:-1])]
    assert all(r.content_hash == content_hash(r) for r in revisions)
    assert revisions[-1].state == "closed"


def test_every_opened_alert_ends_in_exactly_one_closing_revision() -> None:
    run = Run(rule())
    for day in range(0, 30, 3):
        for number in range(4):
            run.tell(report(f"e{day}-{number}", day * DAY + number * MINUTE))
    run.wait_until(60 * DAY)
    by_alert: dict[str, list[Revision]] = {}
    for revision in run.revisions:
        by_alert.setdefault(revision.alert_id, []).append(revision)

    assert len(by_alert) == 10
    assert all([r.state for r in found].count("closed") == 1 for found in by_alert.values())
    assert all(found[-1].state == "closed" for found in by_alert.values())


def test_the_next_episode_opens_at_once_though_the_one_before_still_waits_for_the_watermark() -> None:
    run = opened(max_quiet_update="9d")
    at = 2 * MINUTE + DAY + HOUR  # quiet is over in event time, but stragglers may still come
    run.tell(report("a", at))
    second = run.revisions[-1]

    assert said([second]) == [(1, "open", "blue", "opened")]
    assert second.episode == 2
    assert said(run.wait_until(2 * MINUTE + DAY + 6 * HOUR)) == [(2, "closed", "blue", "quiet")]


def test_at_the_end_of_a_bounded_input_an_open_alert_shows_all_that_it_took_in() -> None:
    run = opened()
    run.tell(report("e3", 3 * MINUTE))

    assert run.finish() == []

    standing: Draft = run.drafts[-1]

    assert standing.standing
    assert standing.revision.revision == 1
    assert standing.evidence_ids == ("e0", "e1", "e2", "e3")


def test_what_is_folded_survives_a_restart() -> None:
    run = opened(min_gap="15m")
    run.tell(report("p", 5 * MINUTE, "police"))
    run.restart()

    assert said(run.wait_until(17 * MINUTE)) == [(2, "open", "blue", "new_channel")]


def test_an_alert_that_can_speak_no_more_is_forgotten() -> None:
    run = opened(reopen_within="7d")
    run.wait_until(30 * DAY)
    shard = run.pipeline.shards[0]
    track = shard.subjects[0]["0", "x"]

    assert shard.alerts == [{}]
    assert isinstance(track, Track)
    assert track.head.number == 1
    assert track.entries == []


def test_what_is_folded_after_some_evidence_went_away_came_when_it_came() -> None:
    alert = Alert()
    alert.last = msgspec.structs.replace(opened().revisions[0], evidence_total=5)
    for at, count in ((10, -1), (20, -2), (30, -1), (40, 1), (50, 2)):
        alert._fold(count, Moment(at), waiting=False)

    assert alert._came(7, Moment(60)) == (40, 50)
    assert alert._came(8, Moment(60)) == (40, 60)
    assert alert._came(5, Moment(60)) is None
    assert alert._suppressed().count == 2
