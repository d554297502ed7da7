"""What was refused before the desk, or concerns what lies elsewhere: written down, never done, and it tells nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from small_city import MINUTE, Run, make_rule, report
from small_desk import GRID, LIFE, routing

from alerts.desk.audit import hash_of
from alerts.model import Acted, Matchers, PooledEvent, Silencing

ELSEWHERE = "620103"
SENTENCE = "role `viewer` must be allowed to ack; it may: nothing"


def run_with_an_alert() -> Run:
    run = Run(make_rule(levels=[{"gte": 1, "level": "red"}], lifecycle=LIFE), routing=routing())
    run.tell(report("e0", 0, grid=GRID))
    return run


def alert(run: Run) -> str:
    return run.revisions[0].alert_id


def told(row: Acted) -> dict[str, Any]:
    """What a row says to whoever reads it, but for the words of who acted and its own number."""
    found: dict[str, Any] = msgspec.to_builtins(row)
    for name in ("seq", "at", "hash", "prev_hash"):
        del found[name]
    for name in ("action_id", "alert_id", "acted_at"):
        del found["action"][name]
    return found


def test_what_was_refused_before_is_written_down_and_not_done() -> None:
    run = run_with_an_alert()

    assert run.do(MINUTE, "ack", alert_id=alert(run), scope="620102", refused=SENTENCE) == []
    row = run.acted
    assert (row.verdict, row.sentence, row.action.refused) == ("refused", SENTENCE, "")
    assert (row.county, row.revision, row.rule) == ("620102", 0, "")
    assert row.hash == hash_of(row)
    assert run.wait_until(11 * MINUTE)[-1].reason == "escalated"


def test_an_attempt_on_what_lies_elsewhere_reads_like_one_on_nothing() -> None:
    run = run_with_an_alert()
    rows = []
    for at, name in ((MINUTE, alert(run)), (2 * MINUTE, "none")):
        run.do(at, "ack", alert_id=name, scope=ELSEWHERE, refused="alert must be one of yours")
        rows.append(told(run.acted))

    assert rows[0] == rows[1]
    assert rows[0]["county"] == ELSEWHERE


def test_the_desk_itself_tells_nobody_what_there_is_elsewhere() -> None:
    run = run_with_an_alert()
    rows = []
    for at, name in ((MINUTE, alert(run)), (2 * MINUTE, "none")):
        run.do(at, "ack", alert_id=name, scope=ELSEWHERE)
        rows.append(told(run.acted))
        silence = Silencing(Matchers(alert_id=name))
        run.do(at + MINUTE // 2, "silence", alert_id=name, scope=ELSEWHERE, silence=silence, why="x")
        rows.append({**told(run.acted), "action": None})

    assert rows[:2] == rows[2:]
    assert rows[0]["county"] == ELSEWHERE
    assert "must lie in the region of who acts, `620103`; got one of another, or one that" in rows[0]["sentence"]


def test_an_attempt_that_comes_again_has_one_row_and_its_id_does_nothing_later() -> None:
    run = run_with_an_alert()
    for number in range(3):
        run.do((number + 1) * MINUTE, "ack", alert_id=alert(run), action_id="once", refused=SENTENCE)

    assert run.do(4 * MINUTE, "ack", alert_id=alert(run), action_id="once") == []
    assert len(run.pipeline.acted) == 1


def test_a_refused_merge_is_not_even_looked_into() -> None:
    run = Run(make_rule(), routing=routing(roles={"supervisor": {"may": ["merge"]}}))
    asked: list[frozenset[str]] = []

    def history(matters: frozenset[str], _: int) -> Sequence[PooledEvent]:
        asked.append(matters)
        return ()

    run.pipeline.linking._matters = history
    run.do(MINUTE, "merge", matter="m1", into="m2", why="x", refused=SENTENCE)
    assert (run.acted.sentence, asked) == (SENTENCE, [])
    run.do(2 * MINUTE, "merge", matter="m1", into="m2", why="x")
    assert asked == [frozenset({"m1", "m2"})]
