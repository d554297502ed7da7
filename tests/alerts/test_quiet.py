"""Who becomes quiet next: found without asking every channel, and the same as if every one were asked."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_city import CALENDARS, CHANNELS, HOUR, MINUTE, SECOND, START, report

from alerts.model import ALWAYS
from alerts.quiet import Change, QuietWatch
from alerts.rule import Rule, compile_rule

NAMES = ["hotline", "police", "grid"]
HEARD = dict.fromkeys(NAMES, "1h")


def silence(**more: Any) -> Rule:
    slots = [{"hours": "22-6", "times": 3.7}, {"hours": "5-9", "times": 1.3}]
    spec = {
        "apiVersion": "rules/v1", "id": "test.silence", "version": 1, "kind": "silence", "purpose": "operations",
        "title": {"zh": "静", "en": "quiet"}, "owner": "tests", "channels": NAMES, "key": ["channel"],
        "silence": {"expected": HEARD | {"grid": "40m"}, "events_only": HEARD | {"police": "3h"}, "slots": slots},
        "levels": [{"ratio": 1, "level": "yellow"}, {"ratio": 1.5, "level": "red"}], **more,
    }  # fmt: skip
    return compile_rule(spec, CHANNELS, 0, CALENDARS)


def said(changes: list[Change]) -> list[Any]:
    return [(each.at, each.channel, each.is_quiet, each.entry[5]) for each in changes]


class Plain(QuietWatch):
    """Asks every channel every time."""

    def _next(self) -> Any:
        return min(((each.next_at(), each) for each in self._watches), key=lambda found: found[0])


@given(seed=st.integers(0, 100_000))
@settings(max_examples=80, deadline=None)
def test_the_next_is_the_same_as_if_every_channel_were_asked(seed: int) -> None:
    """Reports and heartbeats, a new rule book and a restart, and the clock looked at in between or not."""
    rng = random.Random(seed)
    quick, plain = (QuietWatch([silence()]) for _ in range(2))
    plain.__class__ = Plain
    at = START
    for number in range(120):
        at += rng.choice([0, 1, SECOND, 10 * MINUTE, HOUR, 2 * HOUR])
        told = [list(each.before(at)) for each in (quick, plain)]
        what = rng.random()
        if what < 0.8:
            event = report(f"e{number}", 0, rng.choice(NAMES), action=rng.choice(["received", "heartbeat"]))
            told += [each.heard(event, 1, at) for each in (quick, plain)]
        elif what < 0.85:
            begun = rng.choice([["test.silence"], []])
            for each in (quick, plain):
                each.restore(msgspec.to_builtins(each.state()))
                each.turn(at, begun)
        elif what < 0.9:
            quick.restore(msgspec.to_builtins(quick.state()))
        assert [*map(said, told[0::2])] == [*map(said, told[1::2])]
        assert msgspec.to_builtins(quick.state()) == msgspec.to_builtins(plain.state())


@pytest.mark.parametrize("times", [1, 50])
def test_a_channel_that_speaks_makes_nobody_ask_the_others(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, asked = QuietWatch([silence()]), list[str]()
    for number, name in enumerate(NAMES):
        watch.heard(report(f"a{number}", 0, name, action="heartbeat"), 1, START)
    assert list(watch.before(START + 1)) == []
    next_at = type(watch._watches[0]).next_at

    def counted(each: Any) -> int:
        asked.append(each.channel)
        return next_at(each)

    monkeypatch.setattr(type(watch._watches[0]), "next_at", counted)
    for number in range(times):
        watch.heard(report(f"b{number}", 0, "grid"), 1, START + number * MINUTE)
        assert list(watch.before(START + number * MINUTE + 1)) == []

    assert watch.soonest < ALWAYS
    assert len(asked) <= 2 + times // 10
