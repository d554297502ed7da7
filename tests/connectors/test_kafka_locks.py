"""Apache Kafka behind TLS, passwords, certificates and ACLs: who is let in, what is refused, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from locked_kafka import LockedKafka

from connectors.address import Address, Lock
from connectors.kafka import (
    ALERTS,
    INTAKE_LOG,
    BrokerError,
    RawProducer,
    ensure_topics,
    log_bounds,
    partitions_of,
    read_all,
    topics,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

OURS = "raw.police"


@pytest.fixture(scope="module")
def anlan(kafka: LockedKafka) -> Address:
    """The flow's own user, with exactly the rights that are printed for it."""
    kafka.add_user("anlan", "a secret of its own")
    kafka.allow("run", "anlan", ["police"])
    return kafka.user("anlan")


def with_lock(address: Address, **changed: str | bool) -> Address:
    return msgspec.structs.replace(address, lock=msgspec.structs.replace(address.lock, **changed))


WrongWay = Callable[[LockedKafka, Address, Path], Address]


def certified_by(of: str) -> WrongWay:
    def way(kafka: LockedKafka, anlan: Address, folder: Path) -> Address:
        pair = getattr(kafka, of).sign("somebody")
        return Address(kafka.door("CERTIFICATE"), Lock(True, anlan.lock.ca, str(pair.certificate), str(pair.key)))

    return way


def another_password(kafka: LockedKafka, anlan: Address, folder: Path) -> Address:
    (folder / "password").write_text("sesame")
    return with_lock(anlan, password_file=str(folder / "password"))


CERTIFICATE = "see `tls_ca`, and the names and dates in the server's certificate"
LOGIN = "see `kafka_user`, `kafka_password_file` and `kafka_mechanism`"
WRONG: dict[str, tuple[WrongWay, str]] = {
    "a stranger's authority": (
        lambda kafka, anlan, _: with_lock(anlan, ca=str(kafka.stranger.ca)),
        f"unable to get local issuer certificate` (PLACE); {CERTIFICATE}",
    ),
    "an expired certificate": (
        lambda kafka, anlan, _: msgspec.structs.replace(anlan, place=kafka.door("EXPIRED")),
        f"got `certificate has expired` (PLACE); {CERTIFICATE}",
    ),
    "another name than the certificate's": (
        lambda kafka, anlan, _: msgspec.structs.replace(anlan, place=anlan.place.replace("127.0.0.1", "localhost")),
        f"certificate is not valid for 'localhost'.` (PLACE); {CERTIFICATE}",
    ),
    "a wrong password": (another_password, LOGIN),
    "a user nobody knows": (lambda kafka, anlan, _: with_lock(anlan, user="nobody"), LOGIN),
    "a mechanism that is not offered": (lambda kafka, anlan, _: with_lock(anlan, mechanism="PLAIN"), LOGIN),
    "no TLS where there is": (lambda kafka, anlan, _: with_lock(anlan, is_tls=False), "see `kafka` and `kafka_tls`"),
    "TLS where there is none": (
        lambda kafka, anlan, _: msgspec.structs.replace(anlan, place=kafka.bootstrap),
        "see `kafka_tls`",
    ),
    "a certificate of ours that a stranger signed": (certified_by("stranger"), "see `tls_certificate` and `tls_key`"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_whoever_is_not_let_in_is_told_by_which_setting(
    kafka: LockedKafka, anlan: Address, tmp_path: Path, wrong: str
) -> None:
    way, remedy = WRONG[wrong]
    address = way(kafka, anlan, tmp_path)

    with pytest.raises(BrokerError) as told:
        partitions_of(address, [OURS], seconds=1.5)

    sentence = str(told.value)
    assert sentence.startswith("broker must ")
    assert f"({address.place}); " in sentence
    assert remedy.replace("PLACE", address.place) in sentence
    assert "sesame" not in sentence


def test_the_printed_rights_let_a_flow_make_write_and_read_its_topics(kafka: LockedKafka, anlan: Address) -> None:
    made = ensure_topics(anlan, topics(["police"]))
    with RawProducer(anlan) as producer:
        for topic in (OURS, INTAKE_LOG):
            producer.send(topic, b"1")

    assert set(made) == set(topics(["police"]))
    assert [record.value for topic in (OURS, INTAKE_LOG) for record in read_all(anlan, {(topic, 0): -1})][-1] == b"1"


def test_they_let_it_do_nothing_elsewhere(kafka: LockedKafka, anlan: Address, topic_prefix: str) -> None:
    ensure_topics(kafka.bootstrap, {f"{topic_prefix}a": 1})

    with pytest.raises(BrokerError, match=r"got no `.*a`.*; make them, or give our user its rights: `anlan access pro"):
        partitions_of(anlan, [f"{topic_prefix}a"])
    with pytest.raises(
        BrokerError, match=r"must be made; got `Authorization failed.`.*; give our user its rights: `an"
    ):
        ensure_topics(anlan, {f"{topic_prefix}b": 1})
    with pytest.raises(BrokerError, match=r"authorization failed.*; give our user its rights") as told:
        send(anlan, f"{topic_prefix}a")
    assert f"({topic_prefix}a, partition" in str(told.value)


def send(address: Address, topic: str) -> None:
    with RawProducer(address, 3.0) as producer:
        producer.send(topic, b"1")


def test_a_department_puts_rows_into_its_own_topic_and_reads_none(kafka: LockedKafka, anlan: Address) -> None:
    ensure_topics(kafka.bootstrap, topics(["police", "grid"]))
    kafka.add_user("police-department", "a secret of its own")
    kafka.allow("department", "police-department", ["police"])
    department = kafka.user("police-department")

    send(department, OURS)

    with pytest.raises(BrokerError, match="authorization failed"):
        send(department, "raw.grid")
    with pytest.raises(BrokerError, match=r"authorization failed.*; give our user its rights"):
        list(read_all(department, {(OURS, 0): -1}))


def test_an_installation_sees_its_own_names_and_not_those_of_another(kafka: LockedKafka) -> None:
    kafka.add_user("lanzhou-replay", "a secret of its own")
    kafka.allow("replay", "lanzhou-replay", prefix="lanzhou.")
    user, own, other = kafka.user("lanzhou-replay"), {"prefix": "lanzhou."}, {"prefix": "baiyin."}
    for each in (own, other):
        ensure_topics(Address(kafka.bootstrap, **each), {INTAKE_LOG: 1})

    assert log_bounds(msgspec.structs.replace(user, **own), INTAKE_LOG) == {0: (0, 0)}
    with pytest.raises(BrokerError, match=r"got no `baiyin\.events\.v1`"):
        log_bounds(msgspec.structs.replace(user, **other), INTAKE_LOG)


def test_a_county_and_an_outsider_see_no_topic_at_all(kafka: LockedKafka, anlan: Address) -> None:
    ensure_topics(kafka.bootstrap, topics(["police"]))
    kafka.add_user("county-620102", "a secret of its own")

    with pytest.raises(BrokerError, match="got no `"):
        log_bounds(kafka.user("county-620102"), ALERTS)
    with pytest.raises(BrokerError, match=LOGIN):
        log_bounds(kafka.user("outsider"), ALERTS)


def test_who_has_no_password_comes_in_by_certificate_with_the_rights_of_its_name(
    kafka: LockedKafka, anlan: Address
) -> None:
    ensure_topics(kafka.bootstrap, topics(["police"]))
    pair = kafka.authority.sign("warehouse")
    kafka.allow("reader", "warehouse")
    reader = Address(kafka.door("CERTIFICATE"), Lock(True, anlan.lock.ca, str(pair.certificate), str(pair.key)))

    assert list(read_all(reader, {(ALERTS, 0): -1})) == []
    with pytest.raises(BrokerError, match=r"got no `events\.v1`"):
        log_bounds(reader, INTAKE_LOG)
