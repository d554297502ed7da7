"""What detection keeps of an event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import asdict

from alerts.keeping import slim, unshown
from alerts.model import Event
from alerts.rule import Rule, compile_rule
from connectors.registry import load_channels

AT = datetime(2026, 3, 2, tzinfo=UTC)
ONLY_SHOWN = ("arrived_at", "reporter", "pair", "household", "place", "subject")
EVENT = Event(
    id="e1", channel="hotline", action="received", occurred_at=AT, arrived_at=AT, case="c1", reporter="k1:aa",
    household="k1:bb", place="k1:cc", region="620102001", text="words", lat=36.0, lon=103.0,
)  # fmt: skip


def rule(**evidence: Any) -> Rule:
    data = {
        "apiVersion": "rules/v1", "id": "t.rule", "version": 1, "kind": "threshold", "title": {"zh": "t", "en": "t"},
        "owner": "t", "purpose": "life-safety", "channels": ["hotline"], "key": ["reporter"],
        "window": {"size": "1d"}, "levels": [{"gte": 3, "level": "blue"}], "evidence": evidence,
    }  # fmt: skip
    return compile_rule(data, load_channels())


def test_words_the_spot_and_what_no_rule_shows_are_not_kept() -> None:
    kept = slim(EVENT, unshown([rule(fields=["id", "case"])]))

    assert (kept.text, kept.lat, kept.reporter, kept.household, kept.place, kept.arrived_at) == (None,) * 6
    assert (kept.id, kept.case, kept.channel, kept.region, kept.occurred_at) == ("e1", "c1", "hotline", "620102001", AT)


@pytest.mark.parametrize("evidence", [{"fields": ["place"]}, {"top_k": {"place": 3}}], ids=["evidence", "top"])
def test_what_one_of_the_rules_shows_is_kept_for_all(evidence: dict[str, Any]) -> None:
    kept = slim(EVENT, unshown([rule(fields=["id"]), rule(**evidence)]))

    assert (kept.place, kept.household) == ("k1:cc", None)


def test_everything_else_is_kept_in_its_place() -> None:
    """By places: a field that `Event` has more one day must not be left out, nor stand in that of another."""
    told = {name: f"the {name}" for name in Event.__struct_fields__}
    full = Event(**(told | {"attrs": {"floor": 3}}))

    dropped = {"text": None, "lat": None, "lon": None}
    assert asdict(slim(full)) == asdict(full) | dropped
    assert asdict(slim(full, unshown([rule(fields=["id"])]))) == asdict(full) | dropped | dict.fromkeys(ONLY_SHOWN)
