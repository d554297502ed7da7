"""The doctor on hosts that share the flow: each line is provoked, by beats on a real broker and a real lock."""

from __future__ import annotations

import contextlib
import fcntl
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from examined import line_of, said, verdicts
from speaking_hosts import SpeakingHosts

from connectors.child_server import HOST, free_port
from connectors.embedded import Broker
from connectors.kafka import ensure_topics
from connectors.kafka_topics import GROUP
from dataflows.doctor.line import Line
from dataflows.group.likeness import digest_of, release
from dataflows.group.roster import Beat, Stage
from dataflows.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    free = {name: free_port() for name in ("group_port", "group_metrics_port", "metrics_port")}
    return Settings(
        group_host="here", group_address=HOST, group_lease_seconds=1.0, state=str(tmp_path), **free
    )  # fmt: skip


@pytest.fixture
def there(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The same, with a broker of its own."""
    with Broker(tmp_path / "broker") as broker:
        yield msgspec.structs.replace(settings, kafka=broker.bootstrap)


def beat(own: Settings, host: str, stage: Stage = "clear", **changes: Any) -> Beat:
    said = {"release": release(), "settings": digest_of(own), **changes}
    return Beat(host, "b", HOST, 1, 1, stage=stage, **said)


@pytest.mark.integration
def test_a_group_that_has_not_begun_is_said(there: Settings) -> None:
    never = said("group", there)
    ensure_topics(there.kafka, {GROUP: 1})
    empty = said("group", there)

    assert verdicts(never) == ["attention"]
    assert "`group.v1` is missing" in never[0].says
    assert [line.says for line in empty] == ["this host (`here`) is not in it"]


@pytest.mark.integration
def test_hosts_that_work_together_are_well_and_what_differs_is_said(there: Settings) -> None:
    """The lock is that of the host that has taken up the state."""
    lock = Path(there.state) / "lock"
    lock.touch()
    here, front, last = (beat(there, host, works=True) for host in ("here", "front", "last"))
    front = msgspec.structs.replace(front, stage="prepared")
    with SpeakingHosts(there.kafka, here, front, last) as hosts:

        def with_last(**changes: Any) -> list[Line]:
            hosts.beats = (here, front, msgspec.structs.replace(last, **changes))
            return hosts.once_heard(lambda: said("group", there))

        with lock.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            well = with_last()
        no_lock = with_last()
        lock.unlink()
        elsewhere = with_last()
        differs = with_last(settings="other")
        older = with_last(release="0.0.9", works=False)
        apart = with_last(unseen=("front",), works=False)
        hosts.ahead = {"last": 7.0}
        ahead = with_last()
        hosts.beats = (here, front)
        silent = hosts.once_heard(lambda: said("group", there))

    assert {line.verdict for line in well} == {"ok"}
    assert line_of("group", well).says == "3 hosts at work: front, here, last"
    assert {line.area for line in well} == {
        "group", "group state", *(f"host {host} clock" for host in ("here", "front", "last"))
    }  # fmt: skip
    assert line_of("group state", no_lock).verdict == line_of("group state", elsewhere).verdict == "broken"
    assert "whose locks hold between hosts" in line_of("group state", no_lock).remedy
    assert "mount the same file system" in line_of("group state", elsewhere).remedy
    assert line_of("host last", differs).says == "has other settings than this host"
    assert line_of("host last", older).says.endswith(f"it runs release 0.0.9, they run {release()}")
    assert line_of("host last", apart).says.endswith("it and front do not reach each other")
    assert "firewall" in line_of("host last", apart).remedy
    assert "7.0 s ahead of ours" in line_of("host last clock", ahead).says
    assert line_of("host last", silent).says == "said nothing for 0.5 s"


@pytest.mark.integration
def test_hosts_of_which_none_works_are_said(there: Settings) -> None:
    with SpeakingHosts(there.kafka, beat(there, "here", settings="other")) as hosts:
        lines = hosts.once_heard(lambda: said("group", there))

    assert line_of("group", lines).says == "1 host can be heard, and none works"
    assert line_of("host here", lines).says == "was started with other settings than these"


@pytest.mark.integration
def test_ports_that_other_programs_have_are_said_where_the_host_is_not_heard(there: Settings) -> None:
    ensure_topics(there.kafka, {GROUP: 1})
    wanted = ("group_port", "group_metrics_port", "metrics_port")
    with contextlib.ExitStack() as doors:
        for name in wanted:
            doors.enter_context(socket.create_server((HOST, getattr(there, name))))
        lines = said("group", there)

    assert [(line.area, line.verdict) for line in lines[1:]] == [(f"`{name}`", "broken") for name in wanted]
    assert "Address already in use" in lines[1].says
    assert verdicts(said("group", there)) == ["attention"]


def test_an_address_that_is_not_this_hosts_is_broken(settings: Settings) -> None:
    (line,) = said("ports", msgspec.structs.replace(settings, group_address="192.0.2.1"))

    assert line.verdict == "broken"
    assert "got `Cannot assign requested address` (192.0.2.1)" in line.says
    assert verdicts(said("ports", settings)) == ["ok"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"group_processes": 2}, "9465 is wanted twice: `api_metrics_port` and the metrics of process 2"),
        ({"api_port": 9480}, "9480 is wanted twice: `api_port` and the hundred behind `group_port`"),
    ],
    ids=["processes", "hundred"],
)
def test_a_port_that_is_wanted_twice_is_said(changes: dict[str, int], says: str) -> None:
    own = Settings(group_host="here", group_address=HOST)

    lines = said("ports", msgspec.structs.replace(own, **changes))

    assert [line.says for line in lines if line.verdict == "attention"] == [says]
    assert verdicts(said("ports", own)) == ["ok"]
