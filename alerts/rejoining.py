"""What a person says of matters: two are one (`merge`), or some events are a matter of their own (`split`).

The linker does not decide again what a person has decided. The events that change their matter are counted again
under it, from what is known of them, so nothing is counted twice and nothing is lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from alerts.desk.routing_file import RoutingFile, may
from alerts.desk.said import RefusedError
from alerts.fields import county_of
from alerts.linker_fold import MATTERS, Order, contact_of, order_of
from alerts.model import AlertAction, Event, PooledEvent
from alerts.regrouping import Moved, Why

# the events of some matters, as far as they arrived before a clock instant
MatterHistory = Callable[[frozenset[str], int], Iterable[PooledEvent]]
ON_MATTERS = ("merge", "split")


class Rejoined(NamedTuple):
    """What is done: the action, of a split with the matter it made; the events that move, and all of both matters."""

    action: AlertAction
    county: str
    left: str  # the matter that they leave
    into: str  # the one that they come to
    moved: list[PooledEvent]  # in event-time order
    events: list[PooledEvent]  # all of both matters, in event-time order

    @property
    def why(self) -> Why:
        """What a row of `matter_links` gives as the reason."""
        return "merged" if self.action.action == "merge" else "split"

    def owners(self, ranks: Mapping[str, int]) -> list[tuple[Order, Event, str]]:
        """Every event with the matter that it belongs to from here on."""
        gone = {each.event.id for each in self.moved}
        into, left = self.into, self.left
        return [(order_of(e.event, ranks), e.event, into if e.event.id in gone else left) for e in self.events]

    def changes(self, ranks: Mapping[str, int]) -> list[Moved]:
        """The events that move, before and after."""
        contacts: dict[str, str] = {}
        known = {each.event.id: contact_of(each.event, contacts) for each in self.events}
        return [
            Moved(order_of(event, ranks), known[event.id], event, replace(event, matter=self.into))
            for event in [each.event for each in self.moved]
        ]


def no_matters(matters: frozenset[str], before: int) -> Iterable[PooledEvent]:
    """Nothing is known of the past."""
    return ()


def rejoin(
    action: AlertAction,
    at: int,
    routing: RoutingFile,
    merged: Mapping[str, str],
    newest: Iterable[PooledEvent],
    history: MatterHistory,
    ranks: Mapping[str, int],
) -> Rejoined:
    """What a `merge` or a `split` means for the events of its matters. Raises `RefusedError`.

    `merged` says which matters are part of others already; `newest` are events that may not be in the history yet.
    """
    if not may(routing, action.role, action.action):
        raise RefusedError(f"role `{action.role}` must be allowed to {action.action} matters; it is not")
    if not action.why:
        raise RefusedError(f"`why` must say what a {action.action} is for; got nothing")
    left = merged.get(action.matter, action.matter)
    is_merge = action.action == "merge"
    into = merged.get(action.into, action.into) if is_merge else split_matter(action.action_id)
    if is_merge and left == into:
        raise RefusedError(f"matters must be two; got `{action.matter}`, which is part of `{into}` already")
    found = _events({left, into} if is_merge else {left}, at, newest, history, ranks)
    leaving = [each for each in found if each.matter == left]
    _must_lie_in_scope(action, found)
    for matter in (left, into) if is_merge else (left,):
        _must_be_known(matter, found, action)
    moved = leaving if is_merge else _chosen(action, leaving)
    county = next((county for each in found if (county := county_of(each.event))), "")
    return Rejoined(action if is_merge else replace(action, into=into), county, left, into, moved, found)


def split_matter(action_id: str) -> str:
    """The matter that a split makes."""
    return str(uuid.uuid5(MATTERS, f"split:{action_id}"))


def _events(
    matters: set[str], at: int, newest: Iterable[PooledEvent], history: MatterHistory, ranks: Mapping[str, int]
) -> list[PooledEvent]:
    """The events of some matters in their order; what is newest is another word on the same event."""
    known = {each.event.id: each for each in history(frozenset(matters), at)}
    known.update({each.event.id: each for each in newest})
    found = [each for each in known.values() if each.matter in matters and each.event.channel in ranks]
    return sorted(found, key=lambda each: order_of(each.event, ranks))


def _chosen(action: AlertAction, leaving: Sequence[PooledEvent]) -> list[PooledEvent]:
    """The events that a split names."""
    there = {each.event.id for each in leaving}
    strange = [name for name in action.events if name not in there]
    if not action.events or strange:
        got = f"`{strange[0]}`, which is of another" if strange else "none"
        raise RefusedError(f"`events` must name events of the matter `{action.matter}`; got {got}")
    wanted = set(action.events)
    if wanted == there:
        raise RefusedError(f"at least one event must stay in the matter; got all {len(there)} of `{action.matter}`")
    return [each for each in leaving if each.event.id in wanted]


def _must_be_known(matter: str, events: Sequence[PooledEvent], action: AlertAction) -> None:
    if not any(each.matter == matter for each in events):
        raise (
            _elsewhere(action) if action.scope else RefusedError(f"matter must be one that has events; got `{matter}`")
        )


def _must_lie_in_scope(action: AlertAction, events: Sequence[PooledEvent]) -> None:
    codes = [each.event.region or each.event.grid or "" for each in events]
    if not all(code.startswith(action.scope) for code in codes):
        raise _elsewhere(action)


def _elsewhere(action: AlertAction) -> RefusedError:
    """The same for what lies elsewhere and what is not there, so that nobody learns what there is elsewhere."""
    return RefusedError(
        f"matters must lie in the region of who acts, `{action.scope}`; got one of another, or one that nobody knows"
    )
