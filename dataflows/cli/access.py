"""`anlan access`: what makes users of Kafka, Redis and ClickHouse with the least rights, ready to paste."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from alerts.select import nearest
from connectors.address import Address
from connectors.clickhouse_access import (
    DATABASE,
    make_password,
    process_statements,
    require_county,
    require_hash,
    require_name,
    statements,
    users_file,
)
from connectors.kafka_access import PROCESSES
from connectors.kafka_access import commands as kafka_commands
from connectors.redis_keys import STORES, county_access, process_access
from connectors.registry import load_channels
from dataflows.failures import said_plainly
from dataflows.servers import key_prefix, topic_prefix, upstream_logs
from dataflows.settings import load_settings


@click.group()
def access() -> None:
    """Who may do what: users that see one county and nothing else, and those of our own processes."""


@access.command()
@click.argument("county")
@click.option("--user", default="", help="Name of the user; without it `county-<code>`, behind the installation's.")
@click.option("--redis", "form", flag_value="redis", help="Only the line for Redis.")
@click.option("--clickhouse", "form", flag_value="clickhouse", help="Only the SQL for ClickHouse.")
@click.option("--users-file", "form", flag_value="file", help="A file for `users.d` of ClickHouse, instead of the SQL.")
@click.option("--sha256", "digest", default="", help="SHA-256 of the password; without it a fresh one is made.")
@click.option("--database", default="", help="Of the pool; without it the one that the settings name.")
@click.option("--config", type=click.Path(dir_okay=False), help="Settings; without it the environment and defaults.")
def county(county: str, user: str, form: str | None, digest: str, database: str, config: str | None) -> None:
    """Print what makes the users of COUNTY (six digits), to be run by an administrator.

    Nothing is changed by it. Running what it prints again brings the users up to date: do so after an upgrade.
    A fresh password is shown once, on the error output; what is printed holds only its SHA-256.

    \b
    anlan access county 620102 --redis | redis-cli
    anlan access county 620102 --clickhouse | clickhouse-client
    """
    with said_plainly():
        settings = load_settings(config)
        name = require_name(user or _named(f"county-{require_county(county)}", settings.installation))
        of = require_name(database or pool_database(settings.clickhouse))
        password, digest = ("", require_hash(digest)) if digest else make_password()
        texts = {
            "redis": " ".join(_redis_user(name, digest, county_access(county, key_prefix(settings)))),
            "clickhouse": "\n".join(f"{each};" for each in statements(county, name, digest, of)),
            "file": users_file(county, name, digest, of).rstrip(),
        }
    _show_once(name, password)
    for each in (form,) if form else ("redis", "clickhouse"):
        click.echo(texts[each])


@access.command()
@click.argument("process", type=click.Choice(tuple(PROCESSES)))
@click.option(
    "--user", default="", help="Name of the user; without it `anlan-<process>`, or `<installation>-<process>`."
)
@click.option("--kafka", "form", flag_value="kafka", help="Only the commands for Kafka.")
@click.option("--redis", "form", flag_value="redis", help="Only the line for Redis.")
@click.option("--clickhouse", "form", flag_value="clickhouse", help="Only the SQL for ClickHouse.")
@click.option("--channel", "channels", multiple=True, help="A raw topic's channel; may be repeated; default: all.")
@click.option("--sha256", "digest", default="", help="SHA-256 of the password; without it a fresh one is made.")
@click.option("--database", default="", help="Of the pool; without it the one that the settings name.")
@click.option("--config", type=click.Path(dir_okay=False), help="Settings; without it the environment and defaults.")
def process(
    process: str, user: str, form: str | None, channels: tuple[str, ...], digest: str, database: str, config: str | None
) -> None:
    """Print the rights of PROCESS, to be given by an administrator: what it needs and nothing more.

    `run` and `serve` are our own; `upkeep` (doctor, backup, restore, migrate), `ingest` and `replay` are commands that
    people run; a `department` writes its raw topic, a `messenger` receipts, and a `reader` reads alerts of the whole
    city. Nothing is changed by it. For Redis and ClickHouse a fresh password is shown once, on the error output;
    Kafka's is set with `kafka-configs.sh`.

    \b
    anlan access process run --kafka | KAFKA=broker:9093 ADMIN=admin.properties sh
    anlan access process department --user police-bureau --channel police --kafka
    anlan access process serve --redis | redis-cli
    """
    with said_plainly():
        settings = load_settings(config)
        name = require_name(user or _named(process, settings.installation or "anlan"))
        of = require_name(database or pool_database(settings.clickhouse))
        forms = ("kafka", "redis", "clickhouse") if process in STORES else ("kafka",)
        if form and form not in forms:
            raise ValueError(f"`{process}` must be a process that uses {form}; got one that uses Kafka alone")
        forms = (form,) if form else forms
        password, digest = ("", digest) if digest or forms == ("kafka",) else make_password()
        rights = process_access(process, key_prefix(settings)) if process in STORES else []
        topics = Address("", prefix=topic_prefix(settings), others=tuple(upstream_logs(settings)))
        told = {
            "kafka": lambda: kafka_commands(process, name, _known(channels), topics),
            "redis": lambda: [" ".join(_redis_user(name, require_hash(digest), rights))],
            "clickhouse": lambda: [f"{each};" for each in process_statements(process, name, digest, of)],
        }
        lines = [line for each in forms for line in told[each]()]
    _show_once(name, password)
    click.echo("\n".join(lines))


def _named(who: str, installation: str) -> str:
    return f"{installation}-{who}" if installation else who


def _redis_user(name: str, digest: str, rights: list[str]) -> tuple[str, ...]:
    return "ACL SETUSER", name, "reset", "on", f"#{digest}", *rights


def _show_once(name: str, password: str) -> None:
    if password:
        click.echo(f"password of {name}, shown this once: {password}", err=True)


def _known(channels: tuple[str, ...]) -> list[str]:
    known = load_channels()
    for channel in channels:
        if channel not in known:
            raise ValueError(f"a channel must be known; got `{channel}`{nearest(channel, list(known))}")
    return list(channels or known)


def pool_database(address: str) -> str:
    """The database that the address of a pool names."""
    parts = urlsplit(address)
    named = "" if parts.scheme == "chdb" else parts.path.strip("/")
    return named or DATABASE
