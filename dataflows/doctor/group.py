"""The hosts that share the flow: who is there, who works, and what differs between them."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from connectors.kafka_beats import BeatReader
from connectors.kafka_look import look_at_cluster
from connectors.kafka_topics import GROUP
from dataflows.doctor.clocks import clock_line
from dataflows.doctor.line import Line, attention, broken, ok
from dataflows.doctor.ports import look_at_free
from dataflows.group.likeness import digest_of
from dataflows.group.roster import Beat
from dataflows.rule_paths import many
from dataflows.servers import kafka_of
from dataflows.settings import Settings

LISTENS = 0.5  # of a lease, in which a host says five beats

_decode = msgspec.json.Decoder(Beat).decode
_START = "start `anlan group` there; the others go on without it"


class _Look(NamedTuple):
    """What was heard: of each host the last beat, and of those that are heard now how far their clock is ahead."""

    beats: dict[str, Beat]
    ahead: dict[str, float]

    def at_work(self) -> dict[str, Beat]:
        return {host: self.beats[host] for host in sorted(self.ahead) if self.beats[host].works}


def look_at_group(settings: Settings) -> Iterator[Line]:
    """Its hosts, and the folder that they share."""
    if GROUP not in look_at_cluster(kafka_of(settings), [GROUP]).topics:
        yield attention("group", f"no host was ever there: `{GROUP}` is missing", "start `anlan group` on each host")
        return
    look = _listen(settings)
    yield _whole(settings, look)
    if settings.group_host not in look.ahead:
        yield from look_at_free(settings)
    for host, beat in sorted(look.beats.items()):
        if host in look.ahead:
            yield from _host(settings, beat, look)
            yield clock_line(f"host {host}", int((time.time() + look.ahead[host]) * 1e6))
        else:
            seconds = LISTENS * settings.group_lease_seconds
            yield attention(f"host {host}", f"said nothing for {seconds:g} s", _START)
    # of a lock that this host holds itself another look says more
    if any(beat.stage == "prepared" and host != settings.group_host for host, beat in look.at_work().items()):
        yield _lock(Path(settings.state) / "lock")


def _listen(settings: Settings) -> _Look:
    """Until every host that was there is heard again, for some beats at most."""
    look = _Look({}, {})
    with contextlib.closing(BeatReader(kafka_of(settings))) as reader:
        until, place = time.monotonic() + LISTENS * settings.group_lease_seconds, -1
        while time.monotonic() < until and not (place >= reader.end and look.beats.keys() <= look.ahead.keys()):
            for place, body in reader.hear(0.05):
                _take(look, _decode(body), is_now=place >= reader.end)
    return look


def _take(look: _Look, beat: Beat, is_now: bool) -> None:
    look.beats[beat.host] = beat
    if is_now:  # on its way to us it has aged: of some the least
        look.ahead[beat.host] = max(beat.said_at - time.time(), look.ahead.get(beat.host, float("-inf")))
    if beat.stage == "gone":
        look.beats.pop(beat.host)
        look.ahead.pop(beat.host, None)


def _whole(settings: Settings, look: _Look) -> Line:
    if settings.group_host not in look.ahead:
        return attention("group", f"this host (`{settings.group_host}`) is not in it", "start `anlan group` here")
    if at_work := look.at_work():
        return ok("group", f"{many(len(at_work), 'host')} at work: {', '.join(at_work)}")
    return attention(
        "group",
        f"{many(len(look.ahead), 'host')} can be heard, and none works",
        "wait for some seconds; then read what `anlan group` says on them",
    )


def _host(settings: Settings, beat: Beat, look: _Look) -> Iterator[Line]:
    area, is_ours = f"host {beat.host}", beat.host == settings.group_host
    if look.at_work() and not beat.works:
        why, remedy = _left_out(beat, look)
        yield attention(area, f"is there and does not work with the others: {why}", remedy)
    if beat.settings != digest_of(settings):
        yield attention(
            area,
            "was started with other settings than these" if is_ours else "has other settings than this host",
            "make them the same on all hosts, but for what is each one's own, and restart `anlan group`",
        )


def _left_out(beat: Beat, look: _Look) -> tuple[str, str]:
    """Why a host does not work, and what to do."""
    theirs = sorted({other.release for other in look.at_work().values()})
    if beat.release not in theirs:
        return f"it runs release {beat.release}, they run {', '.join(theirs)}", "install one release on all hosts"
    of_others = {host for host, other in look.beats.items() if beat.host in other.unseen}
    if unseen := sorted(of_others.union(beat.unseen)):
        return (
            f"it and {', '.join(unseen)} do not reach each other",
            "see to the network, and to the firewall for `group_port` and the hundred ports behind it",
        )
    return f"it is {beat.stage}", "wait for some seconds; then read what `anlan group` says there"


def _lock(lock: Path) -> Line:
    """Whether the lock that another host holds on the state is held here as well."""
    area, folder = "group state", lock.parent
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return broken(
            area,
            f"must be the folder of all hosts; got one in which none works ({folder})",
            "mount the same file system on all hosts, and set `state` to it",
        )
    except BlockingIOError:
        return ok(area, "the lock of another host holds here")
    return broken(
        area,
        f"the lock of another host must hold here; got none ({folder})",
        "use a file system whose locks hold between hosts; or two of them may write one state",
    )
