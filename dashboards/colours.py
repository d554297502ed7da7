"""Colours that people who see red and green alike can tell apart; a level never says its name by colour alone.

They are those of Okabe and Ito. Each differs from the others in brightness too, so that they stay apart on a bad
projector and in print.
"""

from __future__ import annotations

from collections.abc import Iterable

VERMILION = "#D55E00"
YELLOW = "#F0E442"
BLUE = "#0072B2"
GREEN = "#009E73"
ORANGE = "#E69F00"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
CALM = "#4B4B4B"  # of a tile with nothing to tell

GREY = "#999999"

SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW, GREY, "#5F4690", "#1D6996")
LEVELS = {"red": VERMILION, "yellow": YELLOW, "blue": BLUE}
LETTERS = {"red": "R", "yellow": "Y", "blue": "B"}
GOOD, WATCH, BAD = GREEN, ORANGE, VERMILION


def apart(names: Iterable[str]) -> dict[str, str]:
    """A colour for each of up to ten series, the same on every board."""
    return dict(zip(names, SERIES, strict=False))
