"""`/v1/silences`: what is quiet, begin one, end one. A silence mutes delivery, never recording."""

from __future__ import annotations

from datetime import datetime

from litestar import delete, get, post
from litestar.params import JSONBody
from msgspec.structs import replace

from alerts.desk.routing import Powers
from alerts.model import Acted, Silencing, from_us, to_us
from dataflows.api.acting import Answer
from dataflows.api.answers import SilenceAsked, Silences, SilenceShown
from dataflows.api.parameters import Acts, IdGiven, Name, Sighted, Wait, WhyGiven
from dataflows.api.problem import documented, documented_action


@get("/v1/silences", responses=documented())
async def list_silences(sight: Sighted, acting: Acts) -> Silences:
    """The silences that are not over: those in the caller's region, the latest begun first."""
    now = acting.now()
    shown = [_shown(each, now, acting.powers(each.action.role)) for each in await sight.silences()]
    found = [each for each in shown if each is not None]
    return Silences(sorted(found, key=lambda each: (each.starts_at, each.id), reverse=True))


def _shown(begun: Acted, now: datetime, powers: Powers) -> SilenceShown | None:
    """A silence as its beginning says it; None where it is over."""
    action, asked = begun.action, begun.action.silence
    if asked is None:
        return None
    starts = max(begun.at, asked.starts_at or begun.at)
    until = action.until or from_us(to_us(starts) + powers.silence_for)
    if until <= now:
        return None
    is_pending = asked.starts_at is not None and now < starts
    return SilenceShown(
        action.action_id, "pending" if is_pending else "active", action.actor, action.role, action.why,
        asked.matchers, starts, until, asked.on_close, asked.on_level_rise, asked.mute_level_rise,
    )  # fmt: skip


@post("/v1/silences", status_code=200, responses=documented_action())
async def begin_silence(sight: Sighted, acting: Acts, data: JSONBody[SilenceAsked], wait: Wait = 2.0) -> Answer:
    """Mute what matches, until a time. Its id is the `action_id`.

    The matchers of a county's token must name an alert or a region of that county.
    """
    asked = Silencing(data.matchers, data.starts_at, data.on_close, data.on_level_rise, data.mute_level_rise)
    action = acting.action(
        sight.caller, "silence", data.action_id, alert_id=data.matchers.alert_id, why=data.why, until=data.until,
        silence=asked,
    )  # fmt: skip
    async with acting.attempt(action):
        if data.matchers.alert_id:
            await sight.alert(data.matchers.alert_id)
        acting.require(sight.caller, "silence")
    return await acting.act(sight, action, wait)


@delete("/v1/silences/{silence_id:str}", status_code=200, responses=documented_action())
async def end_silence(
    sight: Sighted,
    acting: Acts,
    silence_id: Name,
    why_given: WhyGiven = "",
    id_given: IdGiven = None,
    wait: Wait = 2.0,
) -> Answer:
    """End a silence before its time: what it has muted is told once more."""
    action = acting.action(sight.caller, "unsilence", id_given, why=why_given, of=silence_id)
    async with acting.attempt(action):
        begun = await sight.silence(silence_id)
        acting.require(sight.caller, "unsilence")
    return await acting.act(sight, replace(action, alert_id=begun.action.alert_id), wait)


ROUTES = (list_silences, begin_silence, end_silence)
