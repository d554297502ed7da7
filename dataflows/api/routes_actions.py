"""What people do with alerts: an action in, its verdict out."""

from __future__ import annotations

from http import HTTPStatus

from litestar import get, post
from litestar.params import JSONBody

from alerts.model import Acted
from dataflows.api.acting import Answer
from dataflows.api.answers import ActionAsked
from dataflows.api.parameters import Acts, Name, Sighted, Wait
from dataflows.api.problem import documented, documented_action, not_there


@post("/v1/alerts/{alert_id:str}/actions", status_code=200, responses=documented_action())
async def act_on_alert(
    sight: Sighted, acting: Acts, alert_id: Name, data: JSONBody[ActionAsked], wait: Wait = 2.0
) -> Answer:
    """Ack, assign, note, close and so on.

    200 is the verdict `done`, 409 says why it was refused, 202 is no verdict yet. The same `action_id` again does
    nothing twice.
    """
    action = acting.action(
        sight.caller, data.action, data.action_id, alert_id=alert_id, revision=data.revision, why=data.why,
        until=data.until, assigned_to=data.assigned_to, disposition=data.disposition, of=data.of, token=data.token,
    )  # fmt: skip
    async with acting.attempt(action):
        await sight.alert(alert_id)
        acting.require(sight.caller, data.action)
    return await acting.act(sight, action, wait)


@get("/v1/actions/{action_id:str}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_action(sight: Sighted, action_id: Name) -> Acted:
    """What became of an action; 404 while there is no verdict."""
    found = await sight.acted(action_id)
    if found is None:
        raise not_there("action with a verdict")
    return found


ROUTES = (act_on_alert, show_action)
