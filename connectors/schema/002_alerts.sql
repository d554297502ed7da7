-- One row is one published revision of an alert, field by field as in the feeds; lists and trees are JSON.
-- The order key answers "how did this alert go"; of a revision issued again the greatest engine epoch stays.
CREATE TABLE IF NOT EXISTS alert_revisions (
    schema LowCardinality(String),
    alert_id String,
    revision UInt32,
    engine_epoch UInt64,
    feed_seq UInt64,
    content_hash String,
    prev_hash String,
    rule LowCardinality(String),
    rule_version UInt32,
    rule_generation UInt32,
    semantic_hash LowCardinality(String),
    kind LowCardinality(String),
    purpose LowCardinality(String),
    origin LowCardinality(String),
    episode UInt32,
    state LowCardinality(String),
    reason LowCardinality(String),
    level LowCardinality(String),
    level_max LowCardinality(String),
    confidence LowCardinality(String),
    vouched_by String,
    `key` Map(LowCardinality(String), String),
    region Tuple(county String, township String, village String, grid String),
    channels Array(LowCardinality(String)),
    first_occurred_at DateTime64(6, 'UTC'),
    last_occurred_at DateTime64(6, 'UTC'),
    matched_at DateTime64(6, 'UTC'),
    detected_at DateTime64(6, 'UTC'),
    published_at DateTime64(6, 'UTC'),
    `count` UInt64,
    `distinct` Nullable(UInt64),
    distinct_exact Nullable(Bool),
    steps Nullable(UInt32),
    branches Array(String),
    path String,
    measures String,
    due Nullable(DateTime64(6, 'UTC')),
    stage String,
    breach_seconds Nullable(Int64),
    calendar_version LowCardinality(String),
    baseline_version LowCardinality(String),
    evidence String,
    evidence_total UInt64,
    evidence_digest String,
    delta String,
    suppressed_since_last String,
    text Tuple(zh String, en String),
    `explain` String,
    nearest_next String,
    route String,
    links String,
    runbook String,
    owner LowCardinality(String),
    county String ALIAS region.county,
    township String ALIAS region.township,
    INDEX by_time detected_at TYPE minmax
)
ENGINE = ReplacingMergeTree(engine_epoch)
ORDER BY (alert_id, revision);

-- One row is one alert as its last revision shows it.
CREATE VIEW IF NOT EXISTS alerts AS
SELECT *, region.county AS county, region.township AS township
FROM alert_revisions FINAL
ORDER BY alert_id, revision DESC
LIMIT 1 BY alert_id;

-- One row is one thing a person did with an alert: ack, note, assignment, disposition.
-- The order key answers "what did people do with this alert".
CREATE TABLE IF NOT EXISTS alert_actions (
    action_id String,
    alert_id String,
    revision UInt32,
    action LowCardinality(String),
    actor String,
    role LowCardinality(String),
    acted_at DateTime64(6, 'UTC'),
    until Nullable(DateTime64(6, 'UTC')),
    disposition LowCardinality(String),
    assigned_to String,
    note String
)
ENGINE = ReplacingMergeTree
ORDER BY (alert_id, acted_at, action_id);

-- One row is one step of one revision's way to one receiver: sent, delivered, read, failed.
-- The order key answers "who has this alert, and since when".
CREATE TABLE IF NOT EXISTS deliveries (
    alert_id String,
    revision UInt32,
    receiver String,
    medium LowCardinality(String),
    state LowCardinality(String),
    happened_at DateTime64(6, 'UTC'),
    detail String
)
ENGINE = ReplacingMergeTree
ORDER BY (alert_id, revision, receiver, medium, state, happened_at);

-- One row is a time in which a rule was not judged or only in part, and why.
-- The order key answers "was this rule watching then".
CREATE TABLE IF NOT EXISTS rule_gaps (
    rule LowCardinality(String),
    channel LowCardinality(String),
    reason LowCardinality(String),
    from_at DateTime64(6, 'UTC'),
    until_at DateTime64(6, 'UTC'),
    noted_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(noted_at)
ORDER BY (rule, channel, from_at);
