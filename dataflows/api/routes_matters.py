"""`/v1/matters/{matter}/merge` and `/split`: a person says that two matters are one, or that one is two."""

from __future__ import annotations

from litestar import post
from litestar.params import JSONBody

from dataflows.api.acting import Answer
from dataflows.api.answers import MergeAsked, SplitAsked
from dataflows.api.parameters import Acts, Name, Sighted, Wait
from dataflows.api.problem import documented_action


@post("/v1/matters/{matter:str}/merge", status_code=200, responses=documented_action())
async def merge_matter(
    sight: Sighted, acting: Acts, matter: Name, data: JSONBody[MergeAsked], wait: Wait = 2.0
) -> Answer:
    """Make a matter part of another: what is counted by matter is counted again, and alerts follow."""
    action = acting.action(sight.caller, "merge", data.action_id, matter=matter, into=data.into, why=data.why)
    async with acting.attempt(action):
        await sight.timeline(matter)
        await sight.timeline(data.into)
        acting.require(sight.caller, "merge")
    return await acting.act(sight, action, wait)


@post("/v1/matters/{matter:str}/split", status_code=200, responses=documented_action())
async def split_matter(
    sight: Sighted, acting: Acts, matter: Name, data: JSONBody[SplitAsked], wait: Wait = 2.0
) -> Answer:
    """Make some events of a matter one of their own, whose id is `into` of the row that is answered."""
    action = acting.action(
        sight.caller, "split", data.action_id, matter=matter, events=data.events, why=data.why
    )  # fmt: skip
    async with acting.attempt(action):
        await sight.timeline(matter)
        acting.require(sight.caller, "split")
    return await acting.act(sight, action, wait)


ROUTES = (merge_matter, split_matter)
