"""Scores of rules: from lines, from files of revisions, and from a data pool with what people decided."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from small_city import make_rule

from connectors.clickhouse import Pool
from connectors.clickhouse_client import PoolClient
from dataflows.backtest_tally import AlertLine
from dataflows.cli.replay import replay
from dataflows.cli.rules_scorecard import scorecard_command
from dataflows.scorecard import lines_of_files, lines_of_pool, scorecard

RULE = """\
apiVersion: rules/v1
id: my.noise
version: 1
kind: threshold
title: {zh: 噪声, en: Noise}
owner: duty-rules
runbook: rb/noise
purpose: service-quality
channels: [hotline]
select: {contact: {action: [received]}}
key: [matter]
window: {size: 7d}
levels: [{gte: 2, level: blue}, {gte: 3, level: red}]
lifecycle: {quiet_close: 7d, reopen_within: 7d}
budget: {blue: 1, red: 0.1}
explain: {zh: "{count}次", en: "{count} times"}
tests: []
"""


def line(level: int, disposition: str = "", state: str = "open") -> AlertLine:
    reached = [1 if number <= level else 0 for number in range(3)]
    return AlertLine("a", "test.threshold", {}, 1, reached, state=state, revisions=2, disposition=disposition)


@pytest.fixture
def history(tmp_path: Path) -> tuple[Path, Path]:
    """Three matters: two calls, three calls, two calls; and the rule that counts them."""
    (tmp_path / "my.yaml").write_text(RULE, encoding="utf-8")
    calls = [("m1", 1), ("m1", 2), ("m2", 1), ("m2", 2), ("m2", 3), ("m3", 3), ("m3", 4)]
    events = [
        {"id": f"{matter}-{day}", "channel": "hotline", "action": "received", "matter": matter,
         "occurred_at": f"2026-03-0{day}T09:00:00+08:00"}
        for matter, day in sorted(calls, key=lambda call: call[1])
    ]  # fmt: skip
    (tmp_path / "events.jsonl").write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    return tmp_path / "events.jsonl", tmp_path / "my.yaml"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(scorecard_command, [*map(str, arguments)])


def test_alerts_count_once_and_what_people_said_is_a_share() -> None:
    said = ["true_positive", "false_positive", "wrong_identity", "benign", ""]
    lines = [line(number % 3, disposition) for number, disposition in enumerate(said)]

    (score,) = scorecard([*lines, line(0, state="retracted")], [make_rule()], days=10)

    assert score.levels == (2, 2, 1)
    assert score.per_day == 0.5
    assert (score.retracted, score.revisions, score.decided) == (1, 12, 4)
    assert score.false_share == 0.5


def test_where_nobody_decided_there_is_no_share() -> None:
    (score,) = scorecard([line(0)], [make_rule()], days=1)

    assert score.false_share is None


def test_a_rule_that_is_not_loaded_is_said_to_be_so_and_one_that_is_silent_has_a_row() -> None:
    scores = scorecard([line(0)], [make_rule("distinct", of="reporter")], days=1)

    assert [(one.rule, one.is_loaded, one.alerts) for one in scores] == [
        ("test.distinct", True, 0),
        ("test.threshold", False, 1),
    ]


def test_files_of_revisions_are_scored_and_strict_fails_on_a_broken_budget(
    tmp_path: Path, history: tuple[Path, Path]
) -> None:
    events, rules = history
    revisions = tmp_path / "revisions.jsonl"
    result = CliRunner().invoke(replay, [str(events), "--rules", str(rules), "--revisions-out", str(revisions)])
    assert result.exit_code == 0, result.output

    broken = run(revisions, "--rules", rules, "--days", 5, "--strict")
    kept = run(revisions, "--rules", rules, "--days", 30, "--strict", "--json")

    assert broken.exit_code == 1
    assert "broken: red 0.20 a day, not 0.1" in broken.output
    assert kept.exit_code == 0
    (score,) = msgspec.json.decode(kept.output)
    assert score["alerts"] == {"blue": 2, "yellow": 0, "red": 1}
    assert score["budget_broken"] == {}


@pytest.mark.integration
def test_a_pool_knows_what_people_decided_last_by_the_log(history: tuple[Path, Path], clickhouse_dsn: str) -> None:
    events, rules = history
    filled = CliRunner().invoke(replay, [str(events), "--rules", str(rules), "--pool", clickhouse_dsn])
    assert filled.exit_code == 0, filled.output
    with Pool(clickhouse_dsn) as pool:
        red = next(one for one in lines_of_pool(pool)[0] if one.level_name == "red")
    client = PoolClient.open(clickhouse_dsn)
    said = (
        ("true_positive", "done", 9),  # of somebody whose clock is ahead
        ("", "done", 2),
        ("false_positive", "done", 3),
        ("wrong_identity", "refused", 4),
    )
    for seq, (disposition, verdict, hour) in enumerate(said, 1):
        acted_at = f"2026-03-05 0{hour}:00:00"
        client.execute(
            "INSERT INTO alert_actions (seq, action_id, alert_id, revision, action, disposition, verdict, acted_at) "
            f"VALUES ({seq}, 'a{seq}', '{red.id}', 1, 'close', '{disposition}', '{verdict}', '{acted_at}')"
        )
    client.close()

    with Pool(clickhouse_dsn) as pool:
        lines, days = lines_of_pool(pool)
    result = run("--pool", clickhouse_dsn, "--rules", rules)

    assert days == 4
    assert sorted(one.level_name for one in lines) == ["blue", "blue", "red"]
    assert {one.disposition for one in lines} == {"", "false_positive"}, "the last word counts that was not refused"
    assert "my.noise: false_positive 1" in result.output
    assert "100%" in result.output


def test_a_file_that_holds_no_revisions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text("{}\n")

    with pytest.raises(ValueError, match=r"a line must be a revision as JSON; got .* \(.*wrong\.jsonl:1\)"):
        lines_of_files([path])
    assert run().exit_code == 2
    assert "one of FILES and --pool must be given; got neither" in run().output
