"""Obligations against their definition, walked through half hour by half hour."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from obligations import HALF, KEY, MONDAY, Definition, answer, entry, owed, plan, rule, vouch

from alerts.calendar import calendar_of
from alerts.duration import DAY_US, Span
from alerts.entry import Entry
from alerts.kinds.owed import Obligation
from alerts.model import NEVER, Event

FRIDAY = MONDAY + 4 * DAY_US
HALVES = st.integers(0, 48 * 7).map(lambda count: FRIDAY + count * HALF)
ROLES = st.sampled_from(
    [("opens",), ("satisfies",), ("pauses",), ("resumes",), ("bumps",), ("opens", "bumps"), ("satisfies", "opens")]
)
STEPS = st.lists(
    st.tuples(st.just("event"), HALVES, ROLES)
    | st.tuples(st.just("vouch"), HALVES, st.sampled_from(["confirmed", "partial", "data_gap"]))
    | st.tuples(st.just("confirm"), HALVES, st.none())
    | st.tuples(st.just("restart"), st.none(), st.none()),
    max_size=14,
)
EVENTS = st.lists(st.tuples(HALVES, ROLES), max_size=10)
PLANS = [
    plan(Span(DAY_US, True), (0.5, 1, 2), calendar_of({"holidays": ["2026-03-10"], "workdays": ["2026-03-08"]})),
    plan(Span(2 * DAY_US), (0.25, 0.75, 1.25), None),
]


def restarted(one: Obligation) -> Obligation:
    def revive(kept: Any) -> Entry:
        return (*kept[:5], tuple(kept[5]), msgspec.convert(kept[6], Event))

    state = msgspec.msgpack.decode(msgspec.msgpack.encode(one.state()))
    return Obligation.restored(one.rule, one._plan, state, revive)


@given(st.sampled_from(PLANS), HALVES, STEPS)
@example(PLANS[0], FRIDAY, [("vouch", FRIDAY + 9 * DAY_US, "partial"), ("event", FRIDAY + DAY_US, ("satisfies",))])
def test_it_says_what_the_definition_says_whatever_comes_when(the_plan: Any, opened: int, steps: list[Any]) -> None:
    one, definition = Obligation(rule(), the_plan, KEY), Definition(the_plan)
    for number, (what, at, detail) in enumerate([("event", opened, ("opens",)), *steps]):
        if what == "event":
            each = entry(f"e{number}", at, *detail)
            one.add(each, NEVER)
            definition.add(each)
        elif what == "vouch":
            vouch(one, at, detail)
            definition.vouch(at, detail)
        elif what == "confirm":
            one.reach(2, at, None)
            definition.confirm(at)
        else:
            before = (answer(one), one.wants(), one.state())
            one = restarted(one)
            assert (answer(one), one.wants(), one.state()) == before

        assert answer(one) == definition.answer()


@given(
    st.sampled_from(PLANS), HALVES, st.lists(st.tuples(HALVES, ROLES), max_size=8), st.randoms(use_true_random=False)
)
def test_the_order_of_arrival_changes_nothing(the_plan: Any, opened: int, events: list[Any], random: Any) -> None:
    entries = [entry(f"e{n}", at, *roles) for n, (at, roles) in enumerate([(opened, ("opens",)), *events])]
    mixed = random.sample(entries, len(entries))
    one, other = owed(*sorted(entries), the_plan=the_plan), owed(*mixed, the_plan=the_plan)
    for each in (one, other):
        vouch(each, FRIDAY + 30 * DAY_US)

    assert answer(one) == answer(other)
    assert one.wants() == other.wants()


@given(st.sampled_from(PLANS), HALVES, EVENTS)
def test_forgetting_changes_nothing_that_is_still_said(the_plan: Any, opened: int, events: list[Any]) -> None:
    entries = sorted(entry(f"e{n}", at, *roles) for n, (at, roles) in enumerate([(opened, ("opens",)), *events]))
    keeps, forgets = owed(the_plan=the_plan), owed(the_plan=the_plan, the_rule=rule(lateness=DAY_US))
    for each in entries:
        for one in (keeps, forgets):
            one.add(each, each[0] - 1)
            vouch(one, each[0])
        for _ in entries:
            if forgets.wants()[0] < each[0]:
                forgets.reach(0, forgets.wants()[0], None)

    left = answer(forgets)
    assert left == [each for each in answer(keeps) if each[0] > forgets.forgotten]
