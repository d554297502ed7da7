"""The stories of the whole book: each holds what its rule waits for."""

from __future__ import annotations

import pytest

from connectors.calendars import load_calendars
from connectors.lexicon import load_lexicon
from dataflows.city import City
from dataflows.city.report import Report, Step
from dataflows.city.stories import CATALOGUE, YEAR_CATALOGUE, Story
from dataflows.city.when import DAY, HOUR

CITY = City(days=150, catalogue=YEAR_CATALOGUE)
STORIES = {story.id.removesuffix("/0"): story for story in CITY.stories if story.id.endswith("/0")}
LEXICON = load_lexicon()


def contacts(name: str) -> list[Report]:
    return [beat.told for beat in STORIES[name].beats if isinstance(beat.told, Report)]


def steps(name: str, action: str) -> list[Step]:
    return [beat.told for beat in STORIES[name].beats if isinstance(beat.told, Step) and beat.told.action == action]


def people(story: Story) -> set[str]:
    told = (beat.told for beat in story.beats if isinstance(beat.told, Report))
    return {report.person.phone for report in told if report.person}


def test_the_stories_of_the_first_hour_are_told_the_same_with_and_without_the_others() -> None:
    alone = {story.id: (story.event_ids, people(story)) for story in City(days=150).stories}

    assert len(YEAR_CATALOGUE) > len(CATALOGUE)
    assert {one.id: (one.event_ids, people(one)) for one in CITY.stories if one.id in alone} == alone


def test_no_two_tellings_share_a_person_or_an_employer() -> None:
    seen: set[str] = set()
    for story in CITY.stories:
        if "desk" in story.id:
            continue
        told = (beat.told for beat in story.beats if isinstance(beat.told, Report))
        names = people(story) | {report.subject for report in told if report.subject and "wages" in story.id}
        assert not names & seen
        seen |= names


def test_the_order_is_closed_long_after_five_working_days() -> None:
    (accepted,), (closed,) = steps("overdue-order", "accepted"), steps("overdue-order", "closed")

    assert load_calendars()["cn"].between(accepted.occurred_us, closed.occurred_us) > 8 * DAY


def test_the_petition_is_accepted_after_fifteen_days_and_answered_after_ninety() -> None:
    (letter,) = contacts("overdue-petition")
    (accepted,), (replied,) = steps("overdue-petition", "accepted"), steps("overdue-petition", "replied")

    assert accepted.occurred_us - letter.occurred_us > 15 * DAY
    assert replied.occurred_us - accepted.occurred_us > 60 * DAY


def test_four_levels_have_it_and_seven_days_pass() -> None:
    (told,), (closed,) = contacts("four-levels"), steps("four-levels", "closed")

    levels = [1, *(step.unit_level for step in steps("four-levels", "transferred"))]
    assert levels == [1, 2, 3, 4]
    assert closed.occurred_us - told.occurred_us > 7 * DAY


def test_the_order_is_handed_from_unit_to_unit() -> None:
    transferred = steps("handed-back", "transferred")

    assert len(transferred) == 6
    assert len({step.unit for step in transferred}) == 4
    assert len({step.version for step in transferred}) == 6


def test_closed_twice_and_told_again_twice_within_fifteen_days() -> None:
    told, closed = contacts("rebound"), steps("rebound", "closed")

    for before, after in zip(closed, told[1:], strict=True):
        assert 0 < after.occurred_us - before.occurred_us < 15 * DAY


@pytest.mark.parametrize(
    ("name", "cue"), [("arson-threat", "arson_threat"), ("despair", "self_harm_threat")]
)  # fmt: skip
def test_the_threat_is_in_the_last_words_and_in_no_others(name: str, cue: str) -> None:
    heard = [LEXICON.read(report.text).cues for report in contacts(name)]

    assert heard[-1] == (cue,)
    assert not any(heard[:-1])


def test_the_fight_is_no_dispute_in_the_books_of_the_police_and_yet_between_the_same_two() -> None:
    *before, fight = contacts("blows")

    assert (fight.kind.category, fight.kind.subcategory) == ("public_order", "fight")
    assert {report.parties for report in before} == {fight.parties}
    assert fight.violence == 3


def test_twelve_workers_are_never_five_in_three_days() -> None:
    times = [report.occurred_us for report in contacts("slow-arrears")]

    assert len(people(STORIES["slow-arrears"])) == 12
    assert max(sum(at <= other < at + 72 * HOUR for other in times) for at in times) < 5
    assert times[-1] - times[0] < 30 * DAY


def test_a_family_of_five_lives_in_one_home() -> None:
    told = contacts("big-family")

    assert len({report.person.address for report in told if report.person}) == 1
    assert len(people(STORIES["big-family"])) == 5


def test_water_and_rumours_are_of_an_area() -> None:
    water, rumour = contacts("water-cut"), contacts("sudden-topic")

    assert len({report.village.code[:9] for report in water}) == 1
    assert {report.village.code[:9] for report in water} == STORIES["water-cut"].about
    assert water[-1].occurred_us - water[0].occurred_us < 3 * HOUR
    assert len({report.village.code[:6] for report in rumour}) == 1
    assert len(people(STORIES["sudden-topic"])) == 60
