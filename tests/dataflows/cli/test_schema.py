"""`anlan schema`: the contracts on the screen and as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.contracts.documents import documents, text_of
from dataflows.cli.schema import schema


def run(*arguments: object) -> Result:
    return CliRunner().invoke(schema, [*map(str, arguments)])


def test_it_lists_what_there_is() -> None:
    result = run()

    assert result.exit_code == 0
    assert [line.split()[0] + ".json" for line in result.stdout.splitlines()] == list(documents())
    assert "One numbered, published state of an alert." in result.stdout


@pytest.mark.parametrize("name", ["alert-1", "alert-1.json"])
def test_it_prints_one(name: str) -> None:
    assert json.loads(run(name).stdout) == documents()["alert-1.json"]


def test_it_writes_all_beside_each_other(tmp_path: Path) -> None:
    result = run("--out", tmp_path / "contracts")

    assert result.exit_code == 0
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "contracts").iterdir()} == {
        name: text_of(document) for name, document in documents().items()
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["alarm"], "NAME must be one of alert-1, acted-1, dead-letter-1, alert-action-1, "),
        (["alert-1", "--out", "x"], "one of NAME and --out must be given; got both"),
    ],
    ids=["no such", "both"],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments: list[str], sentence: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert sentence in result.stderr
