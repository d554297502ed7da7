"""How long a name must last: the longest that a rule or the linker may count on somebody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_city import DAY, make_rule

from alerts.remembering import longest_memory
from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules

LINKER = 60  # days: a matter takes a contact for 30, and opens again for 30
LIFE = {"quiet_close": "60d", "reopen_within": "180d"}


@pytest.mark.parametrize(
    ("key", "lifecycle", "days"),
    [
        (["pair"], LIFE, 90 + 1 + 60 + 180),
        (["county", "attrs.employer"], {"quiet_close": "60d"}, 90 + 1 + 60),
        (["household"], {"quiet_close": "30d", "aftercare": {"for": "100d"}}, 90 + 1 + 30 + 100),
        (["matter", "township"], LIFE, 90 + 1),
    ],
    ids=["open again", "no reopening", "aftercare", "nobody in the key"],
)
def test_an_alert_about_somebody_counts_as_long_as_it_may_speak_again(
    key: list[str], lifecycle: dict[str, Any], days: int
) -> None:
    rule = make_rule(key=key, lifecycle=lifecycle, window={"size": "90d", "lateness": "1d"})

    assert longest_memory([rule, make_rule(window={"size": "1d", "lateness": "1h"})]) == days * DAY


def test_the_linker_remembers_too() -> None:
    assert longest_memory([]) == LINKER * DAY


def test_the_page_says_how_long_that_is_for_the_shipped_rules() -> None:
    page = (Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")
    rules = load_rules((RULES_FOLDER,), load_channels(), load_calendars())

    assert f"rules it is {longest_memory(rules) // DAY} days" in page
