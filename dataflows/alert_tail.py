"""Follow a feed through lost connections: each place once, in order, and nothing missed while it was away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from alerts.model import Revision
from dataflows.api_client import Api, GoneError, LostError

PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds; the last one from then on

Troubled = Callable[[str], None]

_decode = msgspec.json.Decoder(Revision).decode


def follow(api: Api, after: int | None, troubled: Troubled, *, with_open: bool = False) -> Iterator[Revision]:
    """Every revision behind a place, or from now on, without an end; `troubled` is told what went wrong meanwhile.

    What is open now is said first, if it is asked for, and where the feed does not remember the place any more.
    """
    place, failures = after, 0
    known: dict[str, int] = {}  # what was said as open; the feed may say it again
    while True:
        if with_open:
            snapshot = api.snapshot()
            yield from snapshot.alerts
            known = {each.alert_id: each.revision for each in snapshot.alerts}
            place, with_open = snapshot.place, False
        try:
            for told in api.stream(place):
                place, failures = told.place, 0
                if told.kind == "revision" and _is_news(revision := _decode(told.data), known):
                    yield revision
        except GoneError as error:
            troubled(f"{error}: what is open now, then what comes")
            with_open = True
            continue
        except LostError as error:
            troubled(f"{error}; trying again")
        api.pause(PAUSES[min(failures, len(PAUSES) - 1)])
        failures += 1


def _is_news(revision: Revision, known: dict[str, int]) -> bool:
    return revision.revision > known.get(revision.alert_id, 0)
