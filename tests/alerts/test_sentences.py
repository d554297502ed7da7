"""Every sentence that the shipped rules say in their own tests, held against the ones written down.

`RENEW=1 pytest tests/alerts/test_sentences.py` writes sentences.yaml anew: read what has changed before keeping it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from alerts.authoring.rule_case import read_cases
from alerts.authoring.rule_test import drive, rule_for
from alerts.rule import Rule
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, find_rule_files, read_rule

FILE = Path(__file__).parent / "sentences.yaml"
CHANNELS = load_channels()
RULES = [read_rule(file, CHANNELS).rule for file in find_rule_files([RULES_FOLDER])]
ODD = re.compile(r"[{}]|––|（\s*）|\(\s*\)|None|\s[;,.]|，，|；$")

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
Sentences = dict[str, list[str]]  # name of the test -> its revisions, Chinese and English


def said(rule: Rule) -> Sentences:
    """What each firing test of a rule says, revision by revision."""
    found: Sentences = {}
    for case in read_cases(rule.spec, CHANNELS):
        for draft in drive(rule_for(case, rule, CHANNELS), CHANNELS, case.arrivals, case.end):
            text = draft.revision.text
            found.setdefault(case.name, []).append(f"{text.zh} | {text.en}")
    return found


def named(rule: Rule) -> set[str]:
    """The ids of branches, steps and cues that have another title."""
    when = rule.spec.when
    parts = [*(when.any or ()), *(when.steps or ()), *(when.score or ())] if when is not None else []
    return {part.name for part in parts if part.title is None or part.name not in part.title.en}


def test_the_sentences_are_the_ones_written_down() -> None:
    now = {rule.id: said(rule) for rule in RULES}
    if os.environ.get("RENEW"):
        text = yaml.safe_dump(now, allow_unicode=True, width=1000, sort_keys=True)
        FILE.write_text("# Written by `RENEW=1 pytest tests/alerts/test_sentences.py`; Chinese | English.\n" + text)

    assert now == yaml.safe_load(FILE.read_text(encoding="utf-8"))


@every_rule
def test_a_sentence_reads_as_one(rule: Rule) -> None:
    sentences = [text for texts in said(rule).values() for text in texts]

    assert sentences
    assert [text for text in sentences if ODD.search(text)] == []


@every_rule
def test_no_id_of_a_branch_is_shown_to_people(rule: Rule) -> None:
    ids = named(rule)
    words = {word for texts in said(rule).values() for text in texts for word in re.findall(r"[\w-]+", text)}

    assert words & ids == set()


@every_rule
def test_every_branch_and_step_has_a_chinese_title(rule: Rule) -> None:
    when = rule.spec.when
    parts = [*(when.any or ()), *(when.steps or ()), *(when.score or ())] if when is not None else []

    assert [part.name for part in parts if part.title is None or part.title.zh.isascii()] == []
