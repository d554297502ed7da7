"""The servers that the settings name, each with what secures the way to it; and the certificate of our own doors."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from msgspec.structs import replace

from connectors.address import MECHANISMS, Address, Lock
from connectors.kafka import INTAKE_LOG
from dataflows.settings import Settings, SettingsError, load_settings

ON_THIS_MACHINE = ("", "127.0.0.1", "::1", "localhost")
_SECRET = {"password", "access_token"}


def kafka_of(settings: Settings) -> Address:
    """The brokers. Raises `SettingsError` for a lock that would not hold."""
    if settings.kafka_mechanism not in MECHANISMS:
        known = ", ".join(MECHANISMS)
        raise SettingsError(f"`kafka_mechanism` must be one of {known}; got `{settings.kafka_mechanism}`")
    hosts = [urlsplit(f"//{place.strip()}").hostname for place in settings.kafka.split(",")]
    is_near = all(host in ON_THIS_MACHINE for host in hosts)
    address = _locked(settings, "kafka", settings.kafka, settings.kafka_tls, is_near)
    return replace(address, prefix=topic_prefix(settings), others=tuple(upstream_logs(settings)))


def topic_prefix(settings: Settings) -> str:
    """What the names of all our topics begin with on the brokers, and those of our clients and groups."""
    return f"{settings.installation}." if settings.installation else ""


def key_prefix(settings: Settings) -> str:
    """What the names of all our keys begin with in Redis; what stands in braces keeps them on one node of a cluster."""
    return f"{{{settings.installation}}}:" if settings.installation else ""


def upstream_logs(settings: Settings) -> dict[str, str]:
    """The intake logs that come in here, and whose each is. Raises `SettingsError` for our own, and for one twice."""
    if settings.installation in settings.upstream:
        raise SettingsError(f"`upstream` must be other installations; got `{settings.installation}`, which is this one")
    if len(set(settings.upstream)) < len(settings.upstream):
        raise SettingsError(f"`upstream` must name each installation once; got {', '.join(settings.upstream)}")
    return {f"{name}.{INTAKE_LOG}": name for name in settings.upstream}


def redis_of(settings: Settings) -> Address:
    """Redis or Valkey. Raises `SettingsError` for a lock that would not hold."""
    return replace(_of_url(settings, "redis", settings.redis, "rediss"), prefix=key_prefix(settings))


def pool_of(settings: Settings, instead: str = "") -> Address:
    """The data pool, or another one than the settings name. Raises `SettingsError` for a lock that would not hold."""
    if instead.startswith("chdb:"):
        return Address(instead)
    address = _of_url(settings, "clickhouse", instead or settings.clickhouse, "https")
    if settings.installation and not instead and urlsplit(settings.clickhouse).path.strip("/") in ("", "default"):
        raise SettingsError(
            "`clickhouse` must name a database of its own where `installation` is set; got `default`, which is for one"
            f" that has the server to itself; let it end in /{settings.installation}"
        )
    return address


def pool_named(address: str) -> Address:
    """A pool that a command line names; who we are there stands in the environment, as for that of the settings."""
    return pool_of(load_settings(), address)


def _of_url(settings: Settings, name: str, url: str, scheme: str) -> Address:
    try:
        parts = urlsplit(url)
        has_secret = parts.password is not None or bool(_SECRET & parse_qs(parts.query).keys())
        host = parts.hostname or ""
    except ValueError:  # its words may repeat a password
        raise SettingsError(f"`{name}` must be an address; got one that cannot be read; look at its host") from None
    if has_secret:
        raise SettingsError(
            f"`{name}` must be an address without a password, which logs and process lists would show; got one with it;"
            f" write it into a file and name that in `{name}_password_file`"
        )
    return _locked(settings, name, url, parts.scheme == scheme, host in ON_THIS_MACHINE)


def _locked(settings: Settings, name: str, place: str, is_tls: bool, is_near: bool) -> Address:
    user: str = getattr(settings, f"{name}_user")
    password_file: str = getattr(settings, f"{name}_password_file")
    if password_file and not user:
        raise SettingsError(f"`{name}_user` must be set where `{name}_password_file` is; got nothing")
    if password_file and not (is_tls or is_near):
        raise SettingsError(
            f"a password must only go out encrypted; got `{name}_password_file` and an address without TLS ({place});"
            f" {_TLS[name]}"
        )
    if name == "kafka" and user and not password_file:
        raise SettingsError("`kafka_password_file` must be set where `kafka_user` is; got nothing")
    certificate, key = _pair(settings, "tls_certificate", "tls_key")
    lock = Lock(is_tls, _authority(settings), certificate, key, user, password_file, settings.kafka_mechanism)
    try:
        lock.password()
    except ValueError as error:
        raise SettingsError(f"`{name}_password_file`: {error}") from None
    return Address(place, lock)


_TLS = {
    "kafka": "set `kafka_tls`",
    "redis": "let `redis` begin with rediss://",
    "clickhouse": "let `clickhouse` begin with https://",
}


def _file(settings: Settings, name: str) -> str:
    """A file of certificates or keys, which must be there."""
    path: str = getattr(settings, name)
    if not path:
        return ""
    try:
        with open(path, "rb"):
            return path
    except OSError as error:
        raise SettingsError(f"`{name}` must be a file that can be read; got `{error.strerror}` ({path})") from None


def door_files(settings: Settings, *addresses: str) -> tuple[str, str]:
    """Certificate and key of our own doors, both "" where they speak plain HTTP.

    `addresses` are the settings that say where they listen: beyond this machine without a certificate none does, unless
    a proxy stands before it. Raises `SettingsError`.
    """
    certificate, key = _pair(settings, "server_certificate", "server_key")
    if not certificate and not settings.server_behind_proxy:
        for name in addresses:
            _require_near(name, getattr(settings, name))
    return certificate, key


def _require_near(name: str, address: str) -> None:
    try:
        is_near = address == "localhost" or ip_address(address).is_loopback
    except ValueError:
        is_near = False
    if not is_near:
        raise SettingsError(
            f"a door beyond this machine must have a certificate, or tokens go out in the clear; got `{address}` as"
            f" `{name}`; set `server_certificate` and `server_key`, or `server_behind_proxy` where a proxy with TLS is"
            " the only way to it"
        )


def _pair(settings: Settings, name: str, other: str) -> tuple[str, str]:
    """The files of a certificate and its key, which fit."""
    certificate, key = _file(settings, name), _file(settings, other)
    if bool(certificate) != bool(key):
        raise SettingsError(f"`{name}` and `{other}` must be set together; got no `{other if certificate else name}`")
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with _in_pem(f"`{name}` and `{other}` must be a certificate and its key", f"{certificate}, {key}"):
            context.load_cert_chain(certificate, key, password="")  # or it would ask for one on the terminal
    return certificate, key


def _authority(settings: Settings) -> str:
    """The file of the certificates that vouch for others."""
    ca = _file(settings, "tls_ca")
    if ca:
        with _in_pem("`tls_ca` must be certificates", ca):
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(ca)
    return ca


@contextlib.contextmanager
def _in_pem(must: str, where: str) -> Iterator[None]:
    try:
        yield
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(f"{must} in PEM; got `{getattr(error, 'reason', None) or error}` ({where})") from None
