"""`anlan access`: what makes a county's users of Redis and ClickHouse, ready to paste."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from connectors.clickhouse_access import (
    DATABASE,
    make_password,
    require_county,
    require_hash,
    require_name,
    statements,
    users_file,
)
from connectors.redis_keys import county_access
from dataflows.failures import said_plainly
from dataflows.settings import load_settings


@click.group()
def access() -> None:
    """Who may read what: users of Redis and ClickHouse that see one county and nothing else."""


@access.command()
@click.argument("county")
@click.option("--user", default="", help="Name of the user; without it `county-<code>`.")
@click.option("--redis", "form", flag_value="redis", help="Only the line for Redis.")
@click.option("--clickhouse", "form", flag_value="clickhouse", help="Only the SQL for ClickHouse.")
@click.option("--users-file", "form", flag_value="file", help="A file for `users.d` of ClickHouse, instead of the SQL.")
@click.option("--sha256", "digest", default="", help="SHA-256 of the password; without it a fresh one is made.")
@click.option("--database", default="", help="Of the pool; without it the one that the settings name.")
@click.option("--prefix", default="", help="Of the names in Redis.")
@click.option("--config", type=click.Path(dir_okay=False), help="Settings; without it the environment and defaults.")
def county(
    county: str, user: str, form: str | None, digest: str, database: str, prefix: str, config: str | None
) -> None:
    """Print what makes the users of COUNTY (six digits), to be run by an administrator.

    Nothing is changed by it. Running what it prints again brings the users up to date: do so after an upgrade.
    A fresh password is shown once, on the error output; what is printed holds only its SHA-256.

    \b
    anlan access county 620102 --redis | redis-cli
    anlan access county 620102 --clickhouse | clickhouse-client
    """
    with said_plainly():
        name = require_name(user or f"county-{require_county(county)}")
        of = require_name(database or pool_database(load_settings(config).clickhouse))
        password, digest = ("", require_hash(digest)) if digest else make_password()
        texts = {
            "redis": " ".join(("ACL SETUSER", name, "reset", "on", f"#{digest}", *county_access(county, prefix))),
            "clickhouse": "\n".join(f"{each};" for each in statements(county, name, digest, of)),
            "file": users_file(county, name, digest, of).rstrip(),
        }
    if password:
        click.echo(f"password of {name}, shown this once: {password}", err=True)
    for each in (form,) if form else ("redis", "clickhouse"):
        click.echo(texts[each])


def pool_database(address: str) -> str:
    """The database that the address of a pool names."""
    parts = urlsplit(address)
    named = "" if parts.scheme == "chdb" else parts.path.strip("/")
    return named or DATABASE
