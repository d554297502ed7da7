"""What the writer of the log hands to its reader: what stands there, in its order, with its gaps."""

from __future__ import annotations

import threading

import pytest

from connectors.handover import Handover, Stored


def a_handover(at_most: int = 100) -> Handover:
    handover = Handover(at_most)
    handover.begin(lambda: None)
    return handover


def put(handover: Handover, *offsets: int) -> None:
    for offset in offsets:
        handover.sent(0, b"%d" % offset, {})
        handover.stored(0, offset)


def offsets(taken: list[Stored]) -> list[int]:
    return [each.offset for each in taken]


def test_what_is_acknowledged_is_there_and_what_is_only_sent_is_not() -> None:
    handover = a_handover()
    handover.sent(0, b"a", {"source": b"x"})
    handover.sent(0, b"b", {})
    handover.stored(0, 7)

    assert handover.take(0, 7, 10) == [Stored(7, b"a", {"source": b"x"})]
    assert handover.take(0, 8, 10) == []


def test_a_reader_takes_so_many_and_goes_on_behind_them() -> None:
    handover = a_handover()
    put(handover, 5, 6, 7, 8)

    assert offsets(handover.take(0, 5, 3)) == [5, 6, 7]
    assert offsets(handover.take(0, 8, 3)) == [8]


def test_what_the_reader_has_from_the_broker_is_left_out() -> None:
    handover = a_handover()
    put(handover, 5, 6, 7)

    assert offsets(handover.take(0, 7, 9)) == [7]


def test_behind_a_gap_nothing_is_taken_and_the_gap_shows() -> None:
    handover = a_handover()
    put(handover, 5, 6, 9)

    assert offsets(handover.take(0, 5, 9)) == [5, 6]
    assert (offsets(handover.take(0, 7, 9)), handover.has_gap(0, 7)) == ([], True)
    assert (handover.has_gap(0, 9), offsets(handover.take(0, 9, 9))) == (False, [9])


def test_a_reader_that_is_too_far_behind_finds_a_gap_and_memory_stays_bounded() -> None:
    handover = a_handover(at_most=3)
    put(handover, 0, 1, 2, 3)

    assert handover.has_gap(0, 0)
    assert offsets(handover.take(0, 3, 9)) == [3]


def test_offsets_that_go_back_are_another_log_and_end_it() -> None:
    handover = a_handover()
    put(handover, 5, 6)
    handover.take(0, 5, 9)
    put(handover, 0, 1)

    assert handover.take(0, 0, 9) == []
    assert handover.has_gap(0, 7)


def test_partitions_do_not_meet() -> None:
    handover = a_handover()
    handover.sent(1, b"b", {})
    handover.sent(0, b"a", {})
    handover.stored(0, 3)
    handover.stored(1, 4)

    assert [each.value for each in handover.take(0, 3, 9) + handover.take(1, 4, 9)] == [b"a", b"b"]


def test_without_a_writer_nothing_is_handed_over() -> None:
    handover = Handover()
    handover.sent(0, b"a", {})
    handover.hear()

    assert (handover.take(0, 0, 9), handover.has_gap(0, 0)) == ([], True)


def test_a_reader_hears_the_brokers_answers_only_in_the_writers_thread() -> None:
    heard: list[str] = []
    handover = Handover()
    handover.begin(lambda: heard.append(threading.current_thread().name))

    handover.hear()
    other = threading.Thread(target=handover.hear)
    other.start()
    other.join()

    assert heard == [threading.current_thread().name]


def test_what_the_writer_raises_is_raised() -> None:
    def gives_up() -> None:
        raise RuntimeError("gone")

    handover = Handover()
    handover.begin(gives_up)

    with pytest.raises(RuntimeError, match="gone"):
        handover.hear()
