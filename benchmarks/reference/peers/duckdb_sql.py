"""O1 and O3 of job R in DuckDB: SQL over the files after the fact, one thread. Not a stream: how fast a batch is."""

from __future__ import annotations

import sys

import duckdb

EVENTS = """
CREATE TEMP TABLE event AS
SELECT event_id, channel, epoch(occurred_at)::BIGINT AS seconds, region_code, category, caller, severity,
       CASE channel WHEN 'police' THEN 1 WHEN 'hotline' THEN 2 WHEN 'petition' THEN 4 ELSE 8 END AS channel_bit
FROM read_json('{data}/*.jsonl', format = 'newline_delimited', columns = {{
    event_id: 'VARCHAR', channel: 'VARCHAR', occurred_at: 'TIMESTAMPTZ', region_code: 'VARCHAR', category: 'VARCHAR',
    caller: 'VARCHAR', severity: 'INTEGER'
}})
"""

AGGREGATES = """
COPY (
    SELECT region_code, channel, category, seconds // 3600 AS hour, count(*), count(DISTINCT caller), max(severity)
    FROM event
    GROUP BY region_code, channel, category, hour
) TO '{out}/o3' (FORMAT csv, HEADER false)
"""

# a candidate is an event that would raise an alert were there no quiet time; `next_seconds` is the first after its own
CANDIDATES = """
CREATE TEMP TABLE candidate AS
WITH counted AS (
    SELECT caller, event_id, seconds, count(*) OVER last_day AS events, bit_or(channel_bit) OVER last_day AS channels
    FROM event
    WINDOW last_day AS (PARTITION BY caller ORDER BY seconds RANGE BETWEEN 86400 PRECEDING AND CURRENT ROW)
), candidate AS (
    SELECT * FROM counted WHERE events >= 3 AND bit_count(channels) >= 2
)
SELECT one.*, next.seconds AS next_seconds
FROM candidate AS one
ASOF LEFT JOIN candidate AS next ON one.caller = next.caller AND one.seconds + 86400 <= next.seconds
"""

REPEATS = """
COPY (
    WITH RECURSIVE alert AS (
        SELECT * FROM candidate
        WHERE (caller, seconds) IN (SELECT (caller, min(seconds)) FROM candidate GROUP BY caller)
        UNION ALL
        SELECT candidate.* FROM alert JOIN candidate
        ON alert.caller = candidate.caller AND alert.next_seconds = candidate.seconds
    )
    SELECT caller, event_id, seconds, events, channels FROM alert
) TO '{out}/o1' (FORMAT csv, HEADER false)
"""


def main(data: str, out: str) -> None:
    """Read the events once, then answer from the table."""
    database = duckdb.connect()
    database.execute("SET threads = 1")
    database.execute("SET preserve_insertion_order = false")
    for statement in (EVENTS, AGGREGATES, CANDIDATES, REPEATS):
        database.execute(statement.format(data=data, out=out))


if __name__ == "__main__":
    main(*sys.argv[1:])
