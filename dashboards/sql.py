"""Pieces of SQL that several boards use. "Now" is the end of the range a board shows, so that one can look back."""

from __future__ import annotations

from collections.abc import Mapping

NOW = "$__toTime"
LOCAL = "'Asia/Shanghai'"
FIRST_DAY = f"toDate($__fromTime, {LOCAL})"
LAST_DAY = f"toDate({NOW}, {LOCAL})"
MIDNIGHT = f"toDateTime(bucket, {LOCAL})"
IN_COUNTY = "county LIKE ${county:sqlstring}"
OF_COUNTY = "area_level = 'county' AND region LIKE ${county:sqlstring}"  # of an aggregate; all of them are the city
OF_CHANNELS = "channel IN (${channel:sqlstring})"
OF_CATEGORIES = "if(category = '', 'unknown', category) IN (${category:sqlstring})"
CHOSEN = f"{OF_COUNTY} AND {OF_CHANNELS} AND {OF_CATEGORIES}"
IN_DAYS = f"bucket BETWEEN {FIRST_DAY} AND {LAST_DAY}"
_LEVELS = "['blue', 'yellow', 'red']"
BY_LEVEL = f"indexOf({_LEVELS}, level)"

# Two shifts a day: from eight to eight.
_HOURS_IN = f"toDateTime({NOW}, {LOCAL}) - INTERVAL 8 HOUR"
SHIFT_START = f"toStartOfDay({_HOURS_IN}) + toIntervalHour(8 + if(toHour({_HOURS_IN}) < 12, 0, 12))"


def rank(level: str) -> str:
    """The place of a level in `BY_LEVEL`."""
    return f"indexOf({_LEVELS}, '{level}')"


def standing(columns: str) -> str:
    """Each alert as its last revision up to now shows it, with when it was opened. Shadows are told to no one."""
    return f"""
        SELECT alert_id, state, level, county, {columns},
            min(published_at) OVER (PARTITION BY alert_id) AS opened_at
        FROM alert_revisions FINAL
        WHERE published_at <= {NOW} AND origin != 'shadow'
        ORDER BY alert_id, revision DESC
        LIMIT 1 BY alert_id"""


def open_alerts(columns: str) -> str:
    """Those of them that are open or acked, in the chosen county."""
    return f"SELECT * FROM ({standing(columns)}) WHERE state IN ('open', 'acked') AND {IN_COUNTY}"


def people() -> str:
    """Who has acked each alert last, and to whom it was assigned."""
    return f"""
        SELECT alert_id, argMaxIf(actor, seq, action = 'ack') AS acked_by,
            argMaxIf(assigned_to, seq, action = 'assign') AS assigned_to
        FROM alert_actions FINAL
        WHERE verdict = 'done' AND at <= {NOW} AND alert_id != ''
        GROUP BY alert_id"""


def named(column: str, names: Mapping[str, str]) -> str:
    """The words for the values of a column, where they name series."""
    codes = ", ".join(f"'{code}'" for code in names)
    said = ", ".join(f"'{word}'" for word in names.values())
    return f"transform(toString({column}), [{codes}], [{said}], toString({column}))"
