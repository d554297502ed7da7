"""Watermarks and timers against a clock that counts every instant."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from alerts.channel import Channel
from alerts.clock import Timeline, Watermarks
from alerts.model import NEVER, Text

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
IDLE = {"a": 12, "b": 25, "c": 7}
CHANNELS = {name: Channel(name, Text(name, name), 1, 5, idle) for name, idle in IDLE.items()}
GROUPS = [(frozenset("a"), 5), (frozenset("ab"), 3), (frozenset("abc"), 0)]
HORIZON = 90

Record = tuple[int, str, int]  # (arrival, channel, occurred)
records = st.lists(
    st.tuples(st.integers(0, HORIZON - 10), st.sampled_from("abc"), st.integers(-3, 30)), max_size=18
).map(lambda found: sorted((at, name, at - lag) for at, name, lag in found))


def by_definition(told: list[Record], channels: frozenset[str], lateness: int) -> list[int | None]:
    """`Wc` at the end of each instant, counted one by one from the contract; None before anyone spoke."""
    data: dict[str, int] = {}
    arrival: dict[str, int] = {}
    last: dict[str, int] = {}
    marks: list[int | None] = []
    held: int | None = None  # the distance at which the last speaking channels held the watermark
    for now in range(HORIZON):
        for _, name, occurred in (r for r in told if r[0] == now and r[1] in channels):
            last[name] = now
            if name not in data or occurred > data[name]:
                data[name], arrival[name] = occurred, now
        speaking = [name for name in data if now < last[name] + IDLE[name]]
        if speaking:
            distances = [max(arrival[name] - data[name], 0) for name in speaking]
            held = lateness + max(distances)
        before = marks[-1] if marks else None
        reached = None if held is None else now - held
        marks.append(max((m for m in (before, reached) if m is not None), default=None))
    return marks


def first_instant(marks: list[int | None], wanted: int, since: int) -> int | None:
    """The first instant from `since` on at which the watermark has reached `wanted`."""
    reached = (now for now, mark in enumerate(marks) if now >= since and mark is not None and mark >= wanted)
    return next(reached, None)


def slices(told: list[Record], cuts: list[int]) -> list[tuple[list[Record], int]]:
    """The records cut into slices that end at the given clock instants."""
    found, at = [], 0
    for end in [*sorted(cuts), HORIZON]:
        part = []
        while at < len(told) and told[at][0] <= end:
            part.append(told[at])
            at += 1
        found.append((part, end))
    return found


def fresh(kept: Any = None) -> Watermarks:
    marks = Watermarks(CHANNELS, GROUPS)
    if kept is not None:
        marks.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(kept)))
    return marks


def fired(
    told: list[Record], timers: list[tuple[int, int]], cuts: list[int], group: int, restarts: bool
) -> dict[tuple[int, int], int | None]:
    """At which instant each timer (event time, when it was set) fires."""
    marks = fresh()
    found: dict[tuple[int, int], int | None] = dict.fromkeys(timers)
    for part, end in slices(told, cuts):
        marks.begin()
        for at, name, occurred in part:
            marks.advance(at)
            marks.heard(name, occurred)
        marks.advance(end)
        timeline = marks.timelines(end)[group]
        for timer in timers:
            due = timeline.due(timer[0]) if found[timer] is None else None
            if due is not None and max(due, timer[1]) < end:
                assert timeline.not_before(timer[0]) <= due
                found[timer] = max(due, timer[1])
        if restarts:
            marks = fresh(marks.state())
    return found


@given(
    told=records,
    timers=st.lists(st.tuples(st.integers(-35, HORIZON), st.integers(0, 40)), min_size=1, max_size=6, unique=True),
    cuts=st.lists(st.integers(0, HORIZON), max_size=8),
    group=st.sampled_from(range(len(GROUPS))),
    restarts=st.booleans(),
)
@settings(max_examples=600, deadline=None, phases=PHASES)
def test_a_timer_fires_at_the_first_instant_at_which_the_watermark_reaches_it(
    told: list[Record], timers: list[tuple[int, int]], cuts: list[int], group: int, restarts: bool
) -> None:
    marks = by_definition(told, *GROUPS[group])
    wanted = {timer: first_instant(marks, *timer) for timer in timers}

    assert fired(told, timers, cuts, group, restarts) == wanted


@given(told=records, ticks=st.lists(st.integers(0, HORIZON), max_size=10), restart=st.integers(0, HORIZON))
@settings(max_examples=300, deadline=None, phases=PHASES)
def test_records_of_one_instant_are_held_against_the_watermark_with_which_it_began(
    told: list[Record], ticks: list[int], restart: int
) -> None:
    by_group = [by_definition(told, *group) for group in GROUPS]
    marks = fresh()
    steps = sorted([(at, 1, name, occurred) for at, name, occurred in told] + [(at, 0, "", 0) for at in ticks])
    for at, is_record, name, occurred in steps:
        marks.advance(at)
        if at >= restart:
            marks, restart = fresh(marks.state()), HORIZON + 1
        for group, known in enumerate(by_group):
            before = known[at - 1] if at else None
            got = marks.clock_watermark(group)

            assert got == before + 1 if before is not None else got < -HORIZON
        if is_record:
            marks.heard(name, occurred)


def heard(*told: Record, now: int) -> Watermarks:
    marks = fresh()
    for at, name, occurred in told:
        marks.advance(at)
        marks.heard(name, occurred)
    marks.advance(now)
    return marks


def test_a_channel_that_was_never_heard_does_not_hold_the_others_back() -> None:
    marks = heard((10, "a", 8), now=20)

    assert marks.clock_watermark(1) == 20 - 3 - 2
    assert marks.is_silent("b")
    assert marks.data_watermark("b") is None


def test_before_anyone_has_spoken_nothing_is_late() -> None:
    assert fresh().clock_watermark(0) == NEVER + 1
    assert heard((10, "b", 8), now=60).clock_watermark(0) < -HORIZON


def test_the_slowest_channel_holds_the_rule_and_lets_go_exactly_when_it_is_silent() -> None:
    marks = heard((10, "a", 10), (10, "b", 2), (34, "a", 34), now=35)  # b is idle from 10 + 25

    assert marks.clock_watermark(1) == 35 - 3 - 8
    assert not marks.is_silent("b")

    marks.advance(36)

    assert marks.is_silent("b")
    assert marks.clock_watermark(1) == 36 - 3


def test_a_record_at_the_very_instant_of_silence_keeps_the_channel() -> None:
    marks = heard((10, "c", 10), (17, "c", 12), now=18)

    assert not marks.is_silent("c")


def test_the_data_watermark_moves_on_evidence_only() -> None:
    marks = heard((10, "a", 8), (15, "a", 6), now=80)

    assert marks.data_watermark("a") == 8


def test_a_channel_stamped_in_the_future_does_not_hurry_the_others() -> None:
    marks = heard((10, "a", 500), now=20)

    assert marks.clock_watermark(0) == 20 - 5


def test_when_all_channels_are_silent_the_watermark_still_moves_with_the_clock() -> None:
    marks = heard((10, "a", 6), now=70)

    assert marks.is_silent("a")
    assert marks.clock_watermark(0) == 70 - 5 - 4


def test_the_end_of_the_input_takes_every_watermark_to_the_latest_event() -> None:
    marks = heard((10, "a", 6), (12, "b", 3), now=12)
    marks.begin()
    marks.drain()
    timelines = marks.timelines(13)[:2]

    assert [timeline.due(6) for timeline in timelines] == [12, 12]
    assert [timeline.due(7) for timeline in timelines] == [None, None]


def test_the_end_of_a_slice_belongs_to_the_next_one() -> None:
    timeline = Timeline([(0, 10)], end=30, floor=NEVER)

    assert timeline.due(19) == 29
    assert timeline.due(20) is None


def test_a_rule_that_joins_after_a_restart_waits_like_one_that_was_there() -> None:
    marks = heard((10, "a", 6), (12, "b", 3), now=20)
    later = Watermarks(CHANNELS, [(frozenset("ab"), 1)])
    later.restore(marks.state())

    assert later.clock_watermark(0) == 20 - 1 - 9


def test_a_channel_that_left_the_register_is_left_out_of_the_saved_state() -> None:
    marks = heard((10, "a", 6), (12, "b", 3), now=20)
    later = Watermarks({"a": CHANNELS["a"]}, [(frozenset("a"), 5)])
    later.restore(marks.state())

    assert later.clock_watermark(0) == 20 - 5 - 4
    with pytest.raises(KeyError):
        later.data_watermark("b")
