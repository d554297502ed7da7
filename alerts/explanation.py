"""Why a revision says what it says: each condition with its value, and what the next level still needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from alerts.entry import LEVEL_NAME, LEVEL_NUMBER, RED, Verdict
from alerts.episode import Episode
from alerts.model import Kind, Level, Nearest
from alerts.rule import Rule
from alerts.rule_file import Rung

Condition = dict[str, Any]
Explainer = Callable[[Rule, Episode, Verdict], Iterator[Condition]]


def explain(rule: Rule, episode: Episode, best: Verdict) -> dict[str, Any]:
    """The evaluated conditions: each with its value and the number it was held against."""
    conditions = list(_CONDITIONS.get(rule.spec.kind, _rungs)(rule, episode, best))
    return {"window": rule.spec.window.size, "any": conditions}


def nearest(rule: Rule, episode: Episode, best: Verdict) -> Nearest | None:
    """The next rung above, and how many contacts (steps, points) it still needs; None for kinds that cannot say."""
    needs = _NEEDS.get(rule.spec.kind)
    if needs is None:
        return None
    for rung in rule.spec.levels:
        reached = min(LEVEL_NUMBER[rung.level] + episode.bonus, RED)
        missing = needs(rung, episode, best)
        if missing is not None and missing > 0 and reached > episode.level:
            return Nearest(LEVEL_NAME[reached], missing)
    return None


def _rungs(rule: Rule, episode: Episode, best: Verdict) -> Iterator[Condition]:
    """The ladder of the kinds that count, and the branches that spoke."""
    measured = {"gte": _measured(best), "steps": episode.steps, "measure_gte": best.path[-1] if best.path else None}
    for rung in rule.spec.levels:
        for name, value in measured.items():
            wanted = getattr(rung, name)
            if wanted is not None:
                yield _condition(name, value, wanted, rung.level)
    for branch in sorted(episode.branches):
        yield {"branch": branch, "passed": True}


def _match(rule: Rule, episode: Episode, best: Verdict) -> Iterator[Condition]:
    for rung in rule.spec.levels:
        passed = LEVEL_NUMBER[rung.level] == best.level
        yield {"condition": "event", "wanted": rung.event or {}, "level": rung.level, "passed": passed}


def _score(rule: Rule, episode: Episode, best: Verdict) -> Iterator[Condition]:
    """The ladder on the sum, and what each cue added to it."""
    assert rule.spec.when is not None
    measures: dict[str, Any] = dict(best.measures)
    for rung in rule.spec.levels:
        yield _condition("gte", measures.get("score"), rung.gte, rung.level)
    added = measures.get("parts", {})
    for cue in rule.spec.when.score or ():
        points = added.get(cue.name, 0)
        yield {"cue": cue.name, "value": points, "points": cue.points, "cap": cue.cap, "passed": points > 0}


def _ratio(rule: Rule, episode: Episode, best: Verdict) -> Iterator[Condition]:
    assert rule.spec.when is not None
    assert rule.spec.when.ratio is not None
    measures: dict[str, Any] = dict(best.measures)
    yield _condition("at_least", measures.get("among"), rule.spec.when.ratio.at_least)
    share = measures["of"] / measures["among"] if measures else None  # the one that is shown is rounded
    for rung in rule.spec.levels:
        condition = _condition("ratio", share, rung.ratio, rung.level)
        yield {**condition, "value": measures.get("ratio")}


def _obligation(rule: Rule, episode: Episode, best: Verdict) -> Iterator[Condition]:
    """The stages up to the one that is shown, and by how much the deadline was missed."""
    facts = episode.facts
    names = [stage.at for stage in rule.spec.stages]
    reached = names.index(facts.stage) if facts.stage in names else -1
    for index, stage in enumerate(rule.spec.stages):
        passed = index <= reached
        yield {"condition": "stage", "value": facts.stage, "wanted": stage.at, "level": stage.level, "passed": passed}
    if facts.due is not None:
        breach = facts.breach_seconds
        yield {"condition": "due", "value": breach, "wanted": facts.due.isoformat(), "passed": breach is not None}


def _surge(rule: Rule, episode: Episode, best: Verdict) -> Iterator[Condition]:
    """The conditions that had to hold on each slide, the tail of a daily count, and the ladder on the ratio."""
    measures: dict[str, Any] = {"count": best.count, **dict(best.measures)}
    for condition in (rule.spec.when.all if rule.spec.when is not None else None) or ():
        for name in ("count", "score", "ratio"):
            wanted = getattr(condition, f"{name}_gte")
            if wanted is not None:
                yield _condition(f"{name}_gte", measures.get(name), wanted)
    if "p" in measures and rule.spec.baseline is not None:
        limit = rule.spec.baseline.p
        yield {"condition": "p_lt", "value": measures["p"], "wanted": limit, "passed": measures["p"] < limit}
    for rung in rule.spec.levels:
        if rung.ratio is not None:
            yield _condition("ratio", measures.get("ratio"), rung.ratio, rung.level)


def _silence(rule: Rule, episode: Episode, best: Verdict) -> Iterator[Condition]:
    measures: dict[str, Any] = dict(best.measures)
    quiet, expected = measures.get("quiet_seconds"), measures.get("expected_seconds")
    yield _condition("quiet_seconds", quiet, expected, LEVEL_NAME[best.level])


def _condition(name: str, value: Any, wanted: Any, level: Level | None = None) -> Condition:
    passed = value is not None and wanted is not None and value >= wanted
    condition = {"condition": name, "value": value, "wanted": wanted}
    return {**condition, "passed": passed} if level is None else {**condition, "level": level, "passed": passed}


def _measured(best: Verdict) -> int:
    return best.distinct if best.distinct is not None else best.count


def _more_contacts(rung: Rung, episode: Episode, best: Verdict) -> int | None:
    return None if rung.gte is None else rung.gte - _measured(best)


def _more_steps(rung: Rung, episode: Episode, best: Verdict) -> int | None:
    return None if rung.steps is None else rung.steps - episode.steps


def _more_points(rung: Rung, episode: Episode, best: Verdict) -> int | None:
    measures: dict[str, Any] = dict(best.measures)
    return None if rung.gte is None else rung.gte - int(measures.get("score", 0))


def _more_of_the_sort(rung: Rung, episode: Episode, best: Verdict) -> int | None:
    """How many more contacts of the sort looked for, with no other between, would lift the share to the rung."""
    measures: dict[str, Any] = dict(best.measures)
    if rung.ratio is None or rung.ratio >= 1 or "among" not in measures:
        return None
    needed: float = (rung.ratio * measures["among"] - measures["of"]) / (1 - rung.ratio)
    return math.ceil(round(needed, 9))


_CONDITIONS: dict[Kind, Explainer] = {
    "match": _match,
    "score": _score,
    "ratio": _ratio,
    "obligation": _obligation,
    "surge": _surge,
    "silence": _silence,
}
_NEEDS: dict[Kind, Callable[[Rung, Episode, Verdict], int | None]] = {
    "threshold": _more_contacts,
    "distinct": _more_contacts,
    "new_value": _more_contacts,
    "sequence": _more_steps,
    "progression": _more_steps,
    "score": _more_points,
    "ratio": _more_of_the_sort,
}
