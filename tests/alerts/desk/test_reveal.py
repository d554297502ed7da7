"""Who may ask who is meant: those whom the rule of the alert names, or else those whom the routing lets."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from small_city import CHANNELS, HOUR, MINUTE, START, Run, make_rule, report
from small_desk import GRID, LIFE, routing

from alerts.desk.routing import Routing
from alerts.model import Book, Slice
from alerts.pipeline import Pipeline
from alerts.rule import Rule

PAIR = "x"  # the token in the key of the alert


def red(**parts: Any) -> Rule:
    """A rule whose first report is red."""
    return make_rule(levels=[{"gte": 1, "level": "red"}], lifecycle=LIFE, **parts)


def run_of(*reveal: str) -> Run:
    """A run with one open alert of a rule that names these roles."""
    run = Run(red(privacy={"reveal": list(reveal)}), routing=routing())
    run.tell(report("e0", 0, pair=PAIR, grid=GRID))
    return run


def ask(run: Run, role: str, **fields: Any) -> tuple[str, str]:
    """What becomes of the question who is meant."""
    known = {"alert_id": run.revisions[0].alert_id, "role": role, "token": PAIR, "why": "visit"}
    run.do((run.actions + 1) * MINUTE, "reveal", **known | fields)
    return run.acted.verdict, run.acted.sentence


@pytest.mark.parametrize("role", ["duty.police", "duty.police.north"])
def test_whom_the_rule_names_may_ask_also_where_the_routing_does_not_let_them(role: str) -> None:
    assert ask(run_of("unit", "duty.police"), role) == ("done", "")


@pytest.mark.parametrize("role", ["supervisor", "supervisor.hotline", "duty", "duty.policewatch"])
def test_nobody_else_may_ask_also_where_the_routing_lets_them(role: str) -> None:
    wanted = "role must be one that the rule names for a reveal, or below it"

    assert ask(run_of("unit", "duty.police"), role) == (
        "refused",
        f"{wanted}; got `{role}`; it names: unit, duty.police",
    )


def test_where_the_rule_names_nobody_the_routing_says_who_may() -> None:
    assert ask(run_of(), "supervisor.hotline") == ("done", "")
    assert ask(run_of(), "duty.police") == (
        "refused",
        "role `duty.police` must be allowed to reveal; it may: ack, close, silence, unsilence",
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"scope": "620103"}, "alert must lie in the region of who acts, `620103`"),
        ({"token": "y"}, "`token` must stand in the key of the alert"),
        ({"why": ""}, "`why` must say what for"),
    ],
)
def test_who_is_named_needs_the_region_a_token_of_the_key_and_a_purpose(fields: dict[str, Any], sentence: str) -> None:
    verdict, said = ask(run_of("duty.police"), "duty.police", **fields)

    assert (verdict, sentence in said) == ("refused", True)


def test_whom_the_rule_names_is_known_after_a_restart() -> None:
    run = run_of("duty.police")
    run.restart()

    assert ask(run, "duty.police")[0] == "done"
    assert ask(run, "supervisor")[0] == "refused"


def test_an_edit_of_whom_the_rule_names_holds_from_what_it_says_next() -> None:
    run = Run(red(privacy={"reveal": ["duty.police"]}), routing=routing())
    run.pipeline = Pipeline(
        run.rules, CHANNELS, 1, lambda book: book.compiled(CHANNELS, {}), lambda *_: (), routing=routing(),
        routing_of=lambda file: Routing(file, {}),
    )  # fmt: skip
    run.tell(report("e0", 0, pair=PAIR, grid=GRID))
    edited = msgspec.to_builtins(red(privacy={"reveal": ["mediation"]}).spec)
    run.pipeline.take(Slice(START + 5 * MINUTE, [Book(START + 5 * MINUTE, (edited,))]))
    run.tell(report("e1", 2 * HOUR, pair=PAIR, grid=GRID, channel="police"))

    run.actions = 150  # minutes
    assert ask(run, "duty.police")[0] == "refused"
    assert ask(run, "mediation")[0] == "done"
