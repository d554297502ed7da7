"""One alert at the desk: what was said of it last, and what people have done with it."""

from __future__ import annotations

from msgspec import Struct

from alerts.model import ALWAYS, NEVER, Revision


class Ack(Struct, frozen=True):
    """A person has taken the alert, until a clock instant."""

    actor: str
    role: str
    until: int


class Notice(Struct, frozen=True):
    """A supervision notice (督办): who has to answer, and by which clock instant; `ALWAYS` once that has passed."""

    id: str  # of the action
    to: str
    due: int


class Attended(Struct):
    """An alert that may still speak. Times are clock instants in microseconds.

    `roles`, `chain`, `reopen_within`, `aftercare`, `vouch` and `reveal` are those of its rule. `found` is the state in
    which the stream left it, which a person's word may overrule.
    """

    last: Revision
    lineage: tuple[str, ...]  # rule, generation and key: what its episodes have in common
    roles: tuple[str, ...] = ()
    chain: str | None = None
    reopen_within: int | None = None
    aftercare: int | None = None
    ids: tuple[str, ...] = ()  # all evidence of the last revision
    found: str = "open"
    ack: Ack | None = None
    assigned_to: str = ""
    waits_since: int = NEVER  # since when nobody has acked what people were told
    rung: int = 0  # the place in its chain of the step that was told last
    climbs_at: int = ALWAYS
    risen_at: int = 1  # the revision that raised its level last
    hushed: bool = False  # something was muted that nobody has been told since
    wakes_at: int = ALWAYS  # when the interval begins in which people are told
    closed_by_person: int | None = None
    visit_at: int = ALWAYS  # when a return visit is asked for
    notices: tuple[Notice, ...] = ()
    is_over: bool = False  # the stream has said its last word
    vouch: tuple[str, ...] = ()  # the channels that must vouch for what is said
    climbs: str | None = None  # the chain on which its rung lies
    skipped: int = 0  # how much of its chain lies before the step that was told first
    bonus: int = 0  # levels that aftercare adds since a person has closed it
    reveal: tuple[str, ...] = ()  # the roles that alone may ask who is meant; none: those whom the routing lets

    @property
    def is_open(self) -> bool:
        """Has it not ended?"""
        return self.last.state in ("open", "acked")

    def due(self) -> int:
        """The next clock instant at which something happens by itself."""
        found = [self.climbs_at, self.wakes_at, self.visit_at, *(notice.due for notice in self.notices)]
        return min([*found, self.ack.until] if self.ack else found)
