"""`/v1/alerts`: what is open, what was, one alert, how it went, and the life of the matter behind it."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from litestar import get

from alerts.model import Level, State
from dataflows.api import cursor as cursors
from dataflows.api.answers import AlertDetail, AlertPage, Revisions, Timeline
from dataflows.api.parameters import County, Cursor, Levels, Limit, Name, RuleId, Sighted, States
from dataflows.api.problem import RefusedError, documented
from dataflows.api.sight import OPEN, Sight


@get("/v1/alerts", responses=documented())
async def list_alerts(
    sight: Sighted,
    state_in: States = (),
    level_in: Levels = (),
    county: County = "",
    rule: RuleId = "",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> AlertPage:
    """Alerts as their last revisions show them.

    What is open or acked comes from the live feed, the highest level first; with any other state among those asked
    for, alerts come from the pool, the latest first.
    """
    narrowed = sight.within(county)
    if narrowed is None:
        return AlertPage([])
    states, levels = state_in or tuple(OPEN), level_in
    place = cursors.read(cursor) if cursor else None
    if OPEN.issuperset(states):
        return await _open_page(narrowed, states, levels, rule, limit, place)
    return await _past_page(narrowed, states, levels, rule, limit, place)


async def _open_page(
    sight: Sight, states: Sequence[State], levels: Sequence[Level], rule: str, limit: int, place: object
) -> AlertPage:
    if place is not None and not isinstance(place, cursors.Open):
        raise _other_list()
    found = await sight.open_alerts(states, levels, rule, place.place if place else None, limit)
    behind = cursors.written(cursors.Open(*found[-1][0])) if len(found) == limit else None
    return AlertPage([each for _, each in found], behind)


async def _past_page(
    sight: Sight, states: Sequence[State], levels: Sequence[Level], rule: str, limit: int, place: object
) -> AlertPage:
    if place is not None and not isinstance(place, cursors.Past):
        raise _other_list()
    before = place and (place.detected_at, place.alert_id)
    found = await sight.past_alerts(states=states, levels=levels, rule=rule, before=before, limit=limit)
    last = found[-1] if len(found) == limit else None
    return AlertPage(found, cursors.written(cursors.Past(last.detected_at, last.alert_id)) if last else None)


def _other_list() -> RefusedError:
    sentence = "`cursor` must be of a page with the same `state`; got one of another; begin without one"
    return RefusedError(HTTPStatus.BAD_REQUEST, sentence)


@get("/v1/alerts/{alert_id:str}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_alert(sight: Sighted, alert_id: Name) -> AlertDetail:
    """One alert, and what people did with it."""
    alert = await sight.alert(alert_id)
    return AlertDetail(alert, await sight.people(alert))


@get("/v1/alerts/{alert_id:str}/revisions", responses=documented(HTTPStatus.NOT_FOUND))
async def list_revisions(sight: Sighted, alert_id: Name) -> Revisions:
    """How an alert went, revision by revision."""
    return Revisions(await sight.revisions(alert_id))


@get("/v1/matters/{matter:str}/timeline", responses=documented(HTTPStatus.NOT_FOUND))
async def show_timeline(sight: Sighted, matter: Name) -> Timeline:
    """The life of a matter: reports of all channels, what was done, return visits. Nobody's words are in it."""
    return Timeline(matter, await sight.timeline(matter))


ROUTES = (list_alerts, show_alert, list_revisions, show_timeline)
