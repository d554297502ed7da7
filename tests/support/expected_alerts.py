"""What the panels about alerts must answer, by the title of the panel, counted from the revisions and the audit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from seeded_numbers import RANKS, Numbers, Row, Standing, areas

from dashboards import words

Answer = Callable[[Numbers], list[Row]]
HIDDEN_IN_COUNTY = ("county", "matter", "rule_id")


def of_level(level: str) -> Answer:
    def answer(numbers: Numbers) -> list[Row]:
        states = Counter(a.last.state for a in numbers.open() if a.last.level == level)
        return [{"open": states.total(), "unacked": states["open"]}]

    return answer


def opened_in_shift(numbers: Numbers) -> list[Row]:
    levels = Counter(a.last.level for a in numbers.told() if a.opened >= numbers.shift_start)
    return [{level: levels[level] for level in words.LEVELS}]  # type: ignore[index]


def longest_waiting(numbers: Numbers) -> list[Row]:
    waits = [numbers.age(a) for a in numbers.open() if a.last.state == "open" and a.last.level != "blue"]
    return [{"waited": max(waits, default=0)}]


def in_force(numbers: Numbers) -> list[Any]:
    over = {row.action.of for rows in numbers.done("unsilence").values() for row in rows}
    county = numbers.chosen.county
    return [
        row
        for rows in numbers.done("silence").values()
        for row in rows
        if (row.action.silence.starts_at or row.at) <= numbers.chosen.until < row.action.until
        and row.action.action_id not in over
        and (not county or row.action.silence.matchers.region[:6] in ("", county))
    ]


def silences(numbers: Numbers) -> list[Row]:
    now = int(numbers.chosen.until.timestamp())
    rows = [
        {
            "rule": row.action.silence.matchers.rule, "region": row.action.silence.matchers.region,
            "levels": " ".join(row.action.silence.matchers.level), "alert_id": row.action.silence.matchers.alert_id,
            "actor": row.action.actor, "note": row.action.why, "in_seconds": int(row.action.until.timestamp()) - now,
        }
        for row in in_force(numbers)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row["in_seconds"])


def listed(numbers: Numbers) -> list[Row]:
    acks, assigned = numbers.done("ack"), numbers.done("assign")
    rows = []
    for alert in numbers.open():
        alert_id, revision = alert.last.alert_id, alert.last
        is_acked = revision.state == "acked" and alert_id in acks
        rows.append(
            alert.row()
            | {
                "age": numbers.age(alert),
                "acked_by": acks[alert_id][-1].action.actor if is_acked else "",
                "assigned_to": assigned[alert_id][-1].action.assigned_to if alert_id in assigned else "",
                "matter": revision.key.get("matter") or linked(numbers).get(revision.evidence[-1].id, ""),
                "runbook": revision.runbook.removeprefix("rb/"),
                "rule_id": revision.rule,
            }
        )
    return rows


def listed_in_county(numbers: Numbers) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in HIDDEN_IN_COUNTY} for row in listed(numbers)]


def linked(numbers: Numbers) -> dict[str, str]:
    """The matter of each event, as the linker decided last."""
    links = [link for routed in numbers.seeded.routed for link in routed.links]
    return {link.event_id: link.matter for link in sorted(links, key=lambda link: link.decided_at)}


def near(numbers: Numbers) -> list[Row]:
    now, rows = numbers.chosen.until, []
    for alert in numbers.open():
        last, row = alert.last, alert.row()
        shown = {name: row[name] for name in ("level", "rule", "said", "county", "alert_id")}
        if last.nearest_next and last.nearest_next.needs == 1:
            rows.append({"what": "level_up", "in_seconds": None, "needs": 1, **shown})
        for what, at, span in (("escalation", last.route.next_repeat_at, 4), ("deadline", last.due, 24)):
            if at is not None and now <= at <= now + timedelta(hours=span):
                rows.append({"what": what, "in_seconds": _whole(at) - _whole(now), "needs": None, **shown})
    never = 10**12
    return sorted(
        rows,
        key=lambda row: (
            never if row["in_seconds"] is None else row["in_seconds"],
            -RANKS[row["level"]],
            row["alert_id"],
        ),
    )


def _whole(at: datetime) -> int:
    return int(at.timestamp())


def places(area: str) -> Answer:
    def answer(numbers: Numbers) -> list[Row]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for alert in numbers.open():
            found[alert.row()[area]][alert.last.level] += 1
        now = numbers.chosen.until
        for contact in numbers.contacts(narrowed=False):
            hour = contact.at.replace(minute=0, second=0, microsecond=0)
            code = contact.county if area == "county" else contact.township
            for name, days in (("today", (0,)), ("weeks", (7, 14, 21, 28))):
                ends = [now - timedelta(days=day) for day in days]
                found[code][name] += sum(end - timedelta(days=1) < hour <= end for end in ends)
        rows = [_place(area, code, counts) for code, counts in found.items() if code]
        order = ("red", "yellow", "blue", "today")
        return sorted(rows, key=lambda row: ([-row[name] for name in order], row[area]))[:20]

    return answer


def _place(area: str, code: str, counts: Counter[str]) -> Row:
    usual = counts["weeks"] / 4
    return {
        area: code, "county_code": code[:6], **{level: counts[level] for level in words.LEVELS},
        "today": counts["today"], "usual": usual, "times": counts["today"] / usual if usual else None,
    }  # fmt: skip


def hours(numbers: Numbers) -> list[Row]:
    rows = [
        {"time": at, "county": words.counties()[county], "contacts": count}
        for (at, county), count in numbers.hourly().items()
        if numbers.chosen.since <= at <= numbers.chosen.until and county
    ]
    return sorted(rows, key=lambda row: (row["time"], row["county"]))


def timeline(numbers: Numbers) -> list[Row]:
    """Of the matter of the most urgent alert that is about one."""
    matter = next(a.last.key["matter"] for a in numbers.open() if a.last.key.get("matter"))
    return timeline_of(numbers, matter)


def timeline_of(numbers: Numbers, matter: str) -> list[Row]:
    reasons = {link.event_id: link.reason for routed in numbers.seeded.routed for link in routed.links}
    rows = []
    for each in sorted(numbers.ground.events, key=lambda each: (each.event.occurred_at, each.event.id)):
        event = each.event
        township = areas(event)[1]
        if each.matter == matter and event.occurred_at <= numbers.chosen.until:
            rows.append(
                {
                    "occurred_at": event.occurred_at, "channel": event.channel, "action": event.action,
                    "link_type": event.link.type if event.link else "", "unit": event.unit or "",
                    "category": event.category or "", "county": township[:6],
                    "township": township,
                    "satisfied": event.satisfied, "reason": reasons[event.id], "arrived_at": each.arrived_at,
                    "matter": matter,
                }
            )  # fmt: skip
    return rows


def done(*names: str) -> Answer:
    def answer(numbers: Numbers) -> list[Row]:
        county = numbers.chosen.county
        rows = [
            {
                "at": row.at, "actor": row.action.actor, "action": row.action.action, "rule": row.rule,
                "note": row.action.why, "verdict": row.verdict, "sentence": row.sentence,
                "alert_id": row.action.alert_id,
            }
            for row in reversed(numbers.acted)
            if row.at >= numbers.shift_start and (not county or row.county == county)
        ]  # fmt: skip
        return [{name: row[name] for name in names} for row in rows]

    return answer


def surges(numbers: Numbers) -> list[Row]:
    found = [
        a for a in numbers.told() if a.last.kind == "surge" and numbers.chosen.since <= a.opened <= numbers.chosen.until
    ]
    return [_surge(alert) for alert in sorted(found, key=lambda a: (-a.opened.timestamp(), a.last.alert_id))]


def _surge(alert: Standing) -> Row:
    row, measures = alert.row(), alert.last.measures
    del row["township"]
    return row | {
        "opened_at": alert.opened, "count": alert.last.count, "times": measures["ratio"],
        "usual": measures.get("median", measures.get("expected")),
    }  # fmt: skip


DUTY: dict[str, Answer] = {
    "R 紧急": of_level("red"),
    "Y 预警": of_level("yellow"),
    "B 关注": of_level("blue"),
    "本班新增": opened_in_shift,
    "最久待签收": longest_waiting,
    "静默": lambda numbers: [{"silences": len(in_force(numbers))}],
    "未结警情": listed,
    "临近": near,
    "生效中的静默": silences,
    "县区": places("county"),
    "镇街（前 20）": places("township"),
    "县区逐时来件": hours,
    "所选事项的时间线": timeline,
    "本班处置": done("at", "actor", "action", "rule", "note", "verdict", "sentence", "alert_id"),
}
COUNTY: dict[str, Answer] = {
    "未结警情": listed_in_county,
    "本班处置": done("at", "actor", "action", "rule", "verdict", "alert_id"),
}
