"""`anlan rules diff`: classes, paths and refusals of a change, and the exit codes of `diff`."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from dataflows.cli.rules import rules

RULE = """\
apiVersion: rules/v1
id: {id}
version: {version}
kind: threshold
title: {{zh: 测试, en: Test}}
owner: {owner}
purpose: service-quality
channels: [police]
key: [{key}]
window: {{size: 7d}}
levels:
  - {{gte: {gte}, level: blue}}
"""


def write(
    folder: Path, id: str = "a.one", version: int = 1, owner: str = "duty", key: str = "matter", gte: int = 2
) -> Path:
    folder.mkdir(exist_ok=True)
    text = RULE.format(id=id, version=version, owner=owner, key=key, gte=gte)
    (folder / f"{id}.yaml").write_text(text, encoding="utf-8")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(rules, ["diff", *map(str, arguments)])


def test_the_same_rules_end_with_0(tmp_path: Path) -> None:
    result = run(write(tmp_path / "old"), write(tmp_path / "new"))

    assert result.output == "1 same\n"
    assert result.exit_code == 0


def test_a_difference_is_classed_with_each_path_and_ends_with_1(tmp_path: Path) -> None:
    result = run(write(tmp_path / "old"), write(tmp_path / "new", version=2, owner="others", gte=3))

    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert lines == [
        "a.one ladder state is kept and judged again",
        "version text 1 → 2",
        "owner text duty → others",
        "levels[0].gte ladder 2 → 3",
        "1 ladder",
    ]
    assert result.exit_code == 1


def test_another_meaning_under_the_same_version_is_refused_and_ends_with_2(tmp_path: Path) -> None:
    result = run(write(tmp_path / "old"), write(tmp_path / "new", key="case"))

    assert "refused: rule `a.one` must get a version above 1 when its meaning changes; got 1 again" in result.output
    assert result.exit_code == 2


def test_json_names_what_is_new_and_gone(tmp_path: Path) -> None:
    result = run(write(tmp_path / "old"), write(tmp_path / "new", id="b.two"), "--json")

    changes = msgspec.json.decode(result.stdout)
    assert [(change["rule"], change["class"]) for change in changes] == [("a.one", "gone"), ("b.two", "new")]
    assert result.exit_code == 1


@pytest.mark.parametrize("broken", ["kind: nothing\n", "a: [\n"], ids=["no rule", "no YAML"])
def test_rules_that_cannot_be_read_end_with_2(tmp_path: Path, broken: str) -> None:
    new = tmp_path / "new.yaml"
    new.write_text(broken, encoding="utf-8")

    result = run(write(tmp_path / "old"), new)

    assert str(new) in result.output
    assert result.exit_code == 2
