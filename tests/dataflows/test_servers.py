"""What the settings say of TLS and authentication, and what is refused before anything is sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from certificates import Authority

from connectors.address import Address, clickhouse_options, kafka_options, redis_options
from dataflows.servers import door_files, kafka_of, pool_of, redis_of
from dataflows.settings import Settings, SettingsError

SECRET = "sesame-open-yourself"


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(SECRET + "\n", encoding="utf-8")
    return str(file)


@pytest.fixture
def ours(tmp_path: Path) -> dict[str, str]:
    authority = Authority(tmp_path)
    pair = authority.sign("anlan")
    return {"tls_ca": str(authority.ca), "tls_certificate": str(pair.certificate), "tls_key": str(pair.key)}


def test_without_a_word_about_security_nothing_is_asked_for() -> None:
    settings = Settings()

    assert kafka_options(kafka_of(settings).lock) == {"security.protocol": "PLAINTEXT"}
    assert redis_options(redis_of(settings).lock) == clickhouse_options(pool_of(settings).lock) == {}
    assert door_files(settings) == ("", "")


def test_each_library_is_told_of_tls_and_user_in_its_own_words(password: str, ours: dict[str, str]) -> None:
    settings = Settings(
        **ours,
        **{f"{name}_user": "anlan" for name in ("kafka", "redis", "clickhouse")},
        **{f"{name}_password_file": password for name in ("kafka", "redis", "clickhouse")},
        kafka="broker:9093",
        kafka_tls=True,
        redis="rediss://cache:6380/0",
        clickhouse="https://pool:8443/anlan",
    )
    ca, certificate, key = ours.values()

    assert kafka_options(kafka_of(settings).lock) == {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": ca,
        "ssl.certificate.location": certificate,
        "ssl.key.location": key,
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": "anlan",
        "sasl.password": SECRET,
    }
    assert redis_options(redis_of(settings).lock) == {
        "username": "anlan",
        "password": SECRET,
        "ssl_ca_certs": ca,
        "ssl_certfile": certificate,
        "ssl_keyfile": key,
    }
    assert clickhouse_options(pool_of(settings).lock) == {
        "username": "anlan",
        "password": SECRET,
        "ca_cert": ca,
        "client_cert": certificate,
        "client_cert_key": key,
        "tls_mode": "strict",
    }


def test_a_certificate_says_who_we_are_to_clickhouse_where_a_user_has_no_password(ours: dict[str, str]) -> None:
    settings = Settings(**ours, clickhouse="https://pool:8443/anlan")
    by_certificate = msgspec.structs.replace(settings, clickhouse_user="anlan")

    assert clickhouse_options(pool_of(settings).lock)["tls_mode"] == "strict"
    assert "tls_mode" not in clickhouse_options(pool_of(by_certificate).lock)


def test_an_address_shows_its_place_and_never_a_password(password: str) -> None:
    address = kafka_of(Settings(kafka_user="anlan", kafka_password_file=password))

    assert str(address) == "127.0.0.1:9092"
    assert SECRET not in repr(address)
    assert kafka_options(address.lock)["sasl.password"] == SECRET


def test_a_pool_that_a_command_names_is_entered_with_the_user_of_the_settings(password: str) -> None:
    settings = Settings(clickhouse_user="anlan", clickhouse_password_file=password)

    assert clickhouse_options(pool_of(settings, "https://other:8443/x").lock)["username"] == "anlan"
    assert pool_of(settings, "chdb:///folder") == Address("chdb:///folder")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"redis": f"redis://:{SECRET}@a"}, "`redis` must be an address without a password, .*`redis_password_file`"),
        ({"redis": f"redis://me:{SECRET}@ca\u2100che"}, "`redis` must be an address; got one that cannot be read"),
        ({"redis": f"redis://cache?password={SECRET}"}, "`redis` must be an address without a password"),
        ({"clickhouse": f"https://me:{SECRET}@pool/x"}, "`clickhouse` must be an address without a password"),
        ({"clickhouse": f"https://pool/x?access_token={SECRET}"}, "`clickhouse` must be an address without a password"),
        ({"kafka_password_file": "PASSWORD"}, "`kafka_user` must be set where `kafka_password_file` is; got nothing"),
        ({"kafka_user": "anlan"}, "`kafka_password_file` must be set where `kafka_user` is; got nothing"),
        ({"kafka_mechanism": "GSSAPI"}, "`kafka_mechanism` must be one of SCRAM-SHA-512, .*; got `GSSAPI`"),
        (
            {"kafka": "127.0.0.1:1,b:9092", "kafka_user": "anlan", "kafka_password_file": "PASSWORD"},
            r"a password must only go out encrypted; .* without TLS \(127.0.0.1:1,b:9092\); set `kafka_tls`",
        ),
        (
            {"kafka": "broker", "kafka_user": "anlan", "kafka_password_file": "PASSWORD"},
            r"a password must only go out encrypted; .* without TLS \(broker\); set `kafka_tls`",
        ),
        (
            {"redis": "redis://cache:1/0", "redis_user": "anlan", "redis_password_file": "PASSWORD"},
            r"a password must only go out encrypted; .*\(redis://cache:1/0\); let `redis` begin with rediss://",
        ),
        (
            {"clickhouse": "http://pool/x", "clickhouse_user": "anlan", "clickhouse_password_file": "PASSWORD"},
            "a password must only go out encrypted; .*; let `clickhouse` begin with https://",
        ),
        (
            {"redis_user": "anlan", "redis_password_file": "/nowhere/password"},
            r"`redis_password_file`: a password must be in its file; got `No such file .*` \(/nowhere/password\)",
        ),
        (
            {"redis_user": "anlan", "redis_password_file": "/dev/null"},
            r"`redis_password_file`: a password must be in its file; got an empty one \(/dev/null\)",
        ),
        ({"tls_ca": "/nowhere/ca"}, r"`tls_ca` must be a file that can be read; got `No such file or directory` \(/n"),
        ({"tls_certificate": "/dev/null"}, "`tls_certificate` and `tls_key` must be set together; got no `tls_key`"),
        ({"tls_ca": "PASSWORD"}, "`tls_ca` must be certificates in PEM; got "),
        (
            {"tls_certificate": "PASSWORD", "tls_key": "PASSWORD"},
            "`tls_certificate` and `tls_key` must be a certificate and its key in PEM; got ",
        ),
        ({"server_key": "/dev/null"}, "`server_certificate` and `server_key` must be set .*; got no `server_cert"),
        (
            {"server_certificate": "PASSWORD", "server_key": "PASSWORD"},
            "`server_certificate` and `server_key` must be a certificate and its key in PEM; got ",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)  # fmt: skip
def test_a_lock_that_would_not_hold_is_refused_without_its_secret(
    wrong: dict[str, str], sentence: str, password: str
) -> None:
    settings = Settings(**{name: password if value == "PASSWORD" else value for name, value in wrong.items()})

    with pytest.raises(SettingsError, match=sentence) as told:
        ask_all(settings)

    assert SECRET not in str(told.value)


BEYOND = ["0.0.0.0", "::", "", "192.168.7.2", "anlan.example"]
DOORS = ["http_address", "api_address", "metrics_address"]


@pytest.mark.parametrize("address", BEYOND)
@pytest.mark.parametrize("name", DOORS)
def test_a_door_beyond_this_machine_needs_a_certificate_or_a_proxy(name: str, address: str) -> None:
    open_to_all = Settings(**{name: address})

    with pytest.raises(
        SettingsError, match=f"must have a certificate, .*; got `{address}` as `{name}`; set `server_ce"
    ):
        door_files(open_to_all, *DOORS)

    assert door_files(msgspec.structs.replace(open_to_all, server_behind_proxy=True), *DOORS) == ("", "")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_a_door_on_this_machine_needs_none(address: str) -> None:
    assert door_files(Settings(http_address=address, api_address=address), *DOORS) == ("", "")


def test_a_door_with_a_certificate_may_be_anywhere(tmp_path: Path) -> None:
    pair = Authority(tmp_path).sign("door")
    settings = Settings(api_address="0.0.0.0", server_certificate=str(pair.certificate), server_key=str(pair.key))

    assert door_files(settings, *DOORS) == (str(pair.certificate), str(pair.key))


def ask_all(settings: Settings) -> Any:
    return kafka_of(settings), redis_of(settings), pool_of(settings), door_files(settings)


def test_the_page_names_every_setting_of_a_lock() -> None:
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.split("## Settings")[1].split("```")[0]
    words = ("tls", "user", "password", "mechanism", "certificate", "server_key", "proxy")

    found = {name for name in Settings.__struct_fields__ if any(word in name for word in words)}

    assert found == {name for name in re.findall(r"`([a-z_]+)`", table) if name in Settings.__struct_fields__}


def test_the_threat_model_names_tests_that_are_there() -> None:
    root = Path(__file__).parents[2]
    named = set(re.findall(r"`(test_\w+\.py)`", (root / "docs" / "threat-model.md").read_text(encoding="utf-8")))

    assert len(named) > 10
    assert named <= {path.name for path in (root / "tests").rglob("test_*.py")}


def test_the_name_of_an_installation_stands_before_its_topics_and_keys() -> None:
    settings = Settings(installation="gansu", upstream=("lanzhou",), clickhouse="http://pool:8123/gansu")

    assert (kafka_of(settings).prefix, kafka_of(settings).others) == ("gansu.", ("lanzhou.events.v1",))
    assert redis_of(settings).prefix == "{gansu}:"
    assert (kafka_of(Settings()).prefix, redis_of(Settings()).prefix) == ("", "")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            Settings(installation="gansu", upstream=("lanzhou", "gansu")),
            "`upstream` must be other installations; got `gansu`, which is this one",
        ),
        (
            Settings(upstream=("lanzhou", "lanzhou")),
            "`upstream` must name each installation once; got lanzhou, lanzhou",
        ),
        (
            Settings(installation="gansu"),
            "`clickhouse` must name a database of its own where `installation` is set; got `default`, which is for one"
            " that has the server to itself; let it end in /gansu",
        ),
    ],
    ids=["itself", "twice", "everybody's database"],
)
def test_installations_that_would_meet_are_refused(settings: Settings, sentence: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(sentence)}$"):
        ask_all(settings)
