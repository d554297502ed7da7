"""`python -m tests.faults.hosts`: a flow on several hosts that are cut off, killed and brought back, and its answers.

The hosts are namespaces of this machine, the state is a folder that all of them reach. What is said at the end is held
against a plain replay of the intake log by one process.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from alerts.model import to_us
from connectors.apache_kafka import ApacheKafka
from tests.faults.group import Hosts
from tests.faults.load import Load
from tests.faults.network import Network
from tests.faults.outcome import Outcome
from tests.faults.trial import Step, Trial, table

QUIET_SECONDS = 15.0  # of alerts that nothing disturbs, to compare with


def plan() -> list[Step]:
    """Everything that a group must stand."""
    return [
        Step("nothing", lambda hosts: time.sleep(QUIET_SECONDS), (1,), is_felt=False),
        Step("1 → 3 hosts", lambda hosts: hosts.power_on(2, 3), (1, 2, 3)),
        Step("cable of the front pulled", lambda hosts: hosts[2].pull_cable(), (1, 3)),
        Step("cable plugged in", lambda hosts: hosts[2].plug_cable(), (1, 2, 3)),
        Step("cable of another pulled", lambda hosts: hosts[3].pull_cable(), (1, 2)),
        Step("cable plugged in", lambda hosts: hosts[3].plug_cable(), (1, 2, 3)),
        Step("a cable pulled for a second", _pull_for_a_second, (1, 2, 3), is_felt=False),
        Step("front killed", lambda hosts: hosts[2].power_off(), (1, 3)),
        Step("brought back", lambda hosts: hosts.power_on(2), (1, 2, 3)),
        Step("another killed", lambda hosts: hosts[1].power_off(), (2, 3)),
        Step("brought back", lambda hosts: hosts.power_on(1), (1, 2, 3)),
        Step("one process killed", _kill_a_process, (1, 2, 3)),
        Step("two do not reach each other", lambda hosts: hosts[2].lose_sight(hosts[3]), (1, 2)),
        Step("they do again", lambda hosts: hosts[2].regain_sight(hosts[3]), (1, 2, 3)),
        Step("3 → 2 hosts", lambda hosts: hosts.shut_down(3), (1, 2)),
    ]


def short_plan() -> list[Step]:
    """What a test has the time for."""
    return [
        Step("1 → 2 hosts", lambda hosts: hosts.power_on(2), (1, 2)),
        Step("cable of the front pulled", lambda hosts: hosts[1].pull_cable(), (2,)),
        Step("cable plugged in", lambda hosts: hosts[1].plug_cable(), (1, 2)),
        Step("another killed", lambda hosts: hosts[2].power_off(), (1,)),
    ]


def _pull_for_a_second(hosts: Hosts) -> None:
    hosts[3].pull_cable()
    time.sleep(1)
    hosts[3].plug_cable()


def _kill_a_process(hosts: Hosts) -> None:
    os.kill(hosts[1].processes()[0], signal.SIGKILL)


def a_load(seed: int, rate: float, speed: float = 60.0) -> Load:
    """The load of a trial, two days ago."""
    day = (datetime.now(UTC) - timedelta(days=2)).date()
    return Load(seed, to_us(datetime.fromisoformat(f"{day}T00:00:00+08:00")), rate, speed)


@click.command()
@click.option("--seed", default=1, show_default=True, help="Another load.")
@click.option("--rate", default=40.0, show_default=True, help="Events a second.")
@click.option("--short", is_flag=True, help="Only what the test plays.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep data and logs there; default: only on a failure.")
def main(seed: int, rate: float, short: bool, folder: Path | None) -> None:
    """Run the flow on three hosts, cut them off, kill them, bring them back, rescale, and check every answer."""
    if why := Network.missing():
        raise click.ClickException(why)
    root = folder or Path(tempfile.mkdtemp(prefix="anlan-hosts-"))
    trial = Trial(short_plan() if short else plan(), a_load(seed, rate), root, click.echo, not ApacheKafka.missing())
    outcome = trial.run()
    click.echo(table(trial.felt))
    click.echo(_in_words(outcome))
    for line in [*outcome.losses, *outcome.remarks]:
        click.echo(line)
    if outcome.losses or folder:
        click.echo(f"data and logs: {root}")
    else:
        shutil.rmtree(root)
    sys.exit(1 if outcome.losses else 0)


def _in_words(outcome: Outcome) -> str:
    answers = {
        "strong": outcome.strong_equal, "weak": outcome.weak_equal, "recount": outcome.recounted_equal
    }  # fmt: skip
    said = ", ".join(f"{name} {'equal' if is_equal else 'differs'}" for name, is_equal in answers.items())
    return (
        f"{outcome.sent:,} events, {outcome.revisions:,} revisions, {outcome.lives} lives; events lost"
        f" {outcome.events_lost}, alerts lost {outcome.alerts_lost}, seen twice {outcome.seen_twice}; {said}"
    )


if __name__ == "__main__":
    main()
