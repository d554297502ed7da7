"""Events from the log of another installation: theirs stay theirs, and what is the same everywhere stays the same."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import ID_LENGTH, Event, Link, Tick, from_us
from connectors.kafka import RawRecord
from connectors.log_record import encode_event, encode_tick
from connectors.upstream import LoopError, called_apart, holds_event, produced_us, require_not_ours, row_of

AT = 1_772_000_000_000_000
EVENT = Event(
    "police/JQ1/received/1",
    "police",
    "received",
    from_us(AT),
    case="JQ1",
    matter="一案一码-7",
    link=Link("transfer", "GD9"),
    reporter="k1:bcdfghjkmnprstvzbcdf",
    subject="河滨路工地",
    region="620102001",
    attrs={"floor": 3},
)

names = st.text(min_size=1, max_size=ID_LENGTH)


def record(value: bytes = b"{}", **headers: bytes) -> RawRecord:
    return RawRecord("lanzhou.events.v1", 2, 70, None, value, headers, AT)


def test_ids_cases_and_links_get_the_name_of_their_installation_and_nothing_else_does() -> None:
    apart = called_apart(EVENT, "lanzhou")

    assert (apart.id, apart.case, apart.link) == (
        "lanzhou/police/JQ1/received/1",
        "lanzhou/JQ1",
        Link("transfer", "lanzhou/GD9"),
    )
    assert apart.attrs == {"floor": 3, "installation": "lanzhou"}
    assert msgspec.structs.replace(apart, id=EVENT.id, case=EVENT.case, link=EVENT.link, attrs=EVENT.attrs) == EVENT


def test_what_is_not_said_is_not_made_up() -> None:
    bare = Event("a", "police", "received", from_us(AT), link=Link("transfer"))

    of_lanzhou = msgspec.structs.replace(bare, id="lanzhou/a", attrs={"installation": "lanzhou"})
    assert called_apart(bare, "lanzhou") == of_lanzhou


@given(names, names, st.sampled_from(["lanzhou", "baiyin"]), st.sampled_from(["lanzhou", "baiyin"]))
def test_two_names_are_one_above_exactly_where_they_were_one_below(a: str, b: str, one: str, other: str) -> None:
    def apart(name: str, installation: str) -> Event:
        return called_apart(msgspec.structs.replace(EVENT, id=name, case=name, link=Link("merge", name)), installation)

    first, second = apart(a, one), apart(b, other)

    assert (first.id == second.id) == ((a, one) == (b, other))
    assert first.id == first.case == (first.link and first.link.to), "a link finds what it found below"
    assert len(first.id) <= ID_LENGTH


def test_of_a_log_only_events_are_taken() -> None:
    assert holds_event(record(encode_event(EVENT, AT)))
    assert not holds_event(record(encode_tick(AT)))
    assert not holds_event(record(msgspec.json.encode(Tick(from_us(AT)))))


def test_a_row_is_known_by_where_it_stood_below() -> None:
    assert row_of(record(source=b"kafka:raw.police/0/12"), "lanzhou") == "lanzhou/kafka:raw.police/0/12"
    assert row_of(record(), "lanzhou") == "lanzhou/kafka:lanzhou.events.v1/2/70"
    assert (produced_us(record(produced_us=b"5")), produced_us(record())) == (5, AT)


def test_what_came_from_here_is_refused() -> None:
    require_not_ours(record(upstream=b"baiyin.events.v1/0/1"), "lanzhou", "gansu.events.v1")
    with pytest.raises(
        LoopError,
        match="events must go up only; got one of ours in the log of `lanzhou`"
        r" \(kafka:lanzhou.events.v1/2/70\); one of the two may be in the other's `upstream`",
    ):
        require_not_ours(record(upstream=b"gansu.events.v1/0/1"), "lanzhou", "gansu.events.v1")
