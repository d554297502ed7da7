"""The caller's feed: a range of it, what is open together with the place up to which that holds, and live."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from http import HTTPStatus

import msgspec
from litestar import get
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import ServerSentEvent, ServerSentEventMessage

from dataflows.api.answers import FeedPage, Snapshot
from dataflows.api.following import Said
from dataflows.api.parameters import After, Follows, LastEventId, Limit, Place, Sighted, Whole
from dataflows.api.problem import documented

STREAM = ResponseSpec(
    str, generate_examples=False, media_type="text/event-stream",
    description="`revision`, `left` and `begin` events; the id is the place in the feed",
)  # fmt: skip


@get("/v1/feed", responses=documented(HTTPStatus.GONE))
async def read_feed(sight: Sighted, after: Place = 0, limit: Limit = 100) -> FeedPage:
    """The places behind `after`, in order. 410 where the feed does not remember them: begin with a snapshot."""
    position = await sight.after_place(after)
    _, place, entries = await sight.entries(position, limit)
    _, end = await sight.end()
    return FeedPage(sight.caller.feed, entries, max(place, after), max(end, place))


@get("/v1/snapshot", responses=documented())
async def take_snapshot(sight: Sighted, wholeness: Whole) -> Snapshot:
    """What is open now. Read the feed, or the stream, on from `place`.

    Nothing is missed then; what came while the snapshot was taken may come again.
    """
    is_whole = await wholeness.is_whole()
    _, place = await sight.end()
    return Snapshot(sight.caller.feed, place, [each for _, each in await sight.open_alerts()], is_whole)


@get("/v1/stream", responses={**documented(HTTPStatus.GONE), 200: STREAM}, media_type="text/event-stream")
async def follow_feed(
    sight: Sighted, following: Follows, after: After = None, last_event_id: LastEventId = None
) -> ServerSentEvent:
    """The feed, live, as server-sent events: from now on, or from behind a place without a hole or a double.

    An event's id is its place; a browser sends the last one back by itself. 410 where the feed does not remember it.
    """
    events = await following.begin(sight, last_event_id if last_event_id is not None else after)
    return ServerSentEvent(_written(events))


async def _written(events: AsyncGenerator[Said, None]) -> AsyncGenerator[ServerSentEventMessage, None]:
    async for kind, place, said in events:
        if kind:
            yield ServerSentEventMessage(msgspec.json.encode(said).decode(), kind, str(place))
        else:
            yield ServerSentEventMessage(comment="here")


ROUTES = (read_feed, take_snapshot, follow_feed)
