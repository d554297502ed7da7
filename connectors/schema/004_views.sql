-- One row is one matter with the moments its rates are made of. Days and hours run from its first contact.
CREATE VIEW IF NOT EXISTS v_matters AS
SELECT
    matter,
    argMin(county, (occurred_at, id)) AS county,
    argMin(township, (occurred_at, id)) AS township,
    argMin(category, (occurred_at, id)) AS category,
    argMin(subcategory, (occurred_at, id)) AS subcategory,
    arraySort(groupUniqArray(channel)) AS channels,
    countIf(is_contact) AS contacts,
    min(occurred_at) AS registered_at,
    minOrNullIf(occurred_at, action IN ('started', 'replied', 'visited', 'resolved', 'closed')) AS responded_at,
    maxOrNullIf(occurred_at, action = 'closed') AS last_closed_at,
    maxOrNullIf(occurred_at, action = 'reopened') AS last_reopened_at,
    last_closed_at IS NOT NULL AND (last_reopened_at IS NULL OR last_reopened_at < last_closed_at) AS is_closed,
    argMaxIf(satisfied, (occurred_at, id), satisfied IS NOT NULL) AS satisfied
FROM events FINAL
WHERE matter != ''
GROUP BY matter;

-- 办结率: of the matters registered on a day in an area, how many are closed now.
CREATE VIEW IF NOT EXISTS v_closing_rate AS
SELECT
    toDate(registered_at, 'Asia/Shanghai') AS day,
    area.1 AS area_level,
    area.2 AS region,
    category,
    count() AS matters,
    countIf(is_closed) AS closed,
    closed / matters AS closing_rate
FROM v_matters
ARRAY JOIN [('city', ''), ('county', county), ('township', township)] AS area
GROUP BY day, area_level, region, category;

-- 响应率: of the matters registered on a day that had their 24 hours, how many met somebody within them.
-- "Now" is the newest event, so the view says the same about a history that is loaded later.
CREATE VIEW IF NOT EXISTS v_response_rate AS
SELECT
    toDate(registered_at, 'Asia/Shanghai') AS day,
    area.1 AS area_level,
    area.2 AS region,
    category,
    countIf(in_time OR registered_at + INTERVAL 24 HOUR < newest) AS assessed,
    countIf(in_time) AS responded,
    if(assessed = 0, NULL, responded / assessed) AS response_rate
FROM
(
    SELECT
        *,
        ifNull(responded_at <= registered_at + INTERVAL 24 HOUR, false) AS in_time,
        (SELECT max(occurred_at) FROM events) AS newest
    FROM v_matters
)
ARRAY JOIN [('city', ''), ('county', county), ('township', township)] AS area
GROUP BY day, area_level, region, category;

-- 满意率: of the people asked back on a day, how many were satisfied.
CREATE VIEW IF NOT EXISTS v_satisfaction_rate AS
SELECT
    bucket AS day,
    area_level,
    region,
    channel,
    category,
    sum(d.asked_back) AS asked_back,
    sum(d.satisfied) AS satisfied,
    if(asked_back = 0, NULL, satisfied / asked_back) AS satisfaction_rate
FROM agg_contacts_daily AS d FINAL
WHERE area_level IN ('city', 'county', 'township')
GROUP BY day, area_level, region, channel, category
HAVING asked_back > 0;

-- 环比, 同比 by month: contacts beside those of the month before and of the same month a year before.
-- A cell that had contacts then and has none now is there too, with 0.
CREATE VIEW IF NOT EXISTS v_contacts_monthly AS
SELECT
    addMonths(toStartOfMonth(bucket), shift) AS month,
    area_level,
    region,
    channel,
    category,
    sumIf(d.contacts, shift = 0) AS contacts,
    sumIf(d.contacts, shift = 1) AS month_before,
    sumIf(d.contacts, shift = 12) AS year_before,
    if(month_before = 0, NULL, contacts / month_before - 1) AS month_on_month,
    if(year_before = 0, NULL, contacts / year_before - 1) AS year_on_year
FROM agg_contacts_daily AS d FINAL
ARRAY JOIN [0, 1, 12] AS shift
WHERE area_level IN ('city', 'county', 'township')
GROUP BY month, area_level, region, channel, category
HAVING month <= (SELECT toStartOfMonth(max(bucket)) FROM agg_contacts_daily FINAL);

-- 环比 by day: contacts beside those of the day before and of the same weekday a week before.
CREATE VIEW IF NOT EXISTS v_contacts_daily AS
SELECT
    addDays(bucket, shift) AS day,
    area_level,
    region,
    channel,
    category,
    sumIf(d.contacts, shift = 0) AS contacts,
    sumIf(d.contacts, shift = 1) AS day_before,
    sumIf(d.contacts, shift = 7) AS week_before,
    if(day_before = 0, NULL, contacts / day_before - 1) AS day_on_day,
    if(week_before = 0, NULL, contacts / week_before - 1) AS week_on_week
FROM agg_contacts_daily AS d FINAL
ARRAY JOIN [0, 1, 7] AS shift
WHERE area_level IN ('city', 'county', 'township')
GROUP BY day, area_level, region, channel, category
HAVING day <= (SELECT max(bucket) FROM agg_contacts_daily FINAL);

-- 三调对接: disputes that came in through court, police or petition on a day, how many of them went into mediation,
-- and what became of those. Into mediation: somebody started on it, handed it over, or `attrs.mediation` is set.
-- Settled: `resolved` and not opened again. Failed: closed without, or `attrs.mediation` says `failed`.
CREATE VIEW IF NOT EXISTS v_mediation_flow AS
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
            JSONExtractString(attrs, 'mediation') AS mediation
        FROM events FINAL
        WHERE matter != ''
    )
    GROUP BY matter
    HAVING max(is_brought)
)
ARRAY JOIN [('city', ''), ('county', county), ('township', township)] AS area
GROUP BY day, area_level, region, from_channel;
