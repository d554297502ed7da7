"""Hear violence and its cues in Chinese words, and not where they are denied, feared or only look alike."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, get_args

from ahocorasick_rs import AhoCorasick, MatchKind
from msgspec import Struct

from alerts.model import Cue
from connectors.yaml_file import Document, Where, load

LEXICON_FILE = Path(__file__).parent / "lexicon" / "zh.yaml"
CUES: tuple[str, ...] = get_args(Cue)
_CONTEXTS = ("threat", "negation", "turn", "taken_back", "not_negation", "supposed", "not_supposed", "story")
_KEYS = ("apiVersion", "id", "version", "reach", "words", "combinations", "injury", "innocent", *_CONTEXTS)
_CLAUSE = re.compile(r"[，,。；;！!？?\n\r]")
_SHORT_REACH = 2
# What a threat is not yet: the weapon and the hand are only spoken of.
_DONE_ONLY = ("weapon", "strangle")


class Reading(Struct, frozen=True):
    """What the words say: `violence` 0 if it is denied, absent if they say nothing of it."""

    violence: int | None = None
    cues: tuple[Cue, ...] = ()


class Harm(Struct, frozen=True):
    """What a word or a combination of words stands for."""

    violence: int | None = None
    cue: Cue | None = None


class Hit(Struct, frozen=True, gc=False):
    """A harm heard from `start` to `end`."""

    start: int
    end: int
    harm: Harm


class Combination(Struct, frozen=True):
    """A harm said with two words in one clause."""

    gap: int
    harm: Harm


NOTHING = Reading()
Span = tuple[int, int]


class Lexicon:
    """The words of one file, matched in one pass."""

    def __init__(self, document: Document) -> None:
        self._document = document
        data = document.data
        document.check_keys(data, _KEYS)
        if data.get("apiVersion") != "lexicon/v1":
            got = data.get("apiVersion")
            raise document.refuse(f"`apiVersion` must be `lexicon/v1`; got `{got}`", ("apiVersion",))
        self.version = int(data["version"])
        self._reach = int(data["reach"])
        self._combinations: list[Combination] = []
        self._roles: dict[str, list[tuple[str, Any]]] = defaultdict(list)
        for number, entry in enumerate(data["words"]):
            harm = self._harm(entry, ("of",), ("words", number))
            self._add(entry["of"], "harm", harm)
        for number, entry in enumerate(data["combinations"]):
            harm = self._harm(entry, ("gap", "first", "then"), ("combinations", number))
            self._combinations.append(Combination(int(entry["gap"]), harm))
            self._add(entry["first"], "first", number)
            self._add(entry["then"], "then", number)
        self._add(data["injury"], "injury", None)
        self._add(data["innocent"], "innocent", None)
        for context in _CONTEXTS:
            self._add(data[context], context, None)
        words = list(self._roles)
        self._by_index = [self._roles[word] for word in words]
        self._matcher = AhoCorasick(words, matchkind=MatchKind.Standard)

    def _harm(self, entry: Any, keys: tuple[str, ...], where: Where) -> Harm:
        self._document.check_keys(entry, ("violence", "cue", *keys), where)
        violence, cue = entry.get("violence"), entry.get("cue")
        if violence is None and cue is None:
            raise self._document.refuse("words must have `violence` or `cue`; got neither", where)
        if violence not in (None, 1, 2, 3):
            raise self._document.refuse(f"`violence` must be 1, 2 or 3; got `{violence}`", where)
        if cue is not None and cue not in CUES:
            raise self._document.refuse(f"`cue` must be one of {', '.join(CUES)}; got `{cue}`", where)
        return Harm(violence, cue)

    def _add(self, words: list[str], role: str, value: Any) -> None:
        for word in words:
            self._roles[word].append((role, value))

    def read(self, text: str) -> Reading:
        """What a text says of violence."""
        matches = self._matcher.find_matches_as_indexes(text, overlapping=True)
        if not matches:
            return NOTHING
        return self._judge(text, self._by_role(matches))

    def _by_role(self, matches: list[tuple[int, int, int]]) -> dict[str, list[tuple[int, int, Any]]]:
        """Matches by role, without those inside a longer word that makes them mean something else."""
        heard: dict[str, list[tuple[int, int, Any]]] = defaultdict(list)
        for index, start, end in matches:
            for role, value in self._by_index[index]:
                heard[role].append((start, end, value))
        for mask, roles in (
            ("innocent", ("harm", "first", "then", "injury")),
            ("not_negation", ("negation",)),
            ("not_supposed", ("supposed",)),
        ):
            if mask in heard:
                for role in roles:
                    if role in heard:
                        heard[role] = [one for one in heard[role] if not _is_inside(one, heard[mask])]
        return heard

    def _judge(self, text: str, heard: dict[str, list[tuple[int, int, Any]]]) -> Reading:
        hits = [Hit(start, end, harm) for start, end, harm in heard["harm"]]
        ends = [match.start() for match in _CLAUSE.finditer(text)]
        if heard["first"] and heard["then"]:
            hits += self._combine(heard, ends)
        if not hits:
            return NOTHING
        cues: set[Cue] = set()
        violence: int | None = None
        blows = False
        for hit in hits:
            clause = _clause(hit.start, ends)
            if _is_unreal(hit, clause, heard):
                continue
            level, cue = hit.harm.violence, hit.harm.cue
            if self._is_denied(hit, clause, heard):
                violence = max(violence or 0, 0) if level else violence
                continue
            is_threat = _before(hit, clause, heard["threat"])
            if is_threat and level:
                level = 1
            if level:
                violence = max(violence or 0, level)
                blows = blows or level >= 2
            if cue and not (is_threat and cue in _DONE_ONLY):
                cues.add(cue)
        if blows and any(self._is_injury(one, ends, heard) for one in heard["injury"]):
            violence = 3
        return Reading(violence, tuple(sorted(cues, key=CUES.index)))

    def _combine(self, heard: dict[str, list[tuple[int, int, Any]]], ends: list[int]) -> list[Hit]:
        hits = []
        for start, first_end, number in heard["first"]:
            clause_end = _clause(start, ends)[1]
            combination = self._combinations[number]
            for then_start, end, then_number in heard["then"]:
                near = first_end <= then_start <= first_end + combination.gap and end <= clause_end
                if number == then_number and near:
                    hits.append(Hit(start, end, combination.harm))
        return hits

    def _is_denied(self, hit: Hit, clause: Span, heard: dict[str, list[tuple[int, int, Any]]]) -> bool:
        if any(hit.end <= start < clause[1] for start, _end, _ in heard["taken_back"]):
            return True
        count = 0
        last = -1
        for start, end, _ in sorted(heard["negation"]):
            reach = _SHORT_REACH if end - start == 1 else self._reach
            if clause[0] <= start and end <= hit.start <= end + reach and not self._turns(end, hit.start, heard):
                count += start >= last  # 没 inside 没有 is one negation
                last = max(last, end)
        return count % 2 == 1

    def _is_injury(self, one: tuple[int, int, Any], ends: list[int], heard: dict[str, Any]) -> bool:
        hit = Hit(one[0], one[1], Harm())
        clause = _clause(hit.start, ends)
        return not (
            self._is_denied(hit, clause, heard)
            or _is_unreal(hit, clause, heard)
            or _before(hit, clause, heard["threat"])
        )

    @staticmethod
    def _turns(start: int, end: int, heard: dict[str, list[tuple[int, int, Any]]]) -> bool:
        return any(start <= a and b <= end for a, b, _ in heard["turn"])


def load_lexicon(path: Path | str = LEXICON_FILE) -> Lexicon:
    """Read a lexicon file."""
    return Lexicon(load(path))


def _is_inside(one: tuple[int, int, Any], masks: list[tuple[int, int, Any]]) -> bool:
    """Whether a longer word holds it (刀 in 刀削面), or takes its end for something else (被打 in 被打扫)."""
    first, last = one[0], one[1]
    return any(
        (start <= first and last <= end and end - start > last - first) or first < start < last < end
        for start, end, _ in masks
    )


def _clause(at: int, ends: list[int]) -> Span:
    start = 0
    for end in ends:
        if at < end:
            return start, end
        start = end + 1
    return start, 1 << 30


def _is_unreal(hit: Hit, clause: Span, heard: dict[str, list[tuple[int, int, Any]]]) -> bool:
    """Feared, supposed or asked about before it, or told as a story anywhere in the clause."""
    in_story = any(clause[0] <= start < clause[1] for start, _end, _ in heard["story"])
    return in_story or _before(hit, clause, heard["supposed"])


def _before(hit: Hit, clause: Span, words: list[tuple[int, int, Any]]) -> bool:
    return any(clause[0] <= start and end <= hit.start for start, end, _ in words)
