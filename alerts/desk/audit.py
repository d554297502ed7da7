"""The audit: one row for every action, in the order of the log, chained by hash; an action that comes again is known.

A row's hash covers the row before it, so a row that is changed, left out or put in later is found by anybody who
reads them in order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from alerts.desk.attended import Attended
from alerts.duration import DAY_US
from alerts.model import Acted, AlertAction, Verdict, from_us, to_us

THE_DESK = "desk"  # the role in which the desk itself acts
REMEMBER_DAYS = 30  # an action that comes again after that is another one


class Audit:
    """The chain of actions, and which actions are known."""

    def __init__(self, head: tuple[int, str] = (0, "")) -> None:
        """`head` is number and hash of the last row, where there are rows."""
        self._seq, self._head = head
        self._known: dict[int, dict[str, None]] = {}  # ids of actions by the day of their arrival
        self.moved: set[int] = set()  # days that are not as they were when this was emptied last

    def knows(self, action_id: str, at: int) -> bool:
        """Has it come before? From here on it has."""
        today = at // DAY_US
        for day in [day for day in self._known if day < today - REMEMBER_DAYS]:
            del self._known[day]
            self.moved.add(day)
        if any(action_id in ids for ids in self._known.values()):
            return True
        self._known.setdefault(today, {})[action_id] = None
        self.moved.add(today)
        return False

    def enter(
        self, action: AlertAction, at: int, verdict: Verdict, sentence: str, each: Attended | None, county: str = ""
    ) -> Acted:
        """The row of an action; its county is that of the alert, else the one that is given, else of who acts."""
        self._seq += 1
        county = (each.last.region.county or "") if each else county or action.scope[:6]
        row = Acted(
            self._seq, from_us(at), action, verdict, sentence, each.last.revision if each else 0,
            each.last.rule if each else "", county, self._head,
        )  # fmt: skip
        self._head = hash_of(row)
        return replace(row, hash=self._head)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last row."""
        return self._seq, self._head

    def known(self, day: int) -> list[str] | None:
        """The ids of a day."""
        return list(self._known[day]) if day in self._known else None

    def days(self) -> list[int]:
        """The days of which anything is known."""
        return list(self._known)

    def restore(self, head: tuple[int, str], known: Mapping[int, Iterable[str]]) -> None:
        """Take back what was kept."""
        self._seq, self._head = head
        self._known = {day: dict.fromkeys(known[day]) for day in sorted(known)}


def hash_of(row: Acted) -> str:
    """SHA-256 over everything that a row says, and the hash of the row before it."""
    said = replace(row, hash="", engine_epoch=0)
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def broken(rows: Iterable[Acted], kept_since_us: int | None = None) -> list[str]:
    """A sentence for each place where the chain does not hold; rows in order of `seq`, from the first on.

    What is older than `kept_since_us` may be gone: a row from before then may begin the chain anew.
    """
    found = []
    seq, head = 0, ""
    for row in rows:
        follows = row.seq == seq + 1
        begins = row.seq > seq and kept_since_us is not None and to_us(row.at) < kept_since_us
        if not follows and not begins:
            found.append(f"rows must be there one after the other; got {row.seq} after {seq}")
        elif follows and row.prev_hash != head:
            found.append(f"row {row.seq} must follow the row before it; got another `prev_hash`")
        if hash_of(row) != row.hash:
            found.append(f"row {row.seq} must be as it was written; its hash says another thing")
        seq, head = row.seq, row.hash
    return found
