"""When a broker counts as away: not while one of several answers, not when an idle client hangs up."""

from __future__ import annotations

import json
import logging

import pytest
from confluent_kafka import KafkaError

from connectors.kafka import BrokerError, BrokerWatch, RawProducer
from connectors.kafka_watch import Ear
from connectors.metrics import Metrics

NO_CONNECTION = KafkaError(KafkaError._TRANSPORT)
ALL_DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN)


def report(ear: Ear, second: int, *states: str) -> None:
    brokers = {f"broker-{number}": {"state": state, "rx": 1} for number, state in enumerate(states)}
    ear.on_report(json.dumps({"ts": second * 1_000_000, "brokers": brokers, "topics": {}}))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_an_outage_that_several_clients_see_is_two_lines_and_as_long_as_the_last_of_them_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = Metrics()
    watch = BrokerWatch("a:1", metrics)
    first, second = watch.ear(), watch.ear()
    seen = []
    with caplog.at_level(logging.WARNING, logger="anlan.kafka"):
        for at in range(10, 70):
            for ear in (first, second):
                ear.on_error(NO_CONNECTION)
                report(ear, at, "INIT", "DOWN")
            seen.append(metrics.value("anlan_broker_missed_state"))
        report(first, 70, "UP", "DOWN")
        seen.append(metrics.value("anlan_broker_missed_state"))
        report(second, 75, "DOWN", "UP")

    assert lines(caplog) == [
        "broker_away bootstrap=a:1 everything waits until it is back",
        "broker_back seconds=65 bootstrap=a:1",
    ]
    assert seen == [0, *[1] * 60]
    assert metrics.value("anlan_broker_missed_state") == 0


def test_one_broker_of_three_that_is_away_is_no_outage(caplog: pytest.LogCaptureFixture) -> None:
    ear = BrokerWatch("a:1").ear()
    for at in range(5):
        ear.on_error(NO_CONNECTION)
        report(ear, at, "DOWN", "UP", "UP")

    assert lines(caplog) == []


def test_a_broker_that_hangs_up_on_an_idle_client_is_not_away(caplog: pytest.LogCaptureFixture) -> None:
    ear = BrokerWatch("a:1").ear()
    ear.on_error(NO_CONNECTION)
    ear.on_error(ALL_DOWN)
    for at in range(5):
        report(ear, at, "INIT")

    assert lines(caplog) == []


def test_a_client_that_ends_while_the_broker_is_away_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    watch = BrokerWatch("a:1")
    ear = watch.ear()
    for at in range(3):
        ear.on_error(NO_CONNECTION)
        report(ear, at, "DOWN")
    was_away = watch.is_away

    ear.close()

    assert (was_away, watch.is_away) == (True, False)
    assert len(lines(caplog)) == 1


def test_other_troubles_are_told_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    ear = BrokerWatch("a:1").ear()
    for at in range(25):
        report(ear, at, "UP")
        ear.on_error(KafkaError(KafkaError._BAD_MSG, "strange words"))

    assert lines(caplog) == ["broker_missed error='strange words' bootstrap=a:1"] * 3


def test_a_certificate_that_is_out_of_date_is_an_outage_with_its_remedy(caplog: pytest.LogCaptureFixture) -> None:
    watch = BrokerWatch("a:1")
    ear = watch.ear()
    for at in range(3):
        ear.on_error(KafkaError(KafkaError._SSL, "SSL handshake failed: certificate verify failed"))
        report(ear, at, "DOWN")

    assert watch.is_away
    assert ear.refused == ""
    told = next(line for line in lines(caplog) if "broker_missed" in line)
    assert "verify failed; see `tls_ca`, and the names and dates in the server's certificate" in told


def test_a_broker_that_lets_us_not_in_is_no_outage_to_wait_through() -> None:
    watch = BrokerWatch("127.0.0.1:1")
    producer = RawProducer("127.0.0.1:1", None, watch=watch)
    producer._ear.on_error(KafkaError(KafkaError._AUTHENTICATION, "wrong password"))

    with pytest.raises(BrokerError) as told:
        producer.check()

    assert str(told.value) == (
        "the broker must take what we send; got `wrong password` (127.0.0.1:1);"
        " see `kafka_user`, `kafka_password_file` and `kafka_mechanism`"
    )
