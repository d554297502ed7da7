"""The door of the intake: what enters becomes an event that is valid and names nobody, or a dead letter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import astuple

from alerts.channel import Channel
from alerts.duration import SECOND_US
from alerts.model import DISPUTE_CLASSES, EPOCH, DeadLetter, Event, Link, from_us
from connectors.deadletter import DeadLetters, Dropped, Reason, Refused, RefusedError, show
from connectors.event_json import UNREADABLE, decode_event, load_json, no_json, show_event
from connectors.identifiers import may_identify
from connectors.lexicon import Lexicon
from connectors.privacy import Privacy
from connectors.pseudonym import Keyring
from connectors.refusal import time_rule
from connectors.scrub import scrub
from connectors.seal import Sealer

if TYPE_CHECKING:
    from collections.abc import Mapping as Map

    from connectors.mapping import Mapping
    from connectors.rows import Failure

SKEW_US = 600 * SECOND_US  # a clock may be this much ahead of ours
MAX_EVENT_BYTES = 1 << 20
_FIELDS = Event.__struct_fields__
_AT = {name: position for position, name in enumerate(_FIELDS)}
_OCCURRED, _ARRIVED = _AT["occurred_at"], _AT["arrived_at"]
_REPORTER, _PAIR, _HOUSEHOLD, _PLACE = (_AT[n] for n in ("reporter", "pair", "household", "place"))
_VIOLENCE, _CUES, _TEXT, _ATTRS = (_AT[n] for n in ("violence", "cues", "text", "attrs"))
_PLAIN = [_AT[name] for name in ("id", "case", "matter", "subject", "unit", "subcategory")]


class Door:
    """Validation and privacy for everything that enters.

    `lexicon`, if given, hears violence and cues in the text of events that carry neither.
    """

    def __init__(
        self,
        channels: dict[str, Channel],
        keyring: Keyring,
        sealer: Sealer | None = None,
        lexicon: Lexicon | None = None,
    ) -> None:
        self.channels = channels
        self.privacy = Privacy(keyring)
        self._letters = DeadLetters(sealer)
        self._lexicon = lexicon
        self._limit: tuple[int, datetime] = (-1, EPOCH)

    def admit_event_json(self, line: bytes, source: str, now_us: int) -> Event | DeadLetter:
        """One Event v1 as JSON: the event as it may be written, or the dead letter that says why not."""
        try:
            if len(line) > MAX_EVENT_BYTES:
                raise RefusedError("too_large", f"event must be at most {MAX_EVENT_BYTES} bytes; got {len(line)}")
            return self._admit(list(astuple(decode_event(line))), now_us)
        except RefusedError as error:
            return self._refuse_json(error.refused, line, source, now_us)
        except RecursionError:
            return self._refuse_json(_TOO_DEEP, line, source, now_us)

    def admit_event(self, event: Event, source: str, now_us: int) -> Event | DeadLetter:
        """An event that is built already, by a mapping or a test; held to the same rules."""
        try:
            return self._admit(list(astuple(event)), now_us)
        except RefusedError as error:
            return self._refuse_json(error.refused, msgspec.json.encode(event), source, now_us)
        except RecursionError:
            return self._refuse_json(_TOO_DEEP, _encoded(event), source, now_us)

    def admit_row_json(
        self, mapping: Mapping, raw: bytes, source: str, now_us: int
    ) -> list[Event | DeadLetter | Dropped]:
        """One raw row as a JSON object: from Kafka, over HTTP, or out of a dead letter tried again."""
        try:
            row = msgspec.json.decode(raw)
            if not isinstance(row, dict):
                raise RefusedError("bad_json", f"row must be a JSON object; got {type(row).__name__}")
        except UNREADABLE as error:
            failure = no_json("row", raw, error).refused
        except RefusedError as error:
            failure = error.refused
        else:
            try:
                return self._admit_row(mapping, row, source, now_us)
            except RecursionError:
                failure = _TOO_DEEP
        return [self._refuse_row(mapping, failure, raw, source, now_us, {})]

    def admit_row(
        self, mapping: Mapping, row: Map[str, Any], source: str, now_us: int
    ) -> list[Event | DeadLetter | Dropped]:
        """The events of one raw row, in the order of the mapping; or why there are none."""
        try:
            return self._admit_row(mapping, row, source, now_us)
        except RecursionError:
            return [self._refuse_row(mapping, _TOO_DEEP, _encoded(dict(row)), source, now_us, {})]

    def _admit_row(
        self, mapping: Mapping, row: Map[str, Any], source: str, now_us: int
    ) -> list[Event | DeadLetter | Dropped]:
        admitted: list[Event | DeadLetter | Dropped] = []
        for answer in mapping.admit(row):
            if isinstance(answer, Event):
                try:
                    admitted.append(self._check(answer, now_us))
                    continue
                except RefusedError as error:
                    answer = error.refused
            if isinstance(answer, Dropped):
                admitted.append(Dropped(answer.reason, source, mapping.id))
                continue
            raw = msgspec.json.encode(dict(row))
            admitted.append(self._refuse_row(mapping, answer, raw, source, now_us, row))
        return admitted

    def admit_failure(self, mapping: Mapping, failure: Failure, source: str, now_us: int) -> DeadLetter:
        """The dead letter of a row that could not even be read."""
        refused = Refused(failure.reason, failure.sentence)
        return self._refuse_row(mapping, refused, failure.raw, source, now_us, {})

    def refuse(
        self, reason: Reason, sentence: str, raw: bytes, source: str, now_us: int, channel: str = ""
    ) -> DeadLetter:
        """The dead letter of bytes that never came so far: a box that does not open, an unknown mapping.

        Nothing of them is shown, for nobody knows what they are.
        """
        return self._letters.make(
            Refused(reason, sentence),
            source=source,
            raw=raw,
            now_us=now_us,
            channel=self._registered(channel),
        )

    def _refuse_row(
        self,
        mapping: Mapping,
        refused: Refused,
        raw: bytes,
        source: str,
        now_us: int,
        row: Map[str, Any],
    ) -> DeadLetter:
        """A row that could not be read shows nothing: which of it names people nobody knows."""
        return self._letters.make(
            refused,
            source=source,
            raw=raw,
            shown=mapping.show(row) if row else "",
            now_us=now_us,
            channel=self._registered(mapping.channel_of(row)),
            mapping=mapping.id,
            mapping_version=mapping.version,
        )

    def _admit(self, values: list[Any], now_us: int) -> Event:
        """Make the values of an event safe and check them."""
        privacy = self.privacy
        for position in (_OCCURRED, _ARRIVED):
            at = values[position]
            if at is not None and at.tzinfo is not UTC:
                values[position] = _to_utc(at, _FIELDS[position])
        if values[_REPORTER]:
            values[_REPORTER] = privacy.person(values[_REPORTER])
        if values[_PAIR]:
            values[_PAIR] = privacy.pair(values[_PAIR])
        if values[_HOUSEHOLD]:
            values[_HOUSEHOLD] = privacy.home(values[_HOUSEHOLD])
        if values[_PLACE]:
            values[_PLACE] = privacy.home(values[_PLACE])
        if may_identify("\n".join([values[position] or "" for position in _PLAIN])):
            for position in _PLAIN:
                if values[position]:
                    values[position] = privacy.plain(values[position])
        link = values[_AT["link"]]
        if link is not None and may_identify(link.to):
            values[_AT["link"]] = Link(link.type, privacy.plain(link.to))
        text = values[_TEXT]
        if text:
            if self._lexicon is not None and values[_VIOLENCE] is None and not values[_CUES]:
                reading = self._lexicon.read(text)
                values[_VIOLENCE], values[_CUES] = reading.violence, reading.cues
            values[_TEXT] = scrub(text)
        if values[_ATTRS]:
            values[_ATTRS] = privacy.attrs(values[_ATTRS])
        return self._check(Event(*values), now_us)

    def _check(self, event: Event, now_us: int) -> Event:
        """What no type can say: the channel is known, the time is not ahead, a dispute has its class."""
        if event.channel not in self.channels:
            known = ", ".join(self.channels)
            raise RefusedError(
                "unknown_channel",
                f"`channel` must be registered; got {show(event.channel)} at `$.channel`; known are {known}",
            )
        if event.occurred_at < EPOCH:
            at = show(event.occurred_at)
            raise RefusedError("bad_time", f"{time_rule('occurred_at')}; got {at} at `$.occurred_at`")
        if event.occurred_at > self._latest(now_us):
            raise RefusedError(
                "in_the_future",
                f"`occurred_at` must not be more than 10 minutes ahead of {from_us(now_us).isoformat()}; "
                f"got {show(event.occurred_at.isoformat())} at `$.occurred_at`",
            )
        if event.category == "dispute" and event.subcategory not in _SUBCATEGORIES:
            raise RefusedError(
                "bad_value",
                f"`subcategory` of a dispute must be one of {', '.join(DISPUTE_CLASSES)}; "
                f"got {show(event.subcategory)} at `$.subcategory`",
            )
        return event

    def _latest(self, now_us: int) -> datetime:
        if self._limit[0] != now_us:
            self._limit = (now_us, from_us(now_us + SKEW_US))
        return self._limit[1]

    def _refuse_json(self, refused: Refused, line: bytes, source: str, now_us: int) -> DeadLetter:
        data = load_json(line) if len(line) <= MAX_EVENT_BYTES else None
        channel = data.get("channel") if isinstance(data, dict) else None
        return self._letters.make(
            refused,
            source=source,
            raw=line,
            shown=show_event(data) if isinstance(data, dict) else "",
            now_us=now_us,
            channel=self._registered(channel),
        )

    def _registered(self, channel: Any) -> str:
        """The channel if it is one; what somebody else wrote there is not repeated."""
        return channel if isinstance(channel, str) and channel in self.channels else ""


_SUBCATEGORIES = frozenset((None, *DISPUTE_CLASSES))


def _encoded(data: object) -> bytes:
    """Data as JSON again; nothing of it where it is too deep even for that."""
    try:
        return msgspec.json.encode(data)
    except RecursionError:
        return b""


def _to_utc(at: datetime, field: str) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise RefusedError("bad_time", f"{time_rule(field)}; got {show(at)} at `$.{field}`") from None


_TOO_DEEP = Refused("bad_value", "members must be nested less deep; got more levels than can be looked through")
