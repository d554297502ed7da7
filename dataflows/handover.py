"""What one shift hands to the next: what is open and who has it, what is new, what was closed, what is muted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from alerts.model import Level, Revision
from connectors.pseudonym import veiled
from dataflows.alert_words import (
    DISPOSITION_WORDS,
    LEVEL_WORDS,
    RUNG_WORDS,
    STATE_WORDS,
    end_words,
    handle,
    in_words,
    local,
    place_words,
    printable,
    sentence,
    short,
    until_words,
    what_words,
)
from dataflows.api.answers import Notice, People, SilenceShown
from dataflows.api_client import Api, ApiError

Format = Literal["md", "html"]

PAGES = Path(__file__).parent / "pages"
WORDS = (end_words, handle, in_words, local, place_words, sentence, short, until_words, what_words)
ENDED = ("closed", "retracted", "merged", "split", "expired")


class Case(NamedTuple):
    """One alert, when it was opened, and what people did with it."""

    alert: Revision
    opened_at: datetime
    people: People

    @property
    def taken_by(self) -> str:
        """Who has it: an ack holds while the alert is acked."""
        return (self.people.ack_by or "") if self.alert.state == "acked" else ""


class Handover(NamedTuple):
    """A shift that ends: `cases` are open, `ended` were closed in it."""

    since: datetime
    until: datetime
    county: str
    cases: Sequence[Case]
    ended: Sequence[Case]
    silences: Sequence[SilenceShown]

    def of_level(self, level: Level) -> list[Case]:
        """What is open at a level, the oldest first."""
        return sorted((each for each in self.cases if each.alert.level == level), key=lambda each: each.opened_at)

    @property
    def acked(self) -> list[Case]:
        """What somebody has taken, by whose ack ends first."""
        found = [each for each in self.cases if each.alert.state == "acked"]
        return sorted(found, key=lambda each: each.people.ack_until or self.until)

    @property
    def assigned(self) -> dict[str, list[Case]]:
        """What is open, by who is to handle it."""
        found: dict[str, list[Case]] = {}
        for each in self.cases:
            if each.people.assigned_to:
                found.setdefault(each.people.assigned_to, []).append(each)
        return dict(sorted(found.items()))

    @property
    def supervised(self) -> list[tuple[Notice, Case]]:
        """Supervision notices that nobody has answered, by their deadlines."""
        found = [(notice, each) for each in self.cases for notice in each.people.notices]
        return sorted(found, key=lambda each: each[0].due)

    @property
    def fresh(self) -> list[Case]:
        """What was opened in this shift, whether it is open still or not, the latest first."""
        found = [each for each in (*self.cases, *self.ended) if each.opened_at >= self.since]
        return sorted(found, key=lambda each: each.opened_at, reverse=True)

    @property
    def escalating(self) -> list[Case]:
        """What nobody has taken and who is told next, the first first."""
        found = [each for each in self.cases if each.alert.state == "open" and each.alert.route.next_repeat_at]
        return sorted(found, key=lambda each: each.alert.route.next_repeat_at or self.until)


def gather(api: Api, until: datetime, length: timedelta, county: str = "") -> Handover:
    """What the service says of a shift that ends at `until`."""
    since = until - length
    open_now = [_case(api, each) for each in api.alerts(county=county) if each.origin != "shadow"]
    ended = [_case(api, each) for each in _ended(api, since, until, county)]
    shown = [each for each in api.silences() if not county or _touches(each, county)]
    return Handover(since, until, county, open_now, ended, sorted(shown, key=lambda each: each.until or until))


def render(handover: Handover, form: Format) -> str:
    """The bundle as one text that needs nothing else; no whole token is in it."""
    return veiled(_template(form).render(handover=handover))


@cache
def _template(form: Format) -> Template:
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=form == "html", undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["line"] = _one_line
    environment.globals |= {each.__name__: each for each in WORDS}
    environment.globals |= {
        "levels": LEVEL_WORDS, "states": STATE_WORDS, "dispositions": DISPOSITION_WORDS, "rungs": RUNG_WORDS,
    }  # fmt: skip
    return environment.get_template(f"handover.{form}.j2")


def _case(api: Api, alert: Revision) -> Case:
    try:
        people = api.alert(alert.alert_id).people
    except ApiError as error:
        if error.status != 404:  # it has moved to where the caller sees nothing
            raise
        people = People()
    return Case(alert, _opened_at(api, alert), people)


def _opened_at(api: Api, alert: Revision) -> datetime:
    """When its first revision was said; what the pool has forgotten is as old as its first evidence."""
    if alert.revision == 1:
        return alert.detected_at
    revisions = api.revisions(alert.alert_id)
    is_whole = bool(revisions) and revisions[0].revision == 1
    return revisions[0].detected_at if is_whole else alert.first_occurred_at


def _ended(api: Api, since: datetime, until: datetime, county: str) -> Iterable[Revision]:
    for each in api.alerts(state=ENDED, county=county):
        if each.detected_at < since:
            return
        if each.detected_at <= until and each.origin != "shadow":
            yield each


def _touches(silence: SilenceShown, county: str) -> bool:
    """May it mute something in a county?"""
    region = silence.matchers.region
    return not region or region.startswith(county)


def _one_line(text: object) -> str:
    """A text that cannot end a line or a cell of a Markdown table."""
    words = " ".join(printable(str(text)).split())
    return words.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
