"""The life of an alert under any history of reports, people and restarts (semantics 8, 9)."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_city import DAY, HOUR, MINUTE, START, Run, make_rule, report
from small_desk import GRID, INHIBIT, LIFE, routing

from alerts.desk.audit import broken
from alerts.entry import LEVEL_NUMBER
from alerts.model import Matchers, Revision, Silencing, from_us
from alerts.record import content_hash
from alerts.rule import Rule

ENDED = ("closed", "retracted", "merged", "split", "expired")
PAIRS = ("x", "y")


def rules() -> list[Rule]:
    """One that climbs, one that its red mutes, one that late evidence takes back."""
    window = {"size": "2d", "lateness": "1h"}
    levels = [{"gte": 1, "level": "blue"}, {"gte": 2, "level": "yellow"}, {"gte": 4, "level": "red"}]
    quick = {**LIFE, "quiet_close": "8h", "reopen_within": "6h", "aftercare": {"for": "1d", "level_plus": 1}}
    slow = {**quick, "quiet_close": "20h"}
    gaps = {"name": "gaps", "level": "yellow", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}}
    return [
        make_rule(id="test.climbs", levels=levels, lifecycle=quick, window=window),
        make_rule(id="test.small", number=1, levels=levels[:1], window=window, lifecycle=slow),
        make_rule(
            "progression", id="test.gaps", number=2, when={"any": [gaps], "eager": True}, window=window, lifecycle=quick
        ),
    ]


class Story:
    """A run with a clock that only goes forward."""

    def __init__(self) -> None:
        self.run = Run(*rules(), shards=2, routing=routing(inhibit=INHIBIT))
        self.now = 0
        self.events = 0
        self.said_before: list[Revision] = []

    def play(self, step: tuple[Any, ...]) -> None:
        what, minutes, *more = step
        self.now += minutes * MINUTE
        getattr(self, f"_{what}")(*more)

    def _report(self, pair: str, late: int) -> None:
        self.events += 1
        event = report(f"e{self.events}", self.now - late * MINUTE, pair=pair, grid=GRID)
        self.run.tell(event, arrive=self.now)

    def _wait(self) -> None:
        self.run.wait_until(self.now)
        self.now += 1

    def _restart(self) -> None:
        self.run.restart()

    def _act(self, action: str, which: int, fields: dict[str, Any]) -> None:
        known = list({r.alert_id: r for r in self.run.revisions}.values())
        if known:
            self.run.do(self.now, action, alert_id=known[which % len(known)].alert_id, **fields)

    def _silence(self, level_rise: bool, hours: int, which: str, ends: str) -> None:
        wanted = Silencing(Matchers(key={"pair": which}), mute_level_rise=level_rise, **({ends: True} if ends else {}))
        until = from_us(START + self.now + hours * HOUR)
        self.run.do(self.now, "silence", silence=wanted, why="so", until=until)

    def _unsilence(self, which: int) -> None:
        begun = [row.action.action_id for row in self.run.pipeline.acted if row.action.action == "silence"]
        if begun:
            self.run.do(self.now, "unsilence", of=begun[which % len(begun)])


passing = st.integers(0, 400)
steps = st.one_of(
    st.tuples(st.just("report"), passing, st.sampled_from(PAIRS), st.integers(0, 50)),
    st.tuples(st.just("report"), st.integers(0, 30), st.sampled_from(PAIRS), st.integers(0, 50)),
    st.tuples(st.just("wait"), passing),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(
        st.just("act"),
        st.integers(0, 90),
        st.sampled_from(["ack", "unack", "close", "reopen", "note", "assign", "show"]),
        st.integers(0, 5),
        st.just({"disposition": "benign", "why": "words", "assigned_to": "wang"}),
    ),
    st.tuples(
        st.just("silence"),
        passing,
        st.booleans(),
        st.integers(1, 30),
        st.sampled_from(PAIRS),
        st.sampled_from(["", "on_close", "on_level_rise"]),
    ),
    st.tuples(st.just("unsilence"), passing, st.integers(0, 3)),
)


def by_alert(revisions: list[Revision]) -> dict[str, list[Revision]]:
    found: dict[str, list[Revision]] = defaultdict(list)
    for revision in revisions:
        found[revision.alert_id].append(revision)
    return found


def mutes_rises(revision: Revision, run: Run) -> bool:
    """Is everything that mutes it a silence which may mute a level rise?"""
    loud = {
        f"silence:{row.action.action_id}"
        for row in run.pipeline.acted
        if row.action.silence is not None and row.action.silence.mute_level_rise
    }
    return bool(revision.route.muted_by) and set(revision.route.muted_by) <= loud


@given(history=st.lists(steps, max_size=40))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_life_of_every_alert_is_whole(history: list[tuple[Any, ...]]) -> None:
    story = Story()
    for step in history:
        story.play(step)
    story.run.wait_until(story.now + 40 * DAY)
    run = story.run

    for revisions in by_alert(run.revisions).values():
        assert [r.revision for r in revisions] == list(range(1, len(revisions) + 1))
        assert [r.prev_hash for r in revisions] == ["", *(r.content_hash for r in revisions[:-1])]
        assert all(r.content_hash == content_hash(r) for r in revisions)
        assert revisions[0].state == "open"
        for before, after in pairwise(revisions):
            if before.state in ENDED:
                assert (after.state, after.reason) == ("open", "reopened")
            elif LEVEL_NUMBER[after.level] > LEVEL_NUMBER[before.level] and after.state not in ENDED:
                assert after.state == "open"  # whatever was acked
                assert after.route.muted_by == () or mutes_rises(after, run)
        assert revisions[-1].state in ENDED
        assert all(r.route.muted_by == () for r in revisions if r.state in ENDED)
        assert all(not (r.route.muted_by and (r.route.rung or r.route.roles)) for r in revisions)
    assert [r.feed_seq for r in run.revisions] == list(range(1, len(run.revisions) + 1))
    assert broken(run.pipeline.acted) == []
    assert not run.pipeline.publishing.desk.alerts
    assert not run.pipeline.publishing.desk.silences


@given(history=st.lists(steps, max_size=30))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_was_muted_is_told_as_soon_as_nothing_mutes_it(history: list[tuple[Any, ...]]) -> None:
    """At any instant an open alert that nothing mutes has been told as it is."""
    story = Story()
    for step in history:
        story.play(step)
        story.play(("wait", 0))
        desk = story.run.pipeline.publishing.desk
        at = START + story.now
        for each in desk.alerts.values():
            if each.is_open and each.hushed:
                assert any(silence.mutes(each.last, at, False) for silence in desk.silences.values()) or any(
                    other.is_open and other.last.level == "red" and other.last.key == each.last.key
                    for other in desk.alerts.values()
                )
        assert all(silence.until >= at - 1 for silence in desk.silences.values())


@given(history=st.lists(steps, max_size=40))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_words_of_people_outlive_every_revision_and_a_restart_changes_nothing(
    history: list[tuple[Any, ...]],
) -> None:
    whole, broken_off = Story(), Story()
    for step in history:
        broken_off.play(step)
        if step[0] != "restart":
            whole.play(step)
    for story in (whole, broken_off):
        story.run.wait_until(story.now + 40 * DAY)

    first, second = ([msgspec.json.encode(r) for r in story.run.revisions] for story in (broken_off, whole))
    assert first == second
    assert broken_off.run.pipeline.acted == whole.run.pipeline.acted
    asked = sum(step[0] in ("act", "silence", "unsilence") for step in history)
    assert len([row for row in whole.run.pipeline.acted if row.action.actor == "li"]) <= asked
    assert all(row.action.why == "words" for row in whole.run.pipeline.acted if row.action.action == "note")
