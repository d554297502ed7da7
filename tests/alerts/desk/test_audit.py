"""The audit: a row that is changed, missing or put in is found, and an action that comes again is known."""

from __future__ import annotations

from msgspec.structs import replace

from alerts.desk.audit import REMEMBER_DAYS, Audit, broken
from alerts.duration import DAY_US
from alerts.model import Acted, AlertAction, from_us

AT = 1_772_000_000_000_000


def rows(count: int) -> list[Acted]:
    audit = Audit()
    return [
        audit.enter(
            AlertAction(f"a{n}", "note", "li", "duty", from_us(AT + n), why=f"words {n}"), AT + n, "done", "", None
        )
        for n in range(count)
    ]


def test_an_untouched_chain_holds() -> None:
    assert broken(rows(5)) == []


def test_a_changed_word_is_found() -> None:
    found = rows(5)
    found[2] = replace(found[2], action=replace(found[2].action, why="other words"))

    assert broken(found) == ["row 3 must be as it was written; its hash says another thing"]


def test_a_row_that_was_changed_with_its_hash_breaks_the_next() -> None:
    found, other = rows(5), Audit()
    forged = other.enter(replace(found[2].action, actor="wang"), AT + 2, "done", "", None)
    found[2] = replace(forged, seq=3, prev_hash=found[1].hash)

    assert broken(found) != []


def test_a_missing_row_is_found() -> None:
    found = rows(5)
    del found[1]

    assert broken(found) == ["rows must be there one after the other; got 3 after 1"]


def test_rows_that_need_not_be_kept_may_be_gone_and_no_others() -> None:
    found = [row for row in rows(9) if row.seq not in (1, 3, 7)]
    missed = ["rows must be there one after the other; got 8 after 6"]

    assert broken(found, AT + 4) == missed
    assert broken(found, AT + 1) == [
        "rows must be there one after the other; got 2 after 0",
        "rows must be there one after the other; got 4 after 2",
        *missed,
    ]
    assert broken([*rows(2), *rows(2)], AT + 9) != []


def test_the_engine_epoch_is_no_part_of_what_is_said() -> None:
    assert broken([replace(row, engine_epoch=9) for row in rows(3)]) == []


def test_an_action_is_known_for_thirty_days() -> None:
    audit = Audit()

    assert not audit.knows("a", AT)
    assert audit.knows("a", AT + DAY_US)
    assert not audit.knows("a", AT + (REMEMBER_DAYS + 1) * DAY_US)
    assert audit.days() == [(AT + (REMEMBER_DAYS + 1) * DAY_US) // DAY_US]
