"""Two cities on the same servers and a province above them: each stops for itself, what crosses them is found above."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree

import pytest
import redis
from click.testing import CliRunner
from clickhouse_server import ClickHouseServer
from confluent_kafka.admin import AdminClient
from live_flow import LiveFlow, in_topic, logged_events, send, wait_until
from subscribing import revision_reader

from alerts.model import Event
from connectors.address import Address
from connectors.clickhouse_client import PoolClient
from connectors.embedded import Broker, Valkey
from connectors.kafka import BrokerError
from connectors.kafka_client import client_config
from connectors.rulebook import RULES_FOLDER
from dataflows.beginning import require_upstream
from dataflows.cli import main
from dataflows.cli.keys import make_keys
from dataflows.servers import kafka_of, redis_of
from dataflows.settings import Settings, load_settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

CITIES, PROVINCE = ("lanzhou", "baiyin"), "gansu"
RULE = RULES_FOLDER / "service-quality" / "repeat_contact.yaml"  # the third contact about one matter
START = datetime.now(UTC) - timedelta(minutes=20)


class Tier(LiveFlow):
    """One installation on servers that it shares."""

    def __init__(self, folder: Path, name: str, broker: Broker, valkey: Valkey, pool: str, *upstream: str) -> None:
        keys = folder.parent / "keys"  # one keyring, or nobody is the same in two cities
        super().__init__(
            folder, installation=name, rules=str(RULE), upstream=",".join(upstream), log_partitions="2",
            keyring=str(keys / "keyring"), seal_key=str(keys / "seal.private"),
        )  # fmt: skip
        folder.mkdir()
        self.name, self.broker, self.valkey, self.dsn = name, broker, valkey, f"{pool}{name}"
        self._sent = 0

    @property
    def kafka(self) -> Address:
        return kafka_of(load_settings(None, self.environment()))

    @property
    def is_running(self) -> bool:
        return self.flow is not None and self.flow.poll() is None

    def start(self) -> None:
        lives = self.lives
        super().start()
        wait_until(lambda: self.lives > lives or not self.is_running, f"{self.name} must start")
        assert self.is_running, self.said()[-2000:]

    @property
    def lives(self) -> int:
        file = self.folder / "flow.log"
        return self.said().count("flow_started") if file.exists() else 0

    def report(self, who: str, times: int) -> None:
        """Contacts of one resident of one county; ids and cases are alike in all cities, as those of offices are."""
        numbers = range(self._sent, self._sent + times)
        self._sent += times
        send(self.kafka, [contact(number, who) for number in numbers])

    def heard(self) -> dict[str, int]:
        """Who this installation has told of, and how many contacts it has counted."""
        return {
            each.key["reporter"][3]: each.count for each in in_topic(self.kafka) if each.rule == "rc.repeat-contact"
        }

    def crossing(self) -> list[int | None]:
        """Through how many cities each matter came that is told of for that."""
        return [each.distinct for each in in_topic(self.kafka) if each.rule == "pv.two-cities"]

    def require_equal_digests(self) -> None:
        """What it has said is what a replay of its own log says, and it took no event for another one."""
        today = datetime.now(UTC) + timedelta(hours=8)
        asked = ["digest", "--day", f"{today:%Y-%m-%d}", "--days", "2", "--compare"]
        compared = CliRunner().invoke(main, asked, env=self.environment())
        assert compared.exit_code == 0, compared.output
        pool = PoolClient.open(self.dsn)
        assert pool.value("SELECT count() FROM dead_letters") == 0
        pool.close()


def contact(number: int, who: str) -> Event:
    return Event(
        f"hotline/GD{number}/received/1",
        "hotline",
        "received",
        START + timedelta(seconds=number),
        case=f"GD{number}",
        reporter=f"k1:{who * 20}",
        region="620102001",
        category="dispute",
        subcategory="neighbour",
    )


def rule_of_the_page(folder: Path) -> Path:
    """The rule that `docs/scale-out.md` shows: one matter comes in through two cities."""
    page = (Path(__file__).parents[2] / "docs" / "scale-out.md").read_text(encoding="utf-8")
    file = folder / "two_cities.yaml"
    file.write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    return file


@pytest.fixture
def tiers(tmp_path: Path, clickhouse_server: ClickHouseServer) -> Iterator[dict[str, Tier]]:
    make_keys(tmp_path / "keys")
    with Broker(tmp_path / "broker") as broker, Valkey(tmp_path / "valkey") as valkey:
        server = clickhouse_server.dsn.removesuffix("default")
        found = {name: Tier(tmp_path / name, name, broker, valkey, server) for name in CITIES}
        found[PROVINCE] = Tier(tmp_path / PROVINCE, PROVINCE, broker, valkey, server, *CITIES)
        found[PROVINCE].settings["ANLAN_RULES"] += f",{rule_of_the_page(tmp_path)}"
        for name in found:
            PoolClient.open(clickhouse_server.dsn, name).close()
        yield found
        for each in found.values():
            if each.flow is not None and each.is_running:
                each.flow.kill()
                each.flow.wait()


def test_cities_stop_each_for_itself_and_what_crosses_them_is_found_above(tiers: dict[str, Tier]) -> None:
    lanzhou, baiyin, gansu = tiers.values()
    for each in tiers.values():
        each.start()

    lanzhou.report("b", 2)
    baiyin.report("b", 1)
    wait_until(lambda: gansu.heard() == {"b": 3}, "the province must see what crosses its cities")
    assert lanzhou.heard() == baiyin.heard() == {}

    lanzhou.report("c", 2)
    wait_until(lambda: logged_events(lanzhou.kafka) == 4, "reports must reach the log")
    lanzhou.stop(signal.SIGKILL)  # before a snapshot, most likely: then it writes them again
    lanzhou.report("c", 1)
    baiyin.report("d", 3)
    wait_until(lambda: "d" in baiyin.heard() and "d" in gansu.heard(), "the others must go on")
    assert not lanzhou.is_running
    assert gansu.heard().keys() == {"b", "d"}

    lanzhou.start()
    wait_until(lambda: "c" in lanzhou.heard() and "c" in gansu.heard(), "it must go on where it was")

    gansu.stop(signal.SIGKILL)
    rmtree(gansu.folder / "state")  # then its log must say how far it has read those of the cities
    baiyin.report("e", 2)
    lanzhou.report("e", 1)
    gansu.start()
    wait_until(lambda: gansu.heard() == dict.fromkeys("bcde", 3), "the province must be rebuilt and go on")

    wait_until(lambda: gansu.crossing() == [2, 2], "of four matters two must have come through two cities")
    for each in tiers.values():
        assert each.stop(signal.SIGTERM) == 0, each.said()[-2000:]
        each.require_equal_digests()
    assert_nothing_is_without_a_name(tiers)


def assert_nothing_is_without_a_name(tiers: dict[str, Tier]) -> None:
    """Topics, keys and tables are all somebody's."""
    gansu = tiers[PROVINCE]
    topics = AdminClient(client_config(gansu.broker.bootstrap)).list_topics(timeout=5).topics
    assert {name.split(".")[0] for name in topics} == set(tiers)
    with redis.Redis.from_url(gansu.valkey.url, decode_responses=True) as client:
        assert {key.split("}")[0] for key in client.scan_iter(count=1000)} == {f"{{{name}" for name in tiers}
    reader = revision_reader(gansu.valkey.url, prefix=redis_of(load_settings(None, gansu.environment())).prefix)
    assert len({each.alert_id for each in reader.read()}) == 6, "four residents, two matters"
    default = PoolClient.open(gansu.dsn.replace(PROVINCE, "default"))
    assert default.value("SELECT count() FROM system.tables WHERE database = 'default'") == 0
    default.close()


def test_a_province_does_not_start_before_its_cities_and_makes_no_log_for_them(bootstrap: str) -> None:
    settings = Settings(kafka=bootstrap, installation="gansu", upstream=("nowhere",))

    with pytest.raises(BrokerError, match=r"the intake logs of `upstream` must be there; got no `nowhere\.events\.v1`"):
        require_upstream(settings)
