"""What the panels about rules must answer, by the title of the panel, counted from the revisions and the audit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from seeded_numbers import Numbers, Row, Standing, local_day, middle, midnight

from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dashboards import words

Answer = Callable[[Numbers], list[Row]]
GONE = ("retracted", "merged")


def is_gone(alert: Standing) -> bool:
    return alert.last.state in GONE


def dispositions(numbers: Numbers) -> dict[str, str]:
    return {
        row.action.alert_id: row.action.disposition
        for row in numbers.acted
        if row.verdict == "done" and row.action.disposition
    }


def overview(numbers: Numbers) -> list[Row]:
    told = [a for a in numbers.opened() if a.last.origin != "shadow"]
    said, acked = dispositions(numbers), numbers.done("ack")
    decided = [said[a.last.alert_id] for a in told if a.last.alert_id in said]
    false = sum(each in ("false_positive", "wrong_identity") for each in decided)
    return [
        {
            "alerts": len(told), "gone": sum(map(is_gone, told)), "decided": len(decided),
            "false_share": false / len(decided) if decided else None,
            "unacked": sum(a.last.alert_id not in acked for a in told),
        }
    ]  # fmt: skip


def _by(numbers: Numbers, key: Callable[[Standing], Any]) -> dict[Any, list[Standing]]:
    found: dict[Any, list[Standing]] = defaultdict(list)
    for alert in numbers.opened():
        found[key(alert)].append(alert)
    return found


def spoken(numbers: Numbers) -> list[Row]:
    acks, rows = numbers.done("ack"), []
    for (rule, origin), alerts in _by(numbers, lambda a: (a.last.rule, a.last.origin)).items():
        levels = Counter(a.last.level_max for a in alerts if not is_gone(a))
        waits = [_seconds(a.opened, acks[a.last.alert_id][0].at) for a in alerts if a.last.alert_id in acks]
        rows.append(
            {
                "rule": rule, "rule_id": rule, "origin": origin, "alerts": levels.total(),
                **{level: levels[level] for level in words.LEVELS}, "gone": sum(map(is_gone, alerts)),
                "said": sum(len(a.revisions) for a in alerts), "acked_after": middle(waits),
            }
        )  # fmt: skip
    return sorted(rows, key=lambda row: (-row["alerts"], row["rule"]))


def _seconds(since: datetime, until: datetime) -> int:
    return int(until.timestamp()) - int(since.timestamp())


def budget(numbers: Numbers) -> list[Row]:
    allowed = {rule.id: rule.spec.budget for rule in load_rules([RULES_FOLDER], load_channels())}
    days = (numbers.chosen.until - numbers.chosen.since).total_seconds() / 86_400
    rows = []
    for (rule, level), alerts in _by(numbers, lambda a: (a.last.rule, a.last.level_max)).items():
        per_day = sum(not is_gone(a) for a in alerts) / days
        given = allowed[rule].get(level)
        used = per_day / given if given else None
        rows.append({"rule": rule, "level": level, "per_day": per_day, "budget": given, "used": used})
    found = [row for row in rows if row["per_day"]]
    return sorted(found, key=lambda row: (-(-1 if row["used"] is None else row["used"]), row["rule"], row["level"]))


def by_day(numbers: Numbers) -> list[Row]:
    counts = Counter((local_day(a.opened), a.last.rule) for a in numbers.opened() if a.last.origin != "shadow")
    return _daily({(day, words.rules()[rule]): n for (day, rule), n in counts.items()}, "alerts")


def reasons(numbers: Numbers) -> list[Row]:
    counts = Counter(
        (local_day(revision.published_at), words.REASONS.get(revision.reason, revision.reason))
        for alert in numbers.standing
        for revision in alert.revisions
        if revision.published_at >= numbers.chosen.since and revision.origin != "shadow"
    )
    return _daily(dict(counts), "said")


def _daily(counts: dict[Any, int], name: str) -> list[Row]:
    rows = [{"time": midnight(day), "named": named, name: n} for (day, named), n in counts.items()]
    return sorted(rows, key=lambda row: (row["time"], row["named"]))


def said_of(numbers: Numbers) -> list[Row]:
    said, rows = dispositions(numbers), []
    for rule, alerts in _by(numbers, lambda a: a.last.rule).items():
        counts = Counter(said[a.last.alert_id] for a in alerts if a.last.alert_id in said)
        if counts:
            false = counts["false_positive"] + counts["wrong_identity"]
            named = {name: counts[name] for name in words.DISPOSITIONS}  # type: ignore[index]
            rows.append({"rule": rule, "decided": counts.total(), **named, "false_share": false / counts.total()})
    return sorted(rows, key=lambda row: (-row["decided"], row["rule"]))


def lead(numbers: Numbers) -> list[Row]:
    rows = []
    for rule, alerts in sorted(_by(numbers, lambda a: a.last.rule).items()):
        kept = [a for a in alerts if not is_gone(a)]
        reds = [(a, next(r.published_at for r in a.revisions if r.level == "red")) for a in kept if _was_red(a)]
        later = [_seconds(a.opened, red) for a, red in reds if red > a.opened]
        due = [_seconds(a.opened, a.last.due) for a in kept if a.last.due]
        row = {
            "rule": rule, "to_red": len(later), "before_red": middle(later), "red_at_once": len(reds) - len(later),
            "with_due": len(due), "before_due": middle(due),
        }  # fmt: skip
        if reds or due:
            rows.append(row)
    return rows


def _was_red(alert: Standing) -> bool:
    return any(revision.level == "red" for revision in alert.revisions)


def late(numbers: Numbers) -> list[Row]:
    since, until = numbers.chosen.since, numbers.chosen.until
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    events = {(each.event_id, each.rule): each for routed in numbers.seeded.routed for each in routed.late}
    for each in events.values():
        if since <= each.arrived_at <= until:
            found[each.rule, each.channel].append(_seconds(each.occurred_at, each.arrived_at))
    rows = [{"rule": r, "channel": c, "events": len(many), "worst": max(many)} for (r, c), many in found.items()]
    return sorted(rows, key=lambda row: (-row["events"], row["rule"], row["channel"]))


def gaps(numbers: Numbers) -> list[Row]:
    since, until = numbers.chosen.since, numbers.chosen.until
    rows = [
        {
            "from_at": gap.from_at, "until_at": gap.until_at, "rule": gap.rule, "channel": gap.channel,
            "reason": gap.reason, "lasted": _seconds(gap.from_at, gap.until_at),
        }
        for gap in numbers.seeded.gaps
        if gap.from_at <= until and gap.until_at >= since
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row["from_at"].timestamp(), row["rule"]))


def gaps_at_once(numbers: Numbers) -> list[Row]:
    """The gaps of all rules that one reason made."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in gaps(numbers):
        del row["rule"]
        found.setdefault(tuple(row.values()), row | {"rules": 0})["rules"] += 1
    return list(found.values())


RULES: dict[str, Answer] = {
    "规则概览": overview,
    "各规则": spoken,
    "噪声预算": budget,
    "每日新开": by_day,
    "每日消息缘由": reasons,
    "处置结论": said_of,
    "提前量": lead,
    "判断缺口": gaps,
    "迟到": late,
}
HEALTH: dict[str, Answer] = {"判断缺口": gaps_at_once}
