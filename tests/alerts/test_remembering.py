"""How long a name must last: the longest that a rule or the linker may count on somebody."""

from __future__ import annotations

from typing import Any

import pytest
from small_city import DAY, make_rule

from alerts.remembering import longest_memory

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
