"""The table of memory: what a key and an event take, where the two can be told apart."""

from __future__ import annotations

from benchmarks.memory import Load, report


def test_two_loads_tell_what_a_key_takes_and_what_an_event() -> None:
    few, many = Load(10, 1), Load(10, 4)

    found = report({("rule", few): 12_000, ("rule", many): 30_000, ("stock", few): 36_000, ("stock", many): 259_000})

    assert found.notes[-1] == "Anlan, the rule: 600 bytes a key and 600 an event (10 keys)"
    assert found.column("bytes an event") == (1_200, 750, 3_600, 6_475)
    assert found.rows[2][-1] == 1 / 3
