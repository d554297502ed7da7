"""Until when certificates are valid: told by the metrics and by the doctor, ours and those of servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from certificates import Authority
from examined import said
from live_flow import wait_until
from prometheus_client import generate_latest
from tls_door import TlsDoor

from connectors.metrics import Metrics
from connectors.metrics_reader import Samples
from dataflows.certificates import in_files, of_servers, watched
from dataflows.settings import Settings

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, days=300)


@pytest.fixture
def door(authority: Authority) -> Iterator[TlsDoor]:
    """A server that shows a certificate for a week and asks for ours; what stands behind it does not matter."""
    with TlsDoor(NOWHERE, authority.sign("server", days=7), authority) as found:
        yield found


def settings_of(authority: Authority, door: TlsDoor | None = None, days: int = 100) -> Settings:
    ours = authority.sign("ours", days=days)
    files = {"tls_ca": authority.ca, "tls_certificate": ours.certificate, "tls_key": ours.key}
    settings = Settings(**{name: str(path) for name, path in files.items()})
    if door is None:
        return settings
    places = {"redis": f"rediss://{door.address}/0", "clickhouse": f"https://{door.address}/default"}
    return msgspec.structs.replace(settings, kafka=f"{NOWHERE},{door.address}", kafka_tls=True, **places)


def days_of(ends: dict[str, datetime]) -> dict[str, int]:
    return {name: round((end - datetime.now(UTC)).total_seconds() / 86_400) for name, end in ends.items()}


def told(metrics: Metrics) -> dict[str, float]:
    return Samples(generate_latest(metrics.registry).decode()).by(
        "certificates_covered_timestamp_seconds", "certificate"
    )


def test_the_files_of_the_settings_are_read_and_of_several_in_one_the_first_to_end_counts(authority: Authority) -> None:
    settings = settings_of(authority)
    with authority.ca.open("ab") as bundle:
        bundle.write(Authority(authority.ca.parent, "older", days=9).ca.read_bytes())

    assert days_of(in_files(settings)) == {"tls_ca": 9, "tls_certificate": 100}
    assert in_files(Settings()) == {}


def test_servers_show_theirs_and_who_is_away_is_left_out(authority: Authority, door: TlsDoor) -> None:
    settings = settings_of(authority, door)

    assert days_of(of_servers(settings)) == {"kafka": 7, "redis": 7, "clickhouse": 7}
    assert of_servers(msgspec.structs.replace(settings, kafka=NOWHERE)).keys() == {"redis", "clickhouse"}
    assert of_servers(settings_of(authority)) == {}


def test_a_server_that_nobody_vouches_for_is_left_to_its_own_connection(door: TlsDoor, tmp_path: Path) -> None:
    assert of_servers(settings_of(Authority(tmp_path / "stranger"), door)) == {}


def test_metrics_tell_ours_as_they_were_and_those_of_servers_as_they_are(authority: Authority, door: TlsDoor) -> None:
    metrics, settings = Metrics(), settings_of(authority, door)
    ours = in_files(settings)
    with watched(settings, metrics, every_seconds=0.01):
        wait_until(lambda: len(told(metrics)) == 5, "all must be told")
        before = told(metrics)
        settings_of(authority, days=200)
        door.show(authority.sign("server", days=90))
        wait_until(lambda: told(metrics)["redis"] > before["redis"], "another certificate must be seen")

    after = told(metrics)
    assert {name: after[name] for name in ours} == {name: end.timestamp() for name, end in ours.items()}
    wait_until(lambda: "certificates" not in {each.name for each in threading.enumerate()}, "the watch must end")


@pytest.mark.parametrize(("days", "verdict"), [(100, "ok"), (5, "attention"), (-1, "broken")])
def test_the_doctor_says_how_long_one_is_valid(authority: Authority, days: int, verdict: str) -> None:
    ca, ours = said("certificates", settings_of(authority, days=days))

    assert ca.verdict == "ok"
    assert (ours.area, ours.verdict) == ("certificate `tls_certificate`", verdict)
    assert ("renewed" in ours.remedy) == (verdict != "ok")


def test_the_doctor_asks_servers_too(authority: Authority, door: TlsDoor) -> None:
    lines = said("certificates", settings_of(authority, door))

    assert [line.area for line in lines if line.verdict == "attention"] == [
        f"certificate `{name}`" for name in ("kafka", "redis", "clickhouse")
    ]


def test_a_file_without_a_certificate_is_broken(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("nothing")

    (line,) = said("certificates", Settings(tls_ca=str(tmp_path / "ca")))

    assert line.verdict == "broken"
