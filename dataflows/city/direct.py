"""The short way: from what the city tells straight to the events that intake and mappings would make of it.

No rows, no files, no text; for histories that are too long to be written as departments write them. A test holds
both ways against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import cast

from alerts.model import Event, Link, ReporterClass, from_us
from connectors.lexicon import Lexicon, Reading, load_lexicon
from connectors.pseudonym import Key, Keyring
from dataflows.city.city import City
from dataflows.city.exports import hotline, petition, superior
from dataflows.city.report import Pulse, Report, Step, event_id
from dataflows.city.stories.crowds import INSTITUTION_PHONES
from dataflows.city.when import MINUTE, compact

BY_THE_MINUTE = ("petition", "superior", "walkin")
PLATFORM = ("helpdesk", "online", "resident")
KEEP_CLASS = ("police", "hotline")  # whose rows say who calls; others have citizens, and grid workers on patrol
WITH_SUBJECT = ("police", "hotline", "petition", "grid", "walkin")
WITH_PARTIES = ("police", "hotline", "grid")
WITH_SECOND_PARTY = ("court", "walkin")
WITH_PLACE = ("police", "hotline", "grid", *PLATFORM)
WITH_VIOLENCE = ("police", "hotline", "grid")
WITH_LINK = ("hotline", "petition", *PLATFORM)
WITH_HOME = ("police", "hotline", "petition", "grid", "superior", "walkin", *PLATFORM)
WITH_UNIT_LEVEL = ("hotline", "grid")
WITHOUT_ANSWER = ("court", "superior")  # whose export has no column for a citizen's answer
REGION_DIGITS = {"hotline": 9, "court": 6}


def events(city: City) -> Iterator[Event]:
    """All events of a city in the order of their arrival, with `arrived_at`."""
    direct = Direct(city_keyring(city.seed), load_lexicon())
    for arrives, told, _ in city.told():
        yield direct.event(told, arrives)


def city_keyring(seed: int) -> Keyring:
    """The keys of a simulated city: the same for the same seed, and worth nothing elsewhere."""
    return Keyring([Key("sim", sha256(f"city/{seed}".encode()).digest())])


class Direct:
    """Makes events with the tokens of one keyring and the cues of one lexicon."""

    def __init__(self, keyring: Keyring, lexicon: Lexicon) -> None:
        self._token, self._pair = keyring.token_once, keyring.pair
        self._read: Callable[[str], Reading] = lexicon.read

    def event(self, told: Report | Step | Pulse, arrives_us: int) -> Event:
        """The event, as the intake would write it when it arrives then."""
        if type(told) is Step:
            return _step(told, arrives_us)
        if type(told) is Report:
            return self._contact(told, arrives_us)
        assert type(told) is Pulse
        return _pulse(told, arrives_us)

    def _contact(self, report: Report, arrives_us: int) -> Event:
        channel, kind = report.channel, report.kind
        reading = self._read(report.text)
        noted = report.violence if report.violence >= 0 and channel in WITH_VIOLENCE else None
        reporter, household = self._people(report)
        is_suggestion = kind.category == "suggestion"
        topic = (None if channel == "police" else kind.zh) if is_suggestion else kind.subcategory
        at = _occurred(channel, report.occurred_us)
        spread = report.occurred_us // 1_000_000 % 1000
        is_seen = channel == "resident"
        return Event(
            id=event_id(channel, report.case),
            channel=channel,
            action="received",
            occurred_at=from_us(at),
            arrived_at=from_us(arrives_us),
            case=report.case,
            link=_link(report) if report.transfer_of else None,
            reporter=reporter,
            reporter_class=_class(report),
            pair=self._parties(report),
            household=household,
            place=self._token("address", report.place) if report.place and channel in WITH_PLACE else None,
            subject=(report.subject or None) if channel in WITH_SUBJECT else None,
            region=report.village.code[: REGION_DIGITS.get(channel, 12)],
            grid=f"{report.village.code}{report.occurred_us // 1_000_000 % 9 + 1:03d}" if channel == "grid" else None,
            category=kind.category,  # type: ignore[arg-type]
            subcategory=topic,
            violence=reading.violence if noted is None else noted,
            cues=reading.cues,
            unit=report.village.township.removesuffix("街道") + "派出所" if channel == "police" else None,
            lat=round(36.0 + spread / 10_000, 6) if is_seen else None,
            lon=round(103.7 + spread / 9_000, 6) if is_seen else None,
            attrs=_attrs(report),
        )

    def _people(self, report: Report) -> tuple[str | None, str | None]:
        person = report.person
        if person is None:
            return None, None
        channel = report.channel
        is_patrol = channel == "grid" and report.reporter_class == "grid_worker"
        is_desk = channel in KEEP_CLASS and person.phone in INSTITUTION_PHONES
        reporter = None if is_patrol or is_desk else self._token("phone", person.phone)
        is_home = report.at_home and channel in WITH_HOME
        return reporter, self._token("address", person.address) if is_home else None

    def _parties(self, report: Report) -> str | None:
        if report.parties is None:
            return None
        one, other = report.parties
        if report.channel in WITH_PARTIES:
            return self._pair("id_card", one.id_number, other.id_number)
        if report.channel in WITH_SECOND_PARTY and report.person:
            return self._pair("id_card", report.person.id_number, other.id_number)
        return None


def _step(step: Step, arrives_us: int) -> Event:
    channel = step.channel
    return Event(
        id=event_id(channel, step.case, step.action, step.version),
        channel=channel,
        action=step.action,  # type: ignore[arg-type]
        occurred_at=from_us(_occurred(channel, step.occurred_us)),
        arrived_at=from_us(arrives_us),
        case=step.case,
        region=step.village.code[: REGION_DIGITS.get(channel, 12)],
        unit=step.unit or None,
        unit_level=step.unit_level if channel in WITH_UNIT_LEVEL else None,
        satisfied=None if channel in WITHOUT_ANSWER else step.satisfied,
    )


def _pulse(pulse: Pulse, arrives_us: int) -> Event:
    channel, at = pulse.channel, pulse.occurred_us
    number = str(at // 1000) if channel == "grid" else compact(at)
    return Event(
        id=f"{channel}/heartbeat/{number}",
        channel=channel,
        action="heartbeat",
        occurred_at=from_us(_occurred(channel, at)),
        arrived_at=from_us(arrives_us),
    )


def _occurred(channel: str, at_us: int) -> int:
    """As exactly as the department's export says it."""
    if channel in BY_THE_MINUTE:
        return at_us // MINUTE * MINUTE
    return at_us // 1000 * 1000 if channel == "grid" else at_us // 1_000_000 * 1_000_000


def _class(report: Report) -> ReporterClass:
    channel = report.channel
    if report.person is None and channel in ("hotline", *PLATFORM):
        return "anonymous"
    if channel in KEEP_CLASS or (channel == "grid" and report.reporter_class == "grid_worker"):
        return cast("ReporterClass", report.reporter_class)
    return "citizen"


def _link(report: Report) -> Link | None:
    if report.channel not in WITH_LINK or report.transfer_of is None:
        return None
    source, case = report.transfer_of
    if report.channel == "hotline" and hotline.SOURCES[source] == "12345":
        return Link("callback", case)
    return Link("transfer", case)


def _attrs(report: Report) -> dict[str, str]:
    if report.channel == "petition":
        return {"form": petition.form(report)}
    return {"from": superior.sender(report)} if report.channel == "superior" else {}
