"""The scorecard of rules: what each has said, what people made of it, and whether it kept its noise budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from alerts.alert import Draft
from alerts.model import LEVELS, Level, Revision, to_us
from alerts.rule import Rule
from connectors.clickhouse import Pool
from dataflows.backtest_tally import AlertLine, Tally
from dataflows.city.when import day_number
from dataflows.rule_load import RuleLoad

DISPOSITIONS = ("true_positive", "benign", "false_positive", "already_handled", "wrong_identity")
FALSE = ("false_positive", "wrong_identity")

_LINES = """
SELECT alert_id, any(rule) AS rule, any(origin) AS origin, argMax(state, revision) AS state,
    argMax(reason, revision) AS reason, argMax(region.county, revision) AS county, count() AS revisions,
    min(detected_at) AS opened_at,
    minIf(detected_at, level = 'blue') AS blue_at,
    minIf(detected_at, level = 'yellow') AS yellow_at,
    minIf(detected_at, level = 'red') AS red_at
FROM (SELECT * FROM alert_revisions FINAL)
GROUP BY alert_id
ORDER BY opened_at, alert_id"""
_DISPOSITIONS = """
SELECT alert_id, argMax(a.disposition, seq) AS disposition
FROM alert_actions AS a FINAL
WHERE verdict = 'done' AND a.disposition != ''
GROUP BY alert_id"""
_SPAN = "SELECT count() AS number, min(arrived_at) AS first, max(arrived_at) AS last FROM events"


class Score(RuleLoad, frozen=True, kw_only=True):
    """One rule: what it said in so many days, and what came of it."""

    is_loaded: bool
    dispositions: Mapping[str, int]

    @property
    def decided(self) -> int:
        """About how many somebody has said what they were."""
        return sum(self.dispositions.values())

    @property
    def false_share(self) -> float | None:
        """The part of them that was false; nothing while nobody has said anything."""
        return sum(self.dispositions.get(name, 0) for name in FALSE) / self.decided if self.decided else None


def scorecard(lines: Sequence[AlertLine], rules: Iterable[Rule], days: int) -> list[Score]:
    """A score for every rule that is loaded or has spoken, in the order of their ids."""
    budgets = {rule.id: rule.spec.budget for rule in rules}
    mine: dict[str, list[AlertLine]] = {rule: [] for rule in budgets}
    for line in lines:
        mine.setdefault(line.rule, []).append(line)
    return [_score(rule, mine[rule], budgets.get(rule), days) for rule in sorted(mine)]


def _score(rule: str, lines: Sequence[AlertLine], budget: Mapping[Level, float] | None, days: int) -> Score:
    standing = [line for line in lines if not line.is_gone]
    counts = Counter(line.level for line in standing)
    return Score(
        rule=rule,
        is_loaded=budget is not None,
        days=days,
        levels=(counts[0], counts[1], counts[2]),
        revisions=sum(line.revisions for line in lines),
        retracted=len(lines) - len(standing),
        dispositions=dict(Counter(line.disposition for line in lines if line.disposition)),
        budget=budget or {},
    )


def lines_of_pool(pool: Pool) -> tuple[list[AlertLine], int]:
    """Every alert of a data pool with what people said of it, and over how many days events came."""
    said = {row["alert_id"]: row["disposition"] for row in pool.rows(_DISPOSITIONS)}
    lines = [_line(row, said.get(row["alert_id"], "")) for row in pool.rows(_LINES)]
    (span,) = pool.rows(_SPAN)
    if not span["number"]:
        return lines, days_of(lines)
    return lines, day_number(to_us(span["last"])) - day_number(to_us(span["first"])) + 1


def _line(row: Mapping[str, Any], disposition: str) -> AlertLine:
    return AlertLine(
        id=row["alert_id"],
        rule=row["rule"],
        key={},
        opened_us=to_us(row["opened_at"]),
        reached_us=[to_us(row[f"{level}_at"]) for level in LEVELS],
        is_shadow=row["origin"] == "shadow",
        state=row["state"],
        reason=row["reason"],
        county=row["county"],
        revisions=row["revisions"],
        disposition=disposition,
    )


def lines_of_files(files: Iterable[Path]) -> list[AlertLine]:
    """Every alert of files of revisions, as `anlan replay --revisions-out` writes them."""
    tally = Tally(frozenset())
    for path in files:
        for revision in _revisions(path):
            evidence = tuple(one.id for one in revision.evidence)
            tally.take(Draft(revision, (0, 0, 0, 0, ()), evidence))
    return tally.lines()


def _revisions(path: Path) -> Iterator[Revision]:
    decode = msgspec.json.Decoder(Revision).decode
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                yield decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ValueError(f"a line must be a revision as JSON; got {error} ({path}:{number})") from None


def days_of(lines: Sequence[AlertLine]) -> int:
    """The days from the first alert to the last, both counted."""
    if not lines:
        return 1
    days = [day_number(line.opened_us) for line in lines]
    return max(days) - min(days) + 1
