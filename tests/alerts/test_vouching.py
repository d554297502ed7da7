"""Vouching against a clock that counts every instant: when may an absence be asserted, and how sure is it then?"""

from __future__ import annotations

from typing import Literal

from hypothesis import example, given
from hypothesis import strategies as st

from alerts.channel import Channel
from alerts.clock import Watermarks
from alerts.model import Text, from_us

LATENESS = {"a": 4, "b": 9}
CHANNELS = {name: Channel(name, Text(name, name), 1, late, 1000) for name, late in LATENESS.items()}
BOTH = frozenset("ab")
HOLD = 6
HORIZON = 70

Said = tuple[int, Literal["heard", "mute", "free", "read_up", "behind"], str, int]  # instant, what, channel, lag

said = st.lists(
    st.tuples(
        st.integers(1, HORIZON - 10),
        st.sampled_from(["heard", "heard", "heard", "mute", "free", "read_up", "behind"]),
        st.sampled_from("ab"),
        st.integers(0, 12),
    ),
    max_size=14,
).map(lambda found: sorted(found, key=lambda each: each[0]))


class Plainly:
    """Everything as it stands after each instant, kept for every instant."""

    def __init__(self, records: list[Said]) -> None:
        self.at: list[tuple[dict[str, int], bool, int, bool]] = []
        data, muted, read, free_since = dict.fromkeys("ab", -(1 << 62)), set[str](), set[str](), -(1 << 62)
        for instant in range(HORIZON + 1):
            for when, what, channel, lag in records:
                if when != instant:
                    continue
                if what == "heard":
                    data[channel] = max(data[channel], instant - lag)
                elif what in ("mute", "free"):
                    was = bool(muted)
                    (muted.add if what == "mute" else muted.discard)(channel)
                    if was and not muted:
                        free_since = instant
                else:
                    (read.add if what == "read_up" else read.discard)(channel)
            self.at.append((dict(data), bool(muted), free_since, read == set("ab")))

    def answer(self, instant: int, stage: int) -> str | None:
        data, is_muted, free_since, is_read_up = self.at[instant]
        if min(data.values()) >= stage:
            return "confirmed"
        if is_muted:
            return None
        if is_read_up and instant >= stage + max(LATENESS.values()):
            return "partial"
        return "data_gap" if instant >= max(stage, free_since) + HOLD else None

    def first(self, stage: int, wants_confirmed: bool, since: int) -> tuple[int, str] | None:
        for instant in range(since, HORIZON):
            answer = self.answer(instant, stage)
            if answer == "confirmed" or (answer and not wants_confirmed):
                return instant, answer
        return None


def tell(marks: Watermarks, record: Said, read: set[str]) -> None:
    instant, what, channel, lag = record
    if what == "heard":
        marks.heard(channel, instant - lag)
    elif what in ("mute", "free"):
        marks.mute(channel, what == "mute", instant)
    else:
        (read.add if what == "read_up" else read.discard)(channel)
        marks.read_up(read, instant)


@given(said, st.integers(0, 50), st.integers(0, 60), st.sets(st.integers(1, HORIZON - 1), max_size=5), st.booleans())
@example([(1, "heard", "a", 0), (1, "heard", "b", 0), (9, "mute", "a", 0), (30, "free", "a", 0)], 5, 0, set(), True)
@example([(1, "heard", "a", 0), (1, "heard", "b", 0), (12, "mute", "a", 0), (30, "free", "a", 0)], 5, 20, set(), True)
def test_an_absence_is_due_at_the_instant_that_counting_finds(
    records: list[Said], stage: int, since: int, cuts: set[int], restarts: bool
) -> None:
    plainly = Plainly(records)
    marks = Watermarks(CHANNELS, [], [(BOTH, HOLD), (BOTH, None)])
    marks.advance(0)
    read: set[str] = set()
    waiting = list(records)
    found: list[tuple[int, str] | None] = [None, None]
    for end in [*sorted(cuts), HORIZON]:
        marks.begin()
        while waiting and waiting[0][0] < end:
            marks.advance(waiting[0][0])
            tell(marks, waiting.pop(0), read)
        marks.advance(end)
        for number, timeline in enumerate(marks.vouch_timelines(end)):
            due = timeline.due(stage, since)
            if found[number] is None and due is not None:
                found[number] = (due, timeline.vouched(stage, due).confidence)
        if restarts:
            kept = marks.state()
            marks = Watermarks(CHANNELS, [], [(BOTH, HOLD), (BOTH, None)])
            marks.restore(kept)

    assert found == [plainly.first(stage, False, since), plainly.first(stage, True, since)]


def test_who_vouched_is_named_with_how_far_it_has_spoken() -> None:
    marks = Watermarks(CHANNELS, [], [(BOTH, HOLD)])
    marks.advance(0)
    marks.begin()
    marks.advance(10)
    marks.heard("a", 10)
    marks.advance(12)
    marks.heard("b", 8)
    timeline = marks.vouch_timelines(30)[0]

    assert timeline.due(8) == 12
    assert timeline.vouched(8, 12).by == (
        {"channel": "a", "watermark": from_us(10)},
        {"channel": "b", "watermark": from_us(8)},
    )
    assert timeline.vouched(9, 15) == ("data_gap", ({"channel": "a", "watermark": from_us(10)},))


def test_who_has_spoken_on_vouches_though_another_has_not() -> None:
    marks = Watermarks(CHANNELS, [], [(BOTH, HOLD)])
    marks.advance(10)
    marks.heard("a", 10)
    marks.heard("b", 10)
    marks.advance(14)
    marks.heard("a", 14)
    marks.begin()
    timeline = marks.vouch_timelines(30)[0]

    assert timeline.due(12) == 18
    assert timeline.vouched(12, 18) == ("data_gap", ({"channel": "a", "watermark": from_us(14)},))


def test_how_far_a_channel_has_spoken_is_what_it_was_at_that_instant_wherever_the_log_is_cut() -> None:
    def by(cut: int) -> object:
        marks = Watermarks(CHANNELS, [], [(BOTH, HOLD)])
        marks.advance(1)
        marks.begin()
        for instant in (10, 14, 20):
            if instant > cut:
                marks.begin()
            marks.advance(instant)
            marks.heard("a", instant)
        return marks.vouch_timelines(30)[0].vouched(12, 18).by

    assert by(cut=30) == by(cut=14) == ({"channel": "a", "watermark": from_us(14)},)


def test_the_end_of_a_bounded_log_is_partial() -> None:
    marks = Watermarks(CHANNELS, [(BOTH, 0)], [(BOTH, HOLD), (BOTH, None)])
    marks.advance(0)
    marks.heard("a", 5)
    marks.advance(7)
    marks.begin()
    marks.drain()
    held, confirmed = marks.vouch_timelines(8)

    assert held.due(5) == 7
    assert held.vouched(5, 7).confidence == "partial"
    assert held.due(6) is None
    assert confirmed.due(5) is None


def test_not_even_the_end_of_a_log_asserts_what_a_silence_alert_says_already() -> None:
    marks = Watermarks(CHANNELS, [(BOTH, 0)], [(BOTH, HOLD)])
    marks.advance(0)
    marks.heard("a", 5)
    marks.advance(7)
    marks.mute("b", True, 7)
    marks.begin()
    marks.drain()

    assert marks.vouch_timelines(8)[0].due(5) is None
