"""What the door does to people's data in an event: keys become tokens, words lose what names a person."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from connectors.identifiers import find_identifiers, is_id_card, may_identify
from connectors.pseudonym import Keyring, Kind, is_token
from connectors.scrub import PARTIES, scrub

_SHORTEST_IDENTIFIER = 7  # a plate
_DIGITS_ONLY = re.compile(r"\(?\+?[\d\s\-()（）]{7,}[Xx]?")
# A mail, a number with stars in it or a name has one of these signs; a passport and an account look like the others.
_LATIN = re.compile(r"[@*\s]|(?<![\w\-])(?:[A-Z]{1,2}\d{7,9}(?![\w\-])|wxid_)", re.IGNORECASE)
# Members that hold a person by their name; they become tokens, whatever they look like.
_ASKING = "caller|applicant|complainant|petitioner"
_ROLES = f"{_ASKING}|reporter|contact|person|citizen|party|victim|suspect|owner"
_PATTERNS: tuple[tuple[Kind, str], ...] = (
    ("name", rf"(?:(?:full|first|last|{_ROLES})_?)?names?|{_ASKING}|(?:{_ROLES})_?person"),
    ("name", rf".*姓名|名字|(?!是否).*(?:{PARTIES})(?:名字?)?"),
    ("phone", r".*(?:phone|mobile|telephone)(?:_?(?:no|number))?|tel|caller_?id|contact_?(?:no|number)"),
    ("phone", r".*(?:电话|手机)(?:号码?)?|(?:来电|主叫|联系)号码|联系方式"),
    ("id_card", r".*(?:id_?card|id_?no|id_?number)(?:_?no)?|.*(?:身份证号?码?|身份号码|证件号码?)"),
    ("address", r".*addr(?:ess(?:es)?)?|.*(?:住址|地址)"),
    ("plate", r"(?:.*_)?(?:plate|licen[cs]e_plate)(?:_?no)?|.*车牌号?码?"),
)
_ATTR_KINDS = tuple((kind, re.compile(rf"(?:{pattern})s?")) for kind, pattern in _PATTERNS)


class Privacy:
    """Applies the rules of people's data with one keyring."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    def person(self, value: str) -> str:
        """The token of a reporter; a value that is opaque already stays."""
        return value if is_token(value) or _is_opaque(value) else self._token(value, "name")

    def home(self, value: str) -> str:
        """The token of a household or place; a token or a public code stays."""
        if is_token(value) or (value.isascii() and not may_identify(value)):
            return value
        return self._token(value, "address")

    def pair(self, value: str) -> str:
        """The token of two parties; two raw identifiers give the token that a mapping would give."""
        if is_token(value) or _is_opaque(value):
            return value
        found = find_identifiers(value)
        if len(found) == 2:
            return self.keyring.pair(found[0].kind, found[0].value, found[1].value)
        return self.keyring.token("pair", value)

    def plain(self, value: str) -> str:
        """An id, a case or a unit: raw identifiers inside become their tokens, the rest stays."""
        if not may_identify(value):
            return value
        for one in reversed(find_identifiers(value)):
            value = value[: one.start] + self.keyring.token(one.kind, one.value) + value[one.end :]
        return value

    def attrs(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The same map with safe values; the very same object when nothing had to change."""
        if not attrs:
            return attrs
        safe = {self._member(key): self._attr(key, value) for key, value in attrs.items()}
        return attrs if safe == attrs else safe

    def _member(self, name: str) -> str:
        return name if len(name) < _SHORTEST_IDENTIFIER else self.plain(name)

    def _attr(self, key: str, value: Any) -> Any:
        if isinstance(value, str):
            kind = attr_kind(key)
            return self._token(value, kind) if kind and value and not is_token(value) else scrub(value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return self._number(key, value)
        if isinstance(value, dict):
            return self.attrs(value)
        if isinstance(value, list | tuple):
            return [self._attr(key, item) for item in value]
        return value

    def _number(self, key: str, value: float) -> float | str:
        """A whole number may be a phone, also one that is written with a point (`13800001111.0`)."""
        if abs(value) < 1_000_000 or value % 1 != 0:
            return value
        digits = str(int(value))
        kind = attr_kind(key)
        if kind:
            return self.keyring.token(kind, digits)
        scrubbed = scrub(digits)
        return value if scrubbed == digits else scrubbed

    def _token(self, value: str, kind: Kind) -> str:
        return self.keyring.token(kind_of(value, kind), value)


def kind_of(value: str, otherwise: Kind) -> Kind:
    """What a raw value looks like: an ID, a phone, else `otherwise`."""
    if is_id_card(value):
        return "id_card"
    if _DIGITS_ONLY.fullmatch(value.strip()):
        return "phone"
    found = find_identifiers(value)
    if len(found) == 1 and found[0].value == value.strip():
        return found[0].kind
    return otherwise


@lru_cache(4_096)
def attr_kind(key: str) -> Kind | None:
    """The kind of a member whose very name says that it names a person."""
    name = key.casefold()
    return next((kind for kind, pattern in _ATTR_KINDS if pattern.fullmatch(name)), None)


def _is_opaque(value: str) -> bool:
    return value.isascii() and not (_DIGITS_ONLY.fullmatch(value) or _LATIN.search(value) or may_identify(value))
