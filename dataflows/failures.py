"""What a command says when it fails: one sentence and exit code 1, not a traceback."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

import click
from bytewax.errors import BytewaxRuntimeError

from alerts.rule_file import RuleError
from connectors.child_server import PartError
from connectors.journal import JournalError
from connectors.kafka import BrokerError
from connectors.redis_client import RedisRefusedError
from connectors.yaml_file import YamlError
from dataflows.settings import SettingsError

_STEP = re.compile(r'in step "[^."]+\.([^."]+)')

_log = logging.getLogger("anlan.run")


class FlowError(RuntimeError):
    """What stopped a running flow, in a sentence."""


SAID = (
    SettingsError, RuleError, YamlError, BrokerError, PartError, JournalError, FlowError, RedisRefusedError, OSError,
    ValueError,
)  # fmt: skip


@contextlib.contextmanager
def said_plainly() -> Iterator[None]:
    """Turn an error that explains itself into its sentence."""
    try:
        yield
    except SAID as error:
        raise click.ClickException(str(error)) from error


@contextlib.contextmanager
def failing_plainly() -> Iterator[None]:
    """Turn what the engine makes of an error in one of our steps back into that error's sentence.

    Nothing is lost by it: the next start goes on from the last snapshot.
    """
    try:
        yield
    except BytewaxRuntimeError as error:
        cause = _cause(error)
        _log.info("flow_failed", exc_info=error)
        sentence = str(cause) if isinstance(cause, SAID) else f"{type(cause).__name__}: {cause}"
        raise FlowError(f"{sentence} (step `{_step(error)}`); the next start goes on from the last snapshot") from error


def _cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None and isinstance(error, BytewaxRuntimeError):
        error = error.__cause__
    return error


def _step(error: BaseException | None) -> str:
    while error is not None:
        if found := _STEP.search(str(error)):
            return found[1]
        error = error.__cause__
    return "unknown"
