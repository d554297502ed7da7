"""The planted stories: each says what its rule needs to hear, and the traps stay just short of it."""

from __future__ import annotations

from collections import Counter

import pytest

from alerts.model import LEVELS
from connectors.lexicon import load_lexicon
from dataflows.city import City
from dataflows.city.report import Report, Step
from dataflows.city.stories import CATALOGUE, Story
from dataflows.city.truth import JUDGED_RULES
from dataflows.city.when import DAY, HOUR

CITY = City()
STORIES = {story.id.split("/")[0]: story for story in CITY.stories}
LEXICON = load_lexicon()


def contacts(story: Story) -> list[Report]:
    """The contacts of a story, each once, in the order in which they happened."""
    told = {beat.told.case: beat.told for beat in story.beats if isinstance(beat.told, Report)}
    return sorted(told.values(), key=lambda report: report.occurred_us)


@pytest.mark.parametrize("days", [1, 3, 30, 95])
def test_stories_are_complete_inside_the_span(days: int) -> None:
    city = City(days=days)

    arrivals = [beat.arrives_us for story in city.stories for beat in story.beats]

    assert min(arrivals) >= city.start_us
    assert max(arrivals) < city.end_us
    assert len(city.stories) == max(1, days // 30) * len(CATALOGUE) - (days < 30)


def test_every_telling_has_people_and_cases_of_its_own() -> None:
    city = City(days=60, copies=2)

    phones: Counter[str] = Counter()
    for story in city.stories:
        desk = "desk" in story.id
        phones.update(
            {
                beat.told.person.phone
                for beat in story.beats
                if isinstance(beat.told, Report) and beat.told.person and not desk
            }
        )
    ids = [event for story in city.stories for event in story.event_ids]

    assert len(city.stories) == 4 * len(CATALOGUE)
    assert max(phones.values()) == 1
    assert len(set(ids)) == len(ids)


def test_all_rows_of_the_stories_are_in_the_stream() -> None:
    city = City(days=3, reports_per_day=50)

    told = Counter(row.story for row in city if row.story)

    assert told == {story.id: len(story.beats) for story in city.stories}


def test_rules_and_levels_are_such_as_exist() -> None:
    for story in STORIES.values():
        assert set(story.must) <= set(JUDGED_RULES)
        assert set(story.must.values()) <= set(LEVELS)


def test_the_quarrel_climbs_and_repeats() -> None:
    told = contacts(STORIES["quarrel"])

    assert [report.channel for report in told] == [
        "grid",
        "hotline",
        "police",
        "hotline",
        "petition",
        "superior",
    ]
    assert len({report.person.phone for report in told if report.person}) == 1
    assert {report.kind.subcategory for report in told} == {"neighbour"}
    assert told[4].occurred_us - told[0].occurred_us < 7 * DAY
    assert STORIES["quarrel"].must == {"cx.channel-climb": "red", "rc.repeat-contact": "yellow"}


def test_thirty_workers_name_one_employer_through_four_doors_in_three_days() -> None:
    told = contacts(STORIES["wages"])

    assert len({report.person.phone for report in told if report.person}) >= 30
    assert len({report.subject for report in told}) == 1
    assert {report.channel for report in told} == {"hotline", "police", "petition", "grid"}
    assert told[-1].occurred_us - told[0].occurred_us < 72 * HOUR
    assert not any(report.at_home for report in told), "one dormitory would make one household of them"


def test_the_pressured_family_goes_from_words_to_blows_to_a_weapon() -> None:
    told = contacts(STORIES["pressured"])
    parties = [{one.id_number for one in report.parties} for report in told if report.parties]

    assert [report.violence for report in told[:2]] == [1, 2]
    assert "weapon" in LEXICON.read(told[2].text).cues
    assert parties[0] == parties[1] == parties[2]
    assert told[0].parties != told[1].parties, "named the other way round"


def test_the_earlier_call_arrives_after_the_weapon() -> None:
    beats = STORIES["late-first-call"].beats

    assert beats[0].told.occurred_us < beats[1].told.occurred_us < beats[1].arrives_us < beats[0].arrives_us


@pytest.mark.parametrize("days", [1, 7, 30])
def test_each_interval_is_at_most_half_the_one_before(days: int) -> None:
    story = next(one for one in City(days=days).stories if one.id == "accelerating/0")
    first, second, third = (report.occurred_us for report in contacts(story))

    assert 2 * (third - second) <= second - first


def test_words_of_the_other_families_hold_no_weapon() -> None:
    for name in ("accelerating", "quarrel", "hospital-desk"):
        assert not LEXICON.read(contacts(STORIES[name])[0].text).cues


def test_the_harmless_resident_never_speaks_of_one_matter_twice() -> None:
    told = contacts(STORIES["harmless"])
    topics = [(report.kind.category, report.kind.subcategory) for report in told]

    assert len(told) >= 45
    assert len(set(topics)) == len(topics)
    assert len({report.person.phone for report in told if report.person}) == 1
    assert len({report.channel for report in told}) == 8
    assert not STORIES["harmless"].must
    assert not STORIES["harmless"].may


def test_the_burst_main_is_sixty_households_of_one_township_in_an_hour() -> None:
    told = contacts(STORIES["burst-main"])

    assert len({report.person.address for report in told if report.person}) == 60
    assert len({report.village.code[:9] for report in told}) == 1
    assert told[-1].occurred_us - told[0].occurred_us < HOUR
    assert not any(report.subject for report in told)


def test_a_transfer_names_the_case_it_comes_from() -> None:
    told = contacts(STORIES["transfer-chain"])
    cases = {(report.channel, report.case) for report in told}

    moved = [report.transfer_of for report in told if report.transfer_of]
    assert len(moved) == 4
    assert set(moved) <= cases


def test_a_late_delivery_stays_inside_the_lateness_and_duplicates_are_the_same_row() -> None:
    story = STORIES["insistent"]

    assert len(story.beats) == 6
    assert len(story.event_ids) == 3
    assert max(beat.arrives_us - beat.told.occurred_us for beat in story.beats) < 6 * HOUR


def test_the_third_call_is_exactly_seven_days_after_the_first() -> None:
    told = contacts(STORIES["week-apart"])

    assert told[2].occurred_us - told[0].occurred_us == 7 * DAY


def test_satisfied_stands_between_the_two_contacts() -> None:
    story = STORIES["satisfied"]
    visited = next(beat.told for beat in story.beats if isinstance(beat.told, Step) and beat.told.satisfied)
    first, second = contacts(story)

    assert first.occurred_us < visited.occurred_us < second.occurred_us


def test_institutions_and_staff_are_marked_as_what_they_are() -> None:
    assert {report.reporter_class for report in contacts(STORIES["hospital-desk"])} == {"organisation"}
    assert {report.reporter_class for report in contacts(STORIES["own-staff"])} == {"staff"}
    assert {report.reporter_class for report in contacts(STORIES["busy-grid-worker"])} == {"grid_worker"}
    assert len({report.person.phone for report in contacts(STORIES["desk-110"]) if report.person}) == 1
