"""As many rules as are asked for, all of them good, the first ones always the same."""

from __future__ import annotations

from pathlib import Path

from benchmarks.rule_copies import original, rule_files
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules


def test_copies_are_rules_under_other_ids_and_neighbours_are_of_other_kinds(tmp_path: Path) -> None:
    files = rule_files(tmp_path, 64)
    channels = load_channels()
    rules = load_rules(files, channels)
    first = [load_rules([file], channels)[0] for file in files[:6]]

    assert len(rules) == 64
    shipped = {rule.id: rule.semantic_hash for rule in load_rules([RULES_FOLDER], channels)}
    assert all(shipped[original(rule.id)] == rule.semantic_hash for rule in rules)
    assert len({rule.spec.kind for rule in first}) == 6
    assert rule_files(tmp_path, 6) == files[:6]
