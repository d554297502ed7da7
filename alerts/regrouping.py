"""Events that change their matter by a person's word: which keys of which rules they leave and come to.

What a rule has settled of a key is not taken back by an event that arrives; a person's word is stronger. So each of
these keys begins anew with the events that it has now, and its alerts go on: under the same name while there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from alerts.alert import Alerts
from alerts.entry import Entry, Key
from alerts.keeping import kept_entry
from alerts.kinds.owed import Obligation
from alerts.linker_fold import Order
from alerts.model import Event
from alerts.rule import Rule
from alerts.subject import Subject
from alerts.track import Track
from alerts.turning import warm

Why = Literal["merged", "split"]


class Regrouped(NamedTuple):
    """What a person's word means for one key of one rule: entries that come, and events that leave.

    `at`, `number`, `rule`, `key` and `watermark` as in an `Item`. `kin` is the key that entries of a split have left.
    """

    at: int
    number: int
    rule: int
    key: Key
    watermark: int
    came: Sequence[Entry]
    gone: frozenset[str]
    why: Why
    kin: Key | None = None
    produced_us: int = 0


class Moved(NamedTuple):
    """One event before and after, with its place and its contact."""

    order: Order
    contact: str
    before: Event
    after: Event


def regrouped(rule: Rule, moved: Iterable[Moved], why: Why, watermark: int, at: int, number: int) -> list[Regrouped]:
    """The keys of a rule under which anything changes, those that events leave first. What the rule raises, goes on."""
    came: dict[Key, list[Entry]] = {}
    gone: dict[Key, set[str]] = {}
    kin: dict[Key, Key] = {}
    for each in moved if not rule.is_whole else ():
        left, entry = (kept_entry(rule, each.order, event, each.contact) for event in (each.before, each.after))
        if left is not None and entry is not None and left[0] == entry[0] and left[1][4:6] == entry[1][4:6]:
            continue
        if left is not None:
            gone.setdefault(left[0], set()).add(each.before.id)
        if entry is not None:
            came.setdefault(entry[0], []).append(entry[1])
            if left is not None and left[0] != entry[0]:
                kin[entry[0]] = left[0]
    return [
        Regrouped(
            at, number, rule.number, key, watermark, came.get(key, ()), frozenset(gone.get(key, ())), why,
            kin.get(key) if why == "split" else None,
        )
        for key in sorted({*came, *gone}, key=lambda key: (key not in gone, key))
    ]  # fmt: skip


def begun_anew(rule: Rule, item: Regrouped, before: Subject | None, alerts: Alerts | None) -> Subject:
    """The state of a key with the events that it has now; its episodes are numbered on from those that it had."""
    anew = rule.start(item.key)
    if not isinstance(anew, Track | Obligation):
        raise TypeError(f"a rule must keep its keys apart to follow a person's word; got `{rule.id}`")
    old = before if isinstance(before, Track | Obligation) else None
    entries = {entry[2]: entry for entry in old.kept() if entry[2] not in item.gone} if old else {}
    entries |= {entry[2]: entry for entry in item.came}
    used = old.last_number() if old else 0
    anew = warm(anew, list(entries.values()), item.watermark)
    anew.go_on_from(old, used, alerts is not None and used in alerts.known)  # type: ignore[arg-type]
    return anew
