"""A person merges and splits matters: counts are made again, nothing counts twice, alerts follow and say so."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_city import CALENDARS, CHANNELS, DAY, HOUR, MINUTE, START, Run, make_rule, report, said
from small_desk import GRID, routing

from alerts.desk.audit import broken
from alerts.model import Link, Revision, to_us
from alerts.rejoining import split_matter
from alerts.rule import Rule, compile_rule

LIFE = {"quiet_close": "20d", "reopen_within": "2d", "min_gap": "1m", "max_gap": "1m", "max_quiet_update": "1h"}
WINDOW = {"size": "10d", "lateness": "1h"}
LEVELS = [{"gte": 2, "level": "blue"}, {"gte": 4, "level": "yellow"}, {"gte": 6, "level": "red"}]


def counting(number: int = 0, **parts: Any) -> Rule:
    return make_rule(
        number=number,
        **{"id": "t.count", "key": ["matter"], "levels": LEVELS, "lifecycle": LIFE, "window": WINDOW, **parts},
    )


def owed(number: int = 0) -> Rule:
    """A matter must be closed within two days."""
    spec = {
        "apiVersion": "rules/v1", "id": "t.owed", "version": 1, "kind": "obligation",
        "title": {"zh": "测", "en": "t"}, "owner": "tests", "purpose": "life-safety", "channels": ["hotline"],
        "obligation": {
            "opens": {"action": ["received"]}, "satisfied_by": {"action": ["closed"]}, "id": ["matter"], "due": "2d",
            "max_hold": "1h",
        },
        "stages": [{"at": "50%", "level": "blue"}, {"at": "100%", "level": "yellow"}],
        "window": {"lateness": "1h"}, "lifecycle": LIFE,
    }  # fmt: skip
    return compile_rule(spec, CHANNELS, number, CALENDARS)


def run_of(*rules: Rule, shards: int = 2) -> Run:
    return Run(*rules, shards=shards, routing=routing())


def tell(run: Run, matter: str, *hours: float, **fields: Any) -> list[Revision]:
    """Reports of a matter, at these hours."""
    found: list[Revision] = []
    for hour in hours:
        known = {"grid": GRID, "pair": None, **fields}
        found += run.tell(report(f"{matter}@{hour}", int(hour * HOUR), matter=matter, **known))
    return found


def merge(run: Run, hour: float, gone: str, into: str, **fields: Any) -> list[Revision]:
    return run.do(int(hour * HOUR), "merge", matter=gone, into=into, why="同一件事", **fields)


def split(run: Run, hour: float, matter: str, *events: str, **fields: Any) -> list[Revision]:
    return run.do(int(hour * HOUR), "split", matter=matter, events=events, why="两件事", **fields)


def test_two_matters_that_are_one_are_counted_together_and_the_alert_that_goes_names_its_heir() -> None:
    run = run_of(counting())
    tell(run, "a", 1, 2)
    tell(run, "b", 3, 4)
    into = run.revisions[-1].alert_id
    found = {revision.key["matter"]: revision for revision in merge(run, 5, "a", "b")}

    assert (found["a"].state, found["a"].reason) == ("merged", "merged")
    assert [(link.type, link.alert_id) for link in found["a"].links] == [("merged_into", into)]
    assert (found["b"].alert_id, found["b"].state, found["b"].reason) == (into, "open", "level_up")
    assert (found["b"].level, found["b"].count, found["b"].evidence_total) == ("yellow", 4, 4)
    assert (run.acted.verdict, run.acted.county, run.acted.action.matter) == ("done", "620102", "a")


def test_what_comes_to_a_merged_matter_afterwards_is_its_heirs() -> None:
    run = run_of(counting())
    tell(run, "a", 1)
    tell(run, "b", 2)
    merge(run, 3, "a", "b")
    tell(run, "a", 4, 5)

    assert {link.matter for link in run.routed[-1].links} == {"b"}
    assert run.revisions[-1].key == {"matter": "b"}
    assert run.revisions[-1].count == 4


def test_what_is_settled_long_since_follows_too() -> None:
    """The watermark has passed all of it; a move of the stream itself could not take it back."""
    run = run_of(counting())
    tell(run, "a", 1, 2, 3)
    tell(run, "b", 100, 101)
    [gone, heir] = sorted(merge(run, 150, "a", "b"), key=lambda revision: revision.key["matter"])

    assert (gone.state, heir.count, heir.level) == ("merged", 5, "yellow")


def test_the_pool_and_the_links_say_where_the_events_are_now() -> None:
    run = run_of(counting())
    tell(run, "a", 1, 2)
    tell(run, "b", 3)
    merge(run, 4, "a", "b")
    routed = run.routed[-1]

    assert [(pooled.event.id, pooled.matter, pooled.event.matter) for pooled in routed.pooled] == [
        ("a@1", "b", "b"),
        ("a@2", "b", "b"),
    ]
    assert [(link.event_id, link.matter, link.previous, link.reason) for link in routed.links] == [
        ("a@1", "b", "a", "merged"),
        ("a@2", "b", "a", "merged"),
    ]


def test_a_contact_that_was_handed_over_stays_one_contact_in_its_new_matter() -> None:
    run = run_of(counting())
    tell(run, "a", 1)
    tell(run, "a", 2, link=Link("transfer", "a@1"))
    tell(run, "b", 3)
    [heir] = merge(run, 4, "a", "b")

    assert (heir.count, heir.state) == (2, "open")


def test_a_split_takes_its_events_along_and_its_alert_names_where_it_came_from() -> None:
    run = run_of(counting())
    tell(run, "a", 1, 2, 3, 4)
    before = run.revisions[-1]
    found = split(run, 5, "a", "a@1", "a@2")
    made = split_matter("a1")
    known = {revision.key["matter"]: revision for revision in found}

    assert (known["a"].alert_id, known["a"].state, known["a"].reason) == (before.alert_id, "open", "split")
    assert (known["a"].level, known["a"].count) == ("blue", 2)
    assert (known[made].state, known[made].reason, known[made].count) == ("open", "opened", 2)
    assert [(link.type, link.alert_id) for link in known[made].links] == [("split_from", before.alert_id)]
    assert run.acted.action.into == made


def test_where_it_came_from_stays_said() -> None:
    run = run_of(counting())
    tell(run, "a", 1, 2, 3, 4)
    split(run, 5, "a", "a@1", "a@2")
    made = split_matter("a1")
    tell(run, made, 6, 7)

    assert [link.type for link in run.revisions[-1].links] == ["split_from"]
    assert run.revisions[-1].level == "yellow"


def test_an_alert_that_a_split_leaves_too_little_ends_as_split() -> None:
    run = run_of(counting())
    tell(run, "a", 1, 2)
    split(run, 3, "a", "a@2")

    assert said(run.revisions) == [(1, "open", "blue", "opened"), (2, "split", "blue", "split")]
    tell(run, "a", 4)
    assert (run.revisions[-1].episode, run.revisions[-1].state, run.revisions[-1].count) == (2, "open", 2)


def test_people_of_a_split_matter_join_the_part_to_which_their_last_report_belongs() -> None:
    run = run_of(counting())
    topic = {"category": "dispute", "subcategory": "land", "region": "620102001001"}
    for hour, reporter in ((1, "p"), (2, "q"), (3, "p")):
        tell(run, "a", hour, reporter=reporter, **topic)
    split(run, 4, "a", "a@2")
    run.tell(report("x", 5 * HOUR, matter=None, pair=None, reporter="q", grid=GRID, **topic))
    run.tell(report("y", 6 * HOUR, matter=None, pair=None, reporter="p", grid=GRID, **topic))

    assert [(link.matter, link.reason) for routed in run.routed[-2:] for link in routed.links] == [
        (split_matter("a1"), "reporter"),
        ("a", "reporter"),
    ]


def test_a_merge_that_is_split_again_leaves_each_alert_as_if_nothing_had_been() -> None:
    run = run_of(counting())
    tell(run, "a", 1, 2)
    tell(run, "b", 3, 4)
    merge(run, 5, "a", "b")
    split(run, 6, "b", "a@1", "a@2")
    last = {revision.key["matter"]: revision for revision in run.revisions}

    assert (last["b"].state, last["b"].level, last["b"].count) == ("open", "blue", 2)
    assert last["a"].state == "merged"
    assert (last[split_matter("a2")].state, last[split_matter("a2")].count) == ("open", 2)


def test_what_a_rule_counts_of_matters_is_counted_again() -> None:
    """Two matters at one place are one: there are fewer different ones."""
    rule = counting(kind="distinct", id="t.place", key=["place"], of="matter", levels=[{"gte": 3, "level": "blue"}])
    run = run_of(rule)
    for hour, matter in enumerate("abc", 1):
        tell(run, matter, hour, place="p1")
    found = merge(run, 5, "a", "b")

    assert [(revision.state, revision.key) for revision in found] == [("merged", {"place": "p1"})]


def test_the_older_obligation_of_a_merged_matter_is_the_one_that_counts() -> None:
    run = run_of(owed())
    tell(run, "a", 1)
    tell(run, "b", 20)
    run.wait_until(30 * HOUR)
    opened = run.revisions
    assert said(opened) == [(1, "open", "blue", "opened")]
    merge(run, 31, "a", "b")
    run.wait_until(60 * HOUR)
    found = run.revisions[len(opened) :]

    assert {(r.key["matter"], r.state) for r in found if r.key["matter"] == "a"} == {("a", "merged")}
    heir = [revision for revision in found if revision.key["matter"] == "b"]
    assert said(heir) == [(1, "open", "blue", "opened"), (2, "open", "yellow", "level_up")]


def test_a_closing_that_comes_with_the_other_matter_satisfies_what_is_owed() -> None:
    run = run_of(owed())
    tell(run, "a", 1)
    run.wait_until(30 * HOUR)
    tell(run, "b", 32)
    tell(run, "b", 33, action="closed")
    [last] = merge(run, 34, "b", "a")

    assert (last.alert_id, last.state, last.reason) == (run.revisions[0].alert_id, "closed", "satisfied")


ELSEWHERE = "matters must lie in the region of who acts, `620103`; got one of another, or one that nobody knows"


@pytest.mark.parametrize(
    ("what", "fields", "wanted"),
    [
        ("merge", {"role": "duty"}, "role `duty` must be allowed to merge matters; it is not"),
        ("merge", {"why": ""}, "`why` must say what a merge is for; got nothing"),
        ("merge", {"into": "a"}, "matters must be two; got `a`, which is part of `a` already"),
        ("merge", {"into": "nowhere"}, "matter must be one that has events; got `nowhere`"),
        ("merge", {"matter": "nowhere"}, "matter must be one that has events; got `nowhere`"),
        ("merge", {"scope": "620103"}, ELSEWHERE),
        ("merge", {"scope": "620103", "into": "nowhere"}, ELSEWHERE),
        ("split", {"events": ()}, "`events` must name events of the matter `a`; got none"),
        ("split", {"events": ("b@3",)}, "`events` must name events of the matter `a`; got `b@3`, which is of another"),
        ("split", {"events": ("a@1", "a@2")}, "at least one event must stay in the matter; got all 2 of `a`"),
    ],
)
def test_what_must_not_be_is_refused_with_a_sentence_and_changes_nothing(
    what: str, fields: dict[str, Any], wanted: str
) -> None:
    run = run_of(counting())
    tell(run, "a", 1, 2)
    tell(run, "b", 3)
    known = {"matter": "a", "into": "b" if what == "merge" else "", "events": ("a@1",), "why": "so", **fields}
    found = run.do(4 * HOUR, what, **known)

    assert (run.acted.verdict, run.acted.sentence) == ("refused", wanted)
    assert found == []
    assert not run.routed[-1].pooled


def test_the_same_action_again_does_nothing_and_is_one_row() -> None:
    run = run_of(counting())
    tell(run, "a", 1)
    tell(run, "b", 2)
    merge(run, 3, "a", "b", action_id="once")
    rows = len(run.pipeline.acted)

    assert merge(run, 4, "a", "b", action_id="once") == []
    assert len(run.pipeline.acted) == rows


def test_what_was_done_stands_in_the_audit_even_under_an_id_that_was_another_action() -> None:
    run = run_of(counting())
    tell(run, "a", 1)
    tell(run, "b", 2)
    run.do(3 * HOUR, "note", action_id="once", alert_id="nobody")
    merge(run, 4, "a", "b", action_id="once")

    assert [(row.action.action, row.verdict) for row in run.pipeline.acted] == [("note", "refused"), ("merge", "done")]


# --- any history ---------------------------------------------------------------------------------------------------

MATTERS = ("a", "b", "c")
steps = st.one_of(
    st.tuples(st.just("tell"), st.integers(0, 900), st.sampled_from(MATTERS), st.integers(0, 50)),
    st.tuples(st.just("tell"), st.integers(0, 60), st.sampled_from(MATTERS), st.integers(0, 50)),
    st.tuples(st.just("merge"), st.integers(0, 600), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("split"), st.integers(0, 600), st.integers(0, 9), st.sets(st.integers(0, 9), max_size=3)),
    st.tuples(st.just("restart"), st.just(0)),
)


class Story:
    """A history in which matters are merged and split; `matter_of` is what people have made of it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.now = 0
        self.told: list[tuple[int, str, Any]] = []  # (arrival, given matter, event)

    def play(self, step: tuple[Any, ...]) -> None:
        what, minutes, *more = step
        self.now += minutes * MINUTE
        getattr(self, f"_{what}")(*more)
        self.now += 1

    def matters(self) -> dict[str, list[str]]:
        """The events of every matter as the pool has them."""
        found: dict[str, list[str]] = defaultdict(list)
        for pooled in {p.event.id: p for routed in self.run.routed for p in routed.pooled}.values():
            found[pooled.matter].append(pooled.event.id)
        return found

    def _tell(self, matter: str, late: int) -> None:
        event = report(f"e{len(self.told)}", self.now - late * MINUTE, matter=matter, grid=GRID, pair=None)
        self.told.append((self.now, matter, event))
        self.run.tell(event, arrive=self.now)

    def _merge(self, gone: int, into: int) -> None:
        known = sorted(self.matters())
        if known:
            self.run.do(self.now, "merge", matter=known[gone % len(known)], into=known[into % len(known)], why="so")

    def _split(self, which: int, places: set[int]) -> None:
        known = self.matters()
        if known:
            matter = sorted(known)[which % len(known)]
            events = tuple({known[matter][place % len(known[matter])]: None for place in sorted(places)})
            self.run.do(self.now, "split", matter=matter, events=events, why="so")

    def _restart(self) -> None:
        self.run.restart()


def rules() -> list[Rule]:
    return [
        counting(),
        counting(1, kind="distinct", id="t.matters", key=["county"], of="matter"),
        owed(2),
        make_rule(
            "progression", 3, id="t.climb", key=["matter"], window=WINDOW, lifecycle=LIFE,
            when={"chain": {"measure": "channel_rank", "min_steps": 1}},
            levels=[{"steps": 1, "level": "blue"}],
        ),
    ]  # fmt: skip


def standing(run: Run) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    """The open alerts: level and evidence, by rule and key."""
    last = {draft.revision.alert_id: draft for draft in run.drafts}
    return {
        (d.revision.rule, "|".join(d.revision.key.values())): (d.revision.level, d.evidence_ids)
        for d in last.values()
        if d.revision.state == "open"
    }


@given(history=st.lists(steps, max_size=40))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_stands_at_the_end_is_what_would_stand_had_every_event_been_given_its_last_matter(
    history: list[tuple[Any, ...]],
) -> None:
    story = Story(run_of(*rules()))
    for step in history:
        story.play(step)
    last = {event: matter for matter, events in story.matters().items() for event in events}
    other = run_of(*rules(), shards=1)
    for at, _, event in story.told:
        other.tell(
            report(event.id, to_us(event.occurred_at) - START, matter=last[event.id], grid=GRID, pair=None), arrive=at
        )
    for run in (story.run, other):
        run.wait_until(story.now + 2 * HOUR)
        run.finish()

    assert standing(story.run) == standing(other)


@given(history=st.lists(steps, max_size=40))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_alert_has_one_closing_a_whole_chain_and_every_action_a_row(history: list[tuple[Any, ...]]) -> None:
    story = Story(run_of(*rules()))
    for step in history:
        story.play(step)
    story.run.wait_until(story.now + 60 * DAY)
    by_alert: dict[str, list[Revision]] = defaultdict(list)
    for revision in story.run.revisions:
        by_alert[revision.alert_id].append(revision)

    for revisions in by_alert.values():
        assert [r.revision for r in revisions] == list(range(1, len(revisions) + 1))
        assert [r.prev_hash for r in revisions] == ["", *(r.content_hash for r in revisions[:-1])]
        ended = [r.state not in ("open", "acked") for r in revisions]
        reopened = [r.reason == "reopened" for r in revisions]
        assert sum(ended) == 1 + sum(reopened)
        assert ended[-1]
    assert broken(story.run.pipeline.acted) == []
