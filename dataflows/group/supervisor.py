"""The supervisor of a host: it says that the host is there, and runs the host's processes of the group's life.

beats of all hosts (one topic) ─► roster ─► the life that the group is in
                                              │ another one: end the old processes, start the new ones
                                              │ nothing of the old one runs anywhere: the front may go
                                              └ the front has taken up the state: the others may go
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Iterator

import msgspec

from connectors.kafka_beats import Beats
from connectors.metrics import Metrics, serve
from dataflows.group.likeness import digest_of, release
from dataflows.group.processes import Processes
from dataflows.group.roster import NO_LIFE, PATIENCE, Beat, Life, Roster, Stage
from dataflows.group.sight import Sight
from dataflows.place import front_of
from dataflows.readiness import tell_ready
from dataflows.servers import door_files, kafka_of
from dataflows.settings import Settings, SettingsError, required

HELD = 0.8  # of the lease for which processes may work after a beat; what is left is for a machine that is slow to act
UNSEEN = 0.5  # of the lease after which a host that is not reached is said to be unseen
STRANGE = 3  # beats of another supervisor under our name
LEAVING_SECONDS = 5.0  # more than leaving may take, besides the lease and an orderly stop
_LISTEN_SECONDS = 0.05

_log = logging.getLogger("anlan.group")
_decode = msgspec.json.Decoder(Beat).decode


def supervise(settings: Settings, config: str | None, stop: threading.Event) -> None:
    """Run this host's part of the group until `stop` is set; then leave it in order.

    Raises `SettingsError` and `BrokerError` for what is wrong at the start.
    """
    required(settings, "group_host", "group_address", "keyring", "seal_key")
    lease, metrics = settings.group_lease_seconds, Metrics()
    with Sight(settings.group_address, settings.group_port, UNSEEN * lease) as sight, _door(settings, metrics):
        beats = Beats(kafka_of(settings))
        try:
            supervisor = Supervisor(settings, config, beats, sight, metrics)
            while not supervisor.has_left:
                supervisor.step(stop.is_set())
        finally:
            beats.close()


@contextlib.contextmanager
def _door(settings: Settings, metrics: Metrics) -> Iterator[None]:
    """Prometheus is answered, also while the host waits for its group."""
    locks, port = door_files(settings, "metrics_address"), settings.group_metrics_port
    try:
        door = serve(metrics, port, *locks, addr=settings.metrics_address)
    except OSError as error:
        raise SettingsError(
            f"`group_metrics_port` must be free; got `{error.strerror}` ({settings.metrics_address}:{port})"
        ) from None
    with contextlib.closing(door):
        yield


class Supervisor:
    """Takes one step after the other: hears, acts, speaks."""

    def __init__(self, settings: Settings, config: str | None, beats: Beats, sight: Sight, metrics: Metrics) -> None:
        self.has_left = False
        self._metrics = metrics
        self._settings = settings
        self._config = config
        self._beats = beats
        self._sight = sight
        self._roster = Roster()
        self._host = settings.group_host
        self._boot = uuid.uuid4().hex[:12]
        self._release, self._digest = release(), digest_of(settings)
        self._life = Life(NO_LIFE)
        self._processes: Processes | None = None
        self._stage: Stage = "joining"
        self._leave_by: float | None = None
        self._held_since: float | None = None
        self._is_heard = False
        self._said_gone = False
        self._namesakes = 0  # beats under our name that are not ours

    def step(self, must_leave: bool) -> None:
        """Hear what was said, do what follows, and say that we are there when it is time."""
        for heard in self._beats.hear(_LISTEN_SECONDS):
            beat = _decode(heard.body)
            self._roster.take(heard.place, beat)
            self._meet(beat)
            self._follow()  # what follows from each beat, before the next one changes it
        self._follow()
        if must_leave:
            self._leave()
        self._speak()
        self._show()

    def _meet(self, beat: Beat) -> None:
        """See whether we are heard, and whether somebody else goes by our name."""
        if beat.boot == self._boot and not self._is_heard:
            self._is_heard = True
            tell_ready()
        elif beat.host == self._host and beat.boot != self._boot and self._is_heard:
            self._namesakes += 1  # the first may be the last word of an earlier start
        if self._namesakes > STRANGE:
            raise SettingsError(
                f"`group_host` must be one host's; got beats of another supervisor under it (`{self._host}`)"
            )

    def _follow(self) -> None:
        if not self._is_heard:
            return  # what is heard before our own first beat is history
        if self._roster.life.number != self._life.number:
            self._turn(self._roster.life)
        elif self._processes is not None:
            self._look_after(self._processes)
        self._hold()

    def _turn(self, life: Life) -> None:
        """End what runs, and begin the next life when it has ended."""
        if not self._end(life.is_orderly):
            return
        self._life = life
        self._metrics.lives_begun.inc()
        numbers = life.numbers_of(self._boot)
        others = {member.host: (member.address, member.port) for member in life.members if member.host != self._host}
        _log.warning(
            "life_began life=%d hosts=%s processes=%d here=%s orderly=%s",
            life.number, ",".join(sorted({*others, *([self._host] if numbers else [])})), len(life.addresses()),
            list(numbers), life.is_orderly,
        )  # fmt: skip
        if self._leave_by is not None:
            self._stage = "gone"
        elif numbers:
            self._processes, self._held_since = Processes(life, numbers, self._config), None
            self._stage = "clear"
        elif self._stage != "joining":
            self._stage = "clear"

    def _end(self, is_orderly: bool) -> bool:
        """Whether nothing of the life runs here any more."""
        if self._processes is not None and self._processes.end(is_orderly, self._settings.stop_seconds + 1.0):
            self._processes = None
        return self._processes is None

    def _look_after(self, processes: Processes) -> None:
        if processes.has_ended():
            if self._stage in ("clear", "prepared"):
                _log.error("process_ended life=%d the group begins another one", self._life.number)
                self._stage = "ended"
            return
        front = front_of(len(self._life.addresses()))
        is_here = front in self._life.numbers_of(self._boot)
        if is_here and self._stage == "clear" and self._roster.is_clear:
            processes.go(front)
        if is_here and self._stage == "clear" and processes.is_prepared(front):
            self._stage = "prepared"
        if self._roster.is_prepared:
            for number in self._life.numbers_of(self._boot):
                processes.go(number)

    def _hold(self) -> None:
        """Our processes may work for as long as no other host can take us for lost."""
        since = self._beats.stands_since
        if self._processes is not None and since is not None and since != self._held_since:
            self._held_since = since
            self._processes.hold_until(since + HELD * self._settings.group_lease_seconds)

    def _leave(self) -> None:
        """Let the others begin a life without us, and end then; where there are none, or they do not, end now."""
        now = time.monotonic()
        if self._leave_by is None:
            self._leave_by = now + self._settings.group_lease_seconds
            self._stage = "leaving"
        others = [beat for host, beat in self._roster.beats.items() if host != self._host and beat.stage != "leaving"]
        if (not others or now >= self._leave_by or self._processes is None) and self._end(is_orderly=True):
            self._stage = "gone"
        if now >= self._leave_by + self._settings.stop_seconds + 2.0:
            self.has_left = True  # the broker is away, and our last word does not matter

    def _speak(self) -> None:
        self._sight.look_for(
            {host: (beat.address, beat.port) for host, beat in self._roster.beats.items() if host != self._host}
        )
        if self._beats.is_on_its_way:
            return
        if self._said_gone:
            self.has_left = True
            return
        since = self._beats.stands_since
        if since is not None and time.monotonic() < since + self._settings.group_lease_seconds / PATIENCE:
            return
        self._said_gone = self._stage == "gone"
        self._beats.say(msgspec.json.encode(self._beat()))

    def _beat(self) -> Beat:
        own = self._settings
        return Beat(
            self._host, self._boot, own.group_address, own.group_port, own.group_processes, self._life.number,
            self._stage, self._sight.unseen(), self._release, self._digest, self._works, time.time(),
        )  # fmt: skip

    @property
    def _works(self) -> bool:
        is_of_it = self._processes is not None and self._life.number == self._roster.life.number
        return is_of_it and self._roster.is_prepared

    def _show(self) -> None:
        """What Prometheus is told."""
        now, since = time.monotonic(), self._beats.stands_since
        is_heard = since is not None and now < since + self._settings.group_lease_seconds
        self._metrics.hosts_heard.set(len(self._roster.beats))
        self._metrics.hosts_worked.set(len(self._roster.life.members) if is_heard and self._roster.is_prepared else 0)
        self._metrics.life_begun.set(self._life.number)
        if since is not None:
            self._metrics.beat_taken_at.set(time.time() - (now - since))
