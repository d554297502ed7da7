"""The service for people and systems with its servers, for tests: two counties, and people of each."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import redis
from litestar.testing import TestClient
from pool_copy import make_tables
from revisions import a_revision

from alerts.model import Acted, AlertAction, Event, MatterLink, PooledEvent, Region, Revision, Route
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_rows import Poolable, columns_of, table_of
from connectors.kafka import ACTIONS, ends, ensure_topics, read_all
from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink
from dataflows.api.app import Service, app
from dataflows.api.limits import Limits
from dataflows.api.powers import load_routing
from dataflows.api.sign_in import SignIn
from dataflows.api.tokens import TokenBook, make_token

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
HERE, THERE = "620102", "620103"  # two counties of one city
PEOPLE = {  # name: role and region
    "here": ("duty.county", HERE),
    "there": ("duty.county", THERE),
    "street": ("duty.street", HERE + "001"),
    "city": ("duty.city", ""),
    "head": ("supervisor", ""),
    "head-here": ("supervisor", HERE),
    "looker": ("viewer", HERE),
}


class World:
    """What the servers hold, and who may ask."""

    def __init__(self, folder: Path, redis_url: str, clickhouse: str, kafka: str) -> None:
        self.folder, self.redis_url, self.clickhouse, self.kafka = folder, redis_url, clickhouse, kafka
        self.redis = redis.Redis.from_url(redis_url, decode_responses=True)
        sink = RedisAlertSink(redis_url, Metrics())
        self._writer = sink.build_part("redis", sink.list_parts()[0], None)
        self._places: dict[str, int] = {}
        self.metrics = Metrics()
        self.tokens = folder / "tokens.yaml"
        self.shown = self._make_tokens()
        make_tables(clickhouse)
        ensure_topics(kafka, {ACTIONS: 1})
        self._before = {
            place: end for place, (end, _) in ends(kafka, [(ACTIONS, 0)]).items()
        }  # what other tests have sent

    def close(self) -> None:
        """Let go of the servers."""
        self._writer.close()
        self.redis.close()

    def _make_tokens(self) -> dict[str, str]:
        made = {name: make_token(name, role, region) for name, (role, region) in PEOPLE.items()}
        entries = "\n".join(entry for _, entry in made.values())
        self.tokens.write_text(f"apiVersion: tokens/v1\ntokens:\n{entries}\n", encoding="utf-8")
        return {name: token for name, (token, _) in made.items()}

    def say(
        self, alert_id: str, number: int = 1, county: str = HERE, left: str = "", in_pool: bool = True, **changes: Any
    ) -> Revision:
        """Publish a revision as the flow does: in the feeds and in the pool."""
        feeds = [f"alerts:{each}" for each in dict.fromkeys((county, left)) if each]
        for feed in ("alerts:all", *feeds):
            self._places[feed] = self._places.get(feed, 0) + 1
        region = Region(county, f"{county}001", f"{county}001003") if county else Region()
        values: dict[str, Any] = {
            "region": region,
            "route": Route(f"alerts:{county or 'unknown'}"),
            "feed_seq": self._places["alerts:all"],
            "feed_seqs": {feed: self._places[feed] for feed in feeds},
            "content_hash": f"{alert_id}/{number}",
            "engine_epoch": 1,
        }
        revision = a_revision(alert_id, number, AT + timedelta(minutes=self._places["alerts:all"]), **values | changes)
        self._writer.write_batch([[revision]])
        if in_pool:
            self.pool(revision)
        return revision

    def pool(self, *items: Poolable) -> None:
        """Put rows of one kind into the pool."""
        client = PoolClient.open(self.clickhouse)
        client.insert(table_of(items[0]), *columns_of(items))
        client.close()

    def report(self, event_id: str, matter: str, county: str = HERE, text: str = "") -> None:
        """One report of a matter in the pool."""
        event = Event(event_id, "hotline", "received", AT, matter=matter, region=f"{county}001", text=text)
        self.pool(PooledEvent(event, matter, AT))
        self.pool(MatterLink(event_id, matter, "first", 1.0, AT))

    def acted(self, action: AlertAction, county: str = HERE, refused: str = "", seq: int = 1) -> Acted:
        """The desk has decided on an action."""
        found = Acted(seq, AT, action, "refused" if refused else "done", refused, county=county, hash=f"h{seq}")
        self.redis.set(f"acted:{action.action_id}", msgspec.json.encode(found))
        for stream in ("actions:all", f"actions:{county}"):
            self.redis.xadd(stream, {"json": msgspec.json.encode(found)})
        return found

    def sent(self) -> list[AlertAction]:
        """What went to the topic of actions."""
        return [msgspec.json.decode(each.value, type=AlertAction) for each in read_all(self.kafka, self._before)]

    @contextlib.contextmanager
    def desk(self, refused: str = "", county: str = HERE) -> Iterator[None]:
        """A desk that decides on everything that comes, until the block ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._decide, args=(ended, refused, county))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _decide(self, ended: threading.Event, refused: str, county: str) -> None:
        known: set[str] = set()
        while not ended.wait(0.02):
            with contextlib.suppress(Exception):
                for action in self.sent():
                    if action.action_id not in known:
                        known.add(action.action_id)
                        self.acted(action, county, refused, seq=len(known))

    @contextlib.contextmanager
    def client(
        self,
        limits: Limits | None = None,
        *,
        machine: Callable[[], datetime] = lambda: datetime.now(UTC),
        sign_in: SignIn | None = None,
        **changes: Any,
    ) -> Iterator[Client]:
        """The application, spoken to without a server."""
        service = Service(**{"kafka": self.kafka, "redis": self.redis_url, "clickhouse": self.clickhouse} | changes)
        web = app(
            service, TokenBook(self.tokens), load_routing(), self.metrics, machine=machine, clock=lambda: AT,
            limits=limits or Limits(1e6, 1_000_000), sign_in=sign_in,
        )  # fmt: skip
        with TestClient(web, raise_server_exceptions=False) as client:
            yield Client(client, self.shown, service)


class Client:
    """Asks as somebody."""

    def __init__(self, client: Any, shown: dict[str, str], service: Service) -> None:
        self.plain = client
        self.service = service
        self._shown = shown

    def get(self, who: str, path: str, **more: Any) -> httpx.Response:
        return self.ask(who, "GET", path, **more)

    def post(self, who: str, path: str, body: Any, **more: Any) -> httpx.Response:
        return self.ask(who, "POST", path, json=body, **more)

    def ask(
        self, who: str, method: str, path: str, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        shown = {"authorization": f"Bearer {self._shown[who]}"} if who else {}
        found: httpx.Response = self.plain.request(method, path, headers=shown | (headers or {}), **more)
        return found


def ids(answer: httpx.Response) -> list[str]:
    """The alerts of a page or a snapshot."""
    assert answer.status_code == 200, answer.text
    return [each["alert_id"] for each in answer.json()["alerts"]]


logging.getLogger("httpx").setLevel(logging.WARNING)
