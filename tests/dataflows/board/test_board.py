"""A person at the board: reads, acks, notes, closes; through a kill of the service, and without a mouse."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from board_desk import BoardDesk
from board_window import PHONE
from live_flow import wait_until
from playwright.sync_api import Page, expect

from dataflows.settings import Settings
from dataflows.upkeep.restoring_redis import restore_redis

Open = Callable[..., Page]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


FAMILIES = (
    "wang", "zhao", "qian", "sun", "zhou", "wu", "zheng", "feng", "chen", "wei", "jiang", "gao", "luo", "xie",
)  # fmt: skip


@pytest.fixture(scope="module")
def alerts(desk: BoardDesk) -> dict[str, str]:
    """A yellow alert of each family."""
    return dict(zip(FAMILIES, desk.quarrel(*FAMILIES), strict=True))


def row(page: Page, alert_id: str) -> str:
    return f"[role=option][data-alert='{alert_id}']"


def fill_in(page: Page, why: str) -> None:
    """The words of a form, and its button."""
    page.fill("dialog[open] textarea", why)
    page.click("dialog[open] button[type=submit]")
    gone(page)


def gone(page: Page) -> None:
    """The form is done."""
    expect(page.locator("dialog.form[open]")).to_have_count(0)


def last_acts(desk: BoardDesk, alert_id: str) -> dict[str, str]:
    people = desk.ask(f"/v1/alerts/{alert_id}")["people"]
    return {note["action"]: note["why"] for note in people["notes"]} | {"disposition": people["disposition"]}


def test_where_nothing_is_open_it_says_so_and_when_the_last_event_came(desk: BoardDesk, open_board: Open) -> None:
    page = open_board("there")
    expect(page.locator(".is-quiet h2")).to_have_text("尚无事件")

    desk.report("lone", "lone", "police", 1, "620103")
    wait_until(lambda: desk.ask("/v1/day", "there")["events"] == 1, "the event must be in the pool")
    page.reload()

    expect(page.locator(".is-quiet h2")).to_have_text("一切平静")
    expect(page.locator(".is-quiet .last")).to_contain_text(re.compile(r"最近一条事件 \d\d:\d\d 到达，不到1分钟前"))


def test_an_alert_is_opened_read_acked_noted_and_closed(
    desk: BoardDesk, open_board: Open, alerts: dict[str, str]
) -> None:
    page = open_board()
    alert_id = alerts["wang"]

    page.click(row(page, alert_id))
    expect(page.locator("article.detail h2")).to_have_text("家庭纠纷向暴力升级")
    expect(page.locator(".detail > .sentence")).to_contain_text("家庭纠纷升级（暴力程度上升）")
    expect(page.locator(".why")).to_contain_text("暴力程度上升")
    expect(page.locator(".timeline li")).to_have_count(2)
    expect(page.locator(".evidence tr")).to_have_count(2)

    page.click("[data-runbook]")
    expect(page.locator("dialog.runbook h2", has_text="怎么办")).to_be_visible()
    page.keyboard.press("Escape")

    page.click("[data-form=ack]")
    fill_in(page, "民警已上门")
    expect(page.locator(".detail .state")).to_contain_text("已签收 · head")
    expect(page.locator(row(page, alert_id))).to_contain_text("head 已签收")

    page.click("[data-form=note]")
    fill_in(page, "双方已分开，电话 13812345678")
    expect(page.locator(".notes")).to_contain_text("双方已分开")
    expect(page.locator(".notes")).not_to_contain_text("13812345678")

    page.click("[data-form=assign]")
    page.fill("#whom", "酒泉路派出所")
    fill_in(page, "回访")
    expect(page.locator(row(page, alert_id))).to_contain_text("交 酒泉路派出所")

    page.click("[data-form=close]")
    page.check("dialog input[value=already_handled]")
    fill_in(page, "已立案")
    expect(page.locator(".detail .state")).to_contain_text("已关闭 · 已在处置 · head")
    expect(page.locator(row(page, alert_id))).to_have_count(0)
    expect(page.locator(".revisions li").first).to_contain_text("人工关闭")
    acts = last_acts(desk, alert_id)
    assert (acts["ack"], acts["close"], acts["disposition"]) == ("民警已上门", "已立案", "already_handled")


def test_a_unit_is_supervised_and_answers(desk: BoardDesk, open_board: Open, alerts: dict[str, str]) -> None:
    supervisor, duty = open_board(), open_board("here")
    alert_id = alerts["gao"]
    for page in (supervisor, duty):
        page.click(row(page, alert_id))

    expect(duty.locator("[data-form=assign]")).to_be_visible()
    expect(duty.locator("[data-form=supervise]")).to_have_count(0)
    supervisor.keyboard.press("v")
    supervisor.fill("#whom", "酒泉路街道")
    supervisor.select_option("#hours", "48")
    fill_in(supervisor, "三日未办")
    expect(supervisor.locator(".revisions li").first).to_contain_text("督办")

    notice = duty.locator("[data-notice]")
    expect(notice).to_contain_text("督办 酒泉路街道")
    expect(notice).to_contain_text(re.compile(r"限 \d\d-\d\d \d\d:\d\d 前答复 · 还有 1天23小时"))
    duty.click("[data-answer]")
    expect(duty.locator("dialog[open] .note")).to_contain_text("督办 酒泉路街道")
    expect(duty.locator("dialog[open] button[type=submit]")).to_be_disabled()
    fill_in(duty, "已上门调解")

    expect(notice).to_have_count(0)
    expect(duty.locator(".notes")).to_contain_text("已上门调解")
    assert desk.ask(f"/v1/alerts/{alert_id}")["people"]["notices"] == []


def test_a_matter_is_split_and_joined_with_another(desk: BoardDesk, open_board: Open, alerts: dict[str, str]) -> None:
    page = open_board()
    page.click(row(page, alerts["luo"]))
    expect(page.locator(".timeline li")).to_have_count(2)

    page.click("[data-matter=split]")
    boxes = page.locator("dialog[open] input[type=checkbox]")
    expect(boxes).to_have_count(2)
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.fill("dialog[open] textarea", "两件事")
    expect(page.locator("dialog[open] button[type=submit]")).to_be_disabled()
    boxes.nth(1).uncheck()
    fill_in(page, "两件事")
    expect(page.locator(".timeline li")).to_have_count(1)
    expect(page.locator("article.detail select option")).to_have_count(2)

    page.click("[data-matter=merge]")
    page.select_option("#other", alerts["xie"])
    expect(page.locator("dialog[open] input[name=into]")).to_be_checked()
    fill_in(page, "同一纠纷")
    expect(page.locator(".toast")).to_contain_text("已合并")

    def joined() -> set[str]:
        return {each["event_id"] for each in desk.ask("/v1/matters/matter-xie/timeline")["steps"]}

    wait_until(lambda: len(joined()) == 3, "the pool must know")
    assert {"xie-1", "xie-2"} < joined()


def test_an_ack_of_what_has_risen_is_refused_and_the_fresh_alert_is_shown(
    desk: BoardDesk, open_board: Open, alerts: dict[str, str]
) -> None:
    page = open_board()
    alert_id = alerts["zhao"]
    page.click(row(page, alert_id))
    page.click("[data-form=ack]")

    desk.knife("zhao")
    expect(page.locator("dialog .problem")).to_contain_text(re.compile("第 2 版（紧急）"))
    page.click("dialog[open] button[type=submit]")

    problem = page.locator(".detail > .problem")
    expect(problem).to_contain_text("未被接受")
    expect(problem).to_contain_text("revision")
    expect(page.locator("article.detail")).to_have_attribute("data-revision", re.compile("[2-9]"))
    expect(page.locator("article.detail .head .badge")).to_contain_text("紧急")
    assert desk.ask(f"/v1/alerts/{alert_id}")["people"]["ack_by"] is None


def test_after_the_service_was_killed_no_alert_is_missing_and_none_is_there_twice(
    desk: BoardDesk, open_board: Open, alerts: dict[str, str]
) -> None:
    page = open_board()
    rising, kept = alerts["qian"], alerts["sun"]
    expect(page.locator(row(page, kept))).to_be_visible()
    desk.kill()
    expect(page.locator(".broken")).to_contain_text(re.compile(r"连接中断.*自 \d\d:\d\d:\d\d 起中断", re.DOTALL))
    expect(page.locator(row(page, kept))).to_be_visible()

    new = desk.quarrel("li")[0]
    desk.knife("qian")
    wait_until(lambda: desk.alert_of("qian").level == "red", "the knife must reach the store")  # type: ignore[union-attr]
    desk.start()
    page.wait_for_selector("[data-connection=live]")

    expect(page.locator(".broken")).to_have_count(0)
    expect(page.locator(f"{row(page, rising)}.level-red")).to_be_visible()
    expect(page.locator(row(page, new))).to_be_visible()
    wait_until(lambda: shown(page) == stored(desk), "the board must show what the store has")
    assert len(shown(page)) >= 3


def shown(page: Page) -> list[tuple[str, str, int]]:
    rows = page.locator("[role=option]").evaluate_all(
        "all => all.map(e => [e.dataset.alert, /level-(\\w+)/.exec(e.className)[1], Number(e.dataset.revision)])"
    )
    return sorted((str(alert_id), str(level), int(revision)) for alert_id, level, revision in rows)


def stored(desk: BoardDesk) -> list[tuple[str, str, int]]:
    return sorted((each.alert_id, each.level, each.revision) for each in desk.open())


def test_everything_is_done_from_the_keyboard(desk: BoardDesk, open_board: Open, alerts: dict[str, str]) -> None:
    page = open_board()
    alert_id = alerts["zhou"]
    expect(page.locator(row(page, alert_id))).to_be_visible()
    keys = page.keyboard

    keys.press("/")
    keys.type(alert_id)
    keys.press("Escape")
    expect(page.locator("[role=option]")).to_have_count(1)
    keys.press("j")
    keys.press("Enter")
    expect(page.locator("article.detail")).to_have_attribute("data-alert", alert_id)

    keys.press("a")
    keys.type("我来处理")
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Enter")
    gone(page)
    expect(page.locator(".detail .state")).to_contain_text("已签收")
    keys.press("n")
    keys.type("已电话联系")
    keys.press("Control+Enter")
    gone(page)
    expect(page.locator(".notes")).to_contain_text("已电话联系")
    expect(page.locator(".notes")).to_contain_text("我来处理")
    keys.press("?")
    expect(page.locator("dialog.help")).to_be_visible()
    keys.press("Escape")
    expect(page.locator("dialog.help")).to_be_hidden()

    keys.press("c")
    expect(page.locator("dialog input[type=radio]").first).to_be_focused()
    keys.press("ArrowDown")
    keys.press("Tab")
    keys.type("属实，无碍")
    keys.press("Control+Enter")
    gone(page)
    expect(page.locator(".detail .state")).to_contain_text("已关闭 · 属实无碍")
    keys.press("Escape")
    expect(page.locator("article.detail")).to_have_count(0)


def test_a_new_red_one_rings_and_is_announced_unless_it_is_muted(
    desk: BoardDesk, open_board: Open, alerts: dict[str, str]
) -> None:
    page = open_board()
    expect(page.locator(row(page, alerts["wu"]))).to_be_visible()
    page.mouse.click(5, 5)  # a browser lets nobody ring who was not touched

    desk.knife("wu")
    expect(page.locator("[aria-live=assertive]")).to_contain_text("新的紧急预警：家庭纠纷向暴力升级、城关区")
    assert page.evaluate("window.tones") == 4

    page.keyboard.press("m")
    page.reload()
    page.wait_for_selector("[data-connection=live]")
    expect(page.locator("button[aria-label^=声音]")).to_have_attribute("aria-pressed", "false")
    desk.knife("zheng")
    expect(page.locator("[aria-live=assertive]")).to_contain_text("新的紧急预警")
    assert page.evaluate("window.tones") == 0


def test_a_silence_is_begun_and_ended(desk: BoardDesk, open_board: Open, alerts: dict[str, str]) -> None:
    page = open_board("here")
    alert_id = alerts["feng"]
    page.click(row(page, alert_id))

    page.click("[data-form=silence]")
    fill_in(page, "双方在调解室")
    silence = page.locator(".silences li", has_text="双方在调解室")
    expect(silence).to_contain_text("here")

    silence.locator("button").click()

    expect(silence).to_have_count(0)


def test_filters_narrow_the_list_and_a_viewer_may_only_look(
    desk: BoardDesk, open_board: Open, alerts: dict[str, str]
) -> None:
    here, (there,) = alerts["chen"], desk.quarrel("chu", county="620103")
    page = open_board()
    page.select_option("select[name=county]", "620103")
    expect(page.locator(row(page, there))).to_be_visible()
    expect(page.locator(row(page, here))).to_have_count(0)
    page.select_option("select[name=state]", "acked")
    expect(page.locator(".empty")).to_contain_text("没有符合筛选的预警")
    page.click(".empty button")
    expect(page.locator(row(page, here))).to_be_visible()

    page = open_board("there")
    page.click(row(page, there))

    expect(page.locator("article.detail h2")).to_be_visible()
    expect(page.locator(".actions [data-form]")).to_have_count(0)
    expect(page.locator(row(page, here))).to_have_count(0)


def test_language_and_light_are_kept_and_an_alert_has_an_address(
    desk: BoardDesk, open_board: Open, alerts: dict[str, str]
) -> None:
    alert_id = alerts["wei"]
    page = open_board("head", color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.click("button[aria-label=English]")
    page.click("button[aria-label^='Theme']")
    page.goto(f"{desk.address}/board/#/alerts/{alert_id}")
    page.reload()

    expect(page.locator("article.detail h2")).to_have_text("A family dispute turns violent")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_on_a_phone_one_thing_is_shown_at_a_time(desk: BoardDesk, open_board: Open, alerts: dict[str, str]) -> None:
    alert_id = alerts["jiang"]
    page = open_board("head", viewport=PHONE, has_touch=True)

    page.tap(row(page, alert_id))
    expect(page.locator("article.detail h2")).to_be_visible()
    expect(page.locator("#list")).to_be_hidden()
    for part, long in {"id": "JJ6220261118900005003", "channel": "市场监管投诉举报平台"}.items():
        page.evaluate(f"document.querySelectorAll('.evidence .{part}').forEach((each) => each.textContent = '{long}')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.go_back()
    expect(page.locator(row(page, alert_id))).to_be_visible()
    page.tap(".tabs button >> nth=1")

    expect(page.locator(".day canvas").first).to_be_visible(timeout=15_000)
    page.locator(".day canvas").first.hover()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_board_that_has_read_nothing_yet_does_not_say_that_nothing_is_open(
    desk: BoardDesk, open_board: Open, alerts: dict[str, str]
) -> None:
    desk.flow.valkey.stop()
    try:
        page = open_board(is_live=False)
        expect(page.locator(".broken")).to_contain_text("redis must answer")
        expect(page.locator(".tile .count").first).to_have_text("–")
    finally:
        desk.flow.valkey.start()

    page.click(".broken button")

    expect(page.locator(row(page, alerts["jiang"]))).to_be_visible()
    expect(page.locator(".tile .count").first).to_have_text(re.compile(r"\d+"))


def test_a_redis_that_was_wiped_is_not_called_quiet_and_the_board_is_whole_after_a_restore(
    desk: BoardDesk, open_board: Open, alerts: dict[str, str]
) -> None:
    before = {each.alert_id for each in desk.open()}
    desk.redis.flushall()
    wait_until(lambda: not desk.ask("/v1/snapshot")["is_whole"], "the service must know")
    page = open_board()

    expect(page.locator(".incomplete")).to_contain_text("显示的预警不全")
    expect(page.locator(".is-quiet")).to_have_count(0)
    expect(page.locator("[data-level=red] .count")).to_have_text("–")
    new = desk.quarrel("tang")[0]
    expect(page.locator(row(page, new))).to_be_visible()

    restore_redis(
        Settings(kafka=desk.flow.broker.bootstrap, redis=desk.flow.valkey.url, clickhouse=desk.pool.dsn), overwrite=True
    )
    wait_until(lambda: desk.ask("/v1/snapshot")["is_whole"], "the service must know that it is whole again")
    desk.knife("tang")
    expect(page.locator(".incomplete")).to_have_count(0, timeout=20_000)
    wait_until(lambda: shown(page) == stored(desk), "the board must show what the store has")
    assert {each.alert_id for each in desk.open()} == before | {new}


def test_a_token_stays_in_its_window_and_is_never_in_the_address(desk: BoardDesk, open_board: Open) -> None:
    page = open_board()
    assert page.url == f"{desk.address}/board/"
    assert page.evaluate("JSON.stringify({...localStorage})").count(desk.tokens["head"]) == 0
    page.click("button[aria-label=退出]")
    expect(page.locator("#token")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0

    page.fill("#token", desk.tokens["here"])
    page.click("button[type=submit]")

    expect(page.locator(".who")).to_have_text("here")
    expect(page.locator(".region")).to_have_text("城关区")
