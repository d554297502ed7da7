"""The key of the pseudonyms changes: nobody's window is cut in two, and nothing leads back to the old key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_city import CHANNELS, DAY, HOUR, START, make_rule

from alerts.model import Arrival, Slice, from_us
from alerts.pipeline import Pipeline
from alerts.remembering import longest_memory
from connectors.door import Door
from connectors.joined_tokens import joining
from connectors.kafka import RawRecord
from connectors.metrics import Metrics
from connectors.names import Names
from connectors.pseudonym import Key, Keyring
from dataflows.admission import ADMITTED, CONTENT, Admission

OLD, NEW = Key("k1", bytes(32)), Key("k2", bytes(range(32)))
PEOPLE = 3
LATENESS = 2 * DAY
LIFE = {"quiet_close": "5d", "reopen_within": "60d"}
WINDOW = {"size": "20d", "lateness": "2d"}
CLIMB = [{"gte": 2, "level": "blue"}, {"gte": 3, "level": "yellow"}, {"gte": 5, "level": "red"}]
RULES = [
    make_rule(id="test.pair", key=["pair"], levels=CLIMB, window=WINDOW, lifecycle=LIFE),
    make_rule("distinct", 1, key=["subject"], of="reporter", levels=CLIMB, window=WINDOW, lifecycle=LIFE),
    make_rule(id="test.matter", number=2, key=["matter"], levels=CLIMB, window=WINDOW, lifecycle=LIFE),
]
KEEP = longest_memory(RULES)


class Word(NamedTuple):
    """Somebody says something: how long after the word before, and how much later it arrives."""

    who: int
    after: int
    lag: int


@st.composite
def histories(draw: st.DrawFn) -> list[Word]:
    gaps = st.one_of(st.integers(0, 3 * DAY), st.integers(0, 30 * DAY), st.integers(60 * DAY, KEEP + 3 * DAY))
    word = st.builds(Word, st.integers(0, PEOPLE - 1), gaps, st.integers(0, LATENESS - HOUR))
    return draw(st.lists(word, min_size=2, max_size=25))


def reports(words: list[Word]) -> list[tuple[int, dict[str, Any]]]:
    """When each arrives, and what is said, with raw identifiers."""
    found, at = [], START
    for number, word in enumerate(words):
        at += word.after
        phone, other = f"1380000111{word.who}", f"1390000111{word.who}"
        fields = {"reporter": phone, "pair": f"{phone} {other}", "subject": "项目", "category": "service"}
        known = {"id": f"e{number}", "channel": "hotline", "action": "received", "occurred_at": from_us(at)}
        found.append((at + word.lag, known | fields))
    return sorted(found, key=lambda each: each[0])


Plan = list[tuple[int, list[Key]]]  # from when on which keys are held
ONE_KEY: Plan = [(START, [OLD])]


def rotation(at: int) -> Plan:
    """By the book: both keys from some instant on, and the old one for exactly as long as it is needed."""
    return [*ONE_KEY, (at, [NEW, OLD]), (at + KEEP, [NEW])]


class Intake:
    """The door of a running flow, with its names in a file and a clock that the test moves.

    `is_remote` is whether another door stands before it, as with HTTP push and `anlan ingest`.
    """

    def __init__(self, folder: str, is_remote: bool) -> None:
        self.now = START
        self.names = Names(Path(folder) / "names", KEEP, lambda: self.now)
        self.is_remote = is_remote

    def hold(self, at: int, keys: list[Key]) -> None:
        """A start with these keys."""
        self.now, ring = at, Keyring(keys)
        self.names.hold(ring)
        door = Door(CHANNELS, ring.naming(self.names.name))
        self.admission = Admission(door, {}, lambda: self.now, Metrics(), names=self.names)
        self.remote = Door(CHANNELS, joining(ring))

    def take(self, at: int, said: dict[str, Any]) -> Arrival:
        """What a report becomes that arrives now."""
        self.now = at
        value, headers = msgspec.json.encode(said), {}
        if self.is_remote:
            value, headers = msgspec.json.encode(self.remote.admit_event_json(value, "", at)), {CONTENT: ADMITTED}
        (arrival,) = self.admission.take_records([RawRecord("raw.hotline", 0, 1, None, value, headers, 0)]).arrivals
        assert isinstance(arrival, Arrival)
        return Arrival(arrival.event, at)


@contextmanager
def intake(is_remote: bool = False) -> Iterator[Intake]:
    with TemporaryDirectory() as folder:
        made = Intake(folder, is_remote)
        with made.names:
            yield made


def admitted(words: list[Word], plan: Plan, is_remote: bool = False) -> list[Arrival]:
    with intake(is_remote) as door:
        todo = [(at, door.hold, keys) for at, keys in plan] + [(at, door.take, said) for at, said in reports(words)]
        done = [do(at, what) for at, do, what in sorted(todo, key=lambda each: each[0])]
    return [arrival for arrival in done if arrival is not None]


Said = list[list[dict[str, Any]]]  # by the record that it was said at


def alerts_of(arrivals: Iterable[Arrival]) -> Said:
    """What is said, without what counts the alerts of a name: its number, and what follows from that."""
    pipeline = Pipeline(RULES, CHANNELS)
    drafts = [pipeline.take(Slice(arrival.arrived_us, [arrival]))[1] for arrival in arrivals]
    drafts.append(pipeline.finish()[1])
    said = [[msgspec.to_builtins(each.revision) | {"ids": each.evidence_ids} for each in part] for part in drafts]
    for revision in chain.from_iterable(said):
        for counted in ("alert_id", "episode", "content_hash", "prev_hash", "links"):
            del revision[counted]
    return said


def in_old_words(said: Said) -> list[list[str]]:
    """The same, with tokens of the new key as the old key has them; alerts of one record go by their names."""
    return [sorted(map(_in_old_words, part)) for part in said]


def _in_old_words(revision: dict[str, Any]) -> str:
    text = msgspec.json.encode(revision, order="deterministic").decode()
    for who in range(PEOPLE):
        phone, other = f"1380000111{who}", f"1390000111{who}"
        old, new = Keyring([OLD]), Keyring([NEW])
        text = text.replace(new.token("phone", phone), old.token("phone", phone))
        text = text.replace(new.pair("phone", phone, other), old.pair("phone", phone, other))
    return text


MONTHLY = [Word(0, 19 * DAY, 0)] * 12
AGAIN_AT_LAST = [
    Word(0, days * DAY, 0) for days in (0, 1, 39, 1, 64)
]  # the last one opens the alert of the fourth again


@given(histories(), st.floats(0, 1), st.booleans())
@example(MONTHLY, 0.3, False)
@example(MONTHLY, 0.3, True)
@example(AGAIN_AT_LAST, 0.005, False)
@settings(deadline=None, max_examples=60)
def test_a_rotation_anywhere_changes_no_alert_but_for_names(words: list[Word], when: float, is_remote: bool) -> None:
    first, *_, last = [at for at, _ in reports(words)]

    without = alerts_of(admitted(words, ONE_KEY))
    rotated = alerts_of(admitted(words, rotation(first + int(when * (last - first))), is_remote))

    assert in_old_words(rotated) == in_old_words(without)


def test_without_the_old_key_a_window_would_be_cut_in_two() -> None:
    """What the property guards against: the old key goes long before its time."""
    rotated_us = reports(MONTHLY)[5][0] + DAY
    without = alerts_of(admitted(MONTHLY, ONE_KEY))
    with intake() as door:
        arrivals = []
        door.hold(START, [OLD])
        for at, said in reports(MONTHLY):
            if arrivals and arrivals[-1].arrived_us < rotated_us <= at:
                door.names.let_go("k1")
                door.hold(rotated_us, [NEW])
            arrivals.append(door.take(at, said))

    assert in_old_words(alerts_of(arrivals)) != in_old_words(without)


@pytest.mark.parametrize("is_remote", [False, True], ids=["own door", "another door"])
def test_who_was_quiet_for_long_enough_is_somebody_new_and_nothing_tells_who_that_was(is_remote: bool) -> None:
    words = [Word(0, DAY, 0), Word(0, 2 * DAY, 0), Word(0, KEEP + 3 * DAY, 0)]

    before, during, after = admitted(words, rotation(START + 2 * DAY), is_remote)

    assert before.event.reporter == during.event.reporter == Keyring([OLD]).token("phone", "13800001110")
    assert after.event.reporter == Keyring([NEW]).token("phone", "13800001110")


def test_what_is_admitted_again_after_a_crash_is_the_same_event() -> None:
    rows = reports([Word(who, DAY, 0) for who in (0, 1, 0, 1, 2)])
    with intake() as door:
        door.hold(START, [NEW, OLD])
        before = [door.take(at, said).event for at, said in rows]
        door.names.let_go("k1")
        door.hold(START + KEEP, [NEW])

        assert [door.take(START + KEEP, said).event for _, said in rows] == before
