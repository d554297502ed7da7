"""The mappings of the simulated departments: their own tests, and every row of the city through them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from alerts.model import Event
from connectors.deadletter import Dropped, Refused
from connectors.identifiers import find_identifiers
from connectors.lexicon import load_lexicon
from connectors.mapping import load_mappings
from connectors.mapping_tests import check_mapping
from connectors.pseudonym import Key, Keyring
from connectors.registry import load_channels
from connectors.tables import load_tables
from dataflows.city import City
from dataflows.city.city import MAPPINGS_FOLDER
from dataflows.city.departments import DEPARTMENTS
from dataflows.city.kinds import KINDS
from dataflows.city.stories.crowds import INSTITUTION_PHONES

PATHS = sorted(Path(MAPPINGS_FOLDER).glob("*.yaml"))
CHANNELS = load_channels()
LEXICON = load_lexicon()
TABLES = load_tables()
CITY = City(days=2, reports_per_day=1500, with_broken=False)


@pytest.fixture(scope="module")
def answers() -> list[Event | Refused | Dropped]:
    mappings = load_mappings(
        MAPPINGS_FOLDER,
        channels=CHANNELS,
        keyring=Keyring([Key("t1", bytes(32))]),
        lexicon=LEXICON,
        tables=TABLES,
    )
    return [answer for row in CITY if isinstance(row.row, dict) for answer in mappings[row.mapping].admit(row.row)]


@pytest.fixture(scope="module")
def events(answers: list[Event | Refused | Dropped]) -> list[Event]:
    return [answer for answer in answers if isinstance(answer, Event)]


def test_every_department_has_its_mapping() -> None:
    assert {path.stem.replace("_", "-") for path in PATHS} == {one.mapping for one in DEPARTMENTS.values()}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_mapping_passes_its_own_tests(path: Path) -> None:
    assert check_mapping(path, channels=CHANNELS, lexicon=LEXICON, tables=TABLES) == []


def test_every_good_row_is_one_event(answers: list[Event | Refused | Dropped], events: list[Event]) -> None:
    assert [answer for answer in answers if not isinstance(answer, Event)] == []
    assert {event.channel for event in events} == set(CHANNELS)


def test_the_ids_are_those_that_the_ground_truth_counts_on(events: list[Event]) -> None:
    ids = {event.id for event in events}

    for story in CITY.stories:
        assert story.event_ids <= ids


def test_what_it_is_about_is_what_the_city_meant(events: list[Event]) -> None:
    meant = {(kind.category, kind.subcategory) for kind in KINDS.values() if kind.category != "suggestion"}

    told = {(event.category, event.subcategory) for event in events if event.action == "received"}

    assert {one for one in told if one[0] != "suggestion"} <= meant
    assert len(told & meant) > 30


def test_no_identifier_is_left_in_any_event(events: list[Event]) -> None:
    for event in events:
        for value in (event.id, event.case, event.unit, event.subject, event.text, str(event.attrs)):
            assert not find_identifiers(value or "")


def test_a_story_keeps_its_people_across_departments(events: list[Event]) -> None:
    by_id = {event.id: event for event in events}
    stories = {story.id: story for story in CITY.stories}

    def of(name: str) -> list[Event]:
        told = (by_id[one] for one in stories[name].event_ids)
        return [event for event in told if event.action == "received"]

    assert len({event.reporter for event in of("quarrel/0")}) == 1
    assert len({event.pair for event in of("pressured/0")}) == 1
    assert len({event.household for event in of("accelerating/0")}) == 1
    assert len({event.reporter for event in of("wages/0")}) >= 30
    assert len({event.subject for event in of("wages/0")}) == 1
    assert {event.reporter for event in of("hospital-desk/0") + of("desk-110/0")} == {None}
    assert {event.reporter for event in of("busy-grid-worker/0")} == {None}
    links = Counter(event.link.type for event in of("transfer-chain/0") if event.link)
    assert links == {"transfer": 4}


def test_the_form_on_the_page_is_a_row_of_the_counter() -> None:
    page = (Path(__file__).parents[3] / "docs" / "ways-in.md").read_text(encoding="utf-8")
    row = re.search(r"-d '(\{\"登记号\".*?\})'", page, re.DOTALL)
    mapping = load_mappings(MAPPINGS_FOLDER, channels=CHANNELS, keyring=Keyring([Key("t1", bytes(32))]))

    assert row
    (event,) = mapping["centre-walkin"].admit(json.loads(row[1]))
    assert isinstance(event, Event)
    assert event.subcategory == "neighbour"


@pytest.mark.parametrize("name", ["police_110", "hotline_12345"])
def test_the_numbers_of_desks_are_on_the_stop_list(name: str) -> None:
    text = (Path(MAPPINGS_FOLDER) / f"{name}.yaml").read_text(encoding="utf-8")

    assert all(phone in text for phone in INSTITUTION_PHONES)
