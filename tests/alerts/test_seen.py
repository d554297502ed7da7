"""Remembered ids: as many as there must be, saved in chunks that are written once."""

from __future__ import annotations

import random

import pytest
from msgspec import Raw
from small_city import DAY, HOUR

from alerts import seen
from alerts.kept import ENCODER
from alerts.seen import SeenIds


@pytest.mark.parametrize("number", range(5))
def test_an_id_is_remembered_exactly_as_long_as_it_must_be_across_any_chunks_and_restarts(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "CHUNK_AT_MOST", 3)
    rng = random.Random(number)
    ids, wanted, saved, now = SeenIds(), dict[str, tuple[str, int, str]](), dict[int, Raw](), 0
    for step in range(400):
        now += rng.randrange(2 * HOUR)
        ids.forget(now - DAY)
        wanted = {name: row for name, row in wanted.items() if row[1] >= now - DAY}
        name = f"e{rng.randrange(30)}"

        assert ids.get(name) == wanted.get(name)

        if name not in wanted:
            ids.add(name, now, f"row-{step}")
            wanted[name] = (name, now, f"row-{step}")
        if rng.random() < 0.3:
            for chunk, rows in [*ids.full_chunk(), *ids.changed_chunks()]:
                saved.pop(chunk, None)
                if rows is not None:
                    saved[chunk] = Raw(ENCODER.encode(rows))

            assert saved == {chunk: Raw(ENCODER.encode(rows)) for chunk, rows in ids.all_chunks()}
            if rng.random() < 0.3:
                forgotten, ids = ids.forgotten, SeenIds()
                ids.restore(saved.items(), forgotten)

    assert len(ids) < len(wanted) + 10


def test_only_the_ids_that_are_new_are_saved() -> None:
    ids = SeenIds()
    ids.add("a", 1, "row-1")
    first = list(ids.changed_chunks())
    ids.add("b", 2, "row-2")

    assert first == [(0, [("a", 1, "row-1")])]
    assert list(ids.changed_chunks()) == [(1, [("b", 2, "row-2")])]
    assert list(ids.changed_chunks()) == []


def test_a_chunk_is_saved_ahead_once_and_when_nothing_more_can_come_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "CHUNK_AT_MOST", 2)
    ids = SeenIds()
    for number, name in enumerate("abcde"):
        ids.add(name, number, f"row-{number}")
    first, second, third = (list(ids.full_chunk()) for _ in range(3))

    assert [[number for number, _ in each] for each in (first, second, third)] == [[0], [1], []]
    assert [number for number, _ in ids.changed_chunks()] == [2]


def test_what_was_forgotten_is_not_remembered_again_when_rules_wait_longer() -> None:
    ids = SeenIds()
    ids.add("a", 1, "row-1")
    ids.add("b", 5, "row-2")
    ids.forget(3)
    ids.forget(0)

    assert (ids.get("a"), ids.get("b")) == (None, ("b", 5, "row-2"))
