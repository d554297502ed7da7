"""`anlan access`: what it prints makes the users, and tells the password once."""

from __future__ import annotations

import hashlib
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from connectors.clickhouse_access import process_statements, statements, users_file
from connectors.kafka_access import commands
from connectors.redis_keys import county_access, process_access
from connectors.registry import load_channels
from dataflows.cli import main
from dataflows.cli.access import pool_database

HASH = hashlib.sha256(b"secret").hexdigest()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["access", "county", *arguments])


def test_it_prints_the_line_for_redis_and_the_sql() -> None:
    lines = run("620102", "--sha256", HASH).stdout.splitlines()

    assert lines[0].split() == ["ACL", "SETUSER", "county-620102", "reset", "on", f"#{HASH}", *county_access("620102")]
    assert lines[1:] == [f"{each};" for each in statements("620102", "county-620102", HASH)]


@pytest.mark.parametrize(
    ("form", "first", "other"),
    [
        ("--redis", "ACL SETUSER li", "CREATE"),
        ("--clickhouse", "CREATE", "ACL"),
        ("--users-file", "<clickhouse>", "ACL"),
    ],
)
def test_it_prints_one_of_them(form: str, first: str, other: str) -> None:
    said = run("620102", form, "--user", "li", "--sha256", HASH).stdout

    assert said.startswith(first)
    assert other not in said


def test_a_file_of_users_is_whole() -> None:
    said = run("620102", "--users-file", "--user", "li", "--sha256", HASH, "--database", "anlan").stdout

    assert said == users_file("620102", "li", HASH, "anlan")


def test_a_fresh_password_is_told_apart_from_what_is_run() -> None:
    result = run("620102")
    password = result.stderr.split()[-1]

    assert hashlib.sha256(password.encode()).hexdigest() in result.stdout
    assert password not in result.stdout
    assert len(result.stderr.splitlines()) == 1


def test_a_password_that_is_known_already_is_not_told() -> None:
    assert run("620102", "--sha256", HASH).stderr == ""


def test_the_database_is_that_of_the_pool(tmp_path: Path) -> None:
    config = tmp_path / "anlan.toml"
    config.write_text('clickhouse = "https://pool:8443/anlan"')

    assert "ON `anlan`.`events`" in run("620102", "--config", str(config)).stdout
    assert pool_database("chdb:///var/lib/anlan/pool") == "default"
    assert pool_database("http://127.0.0.1:8123") == "default"


def test_what_is_no_county_is_refused() -> None:
    result = run("6201")

    assert result.exit_code == 1
    assert "a county must be six digits, as in `620102`; got `6201`" in result.stderr


@pytest.mark.integration
def test_redis_takes_the_line(redis_url: str) -> None:
    made = run("620102", "--redis")
    line, password = made.stdout, made.stderr.split()[-1]
    with redis.Redis.from_url(redis_url) as admin:
        admin.execute_command(*shlex.split(line))
        with redis.Redis.from_url(redis_url.replace("//", f"//county-620102:{password}@")) as clerk:
            assert clerk.xlen("alerts:620102") == 0
            with pytest.raises(redis.exceptions.NoPermissionError):
                clerk.xlen("alerts:620103")
        admin.execute_command("ACL", "DELUSER", "county-620102")


def process(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["access", "process", *arguments])


def test_the_rights_of_a_process_are_printed_for_all_three() -> None:
    lines = process("run", "--sha256", HASH, "--channel", "police").stdout.splitlines()

    assert lines == [
        *commands("run", "anlan-run", ["police"]),
        " ".join(("ACL SETUSER anlan-run reset on", f"#{HASH}", *process_access("run"))),
        *(f"{each};" for each in process_statements("run", "anlan-run", HASH)),
    ]


def test_whoever_uses_kafka_alone_gets_commands_for_kafka_and_no_password() -> None:
    result = process("department", "--user", "police-bureau", "--channel", "police")

    assert result.output.splitlines() == [
        'kafka-acls.sh --bootstrap-server "$KAFKA" --command-config "$ADMIN" --add'
        ' --allow-principal "User:police-bureau" --operation Write --topic raw.police'
    ]
    assert len(process("department", "--kafka").stdout.split("--topic ")) - 1 == len(load_channels())


def test_what_cannot_be_given_is_refused() -> None:
    misspelt, alone, short = (
        process(*said).stderr
        for said in (("run", "--channel", "polize"), ("reader", "--redis"), ("run", "--sha256", "a"))
    )

    assert "a channel must be known; got `polize`; did you mean `police`" in misspelt
    assert "`reader` must be a process that uses redis; got one that uses Kafka alone" in alone
    assert "the SHA-256 of a password must be 64 digits" in short


def test_a_password_of_a_process_is_told_apart_from_what_is_run() -> None:
    result = process("serve", "--redis")
    password = result.stderr.split()[-1]

    assert f"#{hashlib.sha256(password.encode()).hexdigest()} " in result.stdout
    assert password not in result.stdout


def test_where_installations_share_servers_each_has_rights_on_its_own_names(tmp_path: Path) -> None:
    config = tmp_path / "anlan.toml"
    config.write_text(
        'installation = "gansu"\nupstream = ["lanzhou"]\nclickhouse = "http://pool/gansu"\n'
        # of a user whose password is not on the administrator's machine
        'redis_user = "x"\nredis_password_file = "/nowhere"'
    )
    asked = ("--config", str(config), "--sha256", HASH)

    said = process("run", "--channel", "police", *asked).stdout
    words = said.split()
    topics = [word for before, word in pairwise(words) if before == "--topic"]
    assert {topic.split(".")[0] for topic in topics if topic != "lanzhou.events.v1"} == {"gansu"}
    [reading] = [line for line in said.splitlines() if "lanzhou.events.v1" in line]
    assert reading.split("User:gansu-run")[1] == '" --operation Read --topic lanzhou.events.v1'
    assert "--group gansu.anlan. --resource-pattern-type prefixed" in said
    keys = [word for word in words if word.startswith("~")]
    assert keys
    assert all(key.startswith("~{gansu}:") for key in keys)
    assert "ON `gansu`.* TO `gansu-run`" in said

    county = run("620102", *asked).stdout
    assert "ACL SETUSER gansu-county-620102 " in county
    assert "~{gansu}:alerts:620102 " in county
    assert "CREATE ROLE IF NOT EXISTS `county_620102_gansu`" in county
