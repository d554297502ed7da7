"""The door for people's actions: read from JSON, checked, and without raw identifiers in what people write."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from alerts.model import AlertAction, Matchers
from connectors.deadletter import RefusedError
from connectors.event_json import UNREADABLE, no_json
from connectors.privacy import Privacy
from connectors.scrub import scrub

MAX_BYTES = 20_000
BY_THE_DESK = "ask_visit"  # what nobody asks for from outside

_decode = msgspec.json.Decoder(AlertAction).decode


def admit_action(value: bytes, privacy: Privacy) -> AlertAction:
    """The action as it may be written. Raises `RefusedError` with a sentence; nobody's words are in it."""
    if len(value) > MAX_BYTES:
        raise RefusedError("too_large", f"action must be at most {MAX_BYTES} bytes; got {len(value)}")
    try:
        action = _decode(value)
    except msgspec.ValidationError as error:
        raise RefusedError("bad_value", f"action must be an `alert-action/1`; got {error}") from None
    except UNREADABLE as error:
        raise no_json("action", value, error) from None
    if action.action == BY_THE_DESK:
        raise RefusedError("bad_value", f"`action` must be one that people take; got `{BY_THE_DESK}`")
    return _safe(action, privacy)


_PLAIN = ("action_id", "actor", "assigned_to", "token", "alert_id", "of", "matter", "into")


def _safe(action: AlertAction, privacy: Privacy) -> AlertAction:
    silence = action.silence
    if silence is not None:
        silence = replace(silence, matchers=_safe_matchers(silence.matchers, privacy))
    return replace(
        action, why=scrub(action.why), refused=scrub(action.refused), silence=silence,
        events=tuple(privacy.plain(each) for each in action.events),
        **{name: privacy.plain(getattr(action, name)) for name in _PLAIN},
    )  # fmt: skip


def _safe_matchers(matchers: Matchers, privacy: Privacy) -> Matchers:
    key = {privacy.plain(name): privacy.plain(value) for name, value in matchers.key.items()}
    return replace(matchers, alert_id=privacy.plain(matchers.alert_id), rule=privacy.plain(matchers.rule), key=key)
