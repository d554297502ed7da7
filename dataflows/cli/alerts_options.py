"""What the `anlan alerts` commands share: where the service is, who asks, when something ends, and exit codes."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from alerts.duration import parse_duration
from alerts.model import Acted, Revision
from dataflows.alert_words import SHORT_ID, machine_now, short
from dataflows.api_client import DEFAULT_ADDRESS, Api, NotYetError, RefusedError
from dataflows.failures import said_plainly
from dataflows.history_origin import LOCAL, Command

EXIT_CODES = "Exit codes: 0 done, 1 not done (the sentence says why), 2 wrong command, 3 refused, 4 no verdict yet."


class Moment(click.ParamType[datetime]):
    """An instant: a length of time from now such as `2h`, or a time; without a zone it is local."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        with contextlib.suppress(ValueError):
            return machine_now() + timedelta(microseconds=parse_duration(value))
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"a time must be like `2h`, `30m` or `2026-03-09T10:00+08:00`; got `{value}`", param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=LOCAL)


class Length(click.ParamType[timedelta]):
    """A length of time such as `8h` or `1h30m`."""

    name = "LENGTH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return timedelta(microseconds=parse_duration(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def asks(command: Command) -> Command:
    """A command that asks the service: it gets an `api`, and what goes wrong becomes a sentence and an exit code."""

    @click.option(
        "--api", "address", envvar="ANLAN_API", default=DEFAULT_ADDRESS, show_default=True, metavar="URL",
        help="The service (`anlan serve`), or ANLAN_API.",
    )  # fmt: skip
    @click.option(
        "--token-file", envvar="ANLAN_TOKEN_FILE", type=click.Path(dir_okay=False, path_type=Path),
        help="File with your token, or ANLAN_TOKEN_FILE, read each time; ANLAN_TOKEN may hold the token itself.",
    )  # fmt: skip
    @click.option(
        "--ca", envvar="ANLAN_TLS_CA", default=None, type=click.Path(exists=True, dir_okay=False),
        help="File with the certificates that vouch for the service's, or ANLAN_TLS_CA; else those of this machine.",
    )  # fmt: skip
    @functools.wraps(command)
    def wrapped(*args: Any, address: str, token_file: Path | None, ca: str | None, **kwargs: Any) -> Any:
        with said_plainly(), _exit_codes(), Api(address, lambda: _token(token_file), ca=ca or "") as api:
            return command(*args, api=api, **kwargs)

    return wrapped


wait_option = click.option(
    "--wait", default=10.0, show_default=True, type=click.FloatRange(0, 600), help="Seconds to wait for the verdict."
)


def find(api: Api, reference: str) -> tuple[str, int | None]:
    """The id of an alert, and the revision where `ID@REVISION` names one. An id may be cut: open ones are looked at."""
    name, _, number = reference.partition("@")
    if number and not number.isdigit():
        raise click.UsageError(f"an alert must be like `1f3a9c2e@3`, with the number of a revision; got `{reference}`")
    revision = int(number) if number else None
    if len(name) >= 4 * SHORT_ID or not name:
        return name, revision
    found = [each.alert_id for each in api.alerts() if each.alert_id.startswith(name)]
    if name in found or not found:
        return name, revision
    if len(found) > 1:
        raise click.UsageError(f"`{name}` must begin the id of one open alert; got {len(found)}; give more of the id")
    return found[0], revision


def said(acted: Acted, what: str) -> str:
    """One line of what was done."""
    return f"{what} {short(acted.action.alert_id or acted.action.action_id)}" + (
        f"@{acted.revision}" if acted.revision and acted.action.alert_id else ""
    )


def in_county(revision: Revision, county: str) -> bool:
    """Does an alert lie in a county? "" is anywhere."""
    return not county or revision.region.county == county


def _token(file: Path | None) -> str:
    """The token, from a file or the environment: what stands on a command line, everybody on the machine can read."""
    if file is not None:
        try:
            token = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"token must be in a file; got `{error.strerror}` ({file})") from None
    else:
        token = os.environ.get("ANLAN_TOKEN", "").strip()
    if not token:
        raise ValueError("`ANLAN_TOKEN` must be set, or --token-file given; got neither; `anlan tokens make` makes one")
    if not token.isascii() or any(sign.isspace() for sign in token):
        raise ValueError("token must be one word; got something else, which is not shown")
    return token


@contextlib.contextmanager
def _exit_codes() -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        raise _Refused(str(error)) from error
    except NotYetError as error:
        raise _NotYet(str(error)) from error


class _Refused(click.ClickException):
    exit_code = 3


class _NotYet(click.ClickException):
    exit_code = 4
