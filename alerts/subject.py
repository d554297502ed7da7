"""What detection keeps for one key of a rule, whatever its kind, and what that says of the alerts.

A shard drives every kind of rule the same way: events go in as entries, watermarks pass, and out come *standings*:
the episodes of each key as they are known now. What is published of them is decided in `alerts.alert`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from alerts.model import Confidence

if TYPE_CHECKING:
    from alerts.entry import Entry, Key
    from alerts.episode import Episode
    from alerts.rule import Rule


class Vouched(NamedTuple):
    """Who says that everything up to some event time has been sent, and how sure that is."""

    confidence: Confidence
    by: tuple[dict[str, Any], ...] = ()  # {"channel": ..., "watermark": ...} of each channel that is needed


class Standing(NamedTuple):
    """What a rule says of one key: every episode that is not over for good, oldest first, and whether it has ended.

    Episodes up to number `over` can no longer open again; those that are not listed have nothing more to say.
    """

    key: Key
    episodes: Sequence[tuple[Episode, bool]]
    over: int = 0


def number_on(used: int, may_speak: bool, last: int, is_open: bool) -> int:
    """The number of the last episode of a key that begins anew where so many numbers were used.

    An open one goes on with the last number used, while that may still speak, and is the next one else.
    """
    if is_open:
        return used if may_speak and used else used + 1
    return max(used, last)


class Subject(Protocol):
    """The state of one key of one rule, or of a rule that looks across its keys and is kept whole.

    What it says depends only on the entries it was given and on the watermarks that passed, never on the order in
    which entries inside the lateness came or on where the log was cut.
    """

    rule: Rule
    key: Key
    armed: list[int]  # for each of its waits the event time for which its shard has set a timer

    def add(self, entry: Entry, watermark: int) -> bool:
        """Take an event that is not late; `watermark` is the rule's `Wc`. False if its id is already here."""

    def remove(self, event_id: str, watermark: int) -> bool:
        """Take an event away again: it turned out to belong to another key. False if it is not here or final."""

    def wants(self) -> Sequence[int]:
        """The event times it waits for, one for each of the rule's groups; ALWAYS where it waits for nothing.

        The first is on the clock watermark `Wc`. An obligation has two more: absence that may be asserted at all
        (`Wd` of every vouching channel there, or `max_hold` over), and absence that is confirmed (`Wd` alone).
        """

    def reach(self, which: int, event_time: int, vouched: Vouched | None) -> None:
        """What it waited for has come: group number `which` has passed `event_time`."""

    def standings(self) -> Iterable[Standing]:
        """What it says now of each key that an event or a watermark touched since it was last asked."""

    def all_standings(self) -> Iterable[Standing]:
        """What it says now of all its keys."""

    def is_silent(self) -> bool:
        """It has said nothing, and has nothing to say: so it is with most keys."""

    def is_forgettable(self) -> bool:
        """Nothing is kept that a later event could need."""

    def size(self) -> int:
        """How many events are kept."""

    def state(self) -> Any:
        """Everything that is kept, in plain types."""


class InPieces:
    """A subject that may be large, so that it is saved in pieces: its state is `[core, [[name, piece], ...]]`."""

    __slots__ = ()

    def core(self) -> Any:
        """What is not in a piece, in plain types."""
        raise NotImplementedError

    def pieces(self, *, is_all: bool) -> list[tuple[Key, Any]]:
        """All pieces, or those that changed since they were last asked for; None for one that is gone."""
        raise NotImplementedError
