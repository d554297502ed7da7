-- The place of a revision in the feed of each county that it goes to: `{'alerts:620102': 17}`.
ALTER TABLE alert_revisions ADD COLUMN IF NOT EXISTS feed_seqs Map(String, UInt64) AFTER feed_seq;

-- A view keeps the columns that its table had when it was made. One row is one alert as its last revision shows it.
CREATE OR REPLACE VIEW alerts AS
SELECT *, region.county AS county, region.township AS township
FROM alert_revisions FINAL
ORDER BY alert_id, revision DESC
LIMIT 1 BY alert_id;
