-- What `attrs` says of mediation: 'failed', 'set' for anything else, '' for nothing. Whoever may not read `attrs`, where
-- anything may stand, may read this.
ALTER TABLE events ADD COLUMN IF NOT EXISTS mediation String
    ALIAS transform(JSONExtractString(attrs, 'mediation'), ['', 'failed'], ['', 'failed'], 'set');

-- 三调对接: disputes that came in through court, police or petition on a day, how many of them went into mediation,
-- and what became of those. Into mediation: somebody started on it, handed it over, or `mediation` is set.
-- Settled: `resolved` and not opened again. Failed: closed without, or `mediation` says `failed`.
CREATE OR REPLACE VIEW v_mediation_flow AS
SELECT
    toDate(brought_at, 'Asia/Shanghai') AS day,
    area.1 AS area_level,
    area.2 AS region,
    from_channel,
    count() AS brought,
    countIf(is_mediated) AS mediated,
    countIf(is_settled) AS settled,
    countIf(is_failed) AS failed,
    mediated - settled - failed AS pending,
    mediated / brought AS flow_rate,
    if(mediated = 0, NULL, settled / mediated) AS success_rate
FROM
(
    SELECT
        matter,
        argMinIf(county, (occurred_at, id), is_brought) AS county,
        argMinIf(township, (occurred_at, id), is_brought) AS township,
        argMinIf(channel, (occurred_at, id), is_brought) AS from_channel,
        minIf(occurred_at, is_brought) AS brought_at,
        maxOrNullIf(occurred_at, action = 'resolved') AS resolved_at,
        maxOrNullIf(occurred_at, action = 'closed') AS closed_at,
        maxOrNullIf(occurred_at, action = 'reopened') AS reopened_at,
        max(mediation = 'failed') AS was_failed,
        max(action IN ('started', 'transferred', 'resolved') OR mediation != '') AS is_mediated,
        is_mediated AND NOT was_failed AND resolved_at > ifNull(reopened_at, toDateTime64(0, 6)) AS is_settled,
        is_mediated AND ifNull(NOT is_settled, true)
            AND (was_failed OR closed_at > ifNull(reopened_at, toDateTime64(0, 6))) AS is_failed
    FROM
    (
        SELECT
            *,
            is_contact AND category = 'dispute' AND channel IN ('court', 'police', 'petition') AS is_brought,
            mediation
        FROM events FINAL
        WHERE matter != ''
    )
    GROUP BY matter
    HAVING max(is_brought)
)
ARRAY JOIN [('city', ''), ('county', county), ('township', township)] AS area
GROUP BY day, area_level, region, from_channel;
