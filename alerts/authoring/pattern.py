"""Regular expressions that must not stand in a rule: they match anything, or may take for ever on a long text."""

from __future__ import annotations

import re

_PARTS = re.compile(
    r"""(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?(?:P<\w+>|[:=!>]|<[=!]|[aiLmsux-]+:?))?)|(?P<close>\))"""
    r"""|(?P<repeat>(?:[*+?]|\{\d*(?:,\d*)?\})[?+]?)|(?P<other>[|^$.])|(?P<literal>.)""",
    re.DOTALL,
)
_CLASSES = "dDsSwWbBAZ"  # escapes that stand for many characters, or none


def trouble_of(pattern: str) -> str | None:
    """What a pattern must do and does not, or None.

    Nested repeats, such as `(a+)+`, can take time that doubles with each character of the text.
    """
    repeats = [False]  # for each open group: does something inside it repeat without end?
    closed = False  # does the group that was just closed?
    says_something = False
    for match in _PARTS.finditer(pattern):
        kind, text = match.lastgroup, match.group()
        if kind == "repeat" and _is_endless(text):
            if closed:
                return "do not repeat what repeats already"
            repeats[-1] = True
        says_something = says_something or kind in ("literal", "set") or (kind == "escape" and text[1] not in _CLASSES)
        closed = False
        if kind == "open":
            repeats.append(False)
        elif kind == "close" and len(repeats) > 1:
            closed = repeats.pop()
            repeats[-1] = repeats[-1] or closed
    return None if says_something else "name at least one character"


def _is_endless(repeat: str) -> bool:
    return repeat[0] in "*+" or (repeat[0] == "{" and "," in repeat and repeat.rstrip("?+")[-2] == ",")
