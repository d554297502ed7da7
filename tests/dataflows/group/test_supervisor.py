from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import msgspec
import pytest
from live_flow import wait_until

from connectors.child_server import free_port
from connectors.kafka_beats import Beats
from connectors.metrics import Metrics, serve
from dataflows.group.likeness import release
from dataflows.group.roster import Beat, Stage
from dataflows.group.sight import Sight
from dataflows.group.supervisor import Supervisor, supervise
from dataflows.settings import Settings, SettingsError

NUMBERS = count()


@pytest.fixture
def settings(bootstrap: str) -> Settings:
    return Settings(
        kafka=bootstrap, keyring="k", seal_key="s", group_host="here", group_address="127.0.0.1",
        group_port=free_port(), group_metrics_port=0, group_lease_seconds=1,
    )  # fmt: skip


@pytest.fixture
def topic() -> str:
    return f"supervised-{next(NUMBERS)}.group.v1"


@pytest.fixture
def other(bootstrap: str, topic: str) -> Iterator[Beats]:
    """Somebody else in the same group."""
    with closing(Beats(bootstrap, topic)) as found:
        yield found


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def supervisor(settings: Settings, topic: str, metrics: Metrics) -> Iterator[Supervisor]:
    sight = Sight(settings.group_address, settings.group_port, 1.0)
    with sight, closing(Beats(settings.kafka, topic)) as beats:
        yield Supervisor(settings, None, beats, sight, metrics)


@pytest.mark.integration
def test_a_host_that_is_in_no_life_leaves_with_a_last_word(supervisor: Supervisor, other: Beats) -> None:
    said: list[Beat] = []
    supervisor.step(must_leave=False)

    def has_left() -> bool:
        if not supervisor.has_left:
            supervisor.step(must_leave=True)
        said.extend(msgspec.json.decode(heard.body, type=Beat) for heard in other.hear(0.01))
        return supervisor.has_left and said[-1].stage == "gone"

    wait_until(has_left, "the host must leave with its last word")
    assert {beat.host for beat in said} == {"here"}


@pytest.mark.integration
def test_two_supervisors_of_one_name_are_told(supervisor: Supervisor, other: Beats) -> None:
    stranger = msgspec.json.encode(Beat("here", "another", "127.0.0.1", 1, 1))

    def step() -> bool:
        supervisor.step(must_leave=False)
        other.hear(0)
        if not other.is_on_its_way:
            other.say(stranger)
        return False

    with pytest.raises(SettingsError, match=r"`group_host` must be one host's; got beats of another .* \(`here`\)"):
        wait_until(step, "the stranger must be noticed")


@pytest.mark.integration
def test_prometheus_is_told_of_the_group_while_the_host_waits_for_it(
    supervisor: Supervisor, metrics: Metrics, other: Beats
) -> None:
    """The other one comes first by name, and says that it does not reach us: so it works alone."""
    life = 0

    def is_told() -> bool:
        nonlocal life
        supervisor.step(must_leave=False)
        other.hear(0)
        life = int(metrics.value("anlan_life_begun_number"))
        if not other.is_on_its_way:
            stage: Stage = "prepared" if life else "joining"
            other.say(msgspec.json.encode(Beat("first", "x", "127.0.0.1", 1, 1, life, stage, ("here",), release())))
        return metrics.value("anlan_hosts_worked_count") == 1 and metrics.value("anlan_hosts_heard_count") == 2

    wait_until(is_told, "the life of the other host must be told")
    assert metrics.value("anlan_lives_begun_total") >= 1
    assert time.time() - metrics.value("anlan_beat_taken_timestamp_seconds") < 5


def test_a_port_for_prometheus_that_is_taken_is_told(settings: Settings) -> None:
    with closing(serve(Metrics(), 0)) as taken:
        wrong = msgspec.structs.replace(settings, group_metrics_port=taken.port)

        with pytest.raises(
            SettingsError, match=rf"`group_metrics_port` must be free; got .* \(127.0.0.1:{taken.port}\)"
        ):
            supervise(wrong, None, threading.Event())


@pytest.mark.parametrize("missing", ["group_host", "group_address", "keyring", "seal_key"])
def test_a_host_must_have_a_name_an_address_and_its_keys(settings: Settings, missing: str) -> None:
    with pytest.raises(SettingsError, match=f"`{missing}` must be set"):
        supervise(msgspec.structs.replace(settings, **{missing: ""}), None, stop=None)  # type: ignore[arg-type]
