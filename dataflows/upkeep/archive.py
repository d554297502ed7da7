"""A backup from which a pool is put back."""

from __future__ import annotations

from pathlib import Path

from alerts.local_time import local_time
from alerts.model import to_us
from connectors.clickhouse import Pool
from connectors.kafka import INTAKE_LOG, log_bounds
from dataflows.servers import kafka_of
from dataflows.settings import Settings
from dataflows.upkeep.backup import STATE
from dataflows.upkeep.manifest import require_whole
from dataflows.upkeep.state_copy import Kept, read_state


class Archive:
    """A backup that is whole. Raises `BackupError` where it is not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = require_whole(folder)

    @property
    def told(self) -> str:
        """What it holds, in words."""
        rows = sum(self.manifest.rows().values())
        return f"{rows:,} rows of the backup, which stands at {local_time(self.manifest.clock_us)} ({self.folder})"

    @property
    def lacks(self) -> list[str]:
        """What happened after it and stands nowhere else."""
        made = local_time(to_us(self.manifest.made_at))
        return [
            f"what people decided about dead letters after {made}: these are open again",
            f"receipts from after {made} that the broker has dropped (after seven days unless told otherwise)",
        ]

    def refusals(self, settings: Settings) -> list[str]:
        """Why the log does not go on where it ends."""
        bounds = log_bounds(kafka_of(settings), INTAKE_LOG)
        wanted = self.manifest.offsets
        if wanted.keys() != bounds.keys():
            return [f"the intake log must have the partitions of the backup, {len(wanted)}; got {len(bounds)}"]
        gone = [name for name, (low, high) in bounds.items() if not low <= max(wanted[name], 0) <= high]
        return [
            f"the intake log must hold what came after the backup; got {bounds[name][0]} to {bounds[name][1]} where"
            f" {wanted[name]} is next (partition {name})"
            for name in gone
        ]

    def kept(self) -> Kept:
        """The stages as they stood, and what the pool lacked then."""
        return read_state(self.folder / STATE)

    def put_back(self, pool: Pool) -> None:
        """Write its rows into a pool that has its tables."""
        for part in self.manifest.parts:
            if part.table:
                pool.load(part.table, self.folder / part.path)
