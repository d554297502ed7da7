"""Everything that a caller may read, and nothing else: no route asks Redis or ClickHouse but through here.

What is not the caller's is not there: the answer is the same as for what does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec

from alerts.model import Acted, AlertAction, Level, Revision, State
from connectors import clickhouse_alerts
from connectors.clickhouse_alerts import PoolViews
from connectors.redis_views import CHUNK, Entry, OpenPlace, RedisViews
from dataflows.api.answers import FeedEntry, Left, People, Step, people_of, step_of
from dataflows.api.caller import Caller
from dataflows.api.problem import RefusedError, not_there

OPEN: frozenset[State] = frozenset({"open", "acked"})


class Sight:
    """One caller's view of the city."""

    def __init__(self, caller: Caller, redis: RedisViews, pool: PoolViews) -> None:
        self.caller = caller
        self._redis = redis
        self._pool = pool

    def within(self, county: str) -> Sight | None:
        """The same, of one county only: None where that shows nothing of the caller's. "" is all of theirs."""
        caller = self.caller
        if county in ("", caller.county):
            return self
        narrowed = msgspec.structs.replace(caller, region=county)
        return None if caller.region else Sight(narrowed, self._redis, self._pool)

    # alerts

    async def open_alerts(
        self,
        states: Sequence[State] = (),
        levels: Sequence[Level] = (),
        rule: str = "",
        before: OpenPlace | None = None,
        limit: int | None = None,
    ) -> list[tuple[OpenPlace, Revision]]:
        """What is open, in order, behind a place; all of it where there is no limit."""
        found: list[tuple[OpenPlace, Revision]] = []
        while limit is None or len(found) < limit:
            chunk = await self._redis.open_alerts(self.caller.county, before, CHUNK)
            found += [(place, each) for place, each in chunk if each and self._wanted(each, states, levels, rule)]
            if not chunk:
                break
            before = chunk[-1][0]
        return found[:limit]

    def _wanted(self, revision: Revision, states: Sequence[State], levels: Sequence[Level], rule: str) -> bool:
        return (
            self.caller.sees_alert(revision)
            and (not states or revision.state in states)
            and (not levels or revision.level in levels)
            and (not rule or revision.rule == rule)
        )

    async def past_alerts(self, **wanted: object) -> list[Revision]:
        """Alerts of any state as the pool has them, the latest first; see `last_revisions`."""
        ask = partial(clickhouse_alerts.last_revisions, region=self.caller.region, **wanted)  # type: ignore[arg-type]
        return [each for each in await self._pool.ask(ask) if self.caller.sees_alert(each)]

    async def alert(self, alert_id: str) -> Revision:
        """The last revision of one alert."""
        found = await self._redis.alert(alert_id) or await self._from_pool(alert_id)
        if found is None or not self.caller.sees_alert(found):
            raise not_there("alert")
        return found

    async def _from_pool(self, alert_id: str) -> Revision | None:
        found = await self._pool.ask(partial(clickhouse_alerts.revisions_of, alert_id=alert_id))
        return found[-1] if found else None

    async def revisions(self, alert_id: str) -> list[Revision]:
        """All revisions of an alert that is the caller's, from the time when it was."""
        found = await self._pool.ask(partial(clickhouse_alerts.revisions_of, alert_id=alert_id))
        if not found or not self.caller.sees_alert(found[-1]):
            raise not_there("alert")
        return [each for each in found if self.caller.sees_alert(each)]

    async def past(self, alert: Revision) -> tuple[list[Revision], list[dict[str, Any]]]:
        """The revisions of an alert that the caller has seen, and the matters of its evidence, as the pool has them."""
        found = await self._pool.ask(partial(clickhouse_alerts.revisions_of, alert_id=alert.alert_id))
        ids, region = [each.id for each in alert.evidence], self.caller.region
        matters = await self._pool.ask(partial(clickhouse_alerts.matters_of, event_ids=ids, region=region))
        return [each for each in found if self.caller.sees_alert(each)], matters

    async def people(self, alert: Revision) -> People:
        """What people did with an alert that the caller has seen."""
        return people_of(await self._redis.people(alert.alert_id), alert.state)

    async def standing(self) -> list[tuple[Revision, datetime, People]]:
        """What is open, since when, and what people did with it."""
        found = await self.open_alerts()
        people = await self._redis.people_of([alert.alert_id for _, alert in found])
        return [
            (alert, place.opened_at, people_of(each, alert.state))
            for (place, alert), each in zip(found, people, strict=True)
        ]

    async def timeline(self, matter: str) -> list[Step]:
        """The life of a matter, as far as it happened in the caller's region."""
        ask = partial(clickhouse_alerts.timeline, matter=matter, region=self.caller.region)
        rows = await self._pool.ask(ask)
        if not rows:
            raise not_there("matter")
        return [step_of(row) for row in rows]

    async def day(self, since: datetime) -> tuple[int, datetime | None, list[dict[str, Any]]]:
        """Events since then, when the last one came in, and alerts by hour, county and level."""
        region = self.caller.region
        events, last = await self._pool.ask(partial(clickhouse_alerts.events_since, since=since, region=region))
        counts = await self._pool.ask(partial(clickhouse_alerts.levels_reached, since=since, region=region))
        return events, last, counts

    # feeds

    async def end(self) -> tuple[str, int]:
        """Stream id and place of the last entry of the caller's feed."""
        return await self._redis.end(self.caller.county)

    async def after_place(self, place: int) -> str:
        """The stream id behind which the next places stand. Raises `GoneError`."""
        return await self._redis.after_place(self.caller.county, place)

    async def entries(self, after: str, count: int = CHUNK) -> tuple[str, int, list[FeedEntry]]:
        """The next entries: up to which stream id and place, and what of it is the caller's.

        Place 0 says that there was none.
        """
        found = await self._redis.entries(self.caller.county, after, count)
        if not found:
            return after, 0, []
        shown = [entry for each in found if each.place and (entry := self._shown(each))]
        return found[-1].stream_id, max(each.place for each in found), shown

    def _shown(self, entry: Entry) -> FeedEntry | None:
        """An alert that has moved elsewhere is told to its old feed, without what it says now."""
        revision = entry.revision
        if self.caller.sees_alert(revision):
            return FeedEntry(entry.place, revision)
        if revision.region.county != self.caller.county:
            return FeedEntry(entry.place, left=Left(revision.alert_id, revision.revision))
        return None

    # actions

    async def acted(self, action_id: str) -> Acted | None:
        """What became of an action; None while nobody knows, and for one that is not the caller's."""
        found = await self._redis.acted(action_id)
        return found if found is not None and self.caller.sees_action(found) else None

    async def silences(self) -> list[Acted]:
        """The actions that began the caller's silences which nobody has ended."""
        return [each for each in await self._redis.silences() if self.caller.sees_silence(each)]

    async def silence(self, silence_id: str) -> Acted:
        """The action that began one."""
        found = await self._redis.silence(silence_id)
        if found is None or not self.caller.sees_silence(found):
            raise not_there("silence")
        return found

    async def audit(self, after: int, limit: int) -> tuple[list[Acted], int]:
        """Rows of the audit that are the caller's, and up to which number that is all."""
        ask = partial(clickhouse_alerts.actions, county=self.caller.county, after=after, limit=limit)
        rows = await self._pool.ask(ask)
        return [each for each in rows if self.caller.sees_action(each)], rows[-1].seq if rows else after

    async def verdict_on(self, action: AlertAction) -> Acted | None:
        """What became of this action of the caller's; None while nobody knows.

        Raises a refusal where its id stands for another one.
        """
        found = await self._redis.acted(action.action_id)
        if found is not None and _deed(found.action) != _deed(action):
            sentence = "`action_id` must stand for one action; got it before for another; use a new one"
            raise RefusedError(HTTPStatus.CONFLICT, sentence, action_id=action.action_id)
        return found


def _deed(action: AlertAction) -> tuple[object, ...]:
    """What makes two actions the same; words are scrubbed on their way."""
    matters = (action.matter, action.events, action.into if action.action == "merge" else "")
    return action.action, action.actor, action.scope, action.alert_id, action.of, action.disposition, matters
