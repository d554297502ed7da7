"""Which rules an event can concern, found once for all events that have the same signature.

Most of what a city says is a step in the handling of a case, and most rules look at reports. A rule that selects
nothing with the signature of an event is not asked about it, and one that selects everything with it need not be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from alerts.channel import Channel
from alerts.entry import RESETS, SELECTED
from alerts.fields import signature_of
from alerts.model import Event
from alerts.rule import Rule
from alerts.select import Foresight, foresee_any, foresee_select

KEPT_AT_MOST = 20_000  # signatures: a real stream has some thousands


class Listener(NamedTuple):
    """A rule, and what each event with one signature is to it; None where they differ."""

    rule: Rule
    role: int | None


class Listeners:
    """The rules of a book by what they can select."""

    def __init__(self, rules: Sequence[Rule], channels: Mapping[str, Channel]) -> None:
        foreseen = [_Foreseen(rule, channels) for rule in rules]
        self._of_channel = {name: [each for each in foreseen if name in each.rule.channels] for name in channels}
        self._known: dict[tuple[object, ...], list[Listener]] = {}

    def of(self, event: Event) -> list[Listener]:
        """The rules that an event may concern, in their order."""
        signature = signature_of(event)
        found = self._known.get(signature)
        if found is None:
            roles = [(each.rule, each.role_of(event)) for each in self._of_channel[event.channel]]
            found = [Listener(rule, role) for rule, role in roles if role != 0]
            if len(self._known) >= KEPT_AT_MOST:
                self._known.clear()
            self._known[signature] = found
        return found


class _Foreseen:
    """What a rule says of a signature."""

    def __init__(self, rule: Rule, channels: Mapping[str, Channel]) -> None:
        self.rule = rule
        self._selects: Foresight = foresee_select(rule.spec.select, channels)
        self._resets: Foresight = foresee_any((rule.spec.unless or {}).values(), channels)

    def role_of(self, event: Event) -> int | None:
        """The role of each event with the signature of this one; None if they differ, or if that cannot be said."""
        try:
            selects, resets = self._selects(event), self._resets(event)
        except Exception:
            return None  # whoever asks the rule itself about the event learns what is wrong
        if self.rule.plan is not None:
            return 0 if selects is False else None
        if selects is None or resets is None:
            return None
        return (SELECTED if selects else 0) | (RESETS if resets else 0)
