"""Find what names a person outright: phones, ID numbers, plates. The scanner of every store uses it."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

IdentifierKind = Literal["phone", "id_card", "plate"]

# full-width digits, letters and separators, each to one plain character, so that places stay the same
_WIDE = {chr(0xFEE0 + ord(c)): c for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@.-_"}
_WIDE |= {"　": " ", "—": "-", "–": "-", "‐": "-"}
_TO_PLAIN = str.maketrans(_WIDE)
_IS_WIDE = re.compile(f"[{''.join(_WIDE)}]")
_SEP = r"[ \-·_.]?"
_YEAR, _DAY = r"(?:18|19|20)\d{2}", r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"

# Not inside a longer number, a hexadecimal hash or the fraction of a decimal.
_BEFORE = r"(?<![0-9a-f])(?<![0-9]\.)"
_AFTER = r"(?![0-9a-f])"
PHONE = rf"1[3-9]\d{_SEP}\d{{4}}{_SEP}\d{{4}}"
_LETTER = "A-HJ-NP-Za-hj-np-z"
PLATE = rf"[{_PROVINCES}] ?[{_LETTER}][ ·•.\-]?[{_LETTER}0-9]{{4,5}}[{_LETTER}0-9挂学警港澳]"
_PHONE = re.compile(rf"{_BEFORE}(?:(?:\+|00)?86[ \-]?)?(?P<number>{PHONE}){_AFTER}|(?<=[+0]86){PHONE}{_AFTER}")
# The area stands apart from the number, for an id may be eleven digits that begin with 0; a date after it is no number.
_LANDLINE = re.compile(
    rf"{_BEFORE}(?<![0-9]-)[(（]?0(?:10|2\d|[3-9]\d{{2}})(?:[)）][ \-]?|[ \-])"
    rf"(?!{_YEAR}{_DAY})[2-9]\d{{2,3}} ?\d{{4}}{_AFTER}"
)
_ID_CARD = re.compile(rf"{_BEFORE}[1-9]\d{{5}}{_SEP}{_YEAR}{_SEP}{_DAY}{_SEP}\d{{3}}[0-9Xx]{_AFTER}")
_PLATE = re.compile(rf"{PLATE}(?![A-Za-z0-9])")
_HAS_DIGITS = re.compile(r"\d{4}")
_PHONE_SIGN = re.compile(PHONE)
_LANDLINE_SIGN = re.compile(r"0\d{2,3}[)） \-]{1,2}[2-9]")
_ID_CARD_SIGN = re.compile(rf"\d{{6}}{_SEP}(?:\d{{8}}|{_YEAR}{_SEP}{_DAY}){_SEP}\d{{3}}")
_PLATE_SIGN = re.compile(rf"[{_PROVINCES}] ?[{_LETTER}]")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


class Identifier(Struct, frozen=True):
    """One raw identifier, and where it stands in the text."""

    kind: IdentifierKind
    value: str
    start: int
    end: int


def to_plain(text: str) -> str:
    """The text with full-width digits, letters and separators made plain; of the same length."""
    return text.translate(_TO_PLAIN) if not text.isascii() and _IS_WIDE.search(text) else text


def may_identify(text: str) -> bool:
    """A quick no, or a reason to look closer."""
    plain = to_plain(text)
    return (
        _PHONE_SIGN.search(plain) is not None
        or (_LANDLINE_SIGN.search(plain) is not None and _LANDLINE.search(plain) is not None)
        or _ID_CARD_SIGN.search(plain) is not None
        or (not plain.isascii() and _PLATE_SIGN.search(plain) is not None)
    )


def find_identifiers(text: str) -> list[Identifier]:
    """Mobiles, landlines, ID numbers whose check digit is right, and plates, in the order of the text."""
    found: list[Identifier] = []
    plain = to_plain(text)
    if _HAS_DIGITS.search(plain):
        for match in _PHONE.finditer(plain):
            found.append(_identifier("phone", match))
        for match in _LANDLINE.finditer(plain):
            found.append(_identifier("phone", match))
        for match in _ID_CARD.finditer(plain):
            if is_id_card(match.group()):
                found.append(_identifier("id_card", match))
    if not text.isascii():
        for match in _PLATE.finditer(plain):
            if any(c.isdigit() for c in match.group()):
                found.append(_identifier("plate", match))
    return sorted(found, key=lambda one: one.start)


def is_id_card(text: str) -> bool:
    """Whether 18 characters are an ID number by its check digit; separators do not matter."""
    compact = re.sub(r"[^0-9Xx]", "", text).upper()
    return len(compact) == 18 and compact[:17].isdigit() and check_digit(compact[:17]) == compact[17]


def check_digit(first17: str) -> str:
    """The last character of an ID number (GB 11643)."""
    return "10X98765432"[sum(int(d) * w for d, w in zip(first17, _WEIGHTS, strict=True)) % 11]


def _identifier(kind: IdentifierKind, match: re.Match[str]) -> Identifier:
    return Identifier(kind, match.group(), match.start(), match.end())
