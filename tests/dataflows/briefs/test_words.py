"""The words of a brief: all in one file, all of them said, and none that nobody has written."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import dataflows
from dataflows.briefs.words import words

SOURCES = "".join(path.read_text(encoding="utf-8") for path in Path(dataflows.__file__).parent.glob("briefs/*.py"))


def test_every_sentence_is_said_somewhere_and_none_is_missing() -> None:
    whole = set(re.findall(r'\bsay\(\s*"([\w.]+)"', SOURCES)) | set(re.findall(r'say\("([\w.]+)" if', SOURCES))
    whole |= set(re.findall(r'else "([\w.]+)"', SOURCES))
    begun = tuple(re.findall(r'\bsay\(\s*f"([\w.]+\.)\{', SOURCES))
    sentences = words().sentences

    assert {name for name in whole if name not in sentences and "." in name} == set()
    assert {name for name in sentences if name not in whole and not name.startswith(begun)} == set()


@pytest.mark.parametrize("name", sorted(words().sentences))
def test_a_sentence_is_chinese_and_its_braces_have_names(name: str) -> None:
    sentence = words().sentences[name]

    assert all(field is None or field.isidentifier() for _, field, _, _ in Formatter().parse(sentence))
    assert not re.search(r"[A-Za-z]", re.sub(r"\{\w+\}", "", sentence))
