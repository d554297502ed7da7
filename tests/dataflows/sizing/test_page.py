"""The page and the plot are what the costs make of them, and draw apart what was not measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_costs import plain_costs

from dataflows.sizing import __main__ as command
from dataflows.sizing.centre import Centre
from dataflows.sizing.page import page
from dataflows.sizing.plot import DASHES, picture


def test_page_and_plot_are_what_the_costs_make_of_them() -> None:
    assert [path.name for path in command.differing()] == []


def test_the_page_has_every_cost_and_every_line() -> None:
    text = page(plain_costs())

    assert all(f"`{name}`" in text for name in plain_costs().costs)
    for heading in ("## A city", "## A province", "## The country", "## What was measured"):
        assert heading in text
    assert "`cx.channel-climb` | 170,000" not in text  # 3,400 reports a day are below its cap


def test_the_plot_is_a_picture_without_script_or_date() -> None:
    svg = picture(Centre(), plain_costs())

    assert svg.startswith(b"<?xml")
    assert b"<script" not in svg
    assert b"<!--" not in svg  # which says the day it was drawn
    assert DASHES.encode() in svg


def test_a_check_says_which_file_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "DOCS", tmp_path)

    assert command.main(["--check"]) == 1
    assert "sizing.md must be what the costs make of it; got another" in capsys.readouterr().out
    assert command.main([]) == 0
    assert command.main(["--check"]) == 0
