"""How an action goes out and its verdict comes back.

What the service refuses goes to the desk as well, as refused: it stands in the audit before the caller is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from litestar import Response
from msgspec.structs import replace

from alerts.desk.routing import FOR_THE_RULE, Powers, Routing
from alerts.model import Acted, AlertAction, Doing
from dataflows.api.answers import Accepted
from dataflows.api.caller import Caller
from dataflows.api.problem import RefusedError
from dataflows.api.safe_words import safe_words
from dataflows.api.sender import ActionSender
from dataflows.api.sight import Sight

RECORDED = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
FIRST_LOOK_SECONDS = 0.02
LAST_LOOK_SECONDS = 0.2

Answer = Response[Acted | Accepted]


class Acting:
    """Where actions are handed in. The desk decides; what a role may never do is refused here at once."""

    def __init__(self, sender: ActionSender, routing: Routing, now: Callable[[], datetime]) -> None:
        self._sender = sender
        self._routing = routing
        self._now = now

    def powers(self, role: str) -> Powers:
        """What a role may do."""
        return self._routing.powers(role)

    def now(self) -> datetime:
        """The installation's clock."""
        return self._now()

    def require(self, caller: Caller, doing: Doing) -> None:
        """Raise a refusal where the caller's role may not do that, whatever it is done with.

        Where a rule may name who may, only the desk knows.
        """
        may = self._routing.powers(caller.role).may
        if doing not in may and doing not in FOR_THE_RULE:
            allowed = ", ".join(sorted(may)) or "nothing"
            sentence = f"role `{caller.role}` must be allowed to {doing}; it may: {allowed}"
            raise RefusedError(HTTPStatus.FORBIDDEN, sentence)

    def action(self, caller: Caller, doing: Doing, action_id: str | None, **values: Any) -> AlertAction:
        """What the caller does: who they are is what their token says."""
        values = safe_words({**values, "action_id": action_id or uuid.uuid4().hex})
        return AlertAction(
            action=doing, actor=caller.name, role=caller.role, acted_at=self._now(), scope=caller.region, **values
        )

    @contextlib.asynccontextmanager
    async def attempt(self, action: AlertAction) -> AsyncIterator[None]:
        """What is refused in here is an attempt: it is recorded, and only then refused."""
        try:
            yield
        except RefusedError as error:
            if error.status in RECORDED:
                is_taken = error.status is HTTPStatus.CONFLICT  # another action has that id, and its own row
                action_id = uuid.uuid4().hex if is_taken else action.action_id
                await self._sender.send(replace(action, action_id=action_id, refused=str(error)))
            raise

    async def act(self, sight: Sight, action: AlertAction, wait: float) -> Answer:
        """Hand it in, unless that was done before, and wait some seconds for the verdict."""
        async with self.attempt(action):
            acted = await sight.verdict_on(action)
            if acted is None:
                await self._sender.send(action)
                acted = await self._verdict(sight, action, wait)
        return _waiting(action) if acted is None else _answered(acted)

    async def _verdict(self, sight: Sight, action: AlertAction, wait: float) -> Acted | None:
        end = time.monotonic() + wait
        pause = FIRST_LOOK_SECONDS
        while (found := await sight.verdict_on(action)) is None:
            left = end - time.monotonic()
            if left <= 0:
                return None
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, LAST_LOOK_SECONDS)
        return found


def _answered(acted: Acted) -> Answer:
    if acted.verdict == "refused":
        raise RefusedError(HTTPStatus.CONFLICT, acted.sentence, action_id=acted.action.action_id)
    return Response(acted, status_code=HTTPStatus.OK)


def _waiting(action: AlertAction) -> Answer:
    location = f"/v1/actions/{action.action_id}"
    accepted = Accepted(action.action_id, location)
    return Response(accepted, status_code=HTTPStatus.ACCEPTED, headers={"location": location})
