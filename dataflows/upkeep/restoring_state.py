"""The state of the flow was lost or is not trusted: it is set aside, and the next start makes it again from the log."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from alerts.local_time import local_time
from connectors.clickhouse import Pool
from connectors.kafka import INTAKE_LOG, log_bounds
from dataflows.recovery import SNAPSHOTS, UnusableError, set_aside
from dataflows.servers import kafka_of, pool_of
from dataflows.settings import Settings
from dataflows.start import usable_snapshots
from dataflows.upkeep.plan import NOTHING_TO_READ, Plan, look_at_log


class StateRestored(NamedTuple):
    """Where the state is that was there; None where there was none."""

    set_aside: Path | None


def plan_of_state(settings: Settings, overwrite: bool) -> Plan:
    """What the next start would read, and whether a state that is whole is in the way. Changes nothing."""
    log, folder = look_at_log(kafka_of(settings)), Path(settings.state)
    does = [f"set aside what is in {folder}, and let the next start of the flow read {log.span}"]
    lacks = ["alerts in the meantime: they wait until `rebuild_done`, and none is lost"]
    if log.is_cut:
        with Pool(pool_of(settings)) as pool:
            count = pool.count_events() if pool.has_tables() else 0
        does.append(f"and before it {count:,} events of the pool: the log begins at {local_time(log.since_us)}")
        lacks.append("heartbeats from before the log begins: the state may differ a little, and nothing is said again")
    refusals = [] if log.records else [NOTHING_TO_READ]
    if not overwrite and _is_whole(folder, settings):
        refusals.append(
            f"a state that is whole must not be set aside by mistake; got one that the flow can go on from ({folder});"
            " with --overwrite it is set aside"
        )
    return Plan(does, lacks, refusals)


def _is_whole(folder: Path, settings: Settings) -> bool:
    """Whether the flow could go on from the state in a folder."""
    try:
        return bool(usable_snapshots(folder, log_bounds(kafka_of(settings), INTAKE_LOG)))
    except UnusableError:
        return False


def restore_state(settings: Settings) -> StateRestored:
    """Set the state aside: nothing is deleted. The flow must stand still."""
    folder = Path(settings.state)
    return StateRestored(set_aside(folder) if (folder / SNAPSHOTS).exists() else None)
