"""`anlan alerts`: what is shown, what is done, and what is said when it cannot be; against the real service."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from served import Served
from service import AT, HERE, THERE, World

from alerts.model import AlertAction, Matchers, Nearest, Revision, Route, Silencing, State, Text
from dataflows.alert_tail import follow
from dataflows.api_client import Api
from dataflows.cli import main

pytestmark = pytest.mark.integration

PAIR = "k1:bcdfghjkmnprstvzbcdf"  # a token of two people
PAGE = Path(__file__).parents[3] / "docs" / "alerts-cli.md"
FIRST, SECOND = "1f3a9c2e-0000-5000-8000-000000000001", "77ab0c1d-0000-5000-8000-000000000002"


@pytest.fixture
def world(tmp_path: Path, redis_url: str, pool_dsn: str, bootstrap: str) -> World:
    return World(tmp_path, redis_url, pool_dsn, bootstrap)


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with Served(world) as found:
        yield found


class Desk:
    """The command line of somebody."""

    def __init__(self, world: World, served: Served, who: str = "head") -> None:
        self._environment = {"ANLAN_API": served.address, "ANLAN_TOKEN": world.shown[who], "COLUMNS": "200"}

    def __call__(self, *arguments: object, code: int = 0, **environment: str) -> Result:
        found = CliRunner().invoke(main, ["alerts", *map(str, arguments)], env=self._environment | environment)
        assert found.exit_code == code, (found.exit_code, found.output, found.exception)
        return found


@pytest.fixture
def desk(world: World, served: Served) -> Desk:
    return Desk(world, served)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def told(world: World, state: State = "open") -> Revision:
    """A red alert about two people that is due to escalate."""
    now = datetime.now(UTC)
    changes: dict[str, Any] = {
        "level": "red", "level_max": "red", "state": state, "key": {"pair": PAIR}, "evidence_total": 7,
        "text": Text(f"家庭纠纷：180天内3次（{PAIR}）", "a family"), "nearest_next": Nearest("red", 2),
        "first_occurred_at": now - timedelta(days=2, hours=3, minutes=30), "detected_at": now - timedelta(minutes=40),
    }  # fmt: skip
    route = Route(f"alerts:{HERE}", ("duty.street",), "urgent", now + timedelta(minutes=20, seconds=30), "township")
    return world.say(FIRST, 3, route=route, **changes)


# what stands


def test_the_list_shows_the_highest_level_first_and_no_whole_token(world: World, desk: Desk) -> None:
    world.say(SECOND, 1, text=Text("供水：7天内3次", "water"))
    told(world)

    shown = desk("list").stdout

    first, second = shown.splitlines()[1:]
    assert re.search(r"紧急 +1f3a9c2e@3 +待签收 +2天3小时前 +40分钟前", first)
    assert "家庭纠纷：180天内3次（k1:bcdfg…）" in first
    assert "关注" in second
    assert "77ab0c1d@1" in second
    assert PAIR not in shown


def test_the_list_takes_filters_and_prints_json(world: World, desk: Desk) -> None:
    told(world)
    world.say(SECOND, 1, county=THERE)
    world.say("closed-one", 2, state="closed", reason="quiet")

    assert [each["alert_id"] for each in lines(desk("list", "--json"))] == [FIRST, SECOND]
    assert [each["alert_id"] for each in lines(desk("list", "--json", "--level", "red"))] == [FIRST]
    assert [each["alert_id"] for each in lines(desk("list", "--json", "--county", THERE))] == [SECOND]
    assert [each["alert_id"] for each in lines(desk("list", "--json", "--rule", "none"))] == []
    assert [each["alert_id"] for each in lines(desk("list", "--json", "--limit", "1"))] == [FIRST]
    assert [each["alert_id"] for each in lines(desk("list", "--json", "--state", "closed"))] == ["closed-one"]
    assert desk("list", "--rule", "none").stdout == "没有预警 no alerts\n"


def test_more_alerts_than_a_page_are_all_listed(world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataflows.api_client.PAGE", 2)
    for number in range(5):
        world.say(f"a{number}")

    assert len(lines(desk("list", "--json"))) == 5
    assert len(lines(desk("list", "--json", "--limit", "3"))) == 3


def test_everybody_sees_what_is_theirs(world: World, served: Served) -> None:
    told(world)
    theirs = Desk(world, served, "there")

    assert theirs("list").stdout == "没有预警 no alerts\n"
    assert "alert must be one of yours" in theirs("show", FIRST, code=1).stderr


def test_show_says_why_who_and_what_next(world: World, desk: Desk) -> None:
    world.say(FIRST, 1)
    told(world, "acked")
    notes = json.dumps([{"at": AT.isoformat(), "actor": "li", "role": "duty.street", "why": "已联系"}])
    world.redis.hset(
        f"people:{FIRST}",
        mapping={"ack_by": "li", "ack_until": "2026-03-02T03:00:00Z", "assigned_to": "grid.officer", "notes": notes},
    )

    shown = desk("show", "1f3a9c2e").stdout

    for expected in (
        f"{FIRST} @3", "pair=k1:bcdfg…", "（还有20分钟）无人签收则上报，已到镇街", "再有2即为紧急", "7 条", "城关区",
        "签收 acked  li，至 03-02 11:00", "交办 assigned  grid.officer", "li（duty.street）：已联系", "1f3a9c2e@1",
    ):  # fmt: skip
        assert expected in shown
    assert PAIR not in shown
    assert json.loads(desk("show", FIRST, "--json").stdout)["people"]["ack_by"] == "li"


def supervised(world: World, *ids: str) -> None:
    """Notices that wait for an answer."""
    due = datetime.now(UTC) + timedelta(hours=3, minutes=30)
    notice = {"to": "street-7", "due": due.isoformat(), "by": "head", "at": AT.isoformat()}
    world.redis.hset(f"people:{FIRST}", "notices", json.dumps([notice | {"id": each} for each in ids]))


def test_show_tells_which_notices_wait_for_an_answer(world: World, desk: Desk) -> None:
    told(world)
    supervised(world, "notice-1")

    shown = desk("show", "1f3a9c2e").stdout

    assert re.search(
        r"督办 supervised  head 督办 street-7，限 \d\d-\d\d \d\d:\d\d 前答复（还有3小时\d+分钟）notice-1", shown
    )


@pytest.mark.parametrize("given", [[], ["--to", "noti"], ["--to", "notice-1"]], ids=["none", "beginning", "whole"])
def test_the_only_notice_needs_no_name(world: World, desk: Desk, given: list[str]) -> None:
    told(world)
    supervised(world, "notice-1")

    with world.desk():
        desk("answer", "1f3a", *given, "--why", "已上门")

    assert [(action.action, action.of) for action in world.sent()] == [("answer", "notice-1")]


def test_a_notice_is_found_by_its_whole_name_where_another_begins_with_it(world: World, desk: Desk) -> None:
    told(world)
    supervised(world, "notice-10", "notice-1")

    with world.desk():
        desk("answer", "1f3a", "--to", "notice-1", "--why", "已上门")

    assert [action.of for action in world.sent()] == ["notice-1"]


@pytest.mark.parametrize(("ids", "found"), [((), "0: none"), (("n-1", "n-2"), "2: n-1 n-2")], ids=["none", "two"])
def test_a_notice_is_named_where_it_is_not_the_only_one(
    world: World, desk: Desk, ids: tuple[str, ...], found: str
) -> None:
    told(world)
    supervised(world, *ids)

    said = desk("answer", "1f3a", "--why", "已上门", code=2).stderr

    assert f"--to must name one of the notices that wait; got {found}" in said
    assert not world.sent()


# what people do


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (["ack", "1f3a9c2e@3", "--why", "我来"], {"action": "ack", "revision": 3, "why": "我来"}),
        (["unack", FIRST], {"action": "unack", "revision": None}),
        (["assign", "1f3a", "--to", "grid.officer"], {"action": "assign", "assigned_to": "grid.officer"}),
        (["note", FIRST, "--why", "双方已见面"], {"action": "note", "why": "双方已见面"}),
        (["close", "1f3a9c2e@3", "--as", "benign"], {"action": "close", "disposition": "benign", "revision": 3}),
        (
            ["supervise", "1f3a", "--to", "street-7", "--until", "2036-03-02T09:00:00Z"],
            {"action": "supervise", "assigned_to": "street-7", "until": datetime(2036, 3, 2, 9, tzinfo=UTC)},
        ),
        (["answer", "1f3a", "--to", "notice-1", "--why", "已上门"], {"action": "answer", "of": "notice-1"}),
        (["reopen", FIRST], {"action": "reopen"}),
        (
            ["reveal", "1f3a", "--token", "k1:bcdfg…", "--why", "走访"],
            {"action": "reveal", "token": PAIR, "why": "走访"},
        ),
        (["reveal", FIRST, "--token", PAIR, "--why", "走访"], {"action": "reveal", "token": PAIR}),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_what_people_do_goes_out_in_their_name(
    world: World, desk: Desk, arguments: list[str], sent: dict[str, Any]
) -> None:
    told(world)

    with world.desk():
        result = desk(*arguments)

    (action,) = world.sent()
    assert {name: getattr(action, name) for name in sent} == sent
    assert (action.alert_id, action.actor, action.role) == (FIRST, "head", "supervisor")
    assert "1f3a9c2e" in result.stdout
    assert PAIR not in result.stdout


@pytest.mark.parametrize(
    ("given", "count"),
    [("k1:", 2), ("k1:none", 0), ("m-1", 0), ("", 2)],
    ids=["both", "neither", "no pseudonym", "all"],
)
def test_one_pseudonym_is_asked_for_at_a_time(world: World, desk: Desk, given: str, count: int) -> None:
    world.say(FIRST, key={"reporter": PAIR, "household": "k1:zvtsrpnmkjhgfdcbzvts", "matter": "m-1"})

    said = desk("reveal", FIRST, "--token", given, "--why", "走访", code=2).stderr

    assert f"--token must begin one pseudonym in the key of the alert; got {count} such" in said
    assert not world.sent()


@pytest.mark.parametrize(
    ("until", "at"),
    [("2h", None), ("30m", None), ("2026-03-09T10:00+08:00", datetime(2026, 3, 9, 2, tzinfo=UTC)),
     ("2026-03-09T10:00", datetime(2026, 3, 9, 2, tzinfo=UTC))],
)  # fmt: skip
def test_an_ack_ends_after_a_length_or_at_a_time(world: World, desk: Desk, until: str, at: datetime | None) -> None:
    told(world)
    before = datetime.now(UTC)

    with world.desk():
        desk("ack", FIRST, "--until", until)

    (action,) = world.sent()
    assert action.until is not None
    if at is None:
        length = timedelta(hours=2) if until == "2h" else timedelta(minutes=30)
        assert before + length <= action.until <= datetime.now(UTC) + length
    else:
        assert action.until == at


def test_a_refusal_of_the_desk_is_its_sentence_and_exit_code_3(world: World, desk: Desk) -> None:
    told(world)

    with world.desk(refused="alert must be seen as it is; got revision 1"):
        result = desk("ack", "1f3a9c2e@1", code=3)

    assert "Error: alert must be seen as it is; got revision 1" in result.stderr


def test_a_role_that_may_not_is_refused(world: World, served: Served) -> None:
    told(world)

    assert "role `viewer` must be allowed to ack" in Desk(world, served, "looker")("ack", FIRST, code=3).stderr


def test_without_a_verdict_in_time_the_exit_code_is_4(world: World, desk: Desk) -> None:
    told(world)

    result = desk("note", FIRST, "--why", "x", "--wait", "0", code=4)

    assert re.search(r"action must have a verdict within 0 s; got none yet \(`[0-9a-f]{32}`\)", result.stderr)
    assert len(world.sent()) == 1


def test_a_verdict_that_comes_later_is_waited_for(world: World, served: Served) -> None:
    told(world)
    with Api(served.address, world.shown["head"], pause=lambda _: decide(world), now=lambda: 0.0) as api:
        acted = api.act(FIRST, 0.01, action="note", why="x")

    assert acted.verdict == "done"


def test_the_beginning_of_an_id_must_be_that_of_one_alert(world: World, desk: Desk) -> None:
    told(world)
    world.say("1f3b0000")

    assert "must begin the id of one open alert; got 2" in desk("ack", "1f3", code=2).stderr
    assert "alert must be one of yours" in desk("ack", "ffff", code=1).stderr
    assert "must be like `1f3a9c2e@3`" in desk("ack", "1f3a@x", code=2).stderr


def decide(world: World) -> None:
    for action in world.sent():
        world.acted(action)


# silences


def begun(world: World, name: str, **changes: Any) -> None:
    """A silence that the desk knows."""
    asked = Silencing(Matchers(rule="rc.*", region=HERE), on_close=True)
    known: dict[str, Any] = {"why": "管道抢修", "until": AT + timedelta(hours=2), "silence": asked} | changes
    acted = world.acted(AlertAction(name, "silence", "li", "supervisor", AT, **known))
    world.redis.hset("silences", name, msgspec.json.encode(acted))


def test_a_silence_goes_out_with_all_that_was_asked(world: World, desk: Desk) -> None:
    told(world)

    with world.desk():
        result = desk(
            "silence", "--alert", "1f3a9c2e", "--rule", "rc.*", "--level", "red", "--region", HERE,
            "--key", "subject=供水", "--until", "2026-03-02T12:00", "--why", "抢修", "--on-level-rise",
        )  # fmt: skip

    (action,) = world.sent()
    assert action.silence == Silencing(Matchers(FIRST, "rc.*", ("red",), HERE, {"subject": "供水"}), on_level_rise=True)
    assert (action.action, action.why) == ("silence", "抢修")
    assert action.until == datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert result.stdout == f"已静默 silenced {action.action_id} 至 03-02 12:00\n"


def test_silences_are_listed_and_ended_by_the_beginning_of_their_id(world: World, desk: Desk) -> None:
    begun(world, "4f0c2a91-long")
    begun(world, "50000000-long")

    shown = desk("silences").stdout
    with world.desk():
        desk("unsilence", "4f0c", "--why", "修好了")

    assert re.search(r"4f0c2a91 +生效中 +03-02 11:00（.+），关闭即止 +li +rule=rc.\* region=620102 +管道抢修", shown)
    (action,) = world.sent()
    assert (action.action, action.of, action.why) == ("unsilence", "4f0c2a91-long", "修好了")
    assert len(json.loads(desk("silences", "--json").stdout)) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--until", "2h", "--why", "x"], "at least one of --alert, --rule, --level, --region and --key must be given"),
        (["--rule", "rc.*", "--until", "soon", "--why", "x"], "a time must be like `2h`, `30m` or"),
        (["--key", "subject", "--until", "2h", "--why", "x"], "--key must be like `subject=供水`; got `subject`"),
        (["--rule", "rc.*", "--until", "2h"], "Missing option '--why'"),
    ],
    ids=["everything", "no time", "no pair", "no reason"],
)
def test_a_silence_that_makes_no_sense_is_a_wrong_command(desk: Desk, arguments: list[str], sentence: str) -> None:
    assert sentence in desk("silence", *arguments, code=2).stderr


# handover


@pytest.mark.parametrize("form", ["md", "html"])
def test_the_handover_is_made_of_what_the_service_says(world: World, desk: Desk, tmp_path: Path, form: str) -> None:
    world.say(FIRST, 1)
    told(world)
    world.say(SECOND, 1)
    world.say(SECOND, 2, state="closed", reason="resolved_by_user")
    world.redis.hset(f"people:{SECOND}", mapping={"disposition": "benign", "closed_by": "li"})
    begun(world, "4f0c2a91-long")
    out = tmp_path / "handover"

    desk("handover", "--since", "24h", "--until", "2026-03-02T12:00", "--format", form, "--out", out)

    text = re.sub("<[^>]+>", "", out.read_text(encoding="utf-8"))
    assert "未结 1 条，紧急 1，预警 0，关注 0；本班新开 2 条，关闭 1 条；静默 1 项" in text
    assert "77ab0c1d@2 已关闭（属实无碍，li）" in text
    assert PAIR not in text


# following


def test_tail_goes_on_where_the_connection_broke_and_misses_nothing(world: World, served: Served) -> None:
    world.say("before")
    world.say("a", 1)
    troubles: list[str] = []
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        """While the service is away more is said; then it is back."""
        pauses.append(seconds)
        if len(pauses) == 1:
            world.say("a", 2)
            world.say("a", 3)
            served.start()

    with Api(served.address, world.shown["head"], pause=pause) as api:
        following = follow(api, 1, troubles.append)
        seen = [next(following)]
        served.stop()
        seen += [next(following), next(following)]
        following.close()  # type: ignore[attr-defined]

    assert [(each.alert_id, each.revision) for each in seen] == [("a", 1), ("a", 2), ("a", 3)]


def test_tail_tries_again_and_says_so_until_the_service_is_back(world: World, served: Served) -> None:
    troubles: list[str] = []
    pauses: list[float] = []
    world.say("a")

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            served.start()

    served.stop()
    with Api(served.address, world.shown["head"], pause=pause) as api:
        following = follow(api, 0, troubles.append)
        assert next(following).alert_id == "a"
        following.close()  # type: ignore[attr-defined]

    assert pauses == [0.5, 1.0, 2.0]
    assert len(troubles) == 3
    assert all(each.startswith("service must answer; got") for each in troubles)


def test_tail_says_what_is_open_where_the_feed_has_forgotten_the_place(world: World, desk: Desk) -> None:
    world.say("a")
    world.say("b")

    result = desk("tail", "--after", "99", "--count", "2", "--json")

    assert {each["alert_id"] for each in lines(result)} == {"a", "b"}
    assert "place must be in the feed, which ends at 2; got 99" in result.stderr


def test_tail_begins_with_what_is_open_and_follows_without_a_hole(world: World, desk: Desk) -> None:
    world.say("a")
    found: list[Result] = []
    thread = threading.Thread(target=lambda: found.append(desk("tail", "--open", "--count", "3", "--json")))
    thread.start()
    world.say("b")
    world.say("c")
    thread.join()

    assert sorted(each["alert_id"] for each in lines(found[0])) == ["a", "b", "c"]


def test_tail_shows_only_what_is_wanted_in_a_line_each(world: World, desk: Desk) -> None:
    world.say(SECOND)
    told(world)
    world.say("there", county=THERE, level="red")

    shown = desk("tail", "--after", "0", "--level", "red", "--county", HERE, "--count", "1").stdout

    assert re.fullmatch(
        r"\d\d-\d\d \d\d:\d\d 紧急 1f3a9c2e@3 待签收·level_rise 家庭纠纷：180天内3次（k1:bcdfg…）\n", shown
    )


# who asks, and whom


def test_a_token_may_stand_in_a_file_and_never_on_the_command_line(world: World, desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(world.shown["head"] + "\n", encoding="utf-8")

    desk("list", "--token-file", file, ANLAN_TOKEN="")
    assert "--token " not in desk("list", "--help").stdout


@pytest.mark.parametrize(
    ("environment", "arguments", "sentence"),
    [
        ({"ANLAN_TOKEN": ""}, [], "`ANLAN_TOKEN` must be set, or --token-file given; got neither; `anlan tokens make`"),
        ({"ANLAN_TOKEN": "another"}, [], "`Authorization` must be `Bearer <token>` with a known token"),
        ({"ANLAN_TOKEN": "two words"}, [], "token must be one word; got something else, which is not shown"),
        ({}, ["--token-file", "none"], "token must be in a file; got `No such file or directory` (none)"),
    ],
    ids=["none", "unknown", "two words", "no file"],
)
def test_who_has_no_token_is_told_so(
    desk: Desk, environment: dict[str, str], arguments: list[str], sentence: str
) -> None:
    assert sentence in desk("list", *arguments, code=1, **environment).stderr


def test_a_service_that_is_away_is_said_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataflows.api_client.PAUSES", ())
    environment = {"ANLAN_API": "http://127.0.0.1:9", "ANLAN_TOKEN": "x"}

    result = CliRunner().invoke(main, ["alerts", "list"], env=environment)

    assert result.exit_code == 1
    assert re.search(r"service must answer; got `.*` \(http://127.0.0.1:9\); name another with --api", result.stderr)


# the page


CONTEXT = click.Context(main)


def commands() -> list[str]:
    if not PAGE.exists():
        return []
    return re.findall(r"^anlan (alerts [^#|>\n]*)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("line", commands())
def test_the_page_names_commands_and_options_that_are_there(line: str) -> None:
    words = line.split()
    command: Any = main.get_command(CONTEXT, words.pop(0))
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]

    options = {option for each in command.params for option in each.opts}
    assert command.name != "alerts"
    assert {word for word in words if word.startswith("--")} <= options


def test_every_command_teaches_with_an_example() -> None:
    alerts: Any = main.get_command(CONTEXT, "alerts")
    for name, command in alerts.commands.items():
        shown = CliRunner().invoke(main, ["alerts", name, "--help"]).stdout
        assert f"anlan alerts {name}" in shown, name
        assert command.help
