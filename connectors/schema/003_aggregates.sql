-- One row is one cell: what one channel said in one category about one area in five minutes (UTC).
-- `area_level` is city, county, township or village; `region` is its code, '' for the city and where unknown.
-- Reporters are distinct inside the cell, so they do not add up over cells; everything but them and
-- `violence_max` does. The sink counts a cell again from `events` whenever its hour is touched; a cell that no
-- longer has events is marked as deleted. Read with FINAL.
-- The order key answers "what came in at this time".
CREATE TABLE IF NOT EXISTS agg_contacts_5m (
    bucket DateTime('UTC'),
    area_level LowCardinality(String),
    region LowCardinality(String),
    channel LowCardinality(String),
    category LowCardinality(String),
    events UInt64,
    contacts UInt64,
    reporters UInt64,
    violence_max UInt8,
    closed UInt64,
    overdue UInt64,
    satisfied UInt64,
    asked_back UInt64,
    version UInt64,
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, area_level, region, channel, category);

-- One row is the same cell for one hour (UTC; a local hour begins with it).
-- The order key answers "what came in at this time".
CREATE TABLE IF NOT EXISTS agg_contacts_hourly AS agg_contacts_5m
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, area_level, region, channel, category);

-- One row is the same cell for one day in Asia/Shanghai: what people here call a day.
-- The order key answers "what came in on this day".
CREATE TABLE IF NOT EXISTS agg_contacts_daily (
    bucket Date,
    area_level LowCardinality(String),
    region LowCardinality(String),
    channel LowCardinality(String),
    category LowCardinality(String),
    events UInt64,
    contacts UInt64,
    reporters UInt64,
    violence_max UInt8,
    closed UInt64,
    overdue UInt64,
    satisfied UInt64,
    asked_back UInt64,
    version UInt64,
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, area_level, region, channel, category);
