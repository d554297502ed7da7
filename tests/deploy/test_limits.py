"""What deploy/ lets each part have is at least what `anlan size` says that it needs."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_file import compose_file
from one_server import ROOT, UNITS

from connectors.clickhouse_schema import Retention
from connectors.redis import FeedRetention
from dataflows.settings import Settings
from dataflows.sizing import stores
from dataflows.sizing.answers import Answer, answer
from dataflows.sizing.centre import EXAMPLES, Centre
from dataflows.sizing.costs import load_costs

CITY = EXAMPLES["city"]
IN_ONE_PROCESS = Centre(residents=EXAMPLES["province"].residents, memory_gb=1_000.0, rebuild_hours=1_000.0)
PARTS = ("run", "kafka", "valkey", "clickhouse", "prometheus", "serve")
POWERS = {"m": 20, "g": 30}
NUMBERS = {"four": 4, "eight": 8}


def gigabytes(text: str) -> float:
    """`8g`, `8G` and `8Gi` are all eight times two to the thirtieth."""
    number, unit = found(r"(\d+)([mgMG])i?", text)
    return int(number) * 2 ** POWERS[unit.lower()] / 1e9


def found(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text, re.MULTILINE)
    assert match is not None, pattern
    return match.groups()


def needed(given: Answer, part: str, unit: str = "GB memory") -> float:
    return sum(need.value for need in given.needs if (need.part, need.unit) == (part, unit))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def detecting(overlay: str) -> dict[str, Any]:
    """The manifest of the pod that detects, as an overlay has it."""
    [one] = yaml.safe_load_all(read(ROOT / "deploy" / "kubernetes" / overlay / "run.yaml").split("\n---\n")[0])
    return dict(one["spec"])


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_one_server_may_have_what_a_city_needs(part: str) -> None:
    service = compose_file({"ANLAN_ROOT": "", "ANLAN_HOST": "", "ANLAN_USER": ""})["services"][part]
    [unit] = found(r"^MemoryMax=(.+)$", read(UNITS / f"anlan-{part}.service"))
    need = needed(answer(CITY, load_costs()), part)

    assert gigabytes(service["mem_limit"]) >= need
    assert gigabytes(unit) >= need


def test_valkey_may_hold_what_a_city_needs() -> None:
    [most] = found(r"^maxmemory (.+)$", read(ROOT / "deploy" / "server" / "config" / "valkey.conf"))

    assert gigabytes(most) >= needed(answer(CITY, load_costs()), "valkey")


def test_what_is_reckoned_with_is_what_is_set() -> None:
    prometheus = read(ROOT / "deploy" / "prometheus" / "prometheus.yaml")
    kafka = read(ROOT / "deploy" / "server" / "config" / "kafka.properties")
    unit = read(UNITS / "anlan-prometheus.service")

    assert found(r"scrape_interval: (\d+)s", prometheus) == (str(stores.SCRAPE_SECONDS),)
    assert found(r"retention\.time=(\d+)d", unit) == (str(stores.METRIC_DAYS),)
    assert found(r"^log\.retention\.hours=(\d+)", kafka) == (str(24 * stores.RAW_DAYS),)
    assert Settings().log_partitions == stores.PARTITIONS
    assert FeedRetention().streams.days == stores.STREAM_DAYS
    assert Retention().events == timedelta(days=Centre().days)


def test_a_city_fits_into_the_machine_that_the_page_asks_for() -> None:
    memory, cores = found(r"with (\d+) GB of memory, (\w+) cores", read(ROOT / "deploy" / "README.md"))
    given = answer(CITY, load_costs())

    assert given.processes == 1
    assert given.memory_gb <= int(memory)
    assert given.cores <= NUMBERS[cores]


@pytest.mark.parametrize(
    ("overlay", "wanted"), [("base", CITY), ("province", IN_ONE_PROCESS)], ids=["a city", "a province in one process"]
)
def test_the_pod_that_detects_may_have_what_it_needs(overlay: str, wanted: Centre) -> None:
    given = answer(wanted, load_costs())
    pod = detecting(overlay)
    [container] = pod["template"]["spec"]["containers"]
    [claim] = pod["volumeClaimTemplates"]

    assert given.processes == 1
    assert gigabytes(container["resources"]["limits"]["memory"]) >= needed(given, "run")
    assert gigabytes(claim["spec"]["resources"]["requests"]["storage"]) >= needed(given, "run", "GB disk")
