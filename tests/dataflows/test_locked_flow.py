"""A whole installation behind locks: TLS and a user on every connection, least rights, and no secret anywhere."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
import redis
from apache_kafka import require_apache_kafka
from certificates import Authority
from click.testing import CliRunner
from clickhouse_server import ClickHouseServer
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from family_reports import family_reports
from live_flow import LiveFlow, in_topic, logged_events, wait_until
from locked_kafka import LockedKafka
from subscribing import revision_reader
from tls_door import TlsDoor

from connectors.address import Address, Lock
from connectors.child_server import free_port
from connectors.clickhouse import Pool
from connectors.kafka import INTAKE_LOG, log_bounds
from connectors.redis_keys import process_access
from connectors.registry import load_channels
from dataflows.cli import main
from dataflows.cli.keys import make_keys

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

KAFKA, CACHE, POOL, PUSH = "kafka-sesame", "cache-sesame", "pool-sesame", "push-sesame"
SECRETS = [KAFKA, CACHE, POOL, PUSH]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("locked")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder / "authority")


@pytest.fixture(scope="module")
def installation(folder: Path, authority: Authority) -> Iterator[LiveFlow]:
    """Everything that a centre would run, with the rights that are printed and no others."""
    require_apache_kafka()
    make_keys(folder / "keys")
    flow = LiveFlow(folder)
    with (
        ClickHouseServer(folder / "pool-server") as clickhouse_server,
        LockedKafka(folder / "kafka", authority) as kafka,
        flow.valkey,
        TlsDoor(flow.valkey.address, authority.sign("cache")) as cache,
        TlsDoor(clickhouse_server.address, authority.sign("pool")) as pool,
        redis.Redis.from_url(flow.valkey.url) as admin,
    ):
        clickhouse_server.ask_for("anlan", POOL)
        flow.broker = kafka  # type: ignore[assignment]
        kafka.add_user("anlan", KAFKA)
        kafka.allow("run", "anlan", list(load_channels()))
        admin.execute_command("ACL", "SETUSER", "anlan", "reset", "on", f">{CACHE}", *process_access("run"))
        door = authority.sign("door")
        flow.settings |= {
            "ANLAN_TLS_CA": str(authority.ca),
            "ANLAN_KAFKA": kafka.door("PASSWORD"),
            "ANLAN_KAFKA_TLS": "true",
            "ANLAN_REDIS": f"rediss://{cache.address}/0",
            "ANLAN_CLICKHOUSE": f"https://{pool.address}/default",
            **{f"ANLAN_{name}_USER": "anlan" for name in ("KAFKA", "REDIS", "CLICKHOUSE")},
            **{
                f"ANLAN_{name}_PASSWORD_FILE": written(folder / name, secret)
                for name, secret in (("KAFKA", KAFKA), ("REDIS", CACHE), ("CLICKHOUSE", POOL))
            },
            "ANLAN_SERVER_CERTIFICATE": str(door.certificate),
            "ANLAN_SERVER_KEY": str(door.key),
            "ANLAN_HTTP_PORT": str(free_port()),
            "ANLAN_HTTP_TOKENS": f"platform={hashlib.sha256(PUSH.encode()).hexdigest()}",
            "ANLAN_METRICS_PORT": str(free_port()),
        }
        yield flow
        if flow.flow is not None and flow.flow.poll() is None:
            flow.flow.kill()
            flow.flow.wait()


def written(path: Path, text: str) -> str:
    path.write_text(text + "\n", encoding="utf-8")
    return str(path)


def push(flow: LiveFlow, authority: Authority, seed: int, count: int) -> None:
    """A platform sends reports over HTTPS."""
    address = f"https://127.0.0.1:{flow.settings['ANLAN_HTTP_PORT']}/v1/events"
    lines = b"\n".join(msgspec.json.encode(event) for event in family_reports(seed, count))
    told = {"authorization": f"Bearer {PUSH}", "content-type": "application/x-ndjson"}
    trusted = ssl.create_default_context(cafile=authority.ca)
    answer = httpx.post(address, content=lines, headers=told, verify=trusted, timeout=30)
    assert answer.status_code == 202, answer.text


def started(flow: LiveFlow, times: int) -> None:
    flow.start()
    assert flow.flow is not None
    wait_until(lambda: flow.said().count("push_started") == times or has_ended(flow), "the flow must start")
    assert not has_ended(flow), flow.said()[-2000:]


def has_ended(flow: LiveFlow) -> bool:
    return flow.flow is not None and flow.flow.poll() is not None


def length_of_log(bootstrap: str) -> int:
    return sum(end for _, end in log_bounds(bootstrap, INTAKE_LOG).values())


def drop_everything(bootstrap: str) -> None:
    """Retention takes the whole intake log."""
    ends = [TopicPartition(INTAKE_LOG, place, end) for place, (_, end) in log_bounds(bootstrap, INTAKE_LOG).items()]
    admin = AdminClient({"bootstrap.servers": bootstrap})  # held until the answers are in
    for answer in admin.delete_records(ends).values():
        answer.result(30)


def test_reports_become_alerts_behind_locks_and_no_secret_is_seen(installation: LiveFlow, authority: Authority) -> None:
    flow, bootstrap = installation, installation.broker.bootstrap
    started(flow, 1)
    push(flow, authority, 1, 120)
    reader = revision_reader(flow.valkey.url)
    wait_until(lambda: logged_events(bootstrap) >= 120, "every event must reach the log")
    wait_until(lambda: reader.read() is not None and len(reader.alerts()) > 3, "alerts must reach Redis")
    wait_until(lambda: in_pool(flow, authority) == 120, "what is never read again must be in the pool")
    page = f"https://127.0.0.1:{flow.settings['ANLAN_METRICS_PORT']}/metrics"
    metrics = httpx.get(page, verify=ssl.create_default_context(cafile=authority.ca)).text
    assert flow.stop(signal.SIGTERM) == 0, flow.said()[-2000:]
    before = in_topic(bootstrap)

    # retention passes our place: the next life must say so, take what is known from the pool, and go on
    flow.settings["ANLAN_SNAPSHOT_SECONDS"] = "3600"
    high = length_of_log(bootstrap)
    started(flow, 2)
    wait_until(lambda: length_of_log(bootstrap) > high + 6, "the clock must go on")
    assert flow.stop(signal.SIGKILL) == -signal.SIGKILL
    drop_everything(bootstrap)
    started(flow, 3)
    push(flow, authority, 2, 120)
    wait_until(lambda: len(in_topic(bootstrap)) > len(before), "more alerts must be told")
    wait_until(lambda: in_pool(flow, authority) == 240, "every event must reach the pool")
    assert flow.stop(signal.SIGTERM) == 0, flow.said()[-2000:]

    assert "read_failed" not in flow.said()
    assert "progress_not_shown" not in flow.said()
    assert "snapshot_set_aside" in flow.said()
    assert "rebuild_began from=pool_and_intake_log" in flow.said()
    after = in_topic(bootstrap)
    assert after[: len(before)] == before
    assert [revision.feed_seq for revision in after] == list(range(1, len(after) + 1))
    assert in_pool(flow, authority) == 240
    everything = [flow.said(), metrics, *(path.read_bytes().decode("latin-1") for path in files(flow.folder / "state"))]
    assert [secret for secret in SECRETS for text in everything if secret in text] == []


def in_pool(flow: LiveFlow, authority: Authority) -> int:
    password = flow.settings["ANLAN_CLICKHOUSE_PASSWORD_FILE"]
    lock = Lock(True, str(authority.ca), user="anlan", password_file=password)
    with Pool(Address(flow.settings["ANLAN_CLICKHOUSE"], lock)) as pool:
        return pool.count_events()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "kafka's password": ({"KAFKA_PASSWORD_FILE": "another"}, "broker must let us in; .*see `kafka_user`"),
    "redis' password": ({"REDIS_PASSWORD_FILE": "another"}, "redis must let us in; .*see `redis_user`"),
    "the pool's password": (
        {"CLICKHOUSE_PASSWORD_FILE": "another"},
        "clickhouse must let us in; .*see `clickhouse_u",
    ),
    "a password in an address": (
        {"REDIS": f"rediss://a:{CACHE}@b/0"},
        "`redis` must be an address without a p",
    ),
    "no authority that vouches": ({"TLS_CA": ""}, "broker must let us in; .*certificate.*see `tls_ca`"),
    "our door's key": (
        {"SERVER_KEY": "another"},
        "`server_certificate` and `server_key` must be a certificate and ",
    ),
}


def test_upkeep_has_the_rights_that_it_needs(installation: LiveFlow) -> None:
    """The doctor, a backup and a restore, each by a user of its own that may do no more than is printed for it."""
    keeper = keeper_of(installation)
    as_flow = CliRunner().invoke(main, ["doctor", "--json"], env=installation.environment())
    looked = CliRunner().invoke(main, ["doctor", "--json"], env=keeper)
    wiped = redis.Redis.from_url(installation.valkey.url)
    before = sorted(wiped.scan_iter())
    wiped.flushall()
    restored = CliRunner().invoke(main, ["restore", "redis"], env=keeper)

    lines = {each["area"]: each for each in json.loads(looked.output)["lines"]}
    assert {lines[area]["verdict"] for area in ("kafka", "redis", "clickhouse", "pool", "feed")} == {"ok"}, lines
    hidden = {each["area"]: each for each in json.loads(as_flow.output)["lines"]}
    assert hidden["topic events.v1"]["says"] == "how it is kept is not shown to us"
    assert (hidden["kafka"]["verdict"], hidden["redis"]["verdict"]) == ("ok", "broken")
    assert "anlan access process" in hidden["redis"]["says"]
    assert restored.exit_code == 0, restored.output
    assert sorted(wiped.scan_iter()) == before
    wiped.close()


def keeper_of(flow: LiveFlow) -> dict[str, str]:
    """The settings of somebody who looks after a flow that stands still."""
    kafka: LockedKafka = flow.broker  # type: ignore[assignment]
    kafka.add_user("keeper", KAFKA)
    kafka.allow("upkeep", "keeper", list(load_channels()))
    with redis.Redis.from_url(flow.valkey.url) as admin:
        admin.execute_command("ACL", "SETUSER", "keeper", "reset", "on", f">{CACHE}", *process_access("upkeep"))
    return flow.environment() | {"ANLAN_KAFKA_USER": "keeper", "ANLAN_REDIS_USER": "keeper"}


def test_a_start_with_a_wrong_lock_ends_with_its_sentence_and_without_a_secret(installation: LiveFlow) -> None:
    written(installation.folder / "another", "another-sesame")
    said: dict[str, str] = {}
    for name, (changes, _) in WRONG.items():
        changed = {f"ANLAN_{key}": value for key, value in changes.items()}
        for key, value in changed.items():
            changed[key] = str(installation.folder / "another") if value == "another" else value
        kept, installation.settings = installation.settings, {**installation.settings, **changed}
        already = len(installation.said()) if (installation.folder / "flow.log").exists() else 0
        installation.start()
        assert installation.flow is not None
        assert installation.flow.wait(60) == 1, name
        installation.settings = kept
        said[name] = installation.said()[already:]

    for name, (_, sentence) in WRONG.items():
        assert re.search(f"Error: {sentence}", said[name]), (name, said[name])
        assert "Traceback" not in said[name], name
        assert [secret for secret in [*SECRETS, "another-sesame"] if secret in said[name]] == [], name
