"""The contracts: the files say what the code says, real records fit them, and what was released still holds."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import validator_for
from small_city import DAY, HOUR, START, Run, make_rule, report

from alerts.desk.routing_file import read_routing
from alerts.model import (
    Action,
    AlertAction,
    Arrival,
    DeadLetter,
    Event,
    Link,
    Matchers,
    Receipt,
    Revision,
    Silencing,
    Slice,
    State,
    from_us,
)
from alerts.pipeline import Pipeline
from connectors.calendars import load_calendars
from connectors.contracts.asyncapi import FEEDS as CHANNELS
from connectors.contracts.compatibility import breaks
from connectors.contracts.documents import DOCUMENTS, FEEDS, RELEASED, documents, text_of
from connectors.contracts.json_schema import CONTRACTS, OPEN_ENUM, SENTENCES, Contract
from connectors.kafka_topics import RAW_PREFIX
from connectors.kafka_topics import topics as known_topics
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from connectors.yaml_file import load

PAGE = Path(__file__).parents[3] / "docs" / "contracts.md"
BY_NAME = {each.name: each for each in CONTRACTS}
AT = from_us(START)
FORMATS = FormatChecker(formats=())
ROUTING = {
    "apiVersion": "routing/v1",
    "levels": {"township": ["duty.street"], "county": ["duty.county"]},
    "chains": {"urgent": {"steps": [{"to": "township"}, {"to": "county", "after": "1h"}], "horizon": "1d"}},
    "routes": [{"chain": "urgent"}],
    "roles": {"supervisor": {"may": ["ack", "close", "silence", "note"], "ack_for": "1d", "silence_for": "7d"}},
}


@FORMATS.checks("date-time", raises=ValueError)
def is_instant(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def wrong(name: str, record: msgspec.Struct | dict[str, Any]) -> list[str]:
    """What the schema of a contract has against a record as it goes over the wire."""
    plain = json.loads(msgspec.json.encode(record))
    return [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(plain)]


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(documents()[BY_NAME[name].file], format_checker=FORMATS)


@cache
def reports() -> Sequence[Arrival]:
    """Reports of a few families over twelve days, through every channel."""
    rng = Random(7)
    found = []
    for number in range(260):
        at = START + rng.randrange(12 * 24) * HOUR
        event = Event(
            id=f"e{number}", channel=rng.choice(list(load_channels())), action=rng.choice(get_args(Action)[:11]),
            occurred_at=from_us(at), reporter=f"k1:{rng.randrange(6)}", pair=f"k1:p{rng.randrange(4)}",
            case=f"c{rng.randrange(40)}", category="dispute", subcategory=rng.choice(["family", "neighbour"]),
            region="620102001", violence=rng.randrange(4),
            cues=("alcohol",), link=Link("transfer", "c1") if number % 9 == 0 else None, satisfied=number % 2 == 0,
            unit_level=3, lat=38.9, lon=100.4, text="没水了", attrs={"rooms": [1, 2]},
        )  # fmt: skip
        found.append(Arrival(event, at))
    return sorted(found, key=lambda each: each.arrived_us)


@cache
def shipped() -> Sequence[Revision]:
    """What the shipped rules say of them."""
    channels = load_channels()
    pipeline = Pipeline(load_rules([RULES_FOLDER], channels, load_calendars()), channels)
    drafts = [draft for each in reports() for draft in pipeline.take(Slice(each.arrived_us, [each]))[1]]
    drafts += pipeline.take(Slice(START + 60 * DAY, []))[1]
    return [draft.revision for draft in drafts if not draft.standing]


@cache
def attended() -> Run:
    """An alert that people ack, silence and close."""
    run = Run(make_rule(levels=[{"gte": 1, "level": "red"}]), routing=read_routing(ROUTING))
    run.tell(report("e1", 0, region="620102001"))
    name = run.revisions[0].alert_id
    run.wait_until(2 * HOUR)
    silence = Silencing(Matchers(alert_id=name, level=("red",), key={"pair": "x"}), from_us(START), True)
    run.do(3 * HOUR, "silence", silence=silence, why="演练", until=AT + timedelta(hours=9))
    run.do(4 * HOUR, "ack", alert_id=name, revision=1, until=AT + timedelta(hours=8))
    run.do(5 * HOUR, "assign", alert_id=name, assigned_to="li")
    run.do(6 * HOUR, "close", alert_id=name, disposition="benign", why="已调解")
    return run


@pytest.mark.parametrize("name", documents())
def test_the_file_says_what_the_code_says(name: str) -> None:
    there = (DOCUMENTS / name).read_text(encoding="utf-8")

    assert there == text_of(documents()[name]), (
        f"{name} must be what the code says; got another; "
        "`anlan schema --out connectors/contracts/documents` writes it again"
    )


def test_no_file_is_left_over() -> None:
    assert {path.name for path in DOCUMENTS.iterdir()} == {*documents()}
    assert {path.name for path in RELEASED.iterdir()} == {each.file for each in CONTRACTS}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda each: each.name)
def test_what_was_released_still_holds(contract: Contract) -> None:
    released = json.loads((RELEASED / contract.file).read_text(encoding="utf-8"))

    found = breaks(released, documents()[contract.file], contract.direction)

    assert not found, f"{contract.name} must go on as it was released:\n" + "\n".join(map(str, found))


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda each: each.name)
def test_a_document_is_a_json_schema_and_every_field_has_its_sentence(contract: Contract) -> None:
    document = documents()[contract.file]
    root = document["$defs"][contract.type.__name__]

    validator_for(document).check_schema(document)
    assert [name for name, field in root["properties"].items() if "description" not in field] == []


def test_no_sentence_is_about_a_field_that_is_gone() -> None:
    known: dict[str, set[str]] = {}
    for contract in CONTRACTS:
        for name, part in documents()[contract.file]["$defs"].items():
            known.setdefault(name, set()).update(part["properties"])

    assert [
        (name, set(told) - known[name]) for name, told in load(SENTENCES).data.items() if set(told) - known[name]
    ] == []


def test_real_revisions_fit_their_schema() -> None:
    found = [*shipped(), *attended().revisions]

    assert {said for each in found for said in wrong("alert/1", each)} == set()
    assert len({each.kind for each in found}) >= 4
    assert {"open", "acked", "closed"} <= {each.state for each in found}
    assert any(each.route.muted_by for each in found)


def test_real_events_fit_their_schema() -> None:
    assert {said for each in reports() for said in wrong("event/1", each.event)} == set()


def test_what_people_do_and_what_becomes_of_it_fit_their_schemas() -> None:
    acted = attended().pipeline.acted

    assert [said for each in acted for said in wrong("acted/1", each) + wrong("alert-action/1", each.action)] == []
    assert {each.verdict for each in acted} == {"done", "refused"}


def test_a_receipt_fits_its_schema() -> None:
    name = shipped()[0].alert_id
    receipt = Receipt(name, 1, "duty.county", "board", "delivered", AT)

    assert wrong("receipt/1", receipt) == []


def test_a_dead_letter_fits_its_schema() -> None:
    letter = DeadLetter("a", "kafka:raw.police/0/1", "bad_time", "time must …", AT, raw="…")

    assert wrong("dead-letter/1", letter) == []


@pytest.mark.parametrize(
    ("name", "field", "value", "said"),
    [
        ("event/1", "occurred_at", "2026-03-02 09:00:00", "is not a 'date-time'"),
        ("event/1", "action", "rang", "is not one of"),
        ("event/1", "region", "6201", "not valid under any"),
        ("alert-action/1", "action", "sanction", "is not one of"),
        ("alert/1", "revision", "1", "is not of type 'integer'"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, field: str, value: Any, said: str) -> None:
    record: dict[str, Any] = msgspec.to_builtins(
        {
            "event/1": reports()[0].event,
            "alert-action/1": AlertAction("a1", "ack", "li", "duty", AT),
            "alert/1": shipped()[0],
        }[name]
    )

    assert wrong(name, record) == []
    assert said in wrong(name, {**record, field: value})[0]


def test_a_reader_takes_members_and_values_that_it_does_not_know() -> None:
    record = msgspec.to_builtins(shipped()[0])

    assert wrong("alert/1", {**record, "state": "paused", "weather": "rain"}) == []
    known = documents()["alert-1.json"]["$defs"]["Revision"]["properties"]["state"][OPEN_ENUM]
    assert set(known) == set(get_args(State))


def test_the_feeds_refer_only_to_what_is_there() -> None:
    """The structure that AsyncAPI 3.0 asks for: references resolve, parameters are those of the address."""
    document = documents()[FEEDS]

    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(document["info"])
    for pointer in references(document):
        if pointer.startswith("#/"):
            node: Any = document
            for name in pointer[2:].split("/"):
                node = node[name]
        else:
            assert pointer in documents()
    for channel in document["channels"].values():
        assert set(channel.get("parameters", {})) == ({"county"} if "{county}" in channel["address"] else set())
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert all(each["$ref"].startswith(operation["channel"]["$ref"]) for each in operation["messages"])


def test_every_feed_of_the_contract_is_in_the_document() -> None:
    topics = {each.address for each in CHANNELS if each.server == "kafka"}

    assert topics == {name for name in known_topics(()) if not name.startswith(RAW_PREFIX)}
    assert {each.address for each in CHANNELS if each.server == "redis"} == {
        "alerts:all", "alerts:{county}", "alerts.hint", "alerts.hint:{county}", "actions:all", "actions:{county}",
    }  # fmt: skip


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for each in node for found in references(each)]
    if not isinstance(node, dict):
        return []
    return [
        *([node["$ref"]] if isinstance(node.get("$ref"), str) else []),
        *(found for each in node.values() for found in references(each)),
    ]


def test_the_page_names_every_document_and_shows_a_real_sentence() -> None:
    page = PAGE.read_text(encoding="utf-8")
    old: dict[str, Any] = documents()["alert-1.json"]
    new = json.loads(json.dumps(old))
    del new["$defs"]["Route"]["properties"]["feed"]

    named = re.findall(r"^\| `([a-z-]+(?:-\d)?)` \|", page, flags=re.MULTILINE)
    assert {f"{name}.json" for name in named} == set(documents())
    assert str(breaks(old, new, "sent")[0]) in page
