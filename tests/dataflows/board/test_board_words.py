"""The words of the board: the same in both languages, and the same as those of the terminal and the model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from alerts.model import Action, Category, Confidence, Cue, Disposition, Doing, Level, RegionLevel, State
from dataflows.alert_words import DISPOSITION_WORDS, LEVEL_WORDS, REASON_WORDS, RUNG_WORDS, STATE_WORDS

FOLDER = Path(__file__).parents[3] / "dashboards" / "board" / "src" / "words"
ZH, EN = (msgspec.json.decode((FOLDER / f"{name}.json").read_bytes()) for name in ("zh", "en"))


def paths(words: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, value in words.items():
        yield from paths(value, f"{before}{name}.") if isinstance(value, dict) else [f"{before}{name}"]


def test_both_languages_say_the_same_things() -> None:
    assert set(paths(ZH)) == set(paths(EN))


@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("level", Level), ("sign", Level), ("duty", Level), ("state", State), ("disposition", Disposition),
        ("disposition_means", Disposition), ("action", Action), ("category", Category), ("cue", Cue),
        ("rung", RegionLevel), ("confidence", Confidence), ("doing", Doing),
    ],
)  # fmt: skip
def test_every_value_of_the_model_has_its_word(group: str, values: Any) -> None:
    assert set(ZH[group]) == set(get_args(values))


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("level", LEVEL_WORDS), ("state", STATE_WORDS), ("disposition", DISPOSITION_WORDS), ("rung", RUNG_WORDS),
        ("reason", REASON_WORDS),
    ],
)  # fmt: skip
def test_the_board_says_what_the_terminal_says(group: str, words: dict[str, str]) -> None:
    assert words.items() <= ZH[group].items()
