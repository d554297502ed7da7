"""The AsyncAPI document of the feeds: Kafka topics, Redis streams and the hint, and what travels on them."""

from __future__ import annotations

from typing import Any, NamedTuple

from connectors.contracts.json_schema import DIALECT, OPEN_ENUM, Schema
from connectors.kafka_topics import ACTIONS, ALERTS, ALERTS_NOW, DEAD_LETTERS, INTAKE_LOG, RECEIPTS

SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
KAFKA, REDIS = "kafka", "redis"


class Feed(NamedTuple):
    """One channel of the document; `action` is what Anlan does there."""

    name: str
    address: str
    server: str
    action: str
    messages: tuple[str, ...]
    sentence: str
    cleanup: str = ""  # policy of the topic


FEEDS = (
    Feed("events", INTAKE_LOG, KAFKA, "send", ("event", "control"), "The intake log, in its one order."),
    Feed("alerts", ALERTS, KAFKA, "send", ("alert",), "Every revision of every alert.", "delete"),
    Feed(
        "alertsNow", ALERTS_NOW, KAFKA, "send", ("alert",),
        "The last revision of each alert: the topic is compacted.", "compact,delete",
    ),
    Feed("alertActions", ACTIONS, KAFKA, "receive", ("alertAction",), "What people do with alerts."),
    Feed("alertReceipts", RECEIPTS, KAFKA, "receive", ("receipt",), "What was delivered and read."),
    Feed("deadLetters", DEAD_LETTERS, KAFKA, "send", ("deadLetter",), "Rows that could not become events."),
    Feed("alertsAll", "alerts:all", REDIS, "send", ("alertEntry",), "Stream: every revision, trimmed by age."),
    Feed("alertsOfCounty", "alerts:{county}", REDIS, "send", ("alertEntry",), "Stream: every revision of one county."),
    Feed("actionsAll", "actions:all", REDIS, "send", ("actedEntry",), "Stream: what became of each action."),
    Feed("actionsOfCounty", "actions:{county}", REDIS, "send", ("actedEntry",), "Stream: the same of one county."),
    Feed("hints", "alerts.hint", REDIS, "send", ("hint",), "Pub/sub: a nudge, never the record."),
    Feed("hintsOfCounty", "alerts.hint:{county}", REDIS, "send", ("hint",), "Pub/sub: the same of one county."),
)  # fmt: skip

_TEXT: Schema = {"type": "string"}
_COUNTY = {"description": "Six digits of GB/T 2260, or `unknown` for alerts without a county."}
_ABOUT = """Delivery is at least once. Equal `(alert_id, revision)` with equal `content_hash` is a duplicate; keep \
the greatest `(revision, engine_epoch)`. `feed_seq` has no gaps over all revisions, `feed_seqs` none in the feed of \
each county. A reader takes members and values of enums that it does not know. A record that changes otherwise gets \
another version, on a topic of its own. Where installations share servers each has its name before these addresses: \
`lanzhou.alerts.v1` in Kafka, `{lanzhou}:alerts:all` in Redis."""


def asyncapi() -> Schema:
    """The document; what travels is said by the JSON Schemas beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "安澜 Anlan: feeds", "version": "1", "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            KAFKA: _server("localhost:9092", KAFKA, "The broker of the installation (`kafka` of its settings)."),
            REDIS: _server("localhost:6379", REDIS, "Redis or Valkey of the installation (`redis` of its settings)."),
        },
        "channels": {feed.name: _channel(feed) for feed in FEEDS},
        "operations": {f"{feed.action}{feed.name[0].upper()}{feed.name[1:]}": _operation(feed) for feed in FEEDS},
        "components": {"messages": _messages()},
    }  # fmt: skip


def _server(host: str, protocol: str, sentence: str) -> Schema:
    return {"host": host, "protocol": protocol, "description": sentence}


def _channel(feed: Feed) -> Schema:
    found: Schema = {
        "address": feed.address,
        "description": feed.sentence,
        "servers": [{"$ref": f"#/servers/{feed.server}"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in feed.messages},
    }
    if "{county}" in feed.address:
        found["parameters"] = {"county": _COUNTY}
    if feed.server == KAFKA:
        about = {"topicConfiguration": {"cleanup.policy": feed.cleanup.split(",")}} if feed.cleanup else {}
        found["bindings"] = {KAFKA: {"topic": feed.address, **about, "bindingVersion": "0.5.0"}}
    return found


def _operation(feed: Feed) -> Schema:
    return {
        "action": feed.action,
        "channel": {"$ref": f"#/channels/{feed.name}"},
        "messages": [{"$ref": f"#/channels/{feed.name}/messages/{name}"} for name in feed.messages],
    }


def _messages() -> Schema:
    return {
        "event": _message("Event v1", {"$ref": "event-1.json"}),
        "control": _message("A record of the log itself; readers of events pass over it", _CONTROL),
        "alert": _message("One revision of an alert", {"$ref": "alert-1.json"}, key="alert_id"),
        "alertAction": _message("What a person does", {"$ref": "alert-action-1.json"}, key="alert_id"),
        "deadLetter": _message("A row that is no event", {"$ref": "dead-letter-1.json"}),
        "alertEntry": _message(
            "A stream entry with a revision", _entry("alert-1.json", "alert_id", "revision", "feed_seq")
        ),
        "actedEntry": _message("An entry with a row of the audit", _entry("acted-1.json", "seq")),
        "hint": _message("Something new is on the streams", _HINT),
        "receipt": _message("What became of a revision on its way", {"$ref": "receipt-1.json"}, key="alert_id"),
    }


def _message(title: str, schema: Schema, key: str = "") -> Schema:
    found: dict[str, Any] = {"title": title, "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": schema}}
    if key:
        found["bindings"] = {KAFKA: {"key": {**_TEXT, "description": f"`{key}`"}, "bindingVersion": "0.5.0"}}
    return found


def _entry(document: str, *fields: str) -> Schema:
    """An entry of a Redis stream: texts, and the record as JSON in the field `json`."""
    record = {**_TEXT, "contentMediaType": "application/json", "contentSchema": {"$ref": document}}
    return _object(**dict.fromkeys(fields, _TEXT), json=record)


def _object(**fields: Schema) -> Schema:
    return {"$schema": DIALECT, "type": "object", "properties": fields, "required": list(fields)}


_CONTROL = _object(type={**_TEXT, OPEN_ENUM: ["tick", "book", "read_up", "act"]})
_HINT = _object(alert_id=_TEXT, revision={"type": "integer"}, stream_id=_TEXT)
