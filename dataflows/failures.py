"""What a command says when it fails: one sentence and exit code 1, not a traceback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from alerts.rule_file import RuleError
from connectors.child_server import PartError
from connectors.kafka import BrokerError
from connectors.yaml_file import YamlError
from dataflows.settings import SettingsError

SAID = (SettingsError, RuleError, YamlError, BrokerError, PartError, OSError, ValueError)


@contextlib.contextmanager
def said_plainly() -> Iterator[None]:
    """Turn an error that explains itself into its sentence."""
    try:
        yield
    except SAID as error:
        raise click.ClickException(str(error)) from error
