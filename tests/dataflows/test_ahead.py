"""What is saved ahead of a snapshot, is so evenly, and not where it would be for nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.ahead import BEGINS, Ahead

EVERY = 60.0  # seconds between two snapshots
US = 1_000_000


def running(log_speed: float = 1.0) -> tuple[Ahead, list[tuple[float, float]]]:
    """One that has seen two snapshots, and its shares at the instants of a life that goes on in steps of 5 ms."""
    ahead = Ahead(0.0, 0.0)
    for at in (EVERY, 2 * EVERY):
        ahead.share(at, int(at * log_speed * US))
        ahead.saved(at)
    steps = [2 * EVERY + 0.005 * step for step in range(1, int(EVERY / 0.005))]
    return ahead, [(now, ahead.share(now, int(now * log_speed * US))) for now in steps]


def test_before_the_first_snapshot_nothing_is_unless_it_is_known_when_that_will_be() -> None:
    ahead, told = Ahead(100.0, 0.0), Ahead(100.0, EVERY)
    assert not any(ahead.share(100.0 + second, 0) for second in range(1_000))

    shares = [told.share(100.0 + second, 10**15 + second * US) for second in range(60)]
    assert [second for second, share in enumerate(shares) if share] == list(range(int(60 * BEGINS) + 1, 60))


def test_a_flow_that_begins_with_catching_up_saves_nothing_ahead() -> None:
    ahead = Ahead(100.0, EVERY)
    assert not any(ahead.share(100.0 + second, 10**15 + 5 * second * US) for second in range(60))


@settings(max_examples=25)
@given(rate=st.floats(1.0, 100.0))
def test_little_is_left_for_the_snapshot_and_no_moment_bears_more_than_another(rate: float) -> None:
    _, shares = running()
    begins = EVERY * (2 + BEGINS)
    left, saved = 0.0, []
    for now, share in shares:
        assert now >= begins or not share
        left += rate  # changes, in each of the steps
        saved.append(share * left)
        left -= saved[-1]
    assert left < 0.001 * rate * len(shares)
    looks = [each for each in saved if each]
    assert max(looks) < 1.2 * sum(looks) / len(looks)


def test_a_flow_that_catches_up_saves_everything_once() -> None:
    assert not any(share for _, share in running(log_speed=3.0)[1])
    assert any(share for _, share in running(log_speed=1.5)[1])


def test_a_snapshot_that_is_overdue_leaves_nothing_for_later() -> None:
    ahead, _ = running()
    assert ahead.share(3 * EVERY + 1.0, int((3 * EVERY + 1.0) * US)) == 1.0
