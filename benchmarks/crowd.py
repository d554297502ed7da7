"""People who call: as many as are asked for, at a rate that does not depend on how many they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from math import gcd
from random import Random

from alerts.duration import DAY_US
from alerts.model import Event, from_us, to_us

START_US = to_us(datetime(2026, 3, 1, 16, tzinfo=UTC))  # midnight in Shanghai
CHANNELS = ("hotline", "police", "grid", "helpdesk")
TOPICS = (("service", "heating"), ("consult", "policy"), ("service", "water"), ("service", "road"))
REGIONS = tuple(
    f"62010{county}00{town}00{village}" for county in (2, 3, 4) for town in (1, 2, 3) for village in (1, 2, 3)
)
LETTERS = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")  # a token has no digits
SOON_US, LATER_US, LATE_US = 5_000_000, 120_000_000, 600_000_000  # 70 % arrive soon, 25 % later, 5 % late


def crowd(people: int, count: int, a_day: int, seed: int = 1) -> Iterator[Event]:
    """`count` contacts in order of arrival, `a_day` of them each day; the same for the same seed.

    Everybody calls once before anybody calls again. One person calls about one matter, and nobody says anything
    that a rule would speak about.
    """
    step, even = _stride(people), Random(seed).random
    for number in range(count):
        arrives = START_US + number * DAY_US // a_day
        yield _contact(number, number * step % people, arrives, arrives - int(_lag_us(even)))


def _lag_us(even: Callable[[], float]) -> float:
    share = even()
    return even() * (SOON_US if share < 0.7 else LATER_US if share < 0.95 else LATE_US)


def _contact(number: int, person: int, arrives_us: int, occurred_us: int) -> Event:
    channel = CHANNELS[number % len(CHANNELS)]
    category, subcategory = TOPICS[person % len(TOPICS)]
    case = f"C{number:010d}"
    return Event(
        id=f"{channel}/{case}/received/1",
        channel=channel,
        action="received",
        occurred_at=from_us(occurred_us),
        arrived_at=from_us(arrives_us),
        case=case,
        reporter=_token("phone", person),
        household=_token("address", person),
        region=REGIONS[person % len(REGIONS)],
        category=category,  # type: ignore[arg-type]
        subcategory=subcategory,
        violence=0,
    )


def _token(kind: str, person: int) -> str:
    return "sim:" + sha256(f"{kind}/{person}".encode()).hexdigest()[:20].translate(LETTERS)


def _stride(people: int) -> int:
    """A way through all people that jumps about."""
    stride = int(people * 0.618) | 1
    while gcd(stride, people) != 1:
        stride += 2
    return stride
