"""What the panels about the data pool must answer, by the title of the panel, counted from the events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from expected_alerts import surges
from seeded_numbers import Numbers, Row, areas, is_contact, local_day, midnight, upper_middle

from alerts.model import PooledEvent
from dashboards import words

Answer = Callable[[Numbers], list[Row]]
RATES = {"closing": "办结率", "response": "响应率", "satisfaction": "满意率"}
NAMES = ("contacts", "before", "year_before", "change", "year_change")
PARTS = {
    "crime": "order", "public_order": "order", "dispute": "dispute", "hazard": "hazard", "fire": "hazard",
    "traffic": "hazard",
}  # fmt: skip
WEIGHTS = {"order": 30, "dispute": 25, "hazard": 15, "closing": 15, "satisfaction": 15}


def contacts(numbers: Numbers) -> list[Row]:
    row = numbers.compared()[""]
    return [{name: row[name] for name in ("contacts", "change", "year_change")}]


def by_channel(numbers: Numbers) -> list[Row]:
    first, last = numbers.chosen.days
    days = ((local_day(c.at), c.channel) for c in numbers.contacts())
    counts = Counter((day, channel) for day, channel in days if first <= day <= last)
    rows = [
        {"time": midnight(day), "named": words.channels()[channel], "contacts": n}
        for (day, channel), n in counts.items()
    ]
    return sorted(rows, key=lambda row: (row["time"], row["named"]))


def by_category(numbers: Numbers) -> list[Row]:
    rows = [{"category": key, **row} for key, row in numbers.compared(lambda c: c.category).items()]
    found = [row for row in rows if row["contacts"] + row["before"]]
    return sorted(found, key=lambda row: (-row["contacts"], row["category"]))


def by_month(numbers: Numbers) -> list[Row]:
    last = numbers.chosen.days[1].replace(day=1)
    counts = Counter(local_day(c.at).replace(day=1) for c in numbers.contacts())
    kept = {day.replace(day=1) for day in numbers.ground.days}  # months that have a cell
    rows = []
    for month in (_months_before(last, n) for n in range(13)):
        near, far = _months_before(month, 1), _months_before(month, 12)
        if kept & {month, near, far}:
            n, before, year = counts[month], counts[near], counts[far]
            changes = {"change": n / before - 1 if before else None, "year_change": n / year - 1 if year else None}
            rows.append({"month": month, "contacts": n, "before": before, "year_before": year, **changes})
    return rows


def _months_before(month: date, count: int) -> date:
    years, place = divmod(month.year * 12 + month.month - 1 - count, 12)
    return date(years, place + 1, 1)


def against_usual(numbers: Numbers) -> list[Row]:
    counts = Counter(c.at.replace(minute=0, second=0, microsecond=0) for c in numbers.contacts())
    since, rows = numbers.chosen.since, []
    for hour in range(int((numbers.chosen.until - since).total_seconds()) // 3_600 + 1):
        at = since + timedelta(hours=hour)
        usual = upper_middle([counts[at - timedelta(days=day)] for day in range(1, 29)])
        rows.append({"time": at, "contacts": counts[at], "usual": usual})
    return rows


def tile(name: str) -> Answer:
    def answer(numbers: Numbers) -> list[Row]:
        good, of = numbers.rate(name, numbers.in_days)
        return [{"rate": good / of if of else None, "all_of": of}]

    return answer


def rates_by_day(numbers: Numbers) -> list[Row]:
    first, last = numbers.chosen.days
    rows = []
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        for name, title in RATES.items():
            good, of = numbers.rate(name, lambda each, day=day: each.day == day and numbers.in_days(each))
            if of:
                rows.append({"time": midnight(day), "named": title, "rate": good / of})
    return sorted(rows, key=lambda row: (row["time"], row["named"]))


def counties(numbers: Numbers) -> list[Row]:
    rows = []
    for county, row in numbers.compared(lambda c: c.county).items():
        if not row["contacts"] + row["before"]:
            continue
        found = {"county": county, "county_code": county} | {n: row[n] for n in ("contacts", "change", "year_change")}
        for name in RATES:
            good, of = numbers.rate(name, lambda each, county=county: numbers.in_days(each) and each.county == county)
            found[f"{name}_rate"] = good / of if of else None
        rows.append(found)
    return sorted(rows, key=lambda row: (-row["contacts"], row["county"]))


def townships(numbers: Numbers) -> list[Row]:
    found: dict[str, list[int]] = defaultdict(list)
    for each in numbers.ground.judged["closing"]:
        if numbers.in_days(each) and each.township:
            found[each.township].append(each.good)
    rows = [
        {"township": code, "matters": len(many), "closed": sum(many), "closing_rate": sum(many) / len(many)}
        for code, many in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["matters"], row["township"]))[:50]


class Mediation(NamedTuple):
    """A dispute that the court, the police or a petition brought, and what became of it."""

    day: date
    county: str
    channel: str
    mediated: bool
    settled: bool
    failed: bool


def mediations(numbers: Numbers) -> Iterator[Mediation]:
    for parts in numbers.ground.matters.values():
        brought = [each.event for each in parts if _is_brought(each)]
        if brought:
            at = {action: _last(parts, action) for action in ("resolved", "closed", "reopened")}
            said = {str(each.event.attrs.get("mediation", "")) for each in parts}
            mediated = bool(said - {""}) or any(e.event.action in ("started", "transferred", "resolved") for e in parts)
            settled = mediated and "failed" not in said and at["resolved"] > at["reopened"]
            failed = mediated and not settled and ("failed" in said or at["closed"] > at["reopened"])
            first = brought[0]
            yield Mediation(local_day(first.occurred_at), areas(first)[0], first.channel, mediated, settled, failed)


def _is_brought(each: PooledEvent) -> bool:
    event = each.event
    return is_contact(each) and event.category == "dispute" and event.channel in ("court", "police", "petition")


def _last(parts: list[PooledEvent], action: str) -> datetime:
    never = datetime(1970, 1, 1, tzinfo=UTC)
    return max((each.event.occurred_at for each in parts if each.event.action == action), default=never)


def _chosen_mediations(numbers: Numbers, key: Callable[[Mediation], Any]) -> dict[Any, list[Mediation]]:
    found: dict[Any, list[Mediation]] = defaultdict(list)
    for each in mediations(numbers):
        if numbers.is_chosen(each.day, each.county):
            found[key(each)].append(each)
    return found


def mediation(numbers: Numbers) -> list[Row]:
    rows = []
    for channel, many in _chosen_mediations(numbers, lambda each: each.channel).items():
        counts = {name: sum(getattr(each, name) for each in many) for name in ("mediated", "settled", "failed")}
        pending = counts["mediated"] - counts["settled"] - counts["failed"]
        rows.append({"from_channel": channel, "brought": len(many), **counts, "pending": pending, **_shares(many)})
    return sorted(rows, key=lambda row: (-row["brought"], row["from_channel"]))


def _shares(many: list[Mediation]) -> Row:
    mediated, settled = sum(each.mediated for each in many), sum(each.settled for each in many)
    return {"flow_rate": mediated / len(many), "success_rate": settled / mediated if mediated else None}


def mediation_by_week(numbers: Numbers) -> list[Row]:
    weeks = _chosen_mediations(numbers, lambda each: each.day - timedelta(days=each.day.weekday()))
    return [{"time": midnight(week), **_shares(many)} for week, many in sorted(weeks.items())]


def parts(numbers: Numbers, day: date, county: str) -> list[Row]:
    """The parts of the index for the thirty days up to a day, of a county or of the city."""
    days = numbers.ground.days
    counts: Counter[tuple[str, date]] = Counter()
    for (category, at, where), n in numbers.ground.by_part.items():
        if not county or where == county:
            counts[PARTS.get(category, ""), at] += n
    recent, usual = ([day - timedelta(days=n) for n in span] for span in (range(30), range(30, 60)))
    recent_days, usual_days = (sum(each in days for each in span) for span in (recent, usual))
    rows = []
    for part in ("order", "dispute", "hazard"):
        now, then = (sum(counts[part, each] for each in span) for span in (recent, usual))
        if not any((part, each) in counts for each in (*recent, *usual)):
            continue
        value, base = now / recent_days, then / usual_days if usual_days else float("nan")
        is_known = usual_days >= 14 and then > 0
        rows.append(_part(part, 100 * max(0, min(1, 2 - value / base)) if is_known else None, value, base))
    closed = sum(numbers.ground.closings[each, where] for each in recent for where in _where(numbers, county))
    came = sum(n for (_, at, where), n in numbers.ground.by_part.items() if at in recent and county in ("", where))
    asked = [
        each for each in numbers.ground.judged["satisfaction"] if each.day in recent and county in ("", each.county)
    ]
    for part, good, of in (("closing", closed, came), ("satisfaction", sum(a.good for a in asked), len(asked))):
        if of:
            rows.append(_part(part, 100 * min(1, good / of), good / of, None))
    return sorted(rows, key=lambda row: (-row["weight"], row["part"]))


def _where(numbers: Numbers, county: str) -> set[str]:
    return {county} if county else {where for _, where in numbers.ground.closings}


def _part(name: str, score: float | None, value: float, usual: float | None) -> Row:
    return {"part": name, "weight": WEIGHTS[name], "score": score, "value": value, "usual": usual}


def index_of(rows: list[Row]) -> tuple[int, float | None]:
    known = [row for row in rows if row["score"] is not None]
    weight = sum(row["weight"] for row in known)
    return weight, sum(row["weight"] * row["score"] for row in known) / weight if weight else None


def index(numbers: Numbers) -> list[Row]:
    return [{"safety_index": index_of(parts(numbers, numbers.ground.last_day, numbers.chosen.county))[1]}]


def index_parts(numbers: Numbers) -> list[Row]:
    return parts(numbers, numbers.ground.last_day, numbers.chosen.county)


def index_by_day(numbers: Numbers) -> list[Row]:
    """Three days of it: the first, one in the middle, the last. A month of them takes Python long."""
    first, last = numbers.chosen.days
    found = []
    for day in (first, first + (last - first) // 2, last):
        value = index_of(parts(numbers, day, numbers.chosen.county))[1]
        found.append({"time": midnight(day), "safety_index": value})
    return found


def index_by_county(numbers: Numbers) -> list[Row]:
    day, rows = numbers.ground.last_day, []
    for county in sorted({c.county for c in numbers.ground.contacts} - {""}):
        if not numbers.chosen.county or county == numbers.chosen.county:
            weight, value = index_of(parts(numbers, day, county))
            rows.append({"county": county, "county_code": county, "safety_index": value, "weight": weight})
    return sorted(rows, key=lambda row: (row["safety_index"], row["county"]))


POOL: dict[str, Answer] = {
    "来件": contacts,
    **{title: tile(name) for name, title in RATES.items()},
    "平安指数（自定）": index,
    "每日来件（按渠道）": by_channel,
    "按类别": by_category,
    "各县区": counties,
    "按月": by_month,
    "每日三率": rates_by_day,
    "三调对接逐周": mediation_by_week,
    "三调对接": mediation,
    "逐时来件与平时": against_usual,
    "突增警情": surges,
    "指数的构成": index_parts,
    "指数走势": index_by_day,
    "各县区指数": index_by_county,
    "镇街办理": townships,
}
