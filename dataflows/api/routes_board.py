"""What the board asks beside alerts: who looks, what things are called, the day in numbers, the matters of an alert."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Struct

from alerts.model import Level, Revision
from dataflows.api.answers import People
from dataflows.api.names import NameBook, Names
from dataflows.api.parameters import Acts, Name, Sighted, Whole
from dataflows.api.problem import documented, not_there
from dataflows.api.runbooks import load_runbooks

Hours = Annotated[int, QueryParameter(ge=1, le=168, description="How far back, in hours.")]


class Board:
    """What an installation tells its boards: names, runbooks, how fast its clock runs, and routes of its own."""

    def __init__(
        self, names: NameBook | None = None, speed: float = 1.0, more: Sequence[HTTPRouteHandler] = ()
    ) -> None:
        self.names = names or NameBook()
        self.runbooks = load_runbooks()
        self.speed = speed
        self.more = more


class Me(Struct, frozen=True):
    """Who looks, what they may do, and the installation's clock, which may run `speed` times as fast as others."""

    name: str
    role: str
    region: str
    may: list[str]  # actions, and what else the routing lets a role do
    now: datetime
    speed: float
    more: list[str]  # paths that only this installation has


class Count(Struct, frozen=True):
    """How many alerts reached a level in an hour in a county."""

    at: datetime
    county: str
    level: Level
    alerts: int


class Day(Struct, frozen=True):
    """The last hours in numbers; an alert counts once at each level, in the hour in which it reached it."""

    since: datetime
    now: datetime
    events: int
    last_event_at: datetime | None
    counts: list[Count]


class Standing(Struct, frozen=True):
    """Since when an alert is open, and who has taken it."""

    opened_at: datetime
    ack_by: str | None
    ack_until: datetime | None
    assigned_to: str | None


class Standings(Struct, frozen=True):
    """All that is open, by alert; `is_whole` is false while some of what readers were told is missing."""

    alerts: dict[str, Standing]
    is_whole: bool = True


class MatterFound(Struct, frozen=True):
    """A matter to which evidence of an alert belongs, and how much of it."""

    matter: str
    events: int


class Past(Struct, frozen=True):
    """How an alert came to be, as far as the pool knows by now: its revisions, and the matters of its evidence."""

    revisions: list[Revision]
    matters: list[MatterFound]


class Runbook(Struct, frozen=True):
    """What to do when a rule speaks, in Markdown."""

    name: str
    text: str


@get("/v1/me", responses=documented())
async def show_me(sight: Sighted, acting: Acts, board: NamedDependency[Board]) -> Me:
    """Who bears the token, what their role may do, and what time it is here."""
    caller = sight.caller
    may = sorted(acting.powers(caller.role).may)
    more = [path for handler in board.more for path in sorted(handler.paths)]
    return Me(caller.name, caller.role, caller.region, may, acting.now(), board.speed, more)


@get("/v1/names", responses=documented())
async def list_names(sight: Sighted, board: NamedDependency[Board]) -> Names:
    """What rules, regions, channels and topics are called."""
    return await asyncio.to_thread(board.names.names, sight.caller.county)


@get("/v1/standing", responses=documented())
async def list_standing(sight: Sighted, wholeness: Whole) -> Standings:
    """Of each open alert what no single revision tells: since when it is open, who has taken it, who is to act."""
    found = await sight.standing()
    standings = {alert.alert_id: _standing(opened_at, people) for alert, opened_at, people in found}
    return Standings(standings, await wholeness.is_whole())


def _standing(opened_at: datetime, people: People) -> Standing:
    return Standing(opened_at, people.ack_by, people.ack_until, people.assigned_to)


@get("/v1/day", responses=documented())
async def count_day(sight: Sighted, acting: Acts, hours: Hours = 24) -> Day:
    """Alerts by hour, county and level, and when the last event came in."""
    now = acting.now()
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    events, last, rows = await sight.day(since)
    return Day(since, now, events, last, [Count(**row) for row in rows])


@get("/v1/alerts/{alert_id:str}/past", responses=documented(HTTPStatus.NOT_FOUND))
async def show_past(sight: Sighted, alert_id: Name) -> Past:
    """What led to an alert. The pool is some seconds behind: what it does not have yet is left out.

    Matters are those of the evidence that happened in the caller's region, those with most of it first.
    """
    revisions, rows = await sight.past(await sight.alert(alert_id))
    return Past(revisions, [MatterFound(**row) for row in rows])


@get("/v1/runbooks/{name:str}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_runbook(board: NamedDependency[Board], name: Name) -> Runbook:
    """What to do when a rule speaks: the page that the rule names as `rb/<name>`."""
    if name not in board.runbooks:
        raise not_there("runbook")
    return Runbook(name, board.runbooks[name])


ROUTES = (show_me, list_names, list_standing, count_day, show_past, show_runbook)
