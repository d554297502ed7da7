"""What becomes of the state of a shard when the rule book changes: taken over, judged again, warmed, or ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from alerts.alert import Alerts, Draft, Moment
from alerts.entry import Entry, Key
from alerts.model import ALWAYS, NEVER
from alerts.rule import Rule
from alerts.rule_diff import ChangeClass
from alerts.subject import Subject
from alerts.track import Track

Given = TypeVar("Given", bound=Subject)
Past = tuple[int, Key, Entry]  # an event of the past, with a rule's number and key
Lost = tuple[Rule, Key, Exception]  # a key that could not be taken over: it raised

_ENDS: Mapping[ChangeClass, str] = {
    "gone": "rule_disabled", "status": "rule_disabled", "structure": "superseded",
}  # fmt: skip


def ended(rule: Rule, change: ChangeClass, alerts: Mapping[Key, Alerts], moment: Moment) -> list[tuple[Key, Draft]]:
    """The closing words of every alert that the next generation of a rule does not go on with."""
    if change not in _ENDS:
        return []
    reason = _ENDS[change]
    return [(key, draft) for key in sorted(alerts) for draft in alerts[key].end(rule, key, reason, moment)]


def taken_over(
    rule: Rule, change: ChangeClass, subjects: Mapping[Key, Subject], watermark: int, lost: list[Lost]
) -> dict[Key, Subject]:
    """What the rule before kept, as far as it still means the same; `watermark` is the new rule's `Wc`."""
    found: dict[Key, Subject] = {}
    for key, subject in subjects.items() if change not in ("new", "structure") else ():
        try:
            found[key] = _become(rule, change, subject, watermark)
        except Exception as error:
            lost.append((rule, key, error))
    return found


def warmed(
    rules: Sequence[Rule], past: Iterable[Past], watermarks: Sequence[int], lost: list[Lost]
) -> list[tuple[int, Key, Subject]]:
    """The states that rules would have if they had always run: no alert of the past is said."""
    entries: dict[tuple[int, Key], list[Entry]] = {}
    for number, key, entry in past:
        entries.setdefault((number, key), []).append(entry)
    found: list[tuple[int, Key, Subject]] = []
    for (number, key), each in entries.items():
        try:
            found.append((number, key, warm(rules[number].start(key), each, watermarks[number])))
        except Exception as error:
            lost.append((rules[number], key, error))
    return found


def _become(rule: Rule, change: ChangeClass, subject: Subject, watermark: int) -> Subject:
    if isinstance(subject, Track) and subject.rule.semantic_hash != rule.semantic_hash:
        subject = subject.refolded(rule, watermark)
    elif change != "same" and not isinstance(subject, Track):
        subject = rule.restored(subject.state(), _unchanged)  # other words, too, it has from its rule
    subject.rule = rule
    subject.armed = [ALWAYS] * len(subject.armed)
    return subject


def warm(subject: Given, entries: list[Entry], watermark: int) -> Given:
    """The state that a key would have after these events; no alert of the past is said.

    What happened at `watermark` may still come.
    """
    for entry in sorted(entries):
        subject.add(entry, NEVER)
    while (wanted := subject.wants()[0]) < watermark:
        subject.reach(0, wanted, None)
    return subject


def _unchanged(entry: Entry) -> Entry:
    return entry
