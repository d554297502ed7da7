"""Every shipped mapping keeps what the tests inside it promise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from connectors import mapping_plan, mapping_values
from connectors.deadletter import Reason
from connectors.lexicon import load_lexicon
from connectors.mapping import MAPPINGS_FOLDER, load_mappings
from connectors.mapping_tests import check_mapping
from connectors.pseudonym import generate_keyring
from connectors.registry import load_channels
from connectors.tables import load_tables

CHANNELS = load_channels()
TABLES = load_tables()
LEXICON = load_lexicon()


@pytest.mark.parametrize("path", sorted(MAPPINGS_FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_mapping_keeps_its_promises(path: Path) -> None:
    assert check_mapping(path, channels=CHANNELS, lexicon=LEXICON, tables=TABLES) == []


def test_a_mapping_is_named_after_its_id() -> None:
    mappings = load_mappings(channels=CHANNELS, keyring=generate_keyring(), tables=TABLES)

    assert {name: Path(mapping.document.name).stem for name, mapping in mappings.items()} == {
        name: name for name in mappings
    }
    assert len(mappings) >= 4


def test_a_promise_that_is_not_kept_is_named_with_its_line(tmp_path: Path) -> None:
    text = (MAPPINGS_FOLDER / "nyc311-requests.yaml").read_text(encoding="utf-8")
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace("id: nyc311/1, channel: helpdesk", "id: nyc311/1, channel: online"))

    sentences = check_mapping(path, channels=CHANNELS, lexicon=LEXICON, tables=TABLES)

    line = next(n for n, one in enumerate(text.splitlines(), 1) if "id: nyc311/1, channel" in one)
    assert len(sentences) == 1
    assert "must give `channel` = `online`; got `helpdesk`" in sentences[0]
    assert sentences[0].endswith(f"(wrong.yaml:{line})") or f"wrong.yaml:{line})" in sentences[0]


PAGE = (Path(__file__).parent.parent.parent / "docs" / "mappings.md").read_text(encoding="utf-8")


def test_the_mapping_on_the_page_works(tmp_path: Path) -> None:
    path = tmp_path / "street-visits.yaml"
    path.write_text(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0], encoding="utf-8")

    assert check_mapping(path, channels=CHANNELS, lexicon=LEXICON, tables=TABLES) == []


@pytest.mark.parametrize("word", [*mapping_plan.KEYS, *mapping_values.RECIPE_KEYS, *get_args(Reason), *TABLES.by_name])
def test_the_page_names_every_word_of_the_language(word: str) -> None:
    assert f"`{word}" in PAGE
