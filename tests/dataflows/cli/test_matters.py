"""`anlan matters`, against the service: shown, merged, split, and refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from served import Served
from service import THERE, World

from dataflows.cli import main

pytestmark = pytest.mark.integration


@pytest.fixture
def world(tmp_path: Path, redis_url: str, pool_dsn: str, bootstrap: str) -> World:
    found = World(tmp_path, redis_url, pool_dsn, bootstrap)
    for name, matter in (("a1", "matter-a"), ("a2", "matter-a"), ("b1", "matter-b")):
        found.report(name, matter)
    found.report("c1", "matter-there", THERE)
    return found


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with Served(world) as found:
        yield found


def ask(world: World, served: Served, *arguments: str, who: str = "head-here", code: int = 0) -> Result:
    environment = {"ANLAN_API": served.address, "ANLAN_TOKEN": world.shown[who], "COLUMNS": "200"}
    found = CliRunner().invoke(main, ["matters", *arguments], env=environment)
    assert found.exit_code == code, (found.exit_code, found.output, found.exception)
    return found


def test_the_life_of_a_matter_is_shown(world: World, served: Served) -> None:
    table = ask(world, served, "show", "matter-a").stdout
    lines = [json.loads(line) for line in ask(world, served, "show", "matter-a", "--json").stdout.splitlines()]

    assert [line.split()[-2:] for line in table.splitlines()[1:]] == [["a1", "first"], ["a2", "first"]]
    assert [line["event_id"] for line in lines] == ["a1", "a2"]


def test_a_merge_and_a_split_are_sent_as_they_were_asked(world: World, served: Served) -> None:
    with world.desk():
        merged = ask(world, served, "merge", "matter-a", "--into", "matter-b", "--why", "同一纠纷")
        split = ask(world, served, "split", "matter-a", "--event", "a1", "--event", "a2", "--why", "两件事", "--json")
    sent = world.sent()

    assert merged.stdout == "已合并 merged matter-a → matter-b\n"
    assert json.loads(split.stdout)["verdict"] == "done"
    assert [(each.action, each.matter, each.into, each.events, each.why, each.scope) for each in sent] == [
        ("merge", "matter-a", "matter-b", (), "同一纠纷", "620102"),
        ("split", "matter-a", "", ("a1", "a2"), "两件事", "620102"),
    ]


@pytest.mark.parametrize(
    "arguments", [("merge", "matter-there", "--into", "matter-b"), ("merge", "matter-a", "--into", "matter-there")]
)
def test_a_matter_of_another_county_is_not_there(world: World, served: Served, arguments: tuple[str, ...]) -> None:
    found = ask(world, served, *arguments, "--why", "x", code=1)

    assert "matter" in found.output
    assert [bool(each.refused) for each in world.sent()] == [True]


def test_a_role_that_may_not_is_told_so(world: World, served: Served) -> None:
    found = ask(world, served, "merge", "matter-a", "--into", "matter-b", "--why", "x", who="here", code=3)

    assert "must be allowed to merge" in found.output
