"""A pool with some rows of everything in two counties and in none, for tests of who may read what."""

from __future__ import annotations

from connectors.clickhouse_client import PoolClient

OURS, THEIRS = "620102", "620103"
# (name in every row, county): a row of theirs or of nobody says so in a column that a county may read
OWNERS = (("ours", OURS), ("theirs", THEIRS), ("nowhere", ""))
AT = "'2026-03-01 08:00:00'"


def fill(client: PoolClient) -> None:
    """Some rows of everything, of each owner; and an alert and an event that have moved to another county."""
    for name, county in OWNERS:
        _report(client, name, county)
        _count(client, name, county)
        _act(client, name, county)
        revise(client, name, 1, county, f"alerts:{county or 'unknown'}")
    client.execute(f"INSERT INTO dead_letters (id, failed_at, raw, sealed) VALUES ('theirs', {AT}, 'secret', 'secret')")
    client.execute(f"INSERT INTO dead_letter_marks VALUES ('theirs', 'given_up', '', {AT})")
    client.execute(f"INSERT INTO rule_gaps VALUES ('a.rule', '', 'rule_failed', {AT}, {AT}, {AT})")
    client.execute("INSERT INTO schema_migrations (number, name) VALUES (99, 'theirs')")
    _move(client)


def _report(client: PoolClient, name: str, county: str) -> None:
    """A dispute that the court has brought, and something else; what people said and who they are is `secret`."""
    for kind, category in (("dispute", "dispute"), ("contact", name)):
        client.execute(
            "INSERT INTO events (id, matter, channel, action, occurred_at, arrived_at, county, township, category,"
            " satisfied, version, reporter, pair, household, place, text, attrs) VALUES"
            f" ('{name}-{kind}', '{name}-{kind}', 'court', 'received', {AT}, {AT}, '{county}',"
            f" '{county and county + '001'}', '{category}', true, 1, 'secret', 'secret', 'secret', 'secret', 'secret',"
            """ '{"mediation": "secret"}')"""
        )
    client.execute(f"INSERT INTO matter_links VALUES ('{name}-dispute', '{name}', 'first', 1, {AT}, false, '')")
    client.execute(f"INSERT INTO late_events VALUES ('{name}-dispute', 'a.rule', 'court', {AT}, {AT}, {AT})")


def _count(client: PoolClient, name: str, county: str) -> None:
    areas = (("county", county), ("township", county and f"{county}001"), ("city", ""))
    for table, bucket in (("5m", AT), ("hourly", AT), ("daily", "'2026-03-01'")):
        cells = ", ".join(f"({bucket}, '{level}', '{code}', 'court', '{name}', 1, 1)" for level, code in areas)
        client.execute(
            f"INSERT INTO agg_contacts_{table} (bucket, area_level, region, channel, category, contacts, asked_back)"
            f" VALUES {cells}"
        )


def _act(client: PoolClient, name: str, county: str) -> None:
    client.execute(f"INSERT INTO deliveries VALUES ('{name}', 1, 'duty', 'sms', 'sent', {AT}, 'secret')")
    client.execute(
        "INSERT INTO alert_actions (seq, at, action_id, alert_id, acted_at, county, note, record)"
        f" VALUES (1, {AT}, '{name}', '{name}', {AT}, '{county}', 'secret', 'secret')"
    )


def _move(client: PoolClient) -> None:
    """An alert that goes from our county to the other, and an event that was ours by mistake."""
    revise(client, "moved", 1, OURS, f"alerts:{OURS}")
    revise(client, "moved", 2, THEIRS, f"alerts:{OURS}", f"alerts:{THEIRS}")
    revise(client, "moved", 3, THEIRS, f"alerts:{THEIRS}")
    for version, county in enumerate((OURS, THEIRS)):
        client.execute(
            "INSERT INTO events (id, channel, action, occurred_at, arrived_at, county, version)"
            f" VALUES ('corrected', 'court', 'received', {AT}, {AT}, '{county}', {version})"
        )


def revise(client: PoolClient, alert_id: str, revision: int, county: str, *feeds: str) -> None:
    places = ", ".join(f"'{feed}', {revision}" for feed in feeds)
    client.execute(
        "INSERT INTO alert_revisions (alert_id, revision, region, feed_seqs, detected_at, `key`, evidence) VALUES"
        f" ('{alert_id}', {revision}, ('{county}', '', '', ''), map({places}), {AT}, map('pair', 'secret'), 'secret')"
    )
