"""Everything an installation may set: read once from a TOML file and the environment, passed down as arguments."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from alerts.select import nearest

PREFIX = "ANLAN_"

Count = Annotated[int, Meta(ge=1)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$")]  # of an installation
NoName = Annotated[str, Meta(pattern=r"^([a-z][a-z0-9-]{0,31})?$")]  # or none

_WRONG = re.compile(r"Expected (?P<wanted>.+?)(?:, got (?P<got>.+?))?(?: - at `\$\.(?P<place>[^`]+)`)?")


class SettingsError(ValueError):
    """A setting that is missing or wrong; the sentence names it and the remedy."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """One installation. Addresses default to servers on this machine; a secret has no default.

    Each field can be set in the file by its name, or in the environment as `ANLAN_<NAME>`, which wins.
    """

    kafka: str = "127.0.0.1:9092"  # bootstrap servers
    redis: str = "redis://127.0.0.1:6379/0"
    clickhouse: str = "http://127.0.0.1:8123/default"  # or chdb:///folder for the embedded engine
    installation: NoName = ""  # its name, where it shares servers with others: its topics and keys begin with that
    upstream: tuple[Name, ...] = ()  # installations on the same brokers whose intake logs come in here
    tls_ca: str = ""  # file with the certificates that vouch for those of servers; "" is those of this machine
    tls_certificate: str = ""  # file with our own, for servers that ask who we are
    tls_key: str = ""  # file with its private key
    kafka_tls: bool = False  # whether the brokers are spoken to in TLS; Redis and ClickHouse say so in their addresses
    kafka_user: str = ""  # "" is nobody, or whom `tls_certificate` names
    kafka_password_file: str = ""
    kafka_mechanism: str = "SCRAM-SHA-512"  # or SCRAM-SHA-256, PLAIN
    redis_user: str = ""
    redis_password_file: str = ""
    clickhouse_user: str = ""
    clickhouse_password_file: str = ""
    server_certificate: str = ""  # file with that of our own doors (push, service, metrics); "" is plain HTTP
    server_key: str = ""  # file with its private key
    server_behind_proxy: bool = False  # doors beyond this machine may speak plain HTTP: a proxy with TLS is before them
    keyring: str = ""  # file with the keys of the pseudonyms; must be set
    seal_key: str = ""  # file with the private key that opens sealed rows; must be set
    state: str = "data/state"  # snapshots for recovery, and rows that wait for a server, on a local disk
    drop: str = ""  # folder where departments drop files, one subfolder for each mapping; "" is none
    rules: tuple[str, ...] = ()  # rule files or folders; none is the shipped rule book
    routing: str = ""  # file of who is told, and who may do what; "" is the shipped one
    mappings: tuple[str, ...] = ()  # folders of mappings beside the shipped ones
    raw_mappings: dict[str, str] = {}  # which mapping reads a raw topic, where records do not say
    log_partitions: Count = 2  # of the intake log, when it is made: each costs a request for every batch
    shards: Count = 8  # of the keys; part of the saved data
    snapshot_seconds: Annotated[int, Meta(ge=0)] = 60  # how often state is saved; a crash goes back so far at most
    spool_bytes: Count = 1_000_000_000  # of each sink's rows on the disk while its server is away; then the flow waits
    stop_seconds: Count = 20  # that an orderly stop may take; then the process ends where it stands
    group_host: str = ""  # of `anlan group`: the name of this host, another one on each
    group_address: str = (
        ""  # of this host, where the others reach it; only they may: what is said there is not encrypted
    )
    group_port: Port = 9470  # of its supervisor; its processes take some of the hundred behind it
    group_processes: Count = 1  # that work on this host
    group_metrics_port: Port = 9469  # where the supervisor answers Prometheus; 0 is any free port
    group_lease_seconds: Annotated[float, Meta(ge=1)] = 10.0  # after which a host that is not heard is taken for lost
    metrics_address: str = "127.0.0.1"  # where `anlan run` and `anlan serve` answer Prometheus
    metrics_port: Port = 9464  # of `anlan run`; 0 is any free port
    http_port: Port = 0  # HTTP push on this port; 0 is off
    http_address: str = "127.0.0.1"
    http_tokens: str = ""  # `client=<sha256 of its token>,...`
    api_port: Port = 8090  # of `anlan serve`; 0 is any free port
    api_address: str = "127.0.0.1"
    api_tokens: str = ""  # file with the hashes of its tokens; this or `oidc_issuer` must be set
    oidc_issuer: str = ""  # address of the OpenID Connect issuer whose tokens it takes as well; "" is none
    oidc_audience: str = "anlan"  # whom such a token must be for (`aud`)
    oidc_name_claim: str = "preferred_username"  # who its bearer is, as the audit names them
    oidc_role_claim: str = "anlan_role"  # a role of the routing
    oidc_region_claim: str = "anlan_region"  # code of a county, township or village; `city` is all
    api_per_second: Annotated[float, Meta(gt=0)] = 20.0  # requests of one token; a hundred may come at once
    api_metrics_port: Port = 9465  # of `anlan serve`; 0 is any free port
    clock_start: int = 0  # microseconds since 1970 at which a simulated clock starts; 0 is the machine's clock
    clock_origin: float = 0.0  # the machine's time in seconds at which the simulated clock showed `clock_start`
    clock_speed: Annotated[float, Meta(gt=0)] = 1.0  # how much faster than the machine's clock it runs


def load_settings(path: str | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from a TOML file and the environment. Raises `SettingsError` with file and name of what is wrong."""
    values = {} if path is None else _from_file(path)
    found = _from_environment(os.environ if environment is None else environment)
    try:
        return msgspec.convert({**values, **found}, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise _refuse(str(error), found, path) from None


def required(settings: Settings, *names: str) -> None:
    """Raise `SettingsError` for the first of some settings that is empty."""
    for name in names:
        if not getattr(settings, name):
            raise SettingsError(
                f"`{name}` must be set; got nothing; set it in the file given with --config, or {PREFIX}{name.upper()}"
            )


def _from_file(path: str) -> dict[str, Any]:
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"settings must be in a file; got no file ({path})") from None
    except OSError as error:
        raise SettingsError(f"settings must be in a file; got `{error.strerror}` ({path})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings must be TOML; got {error} ({path})") from None
    known = Settings.__struct_fields__
    for name in values:
        if name not in known:
            raise SettingsError(f"a setting must be known; got `{name}`{nearest(name, known)} ({path})")
    return values


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    texts = {name: environment.get(PREFIX + name.upper()) for name in Settings.__struct_fields__}
    return {name: _parsed(name, text) for name, text in texts.items() if text is not None}


def _parsed(name: str, text: str) -> Any:
    default = Settings.__struct_defaults__[Settings.__struct_fields__.index(name)]
    if isinstance(default, tuple):
        return _parts(text)
    if name == "raw_mappings":
        return dict(_pair(name, part) for part in _parts(text))
    return text


def _parts(text: str) -> list[str]:
    return [part for piece in text.split(",") if (part := piece.strip())]


def _pair(name: str, part: str) -> tuple[str, str]:
    key, equals, value = part.partition("=")
    if not (key.strip() and equals and value.strip()):
        raise SettingsError(
            f"`{name}` must be `topic=mapping,...`; got `{part}` ({PREFIX}{name.upper()} in the environment)"
        )
    return key.strip(), value.strip()


def _refuse(told: str, found: Mapping[str, Any], path: str | None) -> SettingsError:
    """What msgspec says of a value, as a sentence of ours; the value itself may be a secret."""
    match = _WRONG.fullmatch(told)
    place = (match and match["place"]) or ""
    name = re.split(r"[.\[]", place)[0]
    where = f"{PREFIX}{name.upper()} in the environment" if name in found else str(path)
    if match is None or not place:
        return SettingsError(f"settings must be right; got {told} ({where})")
    got = match["got"] or "another"
    return SettingsError(f"`{place}` must be {match['wanted']}; got {got} ({where})")
