"""A rule book that changes in the log: state and events stay, nothing is said twice, a new generation is warmed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_city import CHANNELS, DAY, HOUR, START, make_rule, report

from alerts.model import Arrival, Book, Event, Revision, Slice
from alerts.pipeline import Pipeline
from alerts.rule import Rule
from alerts.rule_book import RuleBook, turn


def compiled(book: RuleBook) -> list[Rule]:
    return book.compiled(CHANNELS, {})


class Live:
    """The stages with a memory of everything that was said, like a flow with its pool."""

    def __init__(self, *rules: Rule, shards: int = 2) -> None:
        self.rules = rules
        self.shards = shards
        self.pool: list[tuple[int, Event]] = []
        self.pipeline = self._pipeline()
        self.revisions: list[Revision] = []
        self.refused: list[str] = []

    def tell(self, event: Event, arrive: int | None = None) -> list[Revision]:
        at = START + arrive if arrive is not None else int(event.occurred_at.timestamp() * 1_000_000)
        return self.take(at, Arrival(event, at))

    def edit(self, at: int, *rules: Rule) -> list[Revision]:
        return self.take(START + at, Book(START + at, tuple(msgspec.to_builtins(rule.spec) for rule in rules)))

    def wait_until(self, at: int) -> list[Revision]:
        return self.take(START + at + 1)

    def restart(self) -> None:
        kept = self.pipeline.snapshot()
        self.pipeline = self._pipeline()
        self.pipeline.restore(kept)

    def take(self, at: int, *records: Arrival | Book) -> list[Revision]:
        routed, drafts = self.pipeline.take(Slice(at, records))
        self.pool += [(int(p.arrived_at.timestamp() * 1_000_000), p.event) for p in routed.pooled]
        self.refused += routed.refused
        said = [draft.revision for draft in drafts]
        self.revisions += said
        return said

    def _pipeline(self) -> Pipeline:
        return Pipeline(self.rules, CHANNELS, self.shards, compiled, self._history)

    def _history(self, channels: frozenset[str], since: int, before: int) -> Iterable[Event]:
        found = [e for at, e in self.pool if at < before and e.channel in channels]
        return sorted(found, key=lambda event: (event.occurred_at, event.id))


def short(revisions: Iterable[Revision]) -> list[tuple[str, str, str]]:
    return [(revision.state, revision.level, revision.reason) for revision in revisions]


def told(run: Live, count: int, key: str = "x") -> None:
    for number in range(count):
        run.tell(report(f"{key}{number}", number * HOUR, pair=key))


def test_other_words_swap_at_once_and_say_nothing() -> None:
    run = Live(make_rule(explain={"zh": "旧", "en": "old"}))
    told(run, 3)

    assert run.edit(3 * HOUR, make_rule(explain={"zh": "新", "en": "new"})) == []
    assert run.tell(report("more", 4 * HOUR)) == []
    last = run.tell(report("loud", 5 * HOUR))[0]
    assert last.text.en == "new"
    assert last.revision == 2


def test_a_lower_threshold_opens_what_it_reaches_and_raises_what_is_open() -> None:
    run = Live(make_rule())
    told(run, 2, "quiet")
    told(run, 4, "loud")
    said = run.edit(5 * HOUR, make_rule(version=2, levels=[{"gte": 2, "level": "blue"}, {"gte": 4, "level": "red"}]))

    assert short(said) == [("open", "red", "level_up"), ("open", "blue", "opened")]
    assert [r.revision for r in said] == [2, 1]
    assert {r.rule_generation for r in said} == {1}
    assert (
        run.edit(6 * HOUR, make_rule(version=2, levels=[{"gte": 2, "level": "blue"}, {"gte": 4, "level": "red"}])) == []
    )


def test_a_higher_threshold_closes_what_it_no_longer_reaches() -> None:
    run = Live(make_rule())
    told(run, 3, "three")
    told(run, 5, "five")
    said = run.edit(6 * HOUR, make_rule(version=2, levels=[{"gte": 4, "level": "blue"}, {"gte": 6, "level": "red"}]))

    assert sorted(short(said)) == [("closed", "blue", "superseded"), ("open", "blue", "superseded")]


LONG = {"window": {"size": "10d", "lateness": "6h"}}


def living(version: int = 1, least: int = 3, **life: Any) -> Rule:
    return make_rule(version=version, levels=[{"gte": least, "level": "blue"}], lifecycle=life, **LONG)


@pytest.mark.parametrize("reopen", [{}, {"reopen_within": "5d"}], ids=["another episode", "the same again"])
def test_under_another_ladder_what_came_before_a_closing_still_counts(reopen: dict[str, str]) -> None:
    run = Live(living(quiet_close="2d", **reopen))
    told(run, 3)
    closed = run.wait_until(3 * DAY)
    run.edit(3 * DAY + 1, living(2, quiet_close="3d", **reopen))
    said = run.tell(report("more", 4 * DAY))

    assert short(closed) == [("closed", "blue", "quiet")]
    assert short(said) == [("open", "blue", "reopened" if reopen else "opened")]
    assert said[0].evidence_total == 4
    assert (said[0].alert_id == closed[0].alert_id) == bool(reopen)


def test_a_second_episode_keeps_its_number_under_another_ladder() -> None:
    run = Live(living(quiet_close="2d"))
    told(run, 3)
    run.wait_until(3 * DAY)
    second = run.tell(report("more", 5 * DAY))

    assert run.edit(6 * DAY, living(2, quiet_close="3d")) == []
    assert short(run.wait_until(9 * DAY)) == [("closed", "blue", "quiet")]
    assert [r.alert_id for r in run.revisions[2:]] == [second[0].alert_id] * 2


def test_an_alert_that_would_be_quiet_by_now_closes_when_the_rule_says_so() -> None:
    run = Live(living(quiet_close="5d"))
    told(run, 3)

    assert short(run.edit(4 * DAY, living(2, quiet_close="2d"))) == [("closed", "blue", "quiet")]
    assert run.revisions[-1].evidence_total == 3


def test_an_episode_that_falls_into_several_keeps_one_alert() -> None:
    run = Live(living(quiet_close="5d", least=1))
    for day in (0, 2, 4, 6):
        run.tell(report(f"on{day}", day * DAY))
    said = run.edit(6 * DAY + 7 * HOUR, living(2, least=1, quiet_close="1d"))

    assert said == []
    assert short(run.wait_until(8 * DAY)) == [("closed", "blue", "quiet")]
    assert len({r.alert_id for r in run.revisions}) == 1
    assert [e.id for e in run.revisions[-1].evidence][-1] == "on6"


def test_what_is_over_for_good_is_not_opened_again_by_a_longer_reopening() -> None:
    run = Live(living(quiet_close="2d"))
    told(run, 3)
    run.wait_until(4 * DAY)
    run.edit(4 * DAY + 1, living(2, quiet_close="2d", reopen_within="5d"))
    said = run.tell(report("more", 5 * DAY))

    assert [(r.revision, r.reason, r.episode) for r in said] == [(1, "opened", 2)]


def test_aftercare_goes_on_under_another_ladder() -> None:
    care = {"quiet_close": "2d", "aftercare": {"for": "30d", "level_plus": 1}}
    run = Live(living(**care))
    told(run, 3)
    run.wait_until(12 * DAY)
    for number in range(3):
        run.tell(report(f"again{number}", 13 * DAY + number * HOUR))

    assert [r.level for r in run.revisions] == ["blue", "blue", "yellow"]
    assert run.edit(14 * DAY, living(2, **care, max_gap="2d")) == []


def test_aftercare_goes_on_where_something_said_nothing_while_the_alert_before_might_have_reopened() -> None:
    care = {"quiet_close": "2d", "reopen_within": "1d", "aftercare": {"for": "30d", "level_plus": 1}}
    short = {"window": {"size": "1d", "lateness": "6h"}}
    run = Live(make_rule(lifecycle=care, **short))
    told(run, 3)
    for number, hour in enumerate((60, 76, 78)):  # the first of them 8 h after the closing
        run.tell(report(f"again{number}", hour * HOUR))

    assert [(r.episode, r.level) for r in run.revisions] == [(1, "blue"), (1, "blue"), (2, "yellow")]
    assert run.edit(84 * HOUR, make_rule(version=2, lifecycle={**care, "max_gap": "2d"}, **short)) == []


@pytest.mark.parametrize("parts", [{"max_gap": "2d"}, {}], ids=["another ladder", "another window"])
def test_an_edit_closes_nothing_before_its_time(parts: dict[str, str]) -> None:
    """A late event has set the wait back by five hours, just before the alert would have closed."""
    run = Live(living(least=1, quiet_close="10h"))
    run.tell(report("first", 0))
    run.tell(report("late", 11 * HOUR), 16 * HOUR)
    window = {} if parts else {"window": {"size": "9d", "lateness": "6h"}}
    levels = [{"gte": 1, "level": "blue"}]
    life = {"quiet_close": "10h", **parts}
    run.edit(16 * HOUR + 1, make_rule(version=2, levels=levels, lifecycle=life, **(window or LONG)))

    assert short(run.wait_until(21 * HOUR - 1)) == []
    assert run.revisions[-1].state == "open"
    assert short(run.wait_until(21 * HOUR)) == [("closed", "blue", "quiet")]


LIVES = st.fixed_dictionaries(
    {"quiet_close": st.sampled_from(["10h", "1d", "3d"])},
    optional={"reopen_within": st.sampled_from(["8h", "2d"]), "min_gap": st.just("1h")},
)
HOURS = st.lists(st.tuples(st.integers(0, 150), st.integers(0, 5)), min_size=1, max_size=16)


@given(HOURS, LIVES, st.integers(1, 4), st.lists(st.integers(1, 160), min_size=1, max_size=3))
def test_another_ladder_that_changes_no_answer_changes_nothing(
    reports: list[tuple[int, int]], life: dict[str, str], least: int, edits: list[int]
) -> None:
    answers = []
    for turns in ([], edits):
        run = Live(living(least=least, **life))
        steps: list[tuple[int, int, Any]] = [
            (at + lag, number, report(f"e{number}", at * HOUR)) for number, (at, lag) in enumerate(reports)
        ]
        steps += [(at, 1000 + number, None) for number, at in enumerate(turns)]
        for version, (at, _, event) in enumerate(sorted(steps, key=lambda step: step[:2]), 2):
            if event is None:
                run.edit(at * HOUR + 1, living(version, least, **life, max_gap=f"{24 + version}h"))
            else:
                run.tell(event, at * HOUR)
        run.wait_until(30 * DAY)
        answers.append([
            (r.alert_id, r.revision, r.detected_at, r.state, r.level, r.reason, r.evidence_digest)
            for r in run.revisions
            if r.reason != "evidence"  # how soon it is said is a number of the ladder
        ])  # fmt: skip

    assert answers[0] == answers[1]


@given(HOURS, st.lists(st.tuples(st.integers(1, 160), LIVES, st.integers(1, 4)), min_size=1, max_size=4))
def test_under_any_ladders_every_alert_has_a_whole_life(
    reports: list[tuple[int, int]], edits: list[tuple[int, dict[str, str], int]]
) -> None:
    run = Live(living(quiet_close="1d"))
    steps: list[tuple[int, int, Any]] = [
        (at + lag, number, report(f"e{number}", at * HOUR)) for number, (at, lag) in enumerate(reports)
    ]
    steps += [(at, 1000 + number, edit) for number, (at, *edit) in enumerate(edits)]
    for version, (at, _, step) in enumerate(sorted(steps, key=lambda step: step[:2]), 2):
        if isinstance(step, Event):
            run.tell(step, at * HOUR)
        else:
            run.edit(at * HOUR, living(version, step[1], **step[0]))
    run.wait_until(30 * DAY)

    lives: dict[str, list[Revision]] = {}
    for revision in run.revisions:
        lives.setdefault(revision.alert_id, []).append(revision)
    for life in lives.values():
        assert [revision.revision for revision in life] == list(range(1, len(life) + 1))
        assert life[-1].state in ("closed", "retracted")
        assert all(revision.evidence_total > 0 and revision.reason != "rule_disabled" for revision in life)
        for before, after in pairwise(life):
            assert (before.state != "open") == (after.reason == "reopened")


def test_another_window_is_a_new_generation_that_knows_the_past() -> None:
    run = Live(make_rule())
    for number in range(3):
        run.tell(report(f"slow{number}", number * 30 * HOUR, pair="slow"))
    for number in range(3):
        run.tell(report(f"fast{number}", 60 * HOUR + number, pair="fast"))
    said = run.edit(61 * HOUR, make_rule(version=2, window={"size": "4d", "lateness": "6h"}))

    closed = [r for r in said if r.state == "closed"]
    opened = [r for r in said if r.state == "open"]
    assert short(closed) == [("closed", "blue", "superseded")]
    assert {tuple(r.key.items()) for r in opened} == {(("pair", "slow"),), (("pair", "fast"),)}
    assert {r.rule_generation for r in opened} == {2}
    assert {r.revision for r in opened} == {1}
    fast = next(r for r in opened if r.key == {"pair": "fast"})
    assert [(link.type, link.alert_id) for link in fast.links] == [("previous", closed[0].alert_id)]
    assert len({r.alert_id for r in said}) == 3
    assert short(run.tell(report("next", 62 * HOUR, pair="fast"))) == []  # the fourth: no second alert


def test_what_ended_in_the_past_is_not_told_again() -> None:
    life = {"quiet_close": "5h"}
    run = Live(make_rule(lifecycle=life))
    told(run, 3)
    run.wait_until(3 * DAY)

    assert run.edit(3 * DAY + 1, make_rule(version=2, lifecycle=life, window={"size": "3d", "lateness": "6h"})) == []


def test_the_same_version_with_another_meaning_is_refused_and_the_old_rule_goes_on() -> None:
    run = Live(make_rule())
    told(run, 2)
    run.edit(2 * HOUR, make_rule(levels=[{"gte": 2, "level": "red"}]))

    assert len(run.refused) == 1
    assert "must get a version above 1 when its meaning changes; got 1 again" in run.refused[0]
    assert short(run.tell(report("third", 3 * HOUR))) == [("open", "blue", "opened")]


def test_a_rule_that_goes_ends_its_alerts_and_one_that_comes_back_is_another_generation() -> None:
    run = Live(make_rule())
    told(run, 3)

    assert short(run.edit(4 * HOUR)) == [("closed", "blue", "rule_disabled")]
    again = run.edit(5 * HOUR, make_rule())
    assert short(again) == [("open", "blue", "opened")]
    assert again[0].rule_generation == 2


def test_a_shadow_that_goes_live_tells_what_is_open() -> None:
    run = Live(make_rule(status="shadow"))
    told(run, 3)
    said = run.edit(4 * HOUR, make_rule(status="live"))

    assert [(r.origin, r.state, r.rule_generation) for r in said if r.origin == "live"] == [("live", "open", 2)]


def told_of(revisions: Iterable[Revision]) -> list[tuple[str, int, int, str, str, str]]:
    return [(r.origin, r.rule_generation, r.revision, r.state, r.level, r.reason) for r in revisions]


def test_a_shadow_that_goes_live_with_another_ladder_tells_what_is_open_from_the_beginning() -> None:
    run = Live(make_rule(status="shadow"))
    told(run, 3)
    said = run.edit(4 * HOUR, make_rule(version=2, status="live", levels=[{"gte": 2, "level": "yellow"}]))

    assert told_of(said) == [
        ("shadow", 1, 2, "closed", "blue", "rule_disabled"),
        ("live", 2, 1, "open", "yellow", "opened"),
    ]


def test_a_live_rule_that_goes_into_the_shadow_with_another_ladder_closes_what_it_has_told() -> None:
    run = Live(make_rule(lifecycle={"quiet_close": "1d"}))
    told(run, 3)
    said = run.edit(4 * HOUR, make_rule(version=2, status="shadow", lifecycle={"quiet_close": "2d"}))

    assert told_of(said) == [
        ("live", 1, 2, "closed", "blue", "rule_disabled"),
        ("shadow", 2, 1, "open", "blue", "opened"),
    ]
    assert run.wait_until(2 * DAY) == []
    assert told_of(run.wait_until(3 * DAY)) == [("shadow", 2, 2, "closed", "blue", "quiet")]


def test_numbers_of_the_others_move_and_their_state_does_not() -> None:
    other = make_rule(id="zz.other", number=1)
    run = Live(make_rule(), other)
    told(run, 2)
    run.edit(2 * HOUR, other)

    assert [(r.rule, r.state) for r in run.tell(report("third", 3 * HOUR))] == [("zz.other", "open")]


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 5), st.sampled_from("xyz")), min_size=1, max_size=14),
    st.lists(st.tuples(st.integers(1, 95), st.sampled_from(["ladder", "window", "text", "gone"])), max_size=3),
    st.integers(0, 100),
)
def test_restarts_shards_and_slices_change_nothing(
    reports: list[tuple[int, int, str]], edits: list[tuple[int, str]], restart: int
) -> None:
    steps: list[tuple[int, int, Any]] = [
        (at + lag, number, report(f"e{number}", at * HOUR, pair=pair)) for number, (at, lag, pair) in enumerate(reports)
    ]
    steps += [(at, 1000 + number, kind) for number, (at, kind) in enumerate(edits)]
    answers = []
    for shards, is_restarted in ((1, False), (3, True)):
        run = Live(make_rule(), shards=shards)
        version, parts = 1, {}
        for at, _, step in sorted(steps, key=lambda found: found[:2]):
            if is_restarted and at >= restart:
                run.restart()
            if isinstance(step, Event):
                run.tell(step, at * HOUR)
                continue
            version += 1
            if step == "ladder":
                parts = {**parts, "levels": [{"gte": 2 + version % 2, "level": "blue"}, {"gte": 5, "level": "red"}]}
            elif step == "window":
                parts = {**parts, "window": {"size": f"{version}d", "lateness": "6h"}}
            run.edit(at * HOUR, *([] if step == "gone" else [make_rule(version=version, **parts)]))
        run.wait_until(20 * DAY)
        answers.append([revision.content_hash for revision in run.revisions])
        open_now: dict[tuple[str, ...], set[str]] = {}
        for revision in run.revisions:
            alerts = open_now.setdefault(tuple(revision.key.values()), set())
            (alerts.add if revision.state == "open" else alerts.discard)(revision.alert_id)
            assert len(alerts) <= 1, "one alert for one problem, whatever the edit"

    assert answers[0] == answers[1]


def test_the_book_after_a_turn_is_the_book_that_was_asked_for() -> None:
    book = RuleBook.of([make_rule()])
    changed = turn(book, [make_rule(version=2, key=["household"]).spec], 7, 1)

    assert changed.changes == {"test.threshold": "structure"}
    assert changed.book.generations == {"test.threshold": 2}
    assert compiled(changed.book)[0].generation == 2
    assert turn(changed.book, [make_rule(version=2, key=["household"]).spec], 8, 2).is_idle


def test_stages_without_a_compiler_never_change() -> None:
    run = Live(make_rule())
    run.pipeline = Pipeline(run.rules, CHANNELS)
    told(run, 2)

    assert run.edit(3 * HOUR, make_rule(version=2, levels=[{"gte": 2, "level": "red"}])) == []


@pytest.mark.parametrize("shards", [1, 4])
def test_events_around_the_turn_are_neither_lost_nor_counted_twice(shards: int) -> None:
    run = Live(make_rule(), shards=shards)
    first, second = report("a", HOUR), report("b", HOUR)
    third = report("c", HOUR + 1)
    at = START + HOUR
    book = Book(at + 1, (msgspec.to_builtins(make_rule(version=2, key=["matter"]).spec),))
    said = run.take(at + 9, Arrival(first, at), Arrival(second, at), book, Arrival(third, at + 2))

    assert short(said) == [("open", "blue", "opened")]
    assert [e.id for e in said[0].evidence] == ["a", "b", "c"]


OWED = {
    "id": ["matter"], "opens": {"action": ["received"]}, "satisfied_by": {"action": ["closed"]}, "due": "10h",
    "vouch": ["hotline"], "max_hold": "2h",
}  # fmt: skip


def owed(level: str = "yellow", **parts: Any) -> Rule:
    stages = [{"at": "100%", "level": level}]
    known = {"key": [], "select": {}, "stages": stages, "obligation": OWED, "window": {}, **parts}
    return make_rule("obligation", **known)


def silent(expected: str = "5h", **parts: Any) -> Rule:
    return make_rule(
        "silence", key=["channel"], channels=["hotline"], select={}, window={}, purpose="operations",
        silence={"expected": {"hotline": expected}}, **{"levels": [{"ratio": 1, "level": "blue"}], **parts},
    )  # fmt: skip


def overdue(*rules: Rule) -> Live:
    """A promise of ten hours that was not kept, eleven hours after."""
    run = Live(*rules)
    run.tell(report("a", 0))
    run.tell(report("beat", 11 * HOUR, action="heartbeat"))
    run.wait_until(11 * HOUR)
    return run


def test_another_level_of_a_stage_is_said_at_once() -> None:
    run = overdue(owed())

    assert short(run.edit(12 * HOUR, owed("red", version=2))) == [("open", "red", "level_up")]


def test_a_deadline_that_leaves_the_shadow_tells_what_is_overdue() -> None:
    run = overdue(owed(status="shadow"))
    said = run.edit(12 * HOUR, owed())

    assert [(r.origin, r.state, r.reason) for r in said if r.origin == "live"] == [("live", "open", "opened")]


def test_a_deadline_that_leaves_the_shadow_at_another_level_tells_what_is_overdue() -> None:
    run = overdue(owed(status="shadow"))
    said = run.edit(12 * HOUR, owed("red", version=2))

    assert told_of(said) == [
        ("shadow", 1, 2, "closed", "yellow", "rule_disabled"),
        ("live", 2, 1, "open", "red", "opened"),
    ]


def test_the_names_of_stages_are_words_and_swap() -> None:
    run = overdue(owed(explain="{stage}"))
    named = {"at": "100%", "level": "yellow", "name": {"zh": "到期", "en": "the end"}}
    run.edit(12 * HOUR, owed(explain="{stage}", stages=[named]))
    last = run.tell(report("b", 13 * HOUR, action="closed"))[0]

    assert (last.reason, last.text.en) == ("satisfied_late", "the end")


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_surge_counts_the_fields_that_its_rule_names_now(is_restarted: bool) -> None:
    def surging(field: str) -> Rule:
        return make_rule(
            "surge", key=["county"], window={"size": "1h", "slide": "1h", "lateness": "1h"},
            baseline={"slot": [], "history": "2d", "min_slots": 1}, when={"all": [{"count_gte": 2}]},
            levels=[{"ratio": 2, "level": "blue"}], evidence={"top_k": {field: 1}}, explain=f"{{top.{field}}}",
        )  # fmt: skip

    run = Live(surging("unit"))
    run.tell(report("first", 0, region="620102"))
    run.edit(HOUR, surging("channel"))
    if is_restarted:
        run.restart()
    for name in "abc":
        run.tell(report(name, 3 * DAY, region="620102"))

    assert [r.text.en for r in run.wait_until(4 * DAY) if r.state == "open"] == ["hotline×3"]


def test_another_ladder_of_a_silence_is_said_when_it_begins_to_hold() -> None:
    rungs = [{"ratio": 1, "level": "blue"}, {"ratio": 4, "level": "yellow"}]
    run = Live(silent(levels=rungs))
    run.tell(report("beat", 0, action="heartbeat"))
    run.wait_until(15 * HOUR)
    run.edit(16 * HOUR, silent(version=2, levels=[rungs[0], {"ratio": 2, "level": "yellow"}]))
    said = run.wait_until(17 * HOUR)

    assert [(r.level, r.reason, r.detected_at) for r in said] == [
        ("yellow", "level_up", report("", 16 * HOUR).occurred_at)
    ]


def test_what_is_quiet_when_a_silence_rule_gets_another_meaning_is_said_again() -> None:
    run = Live(silent())
    run.tell(report("beat", 0, action="heartbeat"))
    run.wait_until(10 * HOUR)
    said = run.edit(12 * HOUR, silent("6h", version=2)) + run.wait_until(13 * HOUR)

    assert short(said) == [("closed", "blue", "superseded"), ("open", "blue", "opened")]
    assert short(run.tell(report("back", 14 * HOUR, action="heartbeat"))) == [("closed", "blue", "quiet")]


def test_a_silence_rule_that_goes_leaves_no_channel_mute() -> None:
    run = Live(owed(number=0), silent(number=1))
    run.tell(report("a", 0))
    run.tell(report("beat", HOUR, action="heartbeat"))
    run.wait_until(12 * HOUR)

    assert run.edit(13 * HOUR, owed(number=0)) != []
    assert [(r.rule, r.confidence) for r in run.wait_until(16 * HOUR)] == [("test.obligation", "data_gap")]


def test_a_deadline_that_begins_during_an_outage_waits_for_its_end() -> None:
    run = Live(silent())
    run.tell(report("beat", 0, action="heartbeat"))
    run.wait_until(10 * HOUR)
    run.edit(11 * HOUR, owed(channels=["hotline", "grid"]), silent(number=1))
    run.tell(report("a", 11 * HOUR, channel="grid"))

    assert run.wait_until(3 * DAY) == []
