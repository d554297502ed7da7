"""The planted stories as the board of the demo tells them: which have begun, which were found, and by which alert."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from alerts.model import LEVELS, Level, Revision, from_us, to_us
from dataflows.city.stories import Story
from dataflows.city.truth import JUDGED_RULES, Truth

GONE = ("retracted", "merged")


class Expectation(Struct, frozen=True):
    """What one rule must say about a story, and the alert in which it got furthest; null while it said nothing."""

    rule: str
    must_reach: Level
    level: Level | None = None
    alert_id: str | None = None


class StoryTold(Struct, frozen=True):
    """One planted story; with nothing in `expects` nobody may say anything about it."""

    id: str
    zh: str
    starts_at: datetime
    expects: list[Expectation]
    false_alarms: int


def tell(stories: Sequence[Story], revisions: Iterable[Revision], now: datetime) -> list[StoryTold]:
    """Each story once, in the order of the catalogue: of those with one name the last that has begun."""
    truth = Truth(stories)
    about: dict[str, list[Revision]] = {}
    for revision in revisions:
        story_id = truth.story_of([each.id for each in revision.evidence])
        if story_id is not None and revision.rule in JUDGED_RULES and revision.state not in GONE:
            about.setdefault(story_id, []).append(revision)
    return [_told(story, about.get(story.id, [])) for story in _latest(stories, to_us(now))]


def _latest(stories: Sequence[Story], now_us: int) -> list[Story]:
    found: dict[str, Story] = {}
    for story in stories:
        name = story.id.split("/")[0]
        if name not in found or story.start_us <= now_us:
            found[name] = story
    return list(found.values())


def _told(story: Story, about: Sequence[Revision]) -> StoryTold:
    expects = [_expected(rule, level, about) for rule, level in story.must.items() if rule in JUDGED_RULES]
    wrong = sum(each.rule not in story.must and each.rule not in story.may for each in about)
    return StoryTold(story.id, story.zh, from_us(story.start_us), expects, wrong)


def _expected(rule: str, must_reach: Level, about: Sequence[Revision]) -> Expectation:
    spoke = [each for each in about if each.rule == rule]
    if not spoke:
        return Expectation(rule, must_reach)
    best = max(spoke, key=lambda each: LEVELS.index(each.level_max))
    return Expectation(rule, must_reach, best.level_max, best.alert_id)
