"""Alert rules judged by Prometheus's own `promtool`: real scrapes, held for minutes, become the series of its tests."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from prometheus_client.parser import text_string_to_metric_families
from tools import need

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "anlan.rules.yaml"
HINT = "Debian has it in `prometheus`: apt-get install prometheus"
MINUTE = 60

Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]


class Scrape(NamedTuple):
    """What Prometheus would see at one instant: by job the text of its page, None where nobody answers."""

    at: float  # Unix time
    pages: Mapping[str, str | None]


class Moment(NamedTuple):
    """A scrape that is held for some minutes: the world goes on as it was then."""

    scrape: Scrape
    minutes: int
    stands: bool = False  # instants that metrics tell stand still while time goes on; else they go on with it


class Expected(NamedTuple):
    """How many series a PromQL expression gives at the end of a minute; 0 is none."""

    minute: int
    expression: str
    count: int


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run it, with what it says."""
    command = [need("promtool", HINT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def all_rules() -> list[dict[str, Any]]:
    """Everything in the rules file, in its order."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alert_rules() -> dict[str, dict[str, Any]]:
    """Every alert of the rules file, by name."""
    return {rule["alert"]: rule for rule in all_rules() if "alert" in rule}


def metrics_read(alert: str = "") -> set[str]:
    """The names of our metrics that an alert asks for, or all of them, as they stand in a page."""
    recorded = {rule["record"]: rule["expr"] for rule in all_rules() if "record" in rule}
    asked = [rule["expr"] for name, rule in alert_rules().items() if alert in ("", name)]
    text = "\n".join(asked)
    for name, expression in recorded.items():
        text = text.replace(name, expression)
    return set(re.findall(r"\banlan_\w+", text))


def firing(alert: str = "") -> str:
    """Alerts that fire, by name: one of them, or all but that about the calendar, which is true some day anyway."""
    which = f'alertname="{alert}"' if alert else 'alertname!="AnlanCalendarRunsOut"'
    return f'count by (alertname) (ALERTS{{alertstate="firing",{which}}})'


def judge(folder: Path, film: Sequence[Moment], expected: Iterable[Expected], alert: str = "") -> str:
    """What promtool has against these expectations, of one alert or of all; empty where they hold."""
    checks = [
        {"eval_time": f"{each.minute}m", "expr": each.expression, "exp_samples": _samples(each.count)}
        for each in expected
    ]
    found = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {"interval": "1m", "input_series": input_series(film, metrics_read(alert)), "promql_expr_test": checks}
        ],
    }
    path = folder / "film.yaml"
    path.write_text(yaml.safe_dump(found, allow_unicode=True), encoding="utf-8")
    said = promtool("test", "rules", path)
    return "" if said.returncode == 0 else said.stdout + said.stderr


def _samples(count: int) -> list[dict[str, Any]]:
    return [{"labels": "{}", "value": count}] if count else []


def input_series(film: Sequence[Moment], read: set[str]) -> list[dict[str, str]]:
    """The series of a film as promtool writes them, a sample a minute; a series that ends is stale, as in a scrape."""
    seen = [_values(moment.scrape, read) for moment in film]
    starts = [sum(moment.minutes for moment in film[:index]) for index in range(len(film))]
    return [
        {"series": _written(series), "values": " ".join(_run(series, film, seen, starts))}
        for series in sorted(set().union(*seen))
    ]


def _values(scrape: Scrape, read: set[str]) -> dict[Series, float]:
    found: dict[Series, float] = {}
    for job, page in scrape.pages.items():
        target = (("instance", "here"), ("job", job))
        found["up", target] = 0.0 if page is None else 1.0
        for family in text_string_to_metric_families(page or ""):
            for sample in family.samples:
                if sample.name in read:
                    found[sample.name, tuple(sorted((*sample.labels.items(), *target)))] = sample.value
    return found


def _run(
    series: Series, film: Sequence[Moment], seen: Sequence[Mapping[Series, float]], starts: Sequence[int]
) -> Iterable[str]:
    was_there = False
    for moment, values, start in zip(film, seen, starts, strict=True):
        value = values.get(series)
        more = moment.minutes - 1
        if value is None:
            yield f"stale _x{more}" if was_there else f"_x{moment.minutes}"
        elif series[0].endswith("_timestamp_seconds"):
            # promtool's clock begins at 0: what counts is how long ago it was
            step = 0 if moment.stands else MINUTE
            yield f"{value - moment.scrape.at + start * MINUTE:.3f}+{step}x{more}"
        else:
            yield f"{value!r}+0x{more}"
        was_there = value is not None


def _written(series: Series) -> str:
    name, labels = series
    told = ",".join(f'{label}="{value}"' for label, value in labels)
    return f"{name}{{{told}}}"
