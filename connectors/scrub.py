"""Take what names a person out of words: numbers, plates, accounts, names and exact addresses.

A removed piece leaves a marker such as `[手机]`, so that a reader still sees what was said.
When in doubt it takes more: a word too many lost costs less than a name kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from connectors.identifiers import PHONE, PLATE, Identifier, find_identifiers, to_plain
from connectors.surnames import COMPOUND_SURNAMES, NOT_NAMES, SURNAMES

__all__ = ["PARTIES", "find_identifiers", "scrub"]

Span = tuple[int, int, str]

_LABELS = {"phone": "手机", "id_card": "证件号", "plate": "车牌"}
_AREA = re.compile(r"[(（]?0[1-9]")  # a landline begins so, and no mobile
_GAP = r"[ \-·_]?"
_HAN = "一-鿿"
_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"

# The name of a group is the marker it leaves, without what follows `_`.
_NUMBERS = re.compile(
    rf"""
    (?<!\d)(?:
        (?P<证件号>[1-9]\d{{5}}{_GAP}(?:18|19|20)\d{{2}}{_GAP}{_DAY}{_GAP}\d{{3}}[0-9Xx])
        |(?P<证件号_>[1-8][1-7]\d{{6}}{_DAY}\d{{3}})
        |(?:[(（]?(?:\+|00)?86[)）]?[ \-]?)?(?P<手机>{PHONE}|1{_GAP}[3-9](?:{_GAP}\d){{9}})
        |(?P<电话>[(（]?0[1-9]\d{{1,2}}[)）\- ]{{0,2}}(?:\d{{7,8}}|[2-9]\d{{2,3}}[ \-]\d{{4}}))
        |(?P<卡号>[3-6](?:[ \-]?\d){{15,18}})
    )(?!\d)
    """,
    re.VERBOSE,
)
_MAIL = re.compile(r"(?P<邮箱>[\w.+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,4})", re.ASCII)
_SPOKEN = re.compile(
    r"""
    (?:电话|座机|手机|联系方式|来电|致电|号码|(?<![a-z])(?:tel|phone))(?:号码?)?[是为:：\s]{0,4}
        (?P<电话>(?![48]00)[(（]?\d[\d \-)）]{5,}\d)
    |(?:卡|账|帐)[号户][是为:：\s]{0,4}(?P<卡号>\d[\d \-]{6,}\d)
    |(?:身份证|证件)(?:号码?)?[是为:：\s]{0,4}(?P<证件号>[0-9][0-9Xx \-]{5,}[0-9Xx])
    |(?:微信|薇信|威信|扣扣|(?<![a-z])(?:wechat|weixin|vx|wx|qq))(?:号码?|id|群)?[是为:：\s]{0,4}
        (?P<账号>[A-Za-z0-9][A-Za-z0-9_\-]{4,})
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PLATES = re.compile(
    rf"(?P<车牌>{PLATE})(?![A-Za-z0-9])|(?:车牌|牌照)号?码?[是为:：\s]{{0,3}}(?P<车牌_>[A-Za-z0-9·\-]{{5,8}})"
)

# whom a form or a report names
PARTIES = "当事人|联系人|报警人|来电人|反映人|举报人|投诉人|诉求人|申请人|嫌疑人|受害人|户主|负责人|法人"
_FORMAL = f"姓名|名字|{PARTIES}"
_PLAIN = f"{_FORMAL}|叫|我是|本人|老公|丈夫|妻子|老婆|儿子|女儿|父亲|母亲|哥哥|弟弟|姐姐|妹妹|邻居|男友|女友|前夫|前妻"
_FORMAL_WORDS = frozenset(_FORMAL.split("|"))
_TRIGGER = re.compile(_PLAIN)
_NEVER_FIRST = "打说在的把被和及等对因去来到给也都就又还已要骂闹欠有没跟想是了，"
_NEVER_SECOND = (
    _NEVER_FIRST + "姓与住向从将于不称让用拿持同能会无经多拒认先后突当随过该此之其很正再只却家里砍捅踢推辱威扬酒喝"
)
_SURNAME = f"(?:{'|'.join(COMPOUND_SURNAMES)}|[{SURNAMES}])"
_FULL_NAME = rf"{_SURNAME}(?![{_NEVER_FIRST}])[{_HAN}](?:(?![{_NEVER_SECOND}])[{_HAN}])?"
_LINK = r"[是为叫:：\s\"']{0,5}"
_NAME = re.compile(rf"{_LINK}(?!{'|'.join(NOT_NAMES)})(?P<姓名>{_FULL_NAME})")
_FORM_NAME = re.compile(rf"[\s\"']{{0,2}}[:：][\s\"']{{0,2}}(?P<姓名>[{_HAN}]{{2,4}}(?![{_HAN}]))")
_NAMES_WITH_SEX = re.compile(rf"(?<![{_HAN}])(?P<姓名>{_FULL_NAME})(?=[(（,，]\s?[男女])")
_DOTTED_NAMES = re.compile(rf"(?P<姓名>[{_HAN}]{{2,6}}(?:·[{_HAN}]{{2,8}}){{1,3}})")

_REST = r"[^，。；！？,;!?\n\r\s\[\]]"
_DOOR = r"[号栋幢楼单座室组社弄巷#\-]"
_ADDRESSES = re.compile(
    rf"""
    (?:住址|(?:家庭|详细|居住|联系|户籍)地址)[是为在:：\s]{{0,3}}+(?P<住址>{_REST}+)
    |地址[是为在:：\s]{{1,3}}+(?P<住址_>{_REST}+)
    |住[在址于]?(?![院建房宅户处了满过])(?P<住址_2>{_REST}{{0,40}}?\d+{_DOOR}{_REST}*)
    """,
    re.VERBOSE,
)
_N = "[0-9一二三四五六七八九十]"
_DOORS = re.compile(
    rf"""(?P<门牌>
    (?:{_N}{{1,3}}(?:号楼|栋|幢|座))?{_N}{{1,3}}单元{_N}{{0,5}}(?:室|号|户)?
    |{_N}{{1,3}}(?:号楼|栋|幢|座)\-?\d{{3,4}}(?:室|号|户)?
    |(?<!\d)\d{{3,4}}室)""",
    re.VERBOSE,
)
_DIGIT = re.compile(r"\d")
_SHORTEST = 3  # characters that can hold a name and the word before it
_ASCII_SIGN = re.compile(r"(?:[0-9][ \-_.()]{0,2}){7}|@|[wW][xXeE]|[vV][xX]|[qQ]{2}")
_SIGN = re.compile(rf"[0-9０-９A-Za-zＡ-Ｚａ-ｚ@·住男女]|地址|单元|{_PLAIN}")  # of every pattern above
_LATIN = re.compile(r"[A-Za-z]")


def scrub(text: str) -> str:
    """The text without what names a person; text without any comes back as it is.

    Scrubbing again changes nothing: it goes on until there is nothing more to take.
    """
    if len(text) < _SHORTEST or not (_ASCII_SIGN if text.isascii() else _SIGN).search(text):
        return text
    for _ in range(5):
        spans = _merge(_find(text))
        if not spans:
            return text
        pieces: list[str] = []
        at = 0
        for start, end, label in spans:
            pieces += (text[at:start], "[", label, "]")
            at = end
        text = "".join((*pieces, text[at:]))
    return text


def _find(text: str) -> Iterator[Span]:
    """Every piece to take. Looks for the costly patterns only where their first signs are there."""
    plain = to_plain(text)
    has_digit = _DIGIT.search(plain) is not None
    has_latin = _LATIN.search(plain) is not None
    if has_digit:
        yield from ((one.start, one.end, _label(one)) for one in find_identifiers(plain))
        yield from _spans(_NUMBERS, plain, _is_number)
    if has_digit or has_latin:
        yield from _spans(_SPOKEN, plain)
    if "@" in plain:
        yield from _spans(_MAIL, plain)
    if plain.isascii():
        return
    if has_digit:
        yield from _spans(_PLATES, plain, _has_digit)
    if has_digit or "单元" in plain:
        yield from _spans(_DOORS, plain)
    if "住" in plain or "地址" in plain:
        yield from _spans(_ADDRESSES, plain)
    for trigger in _TRIGGER.finditer(plain):
        match = _NAME.match(plain, trigger.end())
        if not match and trigger.group() in _FORMAL_WORDS:
            match = _FORM_NAME.match(plain, trigger.end())
        if match:
            yield *match.span("姓名"), "姓名"
    if "·" in plain:
        yield from _spans(_DOTTED_NAMES, plain)
    if "男" in plain or "女" in plain:
        yield from _spans(_NAMES_WITH_SEX, plain)


def _label(one: Identifier) -> str:
    return "电话" if _AREA.match(one.value) else _LABELS[one.kind]


def _spans(pattern: re.Pattern[str], plain: str, is_meant: Callable[[str, str], bool] | None = None) -> Iterator[Span]:
    for match in pattern.finditer(plain):
        group = match.lastgroup or ""
        if is_meant is None or is_meant(group, match[group]):
            yield match.start(group), match.end(group), group.split("_")[0]


def _is_number(group: str, value: str) -> bool:
    return group != "卡号" or _passes_luhn(value)


def _has_digit(_group: str, value: str) -> bool:
    return _DIGIT.search(value) is not None


def _passes_luhn(value: str) -> bool:
    digits = [int(c) for c in value if c.isdigit()]
    doubled = (sum(divmod(2 * d, 10)) for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _merge(spans: Iterator[Span]) -> list[Span]:
    """Spans that overlap become one, under the name of the longest, so that nothing sticks out."""
    merged: list[Span] = []
    for start, end, label in sorted(spans):
        if merged and start < merged[-1][1]:
            first, last, name = merged[-1]
            longer = label if end - start > last - first else name
            merged[-1] = (first, max(last, end), longer)
        else:
            merged.append((start, end, label))
    return merged
