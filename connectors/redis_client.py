"""A connection to Redis or Valkey, and what a server says that passes, or does not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from connectors.address import SEE_CERTIFICATE, UnsafeError, Where, address_of, redis_options

PATIENT_SECONDS = 10.0  # that a spool waits for an answer

# what a server that is up says for a while: it loads, is a replica about to be promoted, has no memory, cannot
# save, has lost its replicas, runs somebody's script, or its cluster is being mended
PASSING = (
    "LOADING", "READONLY", "OOM", "MISCONF", "NOREPLICAS", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN",
)  # fmt: skip
REFUSED = (
    redis.exceptions.AuthenticationError,
    redis.exceptions.AuthorizationError,
    redis.exceptions.NoPermissionError,
)


class RedisRefusedError(RuntimeError):
    """The server answers and does not let us do what we must: trying again does not help."""


def connect(url: Where, seconds: float = PATIENT_SECONDS) -> redis.Redis:
    """A connection whose only patience is ours: the client itself never tries again."""
    address = address_of(url)
    return redis.Redis.from_url(
        address.place, socket_timeout=seconds, socket_connect_timeout=min(seconds, 5.0), retry=Retry(NoBackoff(), 0),
        protocol=2, **redis_options(address.lock),
    )  # fmt: skip


def place_of(client: redis.Redis) -> str:
    """Host and port, without a password that an address may hold."""
    known = client.connection_pool.connection_kwargs
    return f"{known.get('host', 'socket')}:{known.get('port', '')}"


def is_transient(error: BaseException) -> bool:
    """Whether trying the same again may help."""
    if isinstance(error, REFUSED):
        return False
    if isinstance(error, redis.exceptions.ConnectionError | redis.exceptions.TimeoutError):
        return True
    said = f"{getattr(error, 'status_code', None) or ''} {error}".split()
    return isinstance(error, redis.exceptions.ResponseError) and bool(said) and said[0].strip("-") in PASSING


def require_redis(url: Where) -> None:
    """See that the server lets us in; raises `ConnectionError` where it is away, `RedisRefusedError`, `UnsafeError`."""
    with contextlib.closing(connect(url)) as client, answered(client):
        client.ping()


@contextlib.contextmanager
def answered(client: redis.Redis) -> Iterator[None]:
    """As `asking`; what else goes wrong is a `ConnectionError`, for who does not try again."""
    try:
        with asking(client):
            yield
    except redis.exceptions.RedisError as error:
        place = place_of(client)
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise UnsafeError(
                f"redis must show a certificate that we trust; got `{error}` ({place}); {SEE_CERTIFICATE}"
            ) from error
        raise ConnectionError(
            f"redis must answer; got `{error}` ({place}); start it, or see `redis` and whether it speaks TLS"
        ) from error


@contextlib.contextmanager
def asking(client: redis.Redis) -> Iterator[None]:
    """Say plainly what a server refuses, and which setting or right mends it. Raises `RedisRefusedError`.

    After what passes by itself nothing is asked on the same connection again: of a server that was made a replica the
    name leads to another one by then.
    """
    try:
        yield
    except REFUSED as error:
        is_right = isinstance(error, redis.exceptions.NoPermissionError)
        remedy = "give our user its rights: `anlan access process` prints them" if is_right else _LOGIN
        raise RedisRefusedError(f"redis must let us in; got `{error}` ({place_of(client)}); {remedy}") from error
    except redis.exceptions.RedisError as error:
        if is_transient(error):
            client.connection_pool.disconnect(inuse_connections=False)
        raise


_LOGIN = "see `redis_user` and `redis_password_file`"
