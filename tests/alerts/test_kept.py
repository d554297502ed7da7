"""Frames: whatever is put together, the parts that are left are those that a plain dictionary would hold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.kept import Changes, StateVersionError, decode, encode, merge, version_of

names = st.sampled_from([("head",), ("key", 0, ("0", "x")), ("key", 1, ("0", "x")), ("key", 0, ("0", "x", "y"))])
values = st.one_of(st.none(), st.integers(0, 9), st.lists(st.text(max_size=3), max_size=3))
frames = st.lists(st.tuples(st.booleans(), st.dictionaries(names, values)), max_size=8)


def read(*saved: bytes) -> dict[Any, Any]:
    return {name: msgspec.msgpack.decode(value) for name, value in decode(saved, 4).items()}


def frame(whole: bool, parts: dict[Any, Any]) -> bytes:
    return encode(4, {name: each for name, each in parts.items() if not whole or each is not None}, whole=whole)


@given(begins=st.dictionaries(names, values), told=frames, cut=st.data())
def test_a_snapshot_and_changes_leave_what_a_dictionary_would_hold_however_they_are_put_together(
    begins: dict[Any, Any], told: list[tuple[bool, dict[Any, Any]]], cut: st.DataObject
) -> None:
    wanted: dict[Any, Any] = {}
    for whole, parts in [(True, begins), *told]:
        wanted = {**({} if whole else wanted), **parts}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    saved = [frame(whole, parts) for whole, parts in [(True, begins), *told]]
    first = cut.draw(st.integers(0, len(saved) - 1))
    stop = cut.draw(st.integers(first + 1, len(saved)))

    assert read(*saved) == wanted
    assert read(merge(saved)) == wanted
    assert read(*saved[:first], merge(saved[first:stop]), *saved[stop:]) == wanted


def test_a_snapshot_with_changes_holds_nothing_of_what_is_gone_and_changes_alone_still_say_so() -> None:
    changes = [encode(4, {("a",): 1}, whole=False), encode(4, {("a",): None}, whole=False)]

    assert merge([encode(4, {("b",): 2}, whole=True), *changes]) == encode(4, {("b",): 2}, whole=True)
    assert merge(changes) == encode(4, {("a",): None}, whole=False)


@given(told=st.lists(st.tuples(names, values, st.booleans()), max_size=70))
def test_changes_that_grow_part_by_part_are_the_frame_of_what_each_name_got_last(
    told: list[tuple[Any, Any, bool]],
) -> None:
    changes = Changes(4)
    for name, value, settles in told:
        changes.put(name, value)
        if settles:
            changes.settle()
    begins = encode(4, {("head",): 0}, whole=True)

    assert read(begins, changes.frame()) == read(begins, frame(False, {name: value for name, value, _ in told}))


def test_changes_may_be_many() -> None:
    changes = Changes(4)
    for number in range(70_000):
        changes.put(("key", number), number)

    assert len(read(changes.frame())) == 70_000
    assert read(Changes(4).frame()) == {}


def test_a_frame_says_its_version_in_its_first_bytes() -> None:
    assert version_of(encode(4, {}, whole=True)[:2]) == 4
    assert version_of(msgspec.msgpack.encode([3, b"", {}])) == 3, "state as an older release kept it"


@pytest.mark.parametrize("saved", [b"", b"\x93", b"\xc0\x04", b"\x93\xcd\x01\x00"], ids=["none", "cut", "nil", "large"])
def test_what_is_no_frame_is_refused_with_a_sentence(saved: bytes) -> None:
    with pytest.raises(StateVersionError, match=f"state must begin with its version; got `{saved.hex()}`; rebuild"):
        version_of(saved)


def test_frames_of_two_versions_are_not_put_together() -> None:
    with pytest.raises(StateVersionError, match="state must have version 4; got 5; rebuild from the intake log"):
        merge([encode(4, {}, whole=True), encode(5, {}, whole=False)])


def test_what_is_not_plain_is_refused_with_a_sentence() -> None:
    with pytest.raises(NotImplementedError, match="state must be plain; got object"):
        encode(4, {("a",): object()}, whole=True)
