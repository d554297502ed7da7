"""What people do at the desk: each action is carried out, or refused with a sentence that says what would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from alerts.desk.attended import Ack, Attended, Notice
from alerts.desk.desk import Desk
from alerts.desk.routing import FOR_THE_RULE, Powers, is_of, lies_in
from alerts.desk.said import RefusedError
from alerts.desk.silences import Silence
from alerts.duration import format_duration
from alerts.model import AlertAction, from_us, to_us


def do(desk: Desk, action: AlertAction, at: int) -> AlertAction:
    """Carry an action out; what was done, with the end that it has where it names none.

    Raises `RefusedError`, and then nothing has changed.
    """
    powers = desk.routing.powers(action.role)
    if action.action not in FOR_THE_RULE:
        _must_be_allowed(action, powers)
    if action.action in _ON_ALERTS:
        each = _alert_of(desk, action)
        until = _ON_ALERTS[action.action](desk, each, action, at, powers)
        desk.moved.add(each.last.alert_id)
    else:
        until = _ON_SILENCES[action.action](desk, action, at, powers)
    return action if until is None else replace(action, until=from_us(until))


def alert_of(desk: Desk, action: AlertAction) -> Attended | None:
    """The alert that is meant; one outside the region of who acts is like none."""
    each = desk.alerts.get(action.alert_id)
    return each if each is None or not action.scope or lies_in(each.last.region, action.scope) else None


def _alert_of(desk: Desk, action: AlertAction) -> Attended:
    each = alert_of(desk, action)
    if each is None and action.scope:  # the same for both, so that nobody learns what there is elsewhere
        raise RefusedError(
            f"alert must lie in the region of who acts, `{action.scope}`; got one of another, or one that the desk does"
            " not know (any more)"
        )
    if each is None:
        raise RefusedError(
            f"alert must be open or closed a short time ago; got `{action.alert_id}`, which the desk does not know"
            " (any more)"
        )
    return each


def _ack(desk: Desk, each: Attended, action: AlertAction, at: int, powers: Powers) -> int:
    _must_be_open(each)
    _must_be_seen(each, action)
    until = _end(action, at, powers.ack_for, "an ack")
    each.ack = Ack(action.actor, action.role, until)
    desk.say(each, at, "acked", state="acked")
    return until


def _unack(desk: Desk, each: Attended, action: AlertAction, at: int, powers: Powers) -> None:
    if each.ack is None:
        raise RefusedError("alert must be acked to be given back; got one that nobody has acked")
    each.ack = None
    desk.say(each, at, "unacked", state="open", tells_anew=True)


def _assign(desk: Desk, each: Attended, action: AlertAction, at: int, powers: Powers) -> None:
    _must_be_open(each)
    if not action.assigned_to:
        raise RefusedError("`assigned_to` must say who; got nothing")
    each.assigned_to = action.assigned_to


def _note(desk: Desk, each: Attended, action: AlertAction, at: int, powers: Powers) -> None:
    if not action.why:
        raise RefusedError("`why` must hold the words of a note; got nothing")


def _close(desk: Desk, each: Attended, action: AlertAction, at: int, powers: Powers) -> None:
    _must_be_open(each)
    _must_be_seen(each, action)
    if action.disposition is None:
        raise RefusedError("`disposition` must say what the alert was; got nothing")
    each.closed_by_person = at
    each.ack = None
    desk.say(each, at, "resolved_by_user", state="closed")


def _reopen(desk: Desk, each: Attended, action: AlertAction, at: int, powers: Powers) -> None:
    if each.closed_by_person is None or each.found != "open":
        raise RefusedError(
            f"only what a person has closed can a person open, while reports still come; got {each.last.state}"
            f" by `{each.last.reason}`: the next report opens it"
        )
    each.closed_by_person = None
    desk.say(each, at, "reopened", state="open", tells_anew=True)


def _show(desk: Desk, each: Attended, action: AlertAction, at: int, powers: Powers) -> None:
    _must_be_open(each)
    desk.say(each, at, "asked")


def _supervise(desk: Desk, each: Attended, action: AlertAction, at: int, powers: Powers) -> None:
    _must_be_open(each)
    if not action.assigned_to:
        raise RefusedError("`assigned_to` must say who has to answer; got nothing")
    if action.until is None or to_us(action.until) <= at:
        raise RefusedError(f"`until` must be a deadline that lies ahead; got {action.until}")
    each.notices = (*each.notices, Notice(action.action_id, action.assigned_to, to_us(action.until)))
    desk.say(each, at, "supervised")


def _answer(desk: Desk, each: Attended, action: AlertAction, at: int, powers: Powers) -> None:
    left = tuple(notice for notice in each.notices if notice.id != action.of)
    if len(left) == len(each.notices):
        raise RefusedError(f"`of` must be a supervision notice that waits for its answer; got `{action.of}`")
    if not action.why:
        raise RefusedError("`why` must hold the answer; got nothing")
    each.notices = left


def _reveal(desk: Desk, each: Attended, action: AlertAction, at: int, powers: Powers) -> None:
    if not each.reveal:
        _must_be_allowed(action, powers)
    elif not any(is_of(action.role, named) for named in each.reveal):
        raise RefusedError(
            f"role must be one that the rule names for a reveal, or below it; got `{action.role}`; it names:"
            f" {', '.join(each.reveal)}"
        )
    if not action.why:
        raise RefusedError("`why` must say what for; got nothing")
    if action.token not in each.last.key.values():
        raise RefusedError("`token` must stand in the key of the alert; got one that does not")


def _silence(desk: Desk, action: AlertAction, at: int, powers: Powers) -> int:
    wanted = action.silence
    if wanted is None or wanted.matchers == type(wanted.matchers)():
        raise RefusedError("`silence.matchers` must name at least one thing; got nothing: that would mute everything")
    if not action.why:
        raise RefusedError("`why` must say what a silence is for; got nothing")
    if wanted.mute_level_rise and "mute_level_rise" not in powers.may:
        raise RefusedError(f"role `{action.role}` must be allowed to mute a level rise; it is not")
    _must_lie_in_scope(desk, action, wanted.matchers.alert_id, wanted.matchers.region)
    starts = max(at, at if wanted.starts_at is None else to_us(wanted.starts_at))
    until = _end(action, starts, powers.silence_for, "a silence")
    silence = Silence(
        action.action_id, action.actor, action.why, wanted.matchers, starts, until, wanted.on_close,
        wanted.on_level_rise, wanted.mute_level_rise,
    )  # fmt: skip
    desk.begin_silence(silence)
    return until


def _must_lie_in_scope(desk: Desk, action: AlertAction, alert: str, region: str) -> None:
    if not action.scope or region.startswith(action.scope):
        return
    each = desk.alerts.get(alert)
    if each is None or not lies_in(each.last.region, action.scope):
        raise RefusedError(f"silence must name an alert or a region inside that of who acts, `{action.scope}`")


def _unsilence(desk: Desk, action: AlertAction, at: int, powers: Powers) -> None:
    silence = desk.silences.get(action.of)
    if silence is None:
        raise RefusedError(f"`of` must be a silence that is not over; got `{action.of}`")
    _must_lie_in_scope(desk, action, silence.matchers.alert_id, silence.matchers.region)
    desk.end_silence(silence.id, at)


def _must_be_allowed(action: AlertAction, powers: Powers) -> None:
    if action.action not in powers.may:
        may = ", ".join(sorted(powers.may)) or "nothing"
        raise RefusedError(f"role `{action.role}` must be allowed to {action.action}; it may: {may}")


def _must_be_open(each: Attended) -> None:
    if not each.is_open:
        raise RefusedError(f"alert must be open; got {each.last.state} by `{each.last.reason}`")


def _must_be_seen(each: Attended, action: AlertAction) -> None:
    """Nobody acks or closes a level that they have not seen."""
    if action.revision is not None and action.revision < each.risen_at:
        raise RefusedError(
            f"alert must be seen as it is; got revision {action.revision}, and it has risen to {each.last.level} with"
            f" revision {each.risen_at}: look again"
        )


def _end(action: AlertAction, start: int, longest: int, what: str) -> int:
    until = start + longest if action.until is None else to_us(action.until)
    if not start < until <= start + longest:
        raise RefusedError(
            f"{what} of role `{action.role}` must end within {format_duration(longest)}; got {from_us(until):%F %T} UTC"
        )
    return until


_ON_ALERTS: Mapping[str, Callable[[Desk, Attended, AlertAction, int, Powers], int | None]] = {
    "ack": _ack, "unack": _unack, "assign": _assign, "note": _note, "close": _close, "reopen": _reopen, "show": _show,
    "supervise": _supervise, "answer": _answer, "reveal": _reveal,
}  # fmt: skip
_ON_SILENCES: Mapping[str, Callable[[Desk, AlertAction, int, Powers], int | None]] = {
    "silence": _silence, "unsilence": _unsilence,
}  # fmt: skip
