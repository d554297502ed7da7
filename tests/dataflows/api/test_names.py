"""What things are called: as the files say now, and never nothing where a file is broken for a while."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataflows.api import names
from dataflows.api.names import NameBook

RULE = """
id: a.rule
title: {{zh: {title}, en: a rule}}
runbook: rb/a
when:
  any:
    - name: knife
      title: {{zh: 持刀, en: knife}}
    - name: unnamed
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rule file that is looked at each time."""
    monkeypatch.setattr(names, "LOOK_SECONDS", 0.0)
    file = tmp_path / "rule.yaml"
    write(file, RULE.format(title="旧名"), 1)
    return file


def write(file: Path, text: str, at: int) -> None:
    file.write_text(text, encoding="utf-8")
    os.utime(file, (at, at))


def test_an_edited_rule_has_its_new_title(file: Path) -> None:
    book = NameBook([file.parent])
    assert book.names("").rules["a.rule"].title.zh == "旧名"

    write(file, RULE.format(title="新名"), 2)

    found = book.names("").rules["a.rule"]
    assert (found.title.zh, found.runbook, list(found.parts)) == ("新名", "rb/a", ["knife"])


@pytest.mark.parametrize("text", ["id: [", "id: a.rule", "title: {zh: x, en: x}", "[1]"])
def test_a_broken_file_leaves_the_name_that_was_known(file: Path, text: str) -> None:
    book = NameBook([file.parent])
    book.names("")

    write(file, text, 2)

    assert book.names("").rules["a.rule"].title.zh == "旧名"


def test_a_folder_that_is_gone_for_a_moment_takes_no_name_away(file: Path) -> None:
    book = NameBook([file.parent])
    book.names("")

    file.unlink()

    assert book.names("").rules["a.rule"].title.zh == "旧名"
