"""The rule book: files and folders, numbering, what is left out, and sentences with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, RulebookError, find_rule_files, load_rules, read_rulebook

CHANNELS = load_channels()
RULE = """\
apiVersion: rules/v1
id: {id}
version: 1
kind: threshold
status: {status}
title: {{zh: 测试, en: Test}}
owner: duty-rules
purpose: {purpose}
channels: [police]
select:
  contact: {{action: [received]}}
key: [{key}]
window: {{size: 7d}}
levels:
  - {{gte: 3, level: blue}}
"""


def write(
    path: Path, id: str = "a.one", status: str = "live", purpose: str = "service-quality", key: str = "matter"
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(RULE.format(id=id, status=status, purpose=purpose, key=key), encoding="utf-8")
    return path


def test_rules_of_folders_and_files_are_numbered_by_id(tmp_path: Path) -> None:
    write(tmp_path / "book" / "deep" / "1.yaml", "c.three")
    write(tmp_path / "book" / "2.yaml", "a.one")
    single = write(tmp_path / "3.yaml", "b.two")

    rules = load_rules([tmp_path / "book", single], CHANNELS)

    assert [(rule.id, rule.number) for rule in rules] == [("a.one", 0), ("b.two", 1), ("c.three", 2)]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    file = write(tmp_path / "1.yaml")

    assert find_rule_files([file, tmp_path, str(file)]) == [file]


def test_disabled_and_deprecated_rules_are_left_out_and_shadow_rules_stay(tmp_path: Path) -> None:
    for number, status in enumerate(("live", "shadow", "disabled", "deprecated")):
        write(tmp_path / f"{number}.yaml", f"a.{status}", status)

    book = read_rulebook([tmp_path], CHANNELS)

    assert [(rule.id, rule.number) for rule in book.rules] == [("a.live", 0), ("a.shadow", 1)]
    assert [rule.id for rule in book.left_out] == ["a.deprecated", "a.disabled"]
    assert book.failures == []


def test_an_id_that_stands_in_two_files_is_refused_and_both_are_named(tmp_path: Path) -> None:
    first, second = write(tmp_path / "1.yaml"), write(tmp_path / "2.yaml")

    with pytest.raises(RulebookError) as error:
        load_rules([tmp_path], CHANNELS)

    assert str(error.value) == (f"a rule id must stand in one file; got `a.one` again ({second}:2, first in {first}:2)")


def test_what_is_wrong_is_said_with_file_and_line_for_every_file(tmp_path: Path) -> None:
    broken = tmp_path / "1.yaml"
    broken.write_text(RULE.format(id="a.one", status="live", purpose="operations", key="matter") + "levls: []\n")
    unread = tmp_path / "2.yaml"
    unread.write_text("id: a: b")
    other = tmp_path / "3.yaml"
    other.write_bytes("id: 测试".encode("gbk"))
    write(tmp_path / "4.yaml")

    with pytest.raises(RulebookError) as error:
        load_rules([tmp_path], CHANNELS)

    assert str(error.value).splitlines() == [
        f"a key of a rule must be known; got `levls`; did you mean `levels` ({broken}:16)",
        f"file must be YAML; got mapping values are not allowed in this context ({unread}:1)",
        f"a rule file must be UTF-8; got other bytes ({other}:1)",
    ]
    assert [rule.id for rule in read_rulebook([tmp_path], CHANNELS).rules] == ["a.one"]


def test_a_rule_against_peoples_privacy_is_not_loaded(tmp_path: Path) -> None:
    file = write(tmp_path / "1.yaml", key="reporter")

    with pytest.raises(RulebookError, match=f"must have `matter` or `case` in its `key`.*{file}:12"):
        load_rules([file], CHANNELS)


def test_a_folder_without_rules_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RulebookError, match=r"a folder of rules must hold `\*\.yaml` files; got none"):
        load_rules([tmp_path], CHANNELS)
    with pytest.raises(RulebookError, match="a rule file must be readable; got No such file or directory"):
        load_rules([tmp_path / "none.yaml"], CHANNELS)


def test_the_rules_that_come_with_the_package_are_found() -> None:
    assert load_rules([RULES_FOLDER], CHANNELS)
