"""One alert on a terminal: a revision in a line, and everything there is to know of it."""

from __future__ import annotations

from rich.text import Text

from alerts.model import Revision
from dataflows.alert_words import (
    DISPOSITION_WORDS,
    LEVEL_STYLES,
    LEVEL_WORDS,
    REASON_WORDS,
    RUNG_WORDS,
    STATE_WORDS,
    handle,
    in_words,
    key_words,
    local,
    machine_now,
    place_words,
    printable,
    sentence,
    until_words,
)
from dataflows.api.answers import AlertDetail, Notice

SHOWN_EVIDENCE = 5


def line(each: Revision) -> Text:
    """One revision in a line."""
    reason = REASON_WORDS.get(each.reason, each.reason)
    found = Text(f"{local(each.detected_at)} ")
    found.append(LEVEL_WORDS[each.level], LEVEL_STYLES[each.level])
    return found.append(f" {handle(each)} {STATE_WORDS[each.state]}·{reason} {sentence(each)}{muted(each)}")


def row(each: Revision) -> tuple[Text, ...]:
    """One alert as a row of a table: level, id, state, since when, last revision, place, what it says."""
    now = machine_now()
    ages = (f"{in_words(now - at)}前" for at in (each.first_occurred_at, each.detected_at))
    words = (handle(each), STATE_WORDS[each.state], *ages, place_words(each.region), sentence(each) + muted(each))
    return Text(LEVEL_WORDS[each.level], LEVEL_STYLES[each.level]), *map(Text, words)


def about(detail: AlertDetail) -> list[Text]:
    """What an alert says, whom it tells, and what people did with it."""
    each = detail.alert
    head = Text(f"{LEVEL_WORDS[each.level]} {STATE_WORDS[each.state]} ", LEVEL_STYLES[each.level])
    said = [f"{name}  {value}" for name, value in _facts(each).items() if value]
    said += [f"{name}  {value}" for name, value in _by_people(detail).items() if value]
    said += [f"督办 supervised  {_notice(notice)}" for notice in detail.people.notices]
    said += [f"备注 note  {local(note.at)} {note.actor}（{note.role}）：{note.why}" for note in detail.people.notes]
    return [head.append(sentence(each)), *(Text(f"  {printable(one)}") for one in said)]


def muted(each: Revision) -> str:
    """What mutes it, in brackets."""
    return f"（静默：{' '.join(each.route.muted_by)}）" if each.route.muted_by else ""


def _facts(each: Revision) -> dict[str, str]:
    now = machine_now()
    return {
        "编号 id": f"{each.alert_id} @{each.revision}",
        "规则 rule": f"{each.rule} v{each.rule_version}",
        "对象 key": key_words(each.key),
        "地区 region": place_words(each.region),
        "起于 since": f"{local(each.first_occurred_at)}，{in_words(now - each.first_occurred_at)}前",
        "更新 last": f"{local(each.detected_at)}，{REASON_WORDS.get(each.reason, each.reason)}",
        "证据 evidence": " ".join([f"{each.evidence_total} 条", *(one.id for one in each.evidence[:SHOWN_EVIDENCE])]),
        "时限 due": f"{local(each.due)}，{until_words(each.due, now)}" if each.due else "",
        "再升级 next level": _nearest(each),
        "告知 told": "、".join(each.route.roles) + muted(each),
        "下一步 escalates": _next_step(each),
        "怎么办 runbook": each.runbook,
    }


def _notice(notice: Notice) -> str:
    left = until_words(notice.due, machine_now())
    return f"{notice.by} 督办 {notice.to}，限 {local(notice.due)} 前答复（{left}）{notice.id}"


def _nearest(each: Revision) -> str:
    next_level = each.nearest_next
    return f"再有{next_level.needs}即为{LEVEL_WORDS[next_level.level]}" if next_level else ""


def _next_step(each: Revision) -> str:
    at, rung = each.route.next_repeat_at, each.route.rung
    if at is None:
        return ""
    told = f"，已到{RUNG_WORDS[rung]}" if rung else ""
    return f"{local(at)}（{until_words(at, machine_now())}）无人签收则上报{told}"


def _by_people(detail: AlertDetail) -> dict[str, str]:
    """An ack holds while the alert is acked, a disposition while it is closed."""
    people, state = detail.people, detail.alert.state
    until = f"，至 {local(people.ack_until)}" if people.ack_until else ""
    return {
        "签收 acked": f"{people.ack_by}{until}" if people.ack_by and state == "acked" else "",
        "交办 assigned": people.assigned_to or "",
        "处置 disposition": DISPOSITION_WORDS[people.disposition] if people.disposition and state == "closed" else "",
    }
