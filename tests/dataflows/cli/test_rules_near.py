"""`anlan rules near`, `why-not` and `explain`: questions about a small history, and how they are answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from dataflows.cli.rules import rules

RULE = """\
apiVersion: rules/v1
id: {id}
version: 1
kind: {kind}
title: {{zh: 测试, en: Test}}
owner: duty-rules
runbook: rb/test
purpose: service-quality
channels: [hotline]
select:
  contact: {{action: [received]}}
  staff: {{reporter_class: [staff]}}
  condition: contact and not staff
key: [matter]
window: {{size: 7d}}
levels:
{levels}
lifecycle: {{quiet_close: 7d}}
explain: {{zh: "{{count}}次", en: "{{count}} times"}}
tests:
  - {{name: silence, events: [], expect: []}}
"""
COUNT = "  - {gte: 3, level: blue}\n  - {gte: 5, level: red}"


def told(name: str, at: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": name, "channel": "hotline", "action": "received", "occurred_at": f"2026-03-{at}:00+08:00", "matter": "m1",
        **fields,
    }  # fmt: skip


HISTORY = [
    told("a1", "02T09:00"),
    told("a2", "04T09:00"),
    told("a3", "05T09:00", reporter_class="staff"),
    told("b1", "05T10:00", matter="m2"),
    told("c1", "05T11:00", matter="m3"),
    told("c2", "05T12:00", matter="m3"),
    told("c3", "05T13:00", matter="m3"),
    told("a2", "04T09:00"),
]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The history and a rule that counts."""
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in HISTORY))
    return [str(events), "--rules", rule(tmp_path / "count.yaml")]


def rule(path: Path, name: str = "a.count", kind: str = "threshold", levels: str = COUNT) -> str:
    path.write_text(RULE.format(id=name, kind=kind, levels=levels), encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rules, list(arguments))


def answer(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)


def test_near_ranks_the_keys_by_what_is_missing(files: list[str]) -> None:
    board = answer("near", *files)

    assert [(p["rank"], p["key"], p["level"], p["missing"], p["before"]) for p in board["near"]] == [
        (1, {"matter": "m1"}, "blue", 1, "2026-03-09T01:00:00Z"),
        (2, {"matter": "m3"}, "red", 2, "2026-03-12T03:00:00Z"),
        (3, {"matter": "m2"}, "blue", 2, "2026-03-12T02:00:00Z"),
    ]
    assert board["near"][1]["open_level"] == "blue"
    assert board["near"][0]["last_event"]["id"] == "a2"


def test_near_says_what_is_still_needed_and_until_when(files: list[str]) -> None:
    output = run("near", *files, "--top", "1").output

    assert "1 more contact before 2026-03-09 09:00" in output
    assert "2 more keys are on the board" in output


def test_near_looks_at_another_time_as_it_was_known_then(files: list[str]) -> None:
    early = answer("near", *files, "--at", "2026-03-05T11:30")

    assert early["at"] == "2026-03-05T03:30:00Z"
    assert [(p["key"]["matter"], p["missing"]) for p in early["near"]] == [("m1", 1), ("m3", 2), ("m2", 2)]
    assert answer("near", *files, "--at", "2026-03-20")["near"] == []


def test_near_shows_so_many_of_one_rule_and_leaves_other_kinds_out(files: list[str], tmp_path: Path) -> None:
    match = rule(tmp_path / "match.yaml", "a.match", "match", "  - {level: blue}")

    board = answer("near", *files, "--rules", match, "--each", "1")

    assert [p["key"]["matter"] for p in board["near"]] == ["m1"]
    assert board["left_out"] == [{"rule": "a.match", "kind": "match"}]


def test_why_not_tells_the_fate_of_every_event(files: list[str]) -> None:
    [told] = answer("why-not", "matter=m1", *files)

    assert told["says"] == ["now: needs 1 more contact inside 7d, i.e. before 2026-03-09 09:00 (blue)"]
    assert [(e["id"], e["fate"], e["why"], e["delivered_again"]) for e in told["events"]] == [
        ("a1", "counted", [], 0),
        ("a2", "counted", [], 1),
        ("a3", "not_selected", ["staff: `reporter_class` is `staff`"], 0),
    ]
    assert [(r["level"], r["value"], r["needed"], r["passed"]) for r in told["closest"]["rungs"]] == [
        ("blue", 2, 3, False),
        ("red", 2, 5, False),
    ]


def test_why_not_draws_a_tree_and_names_what_fired(files: list[str]) -> None:
    [told] = answer("why-not", "matter=m3", *files)
    output = run("why-not", "matter=m3", *files).output

    alert = told["fired"][0]["alert_id"]
    assert f"fired: alert {alert} blue, open (opened) at 2026-03-05 13:00" in output
    assert "✓ blue: gte has 3 of 3" in output
    assert "✗ red: gte has 3 of 5; needs 2 more contacts" in output
    assert f"c3: counted; evidence of {alert}" in output


def test_explain_an_event_shows_every_map_and_entry(files: list[str]) -> None:
    output = run("explain", "a3", *files).output

    assert "event a3: hotline received at 2026-03-05 09:00" in output
    assert "a.count  Test: not selected; staff: `reporter_class` is `staff`" in output
    assert "select: contact=yes and not staff=yes: no" in output
    assert "✓ reporter_class: `staff`; must be `staff`" in output
    assert "delivered again" in run("explain", "a2", *files).output


def test_explain_an_event_tells_the_verdict_and_the_alert(files: list[str]) -> None:
    plain = answer("explain", "c3", *files)

    [under] = plain["rules"]
    assert (under["part"], under["key"], under["verdict"]) == (
        ["counts"],
        {"matter": "m3"},
        {"level": "blue", "count": 3},
    )
    assert len(under["alerts"]) == 1
    assert answer("explain", "c2", *files)["rules"][0]["verdict"] is None


def test_explain_an_alert_by_its_first_letters(files: list[str]) -> None:
    alert = answer("explain", "c3", *files)["rules"][0]["alerts"][0]

    output = run("explain", alert[:8], *files).output

    assert f"alert {alert}: a.count, matter=m3, episode 1" in output
    assert "revision 1 at 2026-03-05 13:00: open blue, opened" in output
    assert "3 times" in output
    assert "evidence of revision 1: 3 events" in output
    assert answer("explain", alert, *files, "--revision", "1")["explained"]["count"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["near"], 2, "one of FILES and --pool must be given"),
        (["near", "FILES", "--rule", "a.none"], 2, "`--rule` must be one of a.count; got `a.none`"),
        (["near", "FILES", "--at", "noon"], 2, "a time must be like `2026-03-09`"),
        (["why-not", "matter", "FILES"], 2, "KEY must be `field=value`"),
        (["why-not", "pair=x", "FILES"], 1, "KEY must belong to an event and be what a rule groups by (`matter`)"),
        (["why-not", "matter=m9", "FILES"], 1, "got `matter=m9`"),
        (["explain", "a9", "FILES"], 1, "must be an event or an alert of this history (7 events, 1 alert)"),
        (["explain", "c3", "FILES", "--until", "2026-03-01"], 1, "the history must hold at least one event; got none"),
    ],
    ids=["no file", "no rule", "no time", "no key", "another field", "another value", "no event", "nothing yet"],
)
def test_what_is_wrong_is_said_with_the_right_exit_code(
    files: list[str], arguments: list[str], code: int, said: str
) -> None:
    result = run(*(part for each in arguments for part in (files if each == "FILES" else [each])))

    assert result.exit_code == code
    assert said in result.output


@pytest.mark.parametrize("command", ["near", "why-not", "explain", "diff"])
def test_the_help_teaches_with_an_example(command: str) -> None:
    result = run(command, "--help")

    assert f"$ anlan rules {command} " in result.output
    assert "Exits with 0" in result.output
