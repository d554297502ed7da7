"""The fold of one key into episodes."""

from __future__ import annotations

from typing import Any

import msgspec
from small_city import DAY, RANKS, START, make_rule, report

from alerts.entry import SELECTED, Entry, Verdict
from alerts.episode import Episode
from alerts.life import Life
from alerts.model import Event

BLUE, RED = Verdict(1, 3), Verdict(3, 5)


def life(**parts: Any) -> Life:
    return make_rule(lifecycle={"quiet_close": "1d", "reopen_within": "2d", **parts}).life


def entry(at: int, channel: str = "hotline", **fields: Any) -> Entry:
    event = report(f"e{at}", at, channel, **fields)
    return (START + at, RANKS[channel], event.id, event.id, SELECTED, (), event)


def fold(*told: tuple[int, Verdict | None], rules: Life | None = None) -> Episode:
    episode = Episode()
    for at, verdict in told:
        episode.take(entry(at), verdict, list, rules or life())
    return episode


def test_before_anything_is_found_there_is_no_episode() -> None:
    episode = fold((0, None), (1, None))

    assert (episode.number, episode.open, episode.evidence) == (0, False, {})


def test_an_episode_opens_with_the_window_behind_its_first_finding() -> None:
    episode = Episode()
    episode.take(entry(5), BLUE, lambda: [entry(1), entry(2)], life())

    assert (episode.number, episode.open, episode.matched) == (1, True, START + 5)
    assert list(episode.evidence) == ["e1", "e2", "e5"]


def test_the_window_is_not_asked_for_while_it_is_open() -> None:
    episode = fold((0, BLUE))

    def window() -> list[Entry]:
        raise AssertionError("the window must not be built")

    episode.take(entry(1), RED, window, life())

    assert episode.level == 3


def test_while_it_is_open_it_takes_in_every_selected_event() -> None:
    episode = fold((0, BLUE), (1, None), (2, None))

    assert list(episode.evidence) == ["e0", "e1", "e2"]
    assert (episode.matched, episode.last) == (START, START + 2)


def test_the_level_is_the_highest_of_the_episode() -> None:
    episode = fold((0, RED), (1, BLUE))

    assert episode.level == 3
    assert episode.best == RED


def test_it_closes_in_event_time_after_the_quiet_time() -> None:
    assert fold((0, BLUE), (DAY - 1, None)).open
    assert not fold((0, BLUE), (DAY, None)).open
    assert fold((0, BLUE), (DAY, None)).closed == START + DAY


def test_within_reopen_within_the_same_number_goes_on_with_its_evidence() -> None:
    episode = fold((0, RED), (DAY + 2 * DAY, BLUE))

    assert (episode.number, episode.open, episode.level) == (1, True, 3)
    assert list(episode.evidence) == ["e0", f"e{3 * DAY}"]
    assert episode.past == ()


def test_later_the_next_number_begins_afresh_and_the_last_one_is_remembered() -> None:
    episode = fold((0, RED), (DAY + 2 * DAY + 1, BLUE))

    assert (episode.number, episode.level) == (2, 1)
    assert list(episode.evidence) == [f"e{3 * DAY + 1}"]
    assert [(e.number, e.level, e.closed, list(e.evidence)) for e in episode.past] == [(1, 3, START + DAY, ["e0"])]
    assert [e.number for e in episode.known()] == [1, 2]


def test_aftercare_lifts_the_level_but_not_above_red() -> None:
    cared = life(aftercare={"for": "5d"}, reopen_within="1h")

    assert fold((0, BLUE), (DAY + 5 * DAY, BLUE), rules=cared).level == 2
    assert fold((0, BLUE), (DAY + 5 * DAY + 1, BLUE), rules=cared).level == 1
    assert fold((0, BLUE), (3 * DAY, RED), rules=cared).level == 3


def test_without_quiet_close_it_never_closes() -> None:
    episode = fold((0, BLUE), (900 * DAY, None), rules=make_rule().life)

    assert episode.open
    assert not episode.is_quiet(START + 9_000 * DAY, make_rule().life)


def test_a_settled_fold_knows_which_episodes_are_over() -> None:
    settled, head = fold((0, BLUE)), fold((0, BLUE), (4 * DAY, BLUE))
    first, second = head.known()

    assert not settled.has_ended(first)
    settled.close(life())
    assert settled.has_ended(first)
    assert not settled.has_ended(second)
    assert head.has_ended(first)


def test_a_twin_goes_on_by_itself() -> None:
    episode = fold((0, BLUE))
    twin = episode.twin()
    twin.take(entry(1, "police"), RED, list, life())

    assert (episode.level, list(episode.evidence), episode.channels) == (1, ["e0"], ("hotline",))
    assert (twin.level, list(twin.evidence), twin.channels) == (3, ["e0", "e1"], ("hotline", "police"))


def test_an_episode_comes_back_as_it_was() -> None:
    episode = Episode()
    strong = Verdict(2, 4, steps=2, branches=("a", "b"), path=(1, 2), measures=(("gaps", (3, 4)),))
    episode.take(entry(0, "police", unit="u1"), strong, list, life())
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(episode.state()))
    twin = Episode.restored(kept, lambda e: (*e[:5], tuple(e[5]), msgspec.convert(e[6], Event)))

    assert twin.state() == episode.state()
    assert twin.best == strong
    assert (twin.unit, twin.branches) == ("u1", frozenset({"a", "b"}))
