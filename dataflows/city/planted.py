"""Cases that a rule ought to find, from planted stories or from people's labels; one file format for both."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from alerts.model import Level, from_us
from dataflows.city.stories import Story

AFTERWARDS = timedelta(days=30)  # so long after its end an alert may still be about a case
LABEL_REACH = timedelta(days=365)  # so long before an outcome an alert may have warned of it
COLUMNS = ("rule", "key", "event_id", "outcome_at")


class Case(Struct, frozen=True, omit_defaults=True):
    """One thing that one rule ought to find: the events that show it, and the level it has to reach at least.

    An alert is about the case if at least `share` of its evidence are events of the case, or if one of the values
    of its key is in `about`, and if it speaks between `starts_at` and a month after `ends_at`.
    """

    id: str
    zh: str
    rule: str
    must_reach: Level
    starts_at: datetime
    ends_at: datetime
    event_ids: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    share: float = 0.5

    @property
    def until(self) -> datetime:
        """The last moment at which an alert may be about it."""
        return self.ends_at + AFTERWARDS


def planted(stories: Iterable[Story]) -> list[Case]:
    """What the rules ought to find of planted stories, in the order of the stories."""
    return [
        Case(
            id=story.id,
            zh=story.zh,
            rule=rule,
            must_reach=level,
            starts_at=from_us(story.start_us),
            ends_at=from_us(story.end_us),
            event_ids=tuple(sorted(story.event_ids)),
            about=tuple(sorted(story.about)),
        )
        for story in stories
        for rule, level in {**story.must, **story.expects}.items()
    ]


def write_cases(path: Path, cases: Iterable[Case]) -> None:
    """The ground truth as JSON, one case a line so that it can be searched."""
    lines = [msgspec.json.encode(case) for case in cases]
    path.write_bytes(b"[\n" + b",\n".join(lines) + b"\n]\n")


def read_cases(path: Path) -> list[Case]:
    """What `write_cases` wrote."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Case])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"a truth file must be a JSON list of cases; got {error} ({path})") from None


def read_labels(path: Path) -> list[Case]:
    """Cases of a CSV file with the columns rule, outcome_at and key or event_id (semantics of `Case`)."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.DictReader(stream)
        names = rows.fieldnames or []
        if not {"rule", "outcome_at"} <= set(names) or not {"key", "event_id"} & set(names):
            got = ", ".join(names) or "nothing"
            raise ValueError(f"labels must have the columns rule, outcome_at and key or event_id; got {got} ({path}:1)")
        return [_label(row, f"{path}:{number}") for number, row in enumerate(rows, 2)]


def _label(row: dict[str, Any], where: str) -> Case:
    key, event = (row.get("key") or "").strip(), (row.get("event_id") or "").strip()
    if not key and not event:
        raise ValueError(f"a label must have a key or an event_id; got neither ({where})")
    try:
        outcome = datetime.fromisoformat((row.get("outcome_at") or "").strip())
    except ValueError:
        raise ValueError(f"`outcome_at` must be a time; got `{row.get('outcome_at')}` ({where})") from None
    if outcome.tzinfo is None:
        raise ValueError(f"`outcome_at` must have an offset; got `{row['outcome_at']}` ({where}); add +08:00")
    return Case(
        id=event or key,
        zh=event or key,
        rule=(row.get("rule") or "").strip(),
        must_reach="blue",
        starts_at=outcome - LABEL_REACH,
        ends_at=outcome,
        event_ids=(event,) if event else (),
        about=(key,) if key else (),
        share=0.0,
    )
