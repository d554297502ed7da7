"""What a county's user of ClickHouse may read: one list, made into the SQL for a server or into a file of users.

A view reads with the rights of whoever asks, so a view shows a county no more than its tables do: the rows and the
columns that are granted there. A filter on the view itself takes away what would mislead, such as a sum "of the city".
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape

DATABASE = "default"  # where an address names none


class Granted(NamedTuple):
    """A table or view of which a county reads some columns of the rows for which the filter is true.

    In a filter `{county}` is the code of the county and `{database}` that of the tables.
    """

    columns: tuple[str, ...]
    filter: str


class Withheld(NamedTuple):
    """A table or view that a county does not read, and why."""

    why: str


def _columns(names: str) -> tuple[str, ...]:
    return tuple(names.split())


# An alert belongs to the feed of its county. What it said when it moved away is for the county that it left, too: that
# is how readers of a feed know. `alerts` shows what is there now, so an alert that has moved away is none of theirs.
_OWN = "county = '{county}'"
_OF_THE_FEED = "mapContains(feed_seqs, 'alerts:{county}')"
_AREA = "startsWith(region, '{county}')"  # the county and what lies in it; '' is the city, or where it is unknown
_OWN_EVENT = "event_id IN (SELECT id FROM {database}.events FINAL WHERE county = '{county}')"
_REVISIONS = "SELECT alert_id, revision FROM {database}.alert_revisions FINAL WHERE county = '{county}'"
_OWN_REVISION = f"(alert_id, revision) IN ({_REVISIONS})"

# all but `key` and the evidence, whose fields may be tokens of people
_REVISION = _columns(
    "schema alert_id revision engine_epoch feed_seq feed_seqs content_hash prev_hash rule rule_version rule_generation"
    " semantic_hash kind purpose origin episode state reason level level_max confidence vouched_by region channels"
    " first_occurred_at last_occurred_at matched_at detected_at published_at count distinct distinct_exact steps"
    " branches path measures due stage breach_seconds calendar_version baseline_version evidence_total"
    " evidence_digest delta suppressed_since_last text explain nearest_next route links runbook owner county township"
)
_CELL = Granted(
    _columns(
        "bucket area_level region channel category events contacts reporters violence_max closed overdue satisfied"
        " asked_back version is_deleted"
    ),
    _AREA,
)

SCOPE: dict[str, Granted | Withheld] = {
    "events": Granted(
        _columns(
            "id channel action occurred_at arrived_at case matter link_type link_to reporter_class region county"
            " township village grid category subcategory violence cues unit unit_level satisfied version is_contact"
            " mediation"
        ),
        _OWN,
    ),
    "matter_links": Granted(_columns("event_id matter reason score decided_at proposed previous"), _OWN_EVENT),
    "late_events": Withheld("has no county; it is the book of what rules have missed, for those who run them"),
    "dead_letters": Withheld("has no county: what could not be read has none; its rows are for the intake alone"),
    "dead_letter_marks": Withheld("has no county; it goes with `dead_letters`"),
    # a subcolumn is a column of its own to a grant, and `alerts` is made of these two
    "alert_revisions": Granted((*_REVISION, "region.county", "region.township", "text.zh", "text.en"), _OF_THE_FEED),
    "alerts": Granted(_REVISION, _OWN),
    "alert_actions": Granted(
        _columns(
            "seq at action_id alert_id revision rule county action verdict sentence actor role scope acted_at until"
            " disposition assigned_to of engine_epoch"
        ),
        _OWN,
    ),
    "deliveries": Granted(_columns("alert_id revision receiver medium state happened_at"), _OWN_REVISION),
    "rule_gaps": Withheld("has no county; an alert that a gap has touched says so in `confidence`"),
    "schema_migrations": Withheld("is about the pool, not about a county"),
    "agg_contacts_5m": _CELL,
    "agg_contacts_hourly": _CELL,
    "agg_contacts_daily": _CELL,
    "v_matters": Granted(
        _columns(
            "matter county township category subcategory channels contacts registered_at responded_at last_closed_at"
            " last_reopened_at is_closed satisfied"
        ),
        _OWN,
    ),
    "v_matter_timeline": Granted(
        _columns(
            "matter occurred_at arrived_at channel action case event_id is_contact link_type link_to unit unit_level"
            " township village grid category subcategory violence cues satisfied reason score proposed"
        ),
        _OWN_EVENT,
    ),
    "v_closing_rate": Granted(_columns("day area_level region category matters closed closing_rate"), _AREA),
    "v_response_rate": Granted(_columns("day area_level region category assessed responded response_rate"), _AREA),
    "v_satisfaction_rate": Granted(
        _columns("day area_level region channel category asked_back satisfied satisfaction_rate"), _AREA
    ),
    "v_contacts_monthly": Granted(
        _columns(
            "month area_level region channel category contacts month_before year_before month_on_month year_on_year"
        ),
        _AREA,
    ),
    "v_contacts_daily": Granted(
        _columns("day area_level region channel category contacts day_before week_before day_on_day week_on_week"),
        _AREA,
    ),
    "v_mediation_flow": Granted(
        _columns("day area_level region from_channel brought mediated settled failed pending flow_rate success_rate"),
        _AREA,
    ),
    "v_safety_parts": Granted(_columns("day area_level region part weight value usual score"), _AREA),
    "v_safety_index": Granted(_columns("day area_level region weight safety_index"), _AREA),
}

PROFILE = "anlan_county"
LIMITS = {  # of one query; `readonly` also keeps whoever asks from changing the others
    "readonly": "1",
    "max_execution_time": "30",
    "max_memory_usage": "2000000000",
    "max_result_rows": "1000000",
    "max_concurrent_queries_for_user": "8",
    "apply_row_policy_after_final": "1",  # or a row that was a county's once comes back where FINAL should hide it
    "output_format_json_quote_64bit_integers": "0",  # readers of the feed ask for it, and could not set it
}


def require_county(county: str) -> str:
    """The code of a county. Raises `ValueError` for anything else."""
    if not re.fullmatch(r"\d{6}", county):
        raise ValueError(f"a county must be six digits, as in `620102`; got `{county}`")
    return county


def require_name(name: str) -> str:
    """The name of a user or a database. Raises `ValueError` for one that would need quoting somewhere."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", name):
        raise ValueError(f"a name must be a letter and then letters, digits, `_` or `-`; got `{name}`")
    return name


def require_hash(digest: str) -> str:
    """The SHA-256 of a password. Raises `ValueError` for anything else."""
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError("the SHA-256 of a password must be 64 digits of 0-9a-f; got something else")
    return digest


def make_password() -> tuple[str, str]:
    """A fresh password and its SHA-256."""
    password = secrets.token_urlsafe(24)
    return password, hashlib.sha256(password.encode()).hexdigest()


def grants(county: str, database: str = DATABASE) -> Iterator[tuple[str, str, str]]:
    """Each table and view that a county reads: its name, what is granted on it, and the filter of its rows."""
    quoted = _quoted(require_name(database))
    for name, scope in SCOPE.items():
        if isinstance(scope, Granted):
            columns = ", ".join(map(_quoted, scope.columns))
            filter_ = scope.filter.format(county=require_county(county), database=quoted)
            yield name, f"SELECT({columns}) ON {quoted}.{_quoted(name)}", filter_


def statements(county: str, user: str, password_hash: str, database: str = DATABASE) -> list[str]:
    """The SQL that makes a county's role and its user on a server; running it again brings both up to date.

    The filters come before the grants. They narrow what others grant to the same user; everybody else reads all rows,
    also on a server that shows nothing of a table with a policy to those who have none.
    """
    role, name, of = _quoted(_role(require_county(county), database)), _quoted(require_name(user)), _quoted(database)
    said = f"IDENTIFIED WITH sha256_hash BY '{require_hash(password_hash)}'"
    limits = ", ".join(f"{setting} = {value}" for setting, value in LIMITS.items())
    readable = list(grants(county, database))
    policies = [
        f"CREATE ROW POLICY {when} ON {of}.{_quoted(table)} FOR SELECT USING {what}"
        for table, _, filter_ in readable
        for when, what in (
            ("IF NOT EXISTS anlan_everybody", "1 TO ALL"),
            (f"OR REPLACE {role}", f"{filter_} AS RESTRICTIVE TO {role}"),
        )
    ]
    return [
        f"CREATE SETTINGS PROFILE IF NOT EXISTS {PROFILE}",
        f"ALTER SETTINGS PROFILE {PROFILE} SETTINGS {limits}",
        f"CREATE ROLE IF NOT EXISTS {role}",
        *policies,
        f"CREATE USER IF NOT EXISTS {name} {said}",
        f"REVOKE ALL ON {of}.* FROM {role}, {name}",
        *(f"GRANT {granted} TO {role}" for _, granted, _ in readable),
        f"GRANT {role} TO {name}",
        f"ALTER USER {name} {said} DEFAULT ROLE {role} SETTINGS PROFILE '{PROFILE}'",
    ]


def _role(county: str, database: str) -> str:
    """A role is the server's, so that of another installation there must be another."""
    return f"county_{county}" if database == DATABASE else f"county_{county}_{database}"


# the flow makes its tables and brings them up to date; the service asks
_WRITES = (
    "SELECT, INSERT, CREATE TABLE, CREATE VIEW, DROP VIEW, ALTER ADD COLUMN, ALTER MODIFY COLUMN,"
    " ALTER MATERIALIZE COLUMN, ALTER TTL"
)
_PROCESSES = {
    "run": _WRITES,
    "upkeep": _WRITES,  # `anlan backup`, `restore`, `migrate`
    "serve": "SELECT",
}


def process_statements(process: str, user: str, password_hash: str, database: str = DATABASE) -> list[str]:
    """The SQL that makes the user of one of our own processes; running it again brings it up to date."""
    name, of = _quoted(require_name(user)), _quoted(require_name(database))
    said = f"IDENTIFIED WITH sha256_hash BY '{require_hash(password_hash)}'"
    return [
        f"CREATE USER IF NOT EXISTS {name} {said}",
        f"ALTER USER {name} {said}",
        f"REVOKE ALL ON {of}.* FROM {name}",
        process_grant(process, database) + f" TO {name}",
    ]


def process_grant(process: str, database: str = DATABASE) -> str:
    """What one of our own processes may do in the pool's database."""
    return f"GRANT {_PROCESSES[process]} ON {_quoted(require_name(database))}.*"


def users_file(county: str, user: str, password_hash: str, database: str = DATABASE) -> str:
    """The same as a file for `users.d`, for a server whose users are files."""
    readable = list(grants(county, database))
    limits = "".join(f"<{setting}>{value}</{setting}>" for setting, value in LIMITS.items())
    filters = "".join(
        f"\n          <{table}><filter>{escape(filter_)}</filter></{table}>" for table, _, filter_ in readable
    )
    granted = "".join(f"\n        <query>GRANT {escape(what)}</query>" for _, what, _ in readable)
    return f"""\
<clickhouse>
  <profiles>
    <{PROFILE}>{limits}</{PROFILE}>
  </profiles>
  <users>
    <{require_name(user)}>
      <password_sha256_hex>{require_hash(password_hash)}</password_sha256_hex>
      <networks><ip>::/0</ip></networks>
      <profile>{PROFILE}</profile>
      <quota>default</quota>
      <databases>
        <{database}>{filters}
        </{database}>
      </databases>
      <grants>{granted}
      </grants>
    </{user}>
  </users>
</clickhouse>
"""


def _quoted(name: str) -> str:
    return f"`{name}`"
