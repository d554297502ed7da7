"""What a flow begins with: its servers are there, its state is taken up, and its life has a number."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from connectors.address import UnsafeError
from connectors.clickhouse import Pool
from connectors.clickhouse_client import PoolRefusedError
from connectors.kafka import BrokerError, ensure_topics, greatest_topic_epoch, topics
from connectors.kafka_look import look_at_cluster
from connectors.redis import greatest_epoch
from connectors.redis_client import require_redis
from connectors.registry import load_channels
from dataflows.servers import kafka_of, pool_of, redis_of, upstream_logs
from dataflows.settings import Settings
from dataflows.start import Start, next_epoch, state_folder, take_up

POOL_PATIENCE = timedelta(seconds=3)

_log = logging.getLogger("anlan.run")


class Begun(NamedTuple):
    """What a flow goes on from."""

    folder: Path  # of the state
    start: Start
    epoch: int  # of this life


Begin = Callable[[Settings], contextlib.AbstractContextManager[Begun]]


@contextlib.contextmanager
def begin_alone(settings: Settings) -> Iterator[Begun]:
    """The folder of the state, locked while the block lasts; everything in it was looked at."""
    with state_folder(settings) as folder:
        prepare(settings)
        start = take_up(folder, settings)
        yield Begun(folder, start, next_epoch(folder, _greatest_epoch(settings)))


def prepare(settings: Settings) -> None:
    """Make the topics and the pool's tables where they are missing, and see that every server lets us in.

    A pool or a Redis that is away is waited for later; a pool gets its tables when it is back.
    """
    wanted = topics(load_channels(), log_partitions=settings.log_partitions)
    ensure_topics(kafka_of(settings), wanted)
    require_upstream(settings)
    try:
        with Pool(pool_of(settings), patience=POOL_PATIENCE) as pool:
            pool.migrate()
    except (PoolRefusedError, UnsafeError):
        raise
    except ConnectionError as error:
        _log.warning("pool_away at the start; rows wait in the spool. %s", error)
    try:
        require_redis(redis_of(settings))
    except UnsafeError:
        raise
    except ConnectionError as error:
        _log.warning("redis_away at the start; alerts for it wait in the spool. %s", error)


def require_upstream(settings: Settings) -> None:
    """See that the logs of other installations are there. Raises `BrokerError`: who makes one here makes it wrong."""
    if not (logs := upstream_logs(settings)):
        return
    there = look_at_cluster(kafka_of(settings), logs).topics
    if missing := [log for log in logs if log not in there]:
        raise BrokerError(
            f"the intake logs of `upstream` must be there; got no `{', '.join(missing)}` ({settings.kafka}); start that"
            " installation first, or give our user the right to read its log: `anlan access process run` prints it"
        )


def _greatest_epoch(settings: Settings) -> int:
    """The greatest epoch that readers have seen.

    The alerts topic knows nearly all of them; Redis and the pool are asked as well where they answer.
    """
    found = [greatest_topic_epoch(kafka_of(settings))]
    asked: Sequence[Callable[[], int]] = (partial(greatest_epoch, redis_of(settings)), partial(_pool_epoch, settings))
    for ask in asked:
        try:
            found.append(ask())
        except ConnectionError as error:
            _log.warning("epoch_not_asked %s", error)
    return max(found)


def _pool_epoch(settings: Settings) -> int:
    with Pool(pool_of(settings), patience=POOL_PATIENCE) as pool:
        return pool.greatest_epoch()
