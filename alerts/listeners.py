"""Which rules an event can concern, found once for all events that have the same signature.

Most of what a city says is a step in the handling of a case, and most rules look at reports. What a rule says of the
outline of a signature it says of every event that has it; where it asks for more than an outline shows, it is asked
about each event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from alerts.channel import Channel
from alerts.fields import Signature, outline_of, signature_of
from alerts.model import Event
from alerts.rule import Rule

KEPT_AT_MOST = 20_000  # signatures: a real stream has some thousands


class Listener(NamedTuple):
    """A rule, what each event with one signature is to it, and what it measures of them; None where they differ."""

    rule: Rule
    role: int | None
    values: tuple[object, ...] | None


class Listeners:
    """The rules of a book by what they can select."""

    def __init__(self, rules: Sequence[Rule], channels: Mapping[str, Channel]) -> None:
        self._of_channel = {name: [rule for rule in rules if name in rule.channels] for name in channels}
        self._known: dict[Signature, list[Listener]] = {}

    def of(self, event: Event) -> list[Listener]:
        """The rules that an event may concern, in their order."""
        signature = signature_of(event)
        known = self._known.get(signature)
        return self._found(event.channel, signature) if known is None else known

    def _found(self, channel: str, signature: Signature) -> list[Listener]:
        outline = outline_of(signature)
        listeners = [_listener(rule, outline) for rule in self._of_channel[channel]]
        if len(self._known) >= KEPT_AT_MOST:
            self._known.clear()
        found = self._known[signature] = [each for each in listeners if each.role != 0]
        return found


def _listener(rule: Rule, outline: Event) -> Listener:
    role, values = None, None
    try:
        role = rule.role_of(outline)
        values = rule.values(outline, role)
    except Exception:
        return Listener(rule, role, None)  # whoever asks the rule itself about an event learns what is wrong
    return Listener(rule, role, values)
