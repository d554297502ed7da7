-- One row is one step in the life of a matter, from the first report to the return visit, with why it is in this matter.
CREATE VIEW IF NOT EXISTS v_matter_timeline AS
SELECT
    e.matter AS matter,
    e.occurred_at AS occurred_at,
    e.arrived_at AS arrived_at,
    e.channel AS channel,
    e.action AS action,
    e.`case` AS `case`,
    e.id AS event_id,
    e.is_contact AS is_contact,
    e.link_type AS link_type,
    e.link_to AS link_to,
    e.unit AS unit,
    e.unit_level AS unit_level,
    e.township AS township,
    e.village AS village,
    e.grid AS grid,
    e.category AS category,
    e.subcategory AS subcategory,
    e.violence AS violence,
    e.cues AS cues,
    e.satisfied AS satisfied,
    e.text AS text,
    l.reason AS reason,
    l.score AS score,
    l.proposed AS proposed
FROM (SELECT *, is_contact FROM events FINAL) AS e
LEFT JOIN
(
    SELECT
        event_id,
        argMax(reason, decided_at) AS reason,
        argMax(score, decided_at) AS score,
        argMax(proposed, decided_at) AS proposed
    FROM matter_links
    GROUP BY event_id
) AS l ON l.event_id = e.id;
