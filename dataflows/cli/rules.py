"""The commands for people who write rules: `anlan rules`."""

from __future__ import annotations

import click

from dataflows.cli.rules_backtest import backtest
from dataflows.cli.rules_diff import diff
from dataflows.cli.rules_explain import explain
from dataflows.cli.rules_lint import lint
from dataflows.cli.rules_near import near
from dataflows.cli.rules_new import new
from dataflows.cli.rules_scorecard import scorecard_command
from dataflows.cli.rules_test import test
from dataflows.cli.rules_why_not import why_not


@click.group()
def rules() -> None:
    """Write rules: begin one, try its tests, check what is wrong with it.

    A rule is one YAML file with its tests in it. PATH is such a file, or a folder that is searched for them;
    without a PATH it is the rule book that comes with Anlan.
    """


rules.add_command(new)
rules.add_command(test)
rules.add_command(lint)
rules.add_command(backtest)
rules.add_command(scorecard_command)
rules.add_command(diff)
rules.add_command(explain)
rules.add_command(near)
rules.add_command(why_not)
