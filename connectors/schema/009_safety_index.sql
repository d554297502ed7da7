-- 平安指数, ours: a plain number with its parts open to see, not the index of any authority. One row is one part of it
-- for one area on one day, over the thirty days up to then; `score` is 0 to 100, NULL where there is nothing to go by.
--   order, dispute, hazard: contacts a day beside those of the thirty days before: as many or fewer is 100, twice as
--     many is 0. Only days that the pool has are counted, and fewer than 14 of them are too few to compare with.
--   closing: closings for a hundred contacts, at most 100; satisfaction: of the people asked back, in per cent.
-- All of it comes from the aggregates of days, so that a year is asked as fast as a week.
-- Areas are the city and its counties: a township has too few contacts in a month for a number that means something.
CREATE VIEW IF NOT EXISTS v_safety_parts AS
SELECT
    c.day AS day,
    c.area_level AS area_level,
    c.region AS region,
    c.part AS part,
    transform(c.part, ['order', 'dispute', 'hazard'], [30, 25, 15], 0) AS weight,
    c.recent / d.recent_days AS value,
    c.usual / d.usual_days AS usual,
    if(d.usual_days < 14 OR c.usual = 0, NULL, 100 * greatest(0, least(1, 2 - value / usual))) AS score
FROM
(
    SELECT
        addDays(bucket, shift) AS day,
        area_level,
        region,
        part,
        sumIf(contacts, shift < 30) AS recent,
        sumIf(contacts, shift >= 30) AS usual
    FROM
    (
        SELECT
            bucket,
            area_level,
            region,
            transform(
                toString(category),
                ['crime', 'public_order', 'dispute', 'hazard', 'fire', 'traffic'],
                ['order', 'order', 'dispute', 'hazard', 'hazard', 'hazard'],
                ''
            ) AS part,
            sum(a.contacts) AS contacts
        FROM agg_contacts_daily AS a FINAL
        WHERE area_level IN ('city', 'county') AND part != ''
        GROUP BY bucket, area_level, region, part
    )
    ARRAY JOIN range(60) AS shift
    GROUP BY day, area_level, region, part
) AS c
INNER JOIN
(
    SELECT addDays(bucket, shift) AS day, countIf(shift < 30) AS recent_days, countIf(shift >= 30) AS usual_days
    FROM (SELECT DISTINCT bucket FROM agg_contacts_daily FINAL)
    ARRAY JOIN range(60) AS shift
    GROUP BY day
) AS d ON d.day = c.day
WHERE d.recent_days > 0 AND c.day <= (SELECT max(bucket) FROM agg_contacts_daily FINAL)
UNION ALL
SELECT
    addDays(rate.bucket, shift) AS day,
    rate.area_level AS area_level,
    rate.region AS region,
    rate.part AS part,
    15 AS weight,
    sum(rate.good) / sum(rate.of) AS value,
    NULL AS usual,
    if(sum(rate.of) = 0, NULL, 100 * least(1, value)) AS score
FROM
(
    SELECT
        bucket,
        area_level,
        region,
        counted.1 AS part,
        sum(counted.2) AS good,
        sum(counted.3) AS of
    FROM agg_contacts_daily AS a FINAL
    ARRAY JOIN [('closing', a.closed, a.contacts), ('satisfaction', a.satisfied, a.asked_back)] AS counted
    WHERE area_level IN ('city', 'county')
    GROUP BY bucket, area_level, region, part
) AS rate
ARRAY JOIN range(30) AS shift
GROUP BY day, area_level, region, part
HAVING sum(rate.of) > 0 AND day <= (SELECT max(bucket) FROM agg_contacts_daily FINAL);

-- The index: its parts by their weights; a part without a score is left out, and `weight` says how much was there.
CREATE VIEW IF NOT EXISTS v_safety_index AS
SELECT
    day,
    area_level,
    region,
    sumIf(p.weight, p.score IS NOT NULL) AS weight,
    if(weight = 0, NULL, sum(p.weight * p.score) / weight) AS safety_index
FROM v_safety_parts AS p
GROUP BY day, area_level, region;
