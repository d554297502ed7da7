-- What stays of `attrs` when the tokens in it go: what it said of mediation. Until now it was read out of `attrs`.
ALTER TABLE events MODIFY COLUMN mediation String
    DEFAULT transform(JSONExtractString(attrs, 'mediation'), ['', 'failed'], ['', 'failed'], 'set');

-- Rows that are there already keep it as well, before anything of them goes.
ALTER TABLE events MATERIALIZE COLUMN mediation SETTINGS mutations_sync = 2;

-- What stays of the evidence when the tokens in it go: which events the revision names.
ALTER TABLE alert_revisions ADD COLUMN IF NOT EXISTS evidence_ids Array(String)
    DEFAULT arrayMap(each -> JSONExtractString(each, 'id'), JSONExtractArrayRaw(evidence)) AFTER evidence;

-- Rows that are there already keep them as well, before anything of them goes.
ALTER TABLE alert_revisions MATERIALIZE COLUMN evidence_ids SETTINGS mutations_sync = 2;
