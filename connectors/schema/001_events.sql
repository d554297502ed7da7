-- One row is one event, as it was admitted, with the matter it belongs to and its regions spelled out.
-- The order key answers "what happened in this hour"; with it the newest version of an event replaces the others.
-- An id has one `occurred_at`: the linker lets only the first through. Absent is '' or NULL.
CREATE TABLE IF NOT EXISTS events (
    id String,
    channel LowCardinality(String),
    action LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    arrived_at DateTime64(6, 'UTC'),
    `case` String,
    matter String,
    link_type LowCardinality(String),
    link_to String,
    reporter String,
    reporter_class LowCardinality(String),
    pair String,
    household String,
    place String,
    subject String,
    region String,
    county LowCardinality(String),
    township LowCardinality(String),
    village LowCardinality(String),
    grid String,
    category LowCardinality(String),
    subcategory LowCardinality(String),
    violence Nullable(UInt8),
    cues Array(LowCardinality(String)),
    unit LowCardinality(String),
    unit_level Nullable(UInt8),
    satisfied Nullable(Bool),
    text String,
    lat Nullable(Float64),
    lon Nullable(Float64),
    attrs String,
    source String,
    version UInt64,
    -- a transfer, a referral, a call back or a duplicate is the contact that was made already, not a second one
    is_contact Bool MATERIALIZED action = 'received' AND link_type NOT IN ('transfer', 'referral', 'callback', 'duplicate'),
    INDEX by_id id TYPE bloom_filter GRANULARITY 4,
    INDEX by_matter matter TYPE bloom_filter GRANULARITY 4
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (toStartOfHour(occurred_at), id);

-- One row is one decision of the linker; a later decision on the same event is another row.
-- The order key answers "where was this event put, and when".
CREATE TABLE IF NOT EXISTS matter_links (
    event_id String,
    matter String,
    reason LowCardinality(String),
    score Float64,
    decided_at DateTime64(6, 'UTC'),
    proposed Bool,
    previous String,
    INDEX by_matter matter TYPE bloom_filter GRANULARITY 4
)
ENGINE = ReplacingMergeTree
ORDER BY (event_id, decided_at, matter);

-- One row is one event that came behind the clock watermark of one rule; the rule did not judge it.
-- The order key answers "what did this rule miss".
CREATE TABLE IF NOT EXISTS late_events (
    event_id String,
    rule LowCardinality(String),
    channel LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    arrived_at DateTime64(6, 'UTC'),
    watermark DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (rule, event_id);

-- One row is one raw row that could not become an event; `raw` is scrubbed, `sealed` only the intake can open.
-- The order key answers "what about this dead letter".
CREATE TABLE IF NOT EXISTS dead_letters (
    id String,
    source String,
    reason LowCardinality(String),
    sentence String,
    failed_at DateTime64(6, 'UTC'),
    channel LowCardinality(String),
    mapping LowCardinality(String),
    mapping_version UInt32,
    raw String,
    sealed String
)
ENGINE = ReplacingMergeTree(failed_at)
ORDER BY id;

-- One row is what a person decided about one dead letter; apart, so that the stream never overwrites it.
-- The order key answers "is this dead letter done with".
CREATE TABLE IF NOT EXISTS dead_letter_marks (
    id String,
    status LowCardinality(String),
    note String,
    marked_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(marked_at)
ORDER BY id;
