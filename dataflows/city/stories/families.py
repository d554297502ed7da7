"""Stories of families under pressure, and one call that is the dispatcher's job alone.

Where a weapon is in the words, the department noted nothing: only the intake's ear for words can find it.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.city.places import Village
from dataflows.city.stories.teller import Story, Teller

FAMILY = "dispute/family"
VIOLENCE = "dv.violence-progression"
# One family's contacts are one matter, so its climb and its repeats are rightly seen as well.
ALSO = ("cx.channel-climb", "rc.repeat-contact")


def pressured(tell: Teller, villages: Sequence[Village]) -> Story:
    """Words, then blows, then a knife: the two parties are named in either order."""
    wife, husband = tell.people(2, tell.village(villages))
    tell.contact(
        "grid",
        tell.at(2, 20),
        wife,
        FAMILY,
        "夫妻争吵,{other}大声辱骂,邻居听到。",
        other=husband,
        parties=(wife, husband),
        violence=1,
    )
    tell.contact(
        "police",
        tell.at(15, 22),
        wife,
        FAMILY,
        "丈夫{other}酒后打人,报警人{name},电话{phone}。",
        other=husband,
        parties=(husband, wife),
        violence=2,
    )
    tell.contact(
        "police",
        tell.at(22, 23),
        wife,
        FAMILY,
        "丈夫{other}拿菜刀威胁,孩子在屋里哭,快来{address}。",
        other=husband,
        parties=(wife, husband),
    )
    return tell.finish({VIOLENCE: "red"}, ALSO)


def late_first_call(tell: Teller, villages: Sequence[Village]) -> Story:
    """The earlier contact arrives after the report with the weapon: still a progression."""
    wife, husband = tell.people(2, tell.village(villages))
    more = {"other": husband, "parties": (wife, husband)}
    start = tell.at(12, 20)
    hour = 3_600_000_000
    tell.contact("hotline", start, wife, FAMILY, "丈夫{other}动手打人。", violence=2, late_us=hour, **more)
    tell.contact("police", start + hour // 2, wife, FAMILY, "丈夫{other}持刀追赶,请速来。", **more)
    return tell.finish({VIOLENCE: "red"}, ALSO)


def accelerating(tell: Teller, villages: Sequence[Village]) -> Story:
    """The same quarrel again, each time sooner; no second party is named, only the home is known."""
    wife, husband = tell.people(2, tell.village(villages))
    text = "家中又吵架了,{other}摔东西骂人。"
    for day in (1.0, 17.0, 24.5):
        tell.contact("police", tell.at(day, 19), wife, FAMILY, text, other=husband, violence=1)
    return tell.finish({VIOLENCE: "blue"}, ALSO)


def single_knife(tell: Teller, villages: Sequence[Village]) -> Story:
    """One report with a weapon and nothing before it: for the dispatcher, not for us."""
    wife, husband = tell.people(2, tell.village(villages))
    tell.contact(
        "police",
        tell.at(14, 21),
        wife,
        FAMILY,
        "{other}拿着菜刀在门口,请出警。",
        other=husband,
        parties=(wife, husband),
    )
    return tell.finish()
