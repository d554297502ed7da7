-- One row is one action of a person, or of the desk by itself, and what became of it: the audit. `seq` has no gap, `hash`
-- covers the row and the one before it, `record` is the whole of it as JSON.
ALTER TABLE alert_actions
    ADD COLUMN IF NOT EXISTS seq UInt64 FIRST,
    ADD COLUMN IF NOT EXISTS at DateTime64(6, 'UTC') AFTER seq,
    ADD COLUMN IF NOT EXISTS rule LowCardinality(String),
    ADD COLUMN IF NOT EXISTS county LowCardinality(String),
    ADD COLUMN IF NOT EXISTS verdict LowCardinality(String),
    ADD COLUMN IF NOT EXISTS sentence String,
    ADD COLUMN IF NOT EXISTS scope LowCardinality(String),
    ADD COLUMN IF NOT EXISTS of String,
    ADD COLUMN IF NOT EXISTS record String,
    ADD COLUMN IF NOT EXISTS prev_hash String,
    ADD COLUMN IF NOT EXISTS hash String,
    ADD COLUMN IF NOT EXISTS engine_epoch UInt64;
