"""The front door to the data pool in ClickHouse: `PoolSink` writes, `Pool` asks; every aggregate can be recounted.

The tables are in `connectors/schema/`; `docs/pool.md` says what they answer.
"""

from connectors.clickhouse_pool import Pool
from connectors.clickhouse_sink import SPOOL, PoolSink

__all__ = ["SPOOL", "Pool", "PoolSink"]
