"""What a rule may name, and what it reads."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from small_city import CHANNELS, report

from alerts.fields import county_of, getter, known_fields, township_of, village_of
from alerts.model import Event, Link


def test_every_known_field_can_be_read_from_a_bare_event() -> None:
    bare = Event(id="a", channel="hotline", action="received", occurred_at=datetime.fromisoformat("2026-03-02T00:00Z"))

    for name in known_fields():
        getter(name, CHANNELS)(bare)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("channel", "hotline"),
        ("link.type", "transfer"),
        ("link.to", "b"),
        ("county", "620102"),
        ("township", "620102001"),
        ("village", "620102001003"),
        ("channel_rank", 2),
        ("attrs.floor", 7),
        ("attrs.roof", None),
    ],
)
def test_a_field_reads_what_its_name_says(name: str, wanted: Any) -> None:
    event = report("a", 0, region="620102001003", link=Link("transfer", "b"), attrs={"floor": 7})

    assert getter(name, CHANNELS)(event) == wanted


@pytest.mark.parametrize("name", ["attrs", "attrs.", "link", "chanel", "link.too"])
def test_a_name_that_no_event_has_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        getter(name, CHANNELS)


def test_regions_come_from_the_grid_where_the_region_is_short_or_absent() -> None:
    short = report("a", 0, region="620102", grid="62010200100301")
    bare = report("b", 0, grid="62010200100301")

    assert (county_of(short), township_of(short), village_of(short)) == ("620102", "620102001", "620102001003")
    assert (county_of(bare), township_of(bare)) == ("620102", "620102001")
    assert (county_of(report("c", 0)), township_of(report("d", 0, region="620102"))) == (None, None)


def test_the_hour_of_day_is_local_whatever_offset_the_event_was_written_with() -> None:
    hour = getter("hour_of_day", CHANNELS)
    utc = datetime.fromisoformat("2026-03-02T20:30:00+00:00")
    local = utc.astimezone(timezone(timedelta(hours=8)))

    assert [hour(Event(id="a", channel="grid", action="received", occurred_at=at)) for at in (utc, local)] == [4, 4]


def test_a_link_to_nothing_reads_as_absent() -> None:
    assert getter("link.to", CHANNELS)(report("a", 0, link=Link("transfer"))) is None
