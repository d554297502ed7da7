"""Timers fire in the order of clock instants, whatever groups they belong to, and never before their time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.clock import Timeline
from alerts.timers import CLOCK, Timers

GROUPS = 3
END = 100


def timelines(waits: list[int]) -> list[Timeline]:
    """Each group's watermark is so far behind the clock, from instant 0 to `END`."""
    return [Timeline([(0, wait)], END, -1_000) for wait in waits]


Setting = st.tuples(st.integers(0, GROUPS), st.integers(0, 120), st.sampled_from("abc"))


@given(
    st.lists(Setting, max_size=12), st.lists(Setting, max_size=12), st.lists(st.integers(0, 40), min_size=3, max_size=3)
)
def test_what_is_due_in_a_slice_fires_in_its_order_and_the_rest_waits(
    before: list[tuple[int, int, str]], later: list[tuple[int, int, str]], waits: list[int]
) -> None:
    timers, wanted = Timers(GROUPS), []

    def let_wait(settings: list[tuple[int, int, str]]) -> None:
        for group, at, key in settings:
            wanted.append(at if group == GROUPS else max(at + waits[group], 0))
            if group == GROUPS:
                timers.set_clock(at, 0, (key,))
            else:
                timers.set(group, at, 0, 0, 0, (key,))

    let_wait(before)
    timers.begin(timelines(waits))
    let_wait(later)
    fired: list[int] = []
    while True:
        waiting = sorted(wanted)[len(fired) :]
        assert not waiting or timers.soonest <= waiting[0]
        instant, group = timers.next_due(END)
        if instant >= END:
            break
        if group == CLOCK:
            timers.take_clock()
            fired.append(instant)
        else:
            _, together = timers.take(group)
            fired += [instant] * len(together)
    assert fired == sorted(at for at in wanted if at < END)
    assert len(timers) == len(wanted) - len(fired)
    assert timers.soonest >= END or not fired


def test_keys_that_are_forgotten_fire_no_more() -> None:
    timers = Timers(1)
    timers.begin(timelines([0]))
    for rule, key in ((0, "a"), (0, "b"), (1, "a")):
        timers.set(0, 10, 0, rule, 0, (key,))
    timers.forget(0, 0, {("a",)})
    event_time, together = timers.take(0)

    assert event_time == 10
    assert [timer[1:] for timer in together] == [(0, 0, ("b",)), (1, 0, ("a",))]
    assert len(timers) == 0
