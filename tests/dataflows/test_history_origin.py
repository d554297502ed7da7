"""A history from the data pool answers as the file that the pool was filled from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
import pytest
from click.testing import CliRunner, Result

from alerts.model import Kind, from_us
from connectors.embedded import Engine
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.backtest import backtest
from dataflows.cli.city import city
from dataflows.cli.replay import replay
from dataflows.cli.rules import rules
from dataflows.history_origin import Origin
from dataflows.replay_source import Refusals

SILENCE = RULES_FOLDER / "operations" / "channel_silent.yaml"
REPEAT = RULES_FOLDER / "service-quality" / "repeat_contact.yaml"
DAY = 86_400
KINDS = tuple(kind for kind in get_args(Kind) if kind != "silence")


class Filled(NamedTuple):
    """A month of a small city: its file, and the pool that a replay of it has filled."""

    file: Path
    pool: str


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    folder = tmp_path_factory.mktemp("history")
    found = Filled(folder / "month.jsonl", Engine(folder / "pool").dsn)
    for command, arguments in (
        (city, ["--days", "30", "--reports-per-day", "40", "--out", found.file]),
        (replay, [found.file, "--rules", REPEAT, "--pool", found.pool]),
    ):
        done = CliRunner().invoke(command, [*map(str, arguments)])
        assert done.exit_code == 0, done.output
    return found


def run(*arguments: object) -> Result:
    return CliRunner().invoke(rules, [*map(str, arguments)])


def answer(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)


def alerts_of(origin: Origin, *, kinds: tuple[str, ...] = ()) -> dict[str, tuple[Any, ...]]:
    """What the shipped rules say, or those of some kinds; those about silent channels never."""
    channels = load_channels()
    book = [rule for rule in load_rules([RULES_FOLDER], channels) if rule.spec.kind in (kinds or KINDS)]
    for number, rule in enumerate(book):
        rule.number = number
    found = origin.arrivals(channels, Refusals([], {}), lambda _: None)
    (history,) = backtest(found, [book], channels, frozenset(), lambda *_: None)
    return {
        one.id: (one.rule, one.opened_us, one.reached_us, one.state, one.reason, one.evidence)
        for one in history.alerts
    }  # fmt: skip


def levels(alerts: dict[str, tuple[Any, ...]]) -> dict[str, tuple[str, list[bool]]]:
    """The levels that each reached. What waits for stragglers is judged when the clock moves, so a little later."""
    return {name: (rule, [at > 0 for at in reached]) for name, (rule, _, reached, *_) in alerts.items()}


@pytest.mark.integration
def test_a_backtest_over_the_pool_finds_the_alerts_of_the_file_without_heartbeats(filled: Filled) -> None:
    lines = filled.file.read_bytes().splitlines(keepends=True)
    events = filled.file.with_name("events.jsonl")
    events.write_bytes(b"".join(line for line in lines if msgspec.json.decode(line)["action"] != "heartbeat"))

    of_pool, of_file = alerts_of(Origin(pool=filled.pool)), alerts_of(Origin(files=(events,)))

    assert len({rule for rule, *_ in of_file.values()}) > 10
    assert of_pool == of_file


@pytest.mark.integration
def test_rules_about_what_happened_need_no_heartbeats(filled: Filled) -> None:
    happened = ("threshold", "distinct", "sequence", "progression", "match", "score")

    of_pool = alerts_of(Origin(pool=filled.pool), kinds=happened)
    of_file = alerts_of(Origin(files=(filled.file,)), kinds=happened)

    assert levels(of_pool) == levels(of_file)


@pytest.mark.integration
def test_the_command_says_what_a_pool_cannot_answer(filled: Filled) -> None:
    result = run("backtest", "--pool", filled.pool)
    alone = run("backtest", "--pool", filled.pool, "--rules", SILENCE)

    assert result.exit_code == 0, result.output
    said = "the pool holds no heartbeats: cs.channel-silent is left out and absence is vouched for by events alone"
    assert result.output.count(said) == 1
    assert "events in 30 days from 2026-01-01" in result.output
    assert alone.exit_code == 1
    assert "must hold a rule that is not of kind `silence`; got only cs.channel-silent" in alone.output


@pytest.mark.integration
def test_two_versions_are_compared_over_a_part_of_the_pool(filled: Filled) -> None:
    said = answer("backtest", "--pool", filled.pool, "--since", "2026-01-11", "--until", "2026-01-21",
                  "--rules", REPEAT, "--against", REPEAT)  # fmt: skip

    assert (said["first_day"], said["days"]) == ("2026-01-11", 10)
    assert all(row["only_a"] == row["only_b"] == 0 for row in said["overlap"])


@pytest.mark.integration
def test_questions_are_answered_from_the_pool_as_from_the_file(filled: Filled) -> None:
    until = ("--until", "2026-01-29T12:00")
    pool, file = ("--pool", filled.pool, "--rules", REPEAT), (filled.file, "--rules", REPEAT)

    board = answer("near", *pool, "--at", until[1])["near"]
    event = board[0]["last_event"]["id"]
    matter = f"matter={board[0]['key']['matter']}"

    assert board == answer("near", *file, "--at", until[1])["near"]
    assert answer("why-not", matter, *pool, *until) == answer("why-not", matter, *file, *until)
    of_pool, of_file = answer("explain", event, *pool, *until), answer("explain", event, *file, *until)
    assert of_pool["rules"] == of_file["rules"]
    assert of_pool["matter"]["matter"] == of_file["matter"]["matter"]
    assert of_pool["matter"]["reason"] == "given"


@pytest.mark.integration
def test_the_span_of_a_pool_is_that_of_what_is_read(filled: Filled) -> None:
    first, last = Origin(pool=filled.pool).span()
    nothing = Origin(pool=filled.pool, since=last).span()

    assert first is not None
    assert last is not None
    assert 29 * DAY < (from_us(last) - from_us(first)).total_seconds() < 31 * DAY
    assert nothing == (last, last)
    assert Origin(pool=filled.pool, since=last + 1).span() == (None, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["near"], "one of FILES and --pool must be given; got none of them"),
        (["near", "FILES", "--pool", "chdb:///p"], "one of FILES and --pool must be given; got FILES and --pool"),
        (["why-not", "matter=m1"], "one of FILES and --pool must be given; got none of them"),
        (["explain", "e1"], "one of FILES and --pool must be given; got none of them"),
        (["backtest"], "one of FILES, --pool and --city-year must be given; got none of them"),
        (["backtest", "--pool", "chdb:///p", "--city-year"], "must be given; got --pool and --city-year"),
        (["backtest", "FILES", "--city-year"], "must be given; got FILES and --city-year"),
        (["backtest", "FILES", "--since", "2026-01-01"], "`--since` must go with --pool; got it with FILES"),
        (
            ["backtest", "--city-year", "--until", "2026-01-01"],
            "`--until` must go with --pool; got it with --city-year",
        ),
        (["near", "--pool", "chdb:///p", "--mapping", "FILES"], "`--mapping` must go with FILES; got it with --pool"),
    ],
    ids=lambda found: " ".join(found) if isinstance(found, list) else "",
)
def test_one_history_must_be_given_and_its_own_options(tmp_path: Path, arguments: list[str], said: str) -> None:
    file = tmp_path / "e.jsonl"
    file.write_text("")

    result = run(*(file if each == "FILES" else each for each in arguments))

    assert result.exit_code == 2
    assert said in result.output
