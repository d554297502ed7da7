"""Where a server is, and how a connection to it is secured: whom we trust, and who we are.

Every client of Kafka, Redis and ClickHouse gets what it is told about security here, in the words of its library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

SCRAM = "SCRAM-SHA-512"
MECHANISMS = (SCRAM, "SCRAM-SHA-256", "PLAIN")


class Lock(Struct, frozen=True):
    """How a connection is secured. Of a password it knows the file alone, so nothing that shows a lock shows one."""

    is_tls: bool = False
    ca: str = ""  # file with the certificates that vouch for a server's; "" is those of the machine
    certificate: str = ""  # file with ours, for servers that ask for one
    key: str = ""  # file with its private key
    user: str = ""
    password_file: str = ""
    mechanism: str = SCRAM  # how a password is proved to Kafka

    def password(self) -> str:
        """The password, read anew: who changes it starts us again and changes nothing else. Raises `ValueError`."""
        if not self.password_file:
            return ""
        try:
            text = Path(self.password_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "something that is not text"
            raise ValueError(f"a password must be in its file; got `{why}` ({self.password_file})") from None
        if not text:
            raise ValueError(f"a password must be in its file; got an empty one ({self.password_file})")
        return text


OPEN = Lock()
SEE_CERTIFICATE = "see `tls_ca`, and the names and dates in the server's certificate"


class Address(Struct, frozen=True):
    """A server as the settings name it; as text it is the place alone."""

    place: str
    lock: Lock = OPEN
    prefix: str = ""  # of the names of everything that is ours there: topics, keys
    others: tuple[str, ...] = ()  # topics there that are not ours and that we read, by their whole names

    def __str__(self) -> str:
        return self.place


class UnsafeError(ConnectionError):
    """Who answers does not show that it is the server we mean; passes when a certificate is replaced."""


Where = Address | str  # a string is the address of a server that asks for nothing


def address_of(where: Where) -> Address:
    """An address, also where only a place was given."""
    return Address(where) if isinstance(where, str) else where


def kafka_options(lock: Lock) -> dict[str, Any]:
    """What a client of librdkafka is told about security."""
    told = {"security.protocol": f"{'SASL_' if lock.user else ''}{'SSL' if lock.is_tls else 'PLAINTEXT'}"}
    if lock.is_tls:
        files = {
            "ssl.ca.location": lock.ca,
            "ssl.certificate.location": lock.certificate,
            "ssl.key.location": lock.key,
        }
        told |= {name: path for name, path in files.items() if path}
    if lock.user:
        told |= {"sasl.mechanisms": lock.mechanism, "sasl.username": lock.user, "sasl.password": lock.password()}
    return told


def redis_options(lock: Lock) -> dict[str, Any]:
    """What a client of redis-py is told beside the address, which says whether it is TLS."""
    told = {"username": lock.user, "password": lock.password()}
    if lock.is_tls:
        told |= {"ssl_ca_certs": lock.ca, "ssl_certfile": lock.certificate, "ssl_keyfile": lock.key}
    return {name: value for name, value in told.items() if value}


def clickhouse_options(lock: Lock) -> dict[str, Any]:
    """What a client of clickhouse-connect is told beside the address, which says whether it is TLS."""
    told = {"username": lock.user, "password": lock.password()}
    if lock.is_tls:
        told |= {"ca_cert": lock.ca, "client_cert": lock.certificate, "client_cert_key": lock.key}
        if lock.certificate and (lock.password_file or not lock.user):
            told["tls_mode"] = "strict"  # the certificate opens the connection, and says not who we are
    return {name: value for name, value in told.items() if value}
