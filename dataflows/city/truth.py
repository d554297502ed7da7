"""The ground truth: which planted stories the alerts found, which they missed, and which alerts are false."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from alerts.model import LEVELS, Level
from dataflows.city.stories import Story

JUDGED_RULES = ("rc.repeat-contact", "gi.group-incident", "cx.channel-climb", "dv.violence-progression")
HARMLESS = "harmless"
_NO_LEVEL = -1


class Expected(Struct, frozen=True):
    """One thing that a story must make a rule say, and how far the rule got (None: it said nothing)."""

    story: str
    zh: str
    rule: str
    must_reach: Level
    level: Level | None = None

    @property
    def is_met(self) -> bool:
        """Whether the rule spoke at exactly the level that the story is worth."""
        return self.level == self.must_reach


class FalseAlarm(Struct, frozen=True):
    """An alert that no story supports: its rule, key and level, and the story it trod on, if any."""

    rule: str
    key: Mapping[str, Any]
    level: Level
    story: str | None
    evidence: tuple[str, ...]


class Verdict(Struct, frozen=True):
    """What alerts are worth against the planted stories."""

    found: tuple[Expected, ...]
    wrong_level: tuple[Expected, ...]
    missed: tuple[Expected, ...]
    false_alarms: tuple[FalseAlarm, ...]
    on_harmless: tuple[FalseAlarm, ...]
    allowed: int  # alerts that a story may raise and need not
    unjudged: tuple[str, ...]  # rules that this truth knows nothing about

    @property
    def is_perfect(self) -> bool:
        """Everything found at its level, and nothing else said."""
        return not (self.wrong_level or self.missed or self.false_alarms)

    def lines(self) -> list[str]:
        """A short report for a person."""
        total = len(self.found) + len(self.wrong_level) + len(self.missed)
        said = [f"found {len(self.found)} of {total}, false alarms {len(self.false_alarms)}"]
        said += [f"missed {one.story} {one.zh}: {one.rule} {one.must_reach}" for one in self.missed]
        said += [
            f"wrong level {one.story} {one.zh}: {one.rule} {one.level}, not {one.must_reach}"
            for one in self.wrong_level
        ]
        said += [
            f"false {one.rule} {one.level} from {one.story or 'the everyday'}: {', '.join(one.evidence[:4])}"
            for one in self.false_alarms
        ]
        return said


class Truth:
    """Knows the events of every planted story and judges alerts by their evidence."""

    def __init__(self, stories: Iterable[Story]) -> None:
        self.stories = {story.id: story for story in stories}
        self._story_of = {event: story.id for story in self.stories.values() for event in story.event_ids}

    def story_of(self, event_ids: Iterable[str]) -> str | None:
        """The story that most of the events belong to; None if fewer than half belong to one."""
        events = list(event_ids)
        known = Counter(self._story_of[event] for event in events if event in self._story_of)
        if not known:
            return None
        story, count = known.most_common(1)[0]
        return story if 2 * count >= len(events) else None

    def judge(self, alerts: Iterable[Mapping[str, Any]], rules: Iterable[str] = JUDGED_RULES) -> Verdict:
        """Compare alerts with the stories.

        An alert is a map with `rule`, `key`, `level_max` and its evidence: `evidence_ids`, or `evidence` as
        ids or as maps with an `id`. Of several alerts of one rule about one story the highest counts.
        """
        judged = frozenset(rules)
        reached: dict[tuple[str, str], int] = {}
        false: list[FalseAlarm] = []
        unjudged: set[str] = set()
        allowed = 0
        for alert in alerts:
            rule = alert["rule"]
            if rule not in judged:
                unjudged.add(rule)
                continue
            story = self.stories.get(self.story_of(evidence_ids(alert)) or "")
            if story is None or rule not in (*story.must, *story.may):
                false.append(_false_alarm(alert, story))
            elif rule in story.must:
                at = story.id, rule
                reached[at] = max(reached.get(at, _NO_LEVEL), LEVELS.index(alert["level_max"]))
            else:
                allowed += 1
        return self._verdict(judged, reached, false, allowed, unjudged)

    def _touches_harmless(self, alarm: FalseAlarm) -> bool:
        """Even one event of the harmless resident in the evidence is one too many."""
        return any(self._story_of.get(event, "").split("/")[0] == HARMLESS for event in alarm.evidence)

    def _verdict(
        self,
        judged: frozenset[str],
        reached: Mapping[tuple[str, str], int],
        false: list[FalseAlarm],
        allowed: int,
        unjudged: set[str],
    ) -> Verdict:
        expected = [
            Expected(story.id, story.zh, rule, level, _level(reached.get((story.id, rule), _NO_LEVEL)))
            for story in self.stories.values()
            for rule, level in story.must.items()
            if rule in judged
        ]
        return Verdict(
            found=tuple(one for one in expected if one.is_met),
            wrong_level=tuple(one for one in expected if one.level and not one.is_met),
            missed=tuple(one for one in expected if one.level is None),
            false_alarms=tuple(false),
            on_harmless=tuple(one for one in false if self._touches_harmless(one)),
            allowed=allowed,
            unjudged=tuple(sorted(unjudged)),
        )


def evidence_ids(alert: Mapping[str, Any]) -> list[str]:
    """The event ids of an alert, in whichever of the two forms it carries them."""
    if "evidence_ids" in alert:
        return list(alert["evidence_ids"])
    return [one if isinstance(one, str) else one["id"] for one in alert.get("evidence", ())]


def _level(number: int) -> Level | None:
    return None if number == _NO_LEVEL else LEVELS[number]


def _false_alarm(alert: Mapping[str, Any], story: Story | None) -> FalseAlarm:
    ids = tuple(evidence_ids(alert))
    return FalseAlarm(alert["rule"], dict(alert.get("key", {})), alert["level_max"], story.id if story else None, ids)
