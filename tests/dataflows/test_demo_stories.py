"""The stories as the board tells them: what has begun, what was found, what must stay quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from revisions import a_revision

from alerts.model import Evidence, Revision, from_us
from dataflows.city.city import City
from dataflows.city.stories import Story
from dataflows.city.when import DAY
from dataflows.demo_stories import StoryTold, tell


@pytest.fixture(scope="module")
def stories() -> dict[str, Story]:
    """Those of two days of a city, by name."""
    city = City(1, datetime(2026, 3, 2, tzinfo=UTC), 2, 300.0)
    return {story.id.split("/")[0]: story for story in city.stories}


def about(story: Story, rule: str, **changes: Any) -> Revision:
    at = from_us(story.end_us)
    evidence = tuple(Evidence(each, "hotline", at) for each in sorted(story.event_ids))
    return a_revision(f"of-{story.id}", 1, at, rule=rule, evidence=evidence, **changes)


def told(stories: dict[str, Story], name: str, *revisions: Revision) -> StoryTold:
    latest = from_us(max(story.end_us for story in stories.values()))
    return next(each for each in tell(list(stories.values()), revisions, latest) if each.id.startswith(f"{name}/"))


def test_a_story_of_which_nothing_was_said_is_not_found(stories: dict[str, Story]) -> None:
    (expected,) = told(stories, "wages").expects

    assert (expected.rule, expected.level, expected.alert_id) == ("gi.group-incident", None, None)


def test_a_story_is_found_by_the_alert_that_has_its_events(stories: dict[str, Story]) -> None:
    found = about(stories["wages"], "gi.group-incident", level_max="red")

    (expected,) = told(stories, "wages", found).expects

    assert (expected.level, expected.alert_id) == ("red", found.alert_id)


def test_an_alert_about_what_must_stay_quiet_is_false(stories: dict[str, Story]) -> None:
    wrong = about(stories["harmless"], "rc.repeat-contact")

    assert told(stories, "harmless").false_alarms == 0
    assert told(stories, "harmless", wrong).false_alarms == 1
    assert (
        told(stories, "harmless", about(stories["harmless"], "rc.repeat-contact", state="retracted")).false_alarms == 0
    )


def test_of_one_name_the_last_story_that_has_begun_is_told(stories: dict[str, Story]) -> None:
    first = stories["wages"]
    later = [
        msgspec.structs.replace(beat, told=msgspec.structs.replace(beat.told, occurred_us=beat.told.occurred_us + DAY))
        for beat in first.beats
    ]
    second = msgspec.structs.replace(first, id="wages/later", beats=tuple(later))
    before, after = from_us(first.end_us), from_us(second.start_us) + timedelta(seconds=1)

    assert [each.id for each in tell([first, second], [], before)] == [first.id]
    assert [each.id for each in tell([first, second], [], after)] == ["wages/later"]
