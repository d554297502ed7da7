"""A shelf: what sleeps on it is there, is read once, and what has changed is known."""

from __future__ import annotations

import pytest
from msgspec import Raw

from alerts.shelf import Asleep, Shelf

A, B, C = ("0", "a"), ("0", "b"), ("0", "c")


def shelf() -> tuple[Shelf[str], list[Asleep]]:
    """One key asleep, one awake, saved as they are; and a list of what is woken."""
    woken: list[Asleep] = []

    def wake(asleep: Asleep) -> str:
        woken.append(asleep)
        return "woken"

    found: Shelf[str] = Shelf(wake)
    found.asleep[A] = Asleep([1], 2, Raw(b"\x01"))
    found.awake[B] = "awake"
    found.changed = {}
    return found, woken


def test_what_sleeps_is_there_and_is_read_once_when_it_is_asked_for() -> None:
    found, woken = shelf()

    assert (len(found), A in found, C in found, sorted(found), woken) == (2, True, False, [A, B], [])
    assert (found.get(A), found[A], found.get(C), len(woken)) == ("woken", "woken", None, 1)
    assert dict(found) == {A: "woken", B: "awake"}
    assert (found.changed, found.asleep) == ({}, {})


def test_what_comes_goes_or_is_touched_has_changed() -> None:
    found, woken = shelf()
    found[C] = "new"
    del found[A]
    found.touch(B)

    assert found.changed == {A: True, B: True, C: False}  # whether it was saved before
    assert woken == []


def test_what_came_and_went_between_two_savings_is_not_missed() -> None:
    found, _ = shelf()
    found[C] = "new"
    found[C] = "another"
    found.touch(C)
    del found[C]
    assert found.changed == {}

    found[C] = "new"
    assert found.some_changed(1.0) == [C]  # saved now
    del found[C]
    found[C] = "another"
    del found[C]
    assert found.changed == {C: True}


def test_before_it_was_ever_saved_nothing_is_noted() -> None:
    found: Shelf[str] = Shelf(lambda _: "woken")
    found[A] = "new"
    del found[A]

    assert found.changed is None


def test_the_pieces_of_what_is_gone_are_remembered_although_another_stands_in_its_place() -> None:
    found, _ = shelf()
    found.pieces[B] = {("1",), ("2",)}
    found[B] = "another"

    assert (found.left, found.pieces) == ({B: {("1",), ("2",)}}, {})


def test_what_cannot_be_woken_stays_until_it_is_taken_away() -> None:
    def wake(asleep: Asleep) -> str:
        raise ValueError("broken")

    found: Shelf[str] = Shelf(wake)
    found.asleep[A] = Asleep([], 0, Raw(b"\x01"))
    found.pieces[A] = {("1",)}

    with pytest.raises(ValueError, match="broken"):
        found.get(A)
    del found[A]

    assert (len(found), found.left) == (0, {A: {("1",)}})
