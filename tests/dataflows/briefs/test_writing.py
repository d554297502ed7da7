"""What a brief says of its figures, sentence by sentence."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from brief_figures import DAY, NAMING, START, alert, figures, hours, load, matter, measured

from connectors.clickhouse_brief import Bounds, Volumes
from connectors.clickhouse_brief_alerts import Gap
from dataflows.briefs.document import Brief, Chart, Note, Paragraph, Table
from dataflows.briefs.docx_file import document_of
from dataflows.briefs.period import period_of
from dataflows.briefs.warnings import acks
from dataflows.briefs.writing import written

TOWNSHIP = "620102001"
VILLAGE = f"{TOWNSHIP}001"


def brief(**changes: Any) -> Brief:
    return written(figures(**changes), NAMING)


def text(made: Brief, title: str) -> str:
    """All sentences and notes of a section."""
    section = next(section for section in (*made.sections, made.box) if section.title == title)
    return "".join(block.text for block in section.blocks if isinstance(block, Paragraph | Note))


def table(made: Brief, title: str) -> Table:
    found = [block for section in made.sections for block in section.blocks if isinstance(block, Table)]
    return next(each for each in found if each.title.endswith(title))


def test_the_summary_tells_the_day_in_numbers() -> None:
    assert brief().summary[0] == (
        "2026年11月20日（星期五），兰州市各渠道共受理诉求10件，环比上升25.0%，较上周同日上升100.0%，同比下降50.0%。"
        "数量居前的类别为民生服务（10件，占100.0%）。来源居前的渠道为12345热线（10件，占100.0%）。"
    )
    assert brief().summary[1] == (
        "当日登记事项10件，截至期末办结5件，办结率50.0%；期内满24小时的事项4件，24小时内响应2件，响应率50.0%；"
        "回访4件，满意3件，满意率75.0%。截至期末，未办结事项0件，其中超期0件。当日未新发预警，截至期末未结预警0条。"
    )


def test_where_no_call_says_what_it_is_about_no_category_leads() -> None:
    nameless = measured(10)._replace(volumes=Volumes(10, {"hotline": 10}, {"": 10}, {"620102": 10}))

    assert "类别" not in brief(now=nameless).summary[0]
    assert table(brief(now=nameless), "按类别").rows[-2][:2] == ["未注明类别", "10"]


def test_the_heading_is_that_of_an_official_brief() -> None:
    heading = brief().heading

    assert heading[:2] == ("综治日报", "2026年第324期")
    assert (heading.issuer, heading.issued_on) == ("兰州市社会治安综合治理中心", "2026年11月21日")
    assert heading.title == "兰州市2026年11月20日\n社会治安综合治理情况"
    assert written(figures(), NAMING, "某某中心").heading.issuer == "某某中心"


def test_a_region_issues_its_own() -> None:
    heading = brief(region=TOWNSHIP, now=measured(10, VILLAGE), parts={}).heading

    assert heading.issuer == "城关区酒泉路街道社会治安综合治理中心"


def test_two_cities_are_one_whole_without_a_name() -> None:
    volumes = Volumes(10, {"hotline": 10}, {"service": 10}, {"620102": 5, "620702": 5})
    now = measured(10)._replace(volumes=volumes)

    assert brief(now=now).heading.title.startswith("全市")
    assert brief(now=now).heading.issuer == "社会治安综合治理中心"


def test_what_cannot_be_compared_has_a_dash_and_the_reason_once() -> None:
    made = brief(before="not_over", year_before="no_data", week_before="no_data")

    assert text(made, "受理情况").startswith("当日共受理诉求10件，环比—（本期未结束）。同比—（无数据或数据不全）。")
    assert table(made, "按渠道").rows == [["12345热线", "10", "100.0%", "—", "—"], ["合计", "10", "100.0%", "—", "—"]]
    assert "“—”：环比本期未结束；同比无数据或数据不全。" in text(made, "受理情况")
    assert "环比" not in made.summary[0]


def test_what_came_before_and_comes_no_more_keeps_its_row() -> None:
    before = measured(8)._replace(volumes=Volumes(8, {"police": 8}, {"service": 8}, {"620102": 8}))

    rows = table(brief(before=before), "按渠道").rows
    assert rows == [
        ["12345热线", "10", "100.0%", "—", "−50.0%"],
        ["公安110", "0", "0.0%", "−100.0%", "—"],
        ["合计", "10", "100.0%", "+25.0%", "−50.0%"],
    ]


def test_periods_that_are_not_known_are_left_out_of_the_plot() -> None:
    history = [(DAY.before.before, 3), (DAY.before, None), (DAY, 10)]
    made = brief(history=history)
    chart = next(block for block in made.sections[0].blocks if isinstance(block, Chart))

    assert (chart.labels, chart.values, chart.marked) == (["11.18", "11.19", "11.20"], [3, None, 10], 2)
    assert "数据不全的各期不画。" in text(made, "受理情况")


def test_units_below_township_level_are_one_line() -> None:
    units = [load("某街道综治中心", 4, 2), load("某某网格", 3, 1), load("某社区", 2), load("某公司", 1), load("", 6)]
    made = brief(units=units, levels={"某街道综治中心": 3, "某某网格": 1, "某社区": 2})

    assert [row[:3] for row in table(made, "按承办单位").rows] == [
        ["某街道综治中心", "4", "2"],
        ["村（社区）、网格级单位", "5", "1"],
        ["层级未注明的单位", "1", "0"],
        ["尚未分派单位", "6", "0"],
        ["合计", "16", "3"],
    ]
    assert "未办结事项16件，其中超期3件（占18.8%）；超期事项中应办结时间最早的为11月19日 00:00" in text(
        made, "未办结与超期事项"
    )


def test_signs_that_a_document_cannot_hold_are_no_trouble() -> None:
    made = brief(
        units=[load("某\x00街道\x1b[1m办", 4)], levels={"某\x00街道\x1b[1m办": 3}, top=[matter(matter="\x07m")]
    )

    assert document_of(made)
    assert table(made, "按承办单位").rows[0][0] == "某 街道 [1m办"


def test_of_many_units_ten_are_named_and_the_others_counted() -> None:
    units = [load(f"第{number}中心", 20 - number) for number in range(13)]
    made = brief(units=units, levels={each.unit: 3 for each in units})
    rows = table(made, "按承办单位").rows

    assert len(rows) == 12
    assert rows[10][:2] == ["其余3个单位", "27"]
    assert "没有超期事项" in text(made, "未办结与超期事项")


def test_a_matter_is_told_by_what_it_is_about_and_where_it_stands() -> None:
    low = matter(unit="某某网格", is_closed=True, level="")
    made = brief(top=[matter(), low, matter(unit="某公司", is_answered=False)], levels={"某某网格": 1})
    rows = table(made, "重点事项").rows

    assert rows[0][:6] == ["5d1f0c9e", "城关区/酒泉路街道", "矛盾纠纷·邻里", "11月17日", "1/3", "12345、police"]
    assert [row[6] for row in rows] == [
        "办理中，尚未分派单位；黄色预警",
        "已办结，村（社区）、网格级单位",
        "尚无响应；黄色预警",
    ]


def test_surges_are_told_the_highest_first_and_what_was_taken_back_is_not() -> None:
    surge = {"rule": "sg.area", "kind": "surge", "subcategory": "water", "contacts": 12, "ratio": 4.56}
    made = brief(alerts=[alert(**surge), alert(**surge | {"level": "yellow", "state": "closed"}),
                         alert(**surge, state="retracted")])  # fmt: skip

    assert [row[2:] for row in table(made, "突增").rows] == [
        ["停水漏水", "12", "4.6倍", "黄色", "已关闭"],
        ["停水漏水", "12", "4.6倍", "蓝色", "待签收"],
    ]
    assert "当日突增预警2条。" in text(made, "突增与反弹")


def test_rebounds_are_told_by_who_had_closed_them() -> None:
    alerts = [
        alert(unit="某街道综治中心"),
        alert(unit="某街道综治中心", level="yellow"),
        alert(unit="某某网格"),
        alert(),
    ]
    made = brief(alerts=alerts, levels={"某街道综治中心": 3, "某某网格": 1})

    assert table(made, "反弹事项的办结单位").rows == [
        ["某街道综治中心", "2"], ["村（社区）、网格级单位", "1"], ["办结单位未注明", "1"], ["合计", "4"],
    ]  # fmt: skip
    assert "反弹的事项4件，其中再次办结后又反弹1件" in text(made, "突增与反弹")


def test_where_no_rule_watches_for_rebounds_it_is_said() -> None:
    made = written(figures(), NAMING._replace(rules={}))

    assert "反弹规则未运行，本期没有反弹数据。" in text(made, "突增与反弹")


def test_alerts_are_counted_by_rule_and_level() -> None:
    before = alert(-timedelta(days=3), level="red")
    other = alert(rule="x.unknown", level="red", state="closed")
    made = brief(alerts=[before, alert(), alert(level="yellow", state="retracted"), other])

    assert table(made, "当日新发预警（按规则）").rows == [
        ["x.unknown", "1", "0", "0", "1", "0", "0"],
        ["办结后反弹", "0", "1", "1", "2", "1", "1"],
        ["合计", "1", "1", "1", "3", "1", "1"],
    ]
    assert text(made, "预警与处置").startswith(
        "当日新发预警3条，其中撤回1条；截至期末未结2条（红色1条、黄色0条、蓝色1条）。"
    )
    assert "新发预警3条（红色1条、黄色1条、蓝色1条），截至期末未结预警2条，其中红色1条" in made.summary[1]


def test_an_ack_is_in_time_before_the_next_level_is_told() -> None:
    due = {"next_level_at": hours(2)}
    alerts = [
        alert(**due, acked_at=hours(1.5)),
        alert(**due, acked_at=hours(3), escalated_at=hours(2)),
        alert(**due, escalated_at=hours(2)),
        alert(**due),
        alert(**due, state="closed"),
        alert(),  # nobody is told after the first
    ]

    assert acks(alerts) == {"in_time": 1, "late": 1, "nobody": 1, "pending": 1, "ended": 1}
    assert (
        "须限时签收的预警5条：限时内签收1条，超时签收1条，超时无人签收1条，未到时限1条，签收前自行结束1条；"
        "及时签收率33.3%，签收用时中位数1小时15分钟。"
    ) in text(brief(alerts=alerts), "预警与处置")


def test_what_alerts_turned_out_to_be_counts_when_it_was_said() -> None:
    old = {"disposition": "benign", "disposed_at": START - timedelta(days=1)}
    told = {"disposition": "true_positive", "disposed_at": hours(3)}
    said = text(brief(alerts=[alert(-timedelta(days=2), **told), alert(**told), alert(**old)]), "预警与处置")

    assert "当日作出处置结论2条：属实2条。" in said


def test_how_early_the_word_came() -> None:
    owed = {"kind": "obligation"}
    alerts = [
        alert(**owed, due=hours(1 + 48)), alert(**owed, due=hours(1 + 24)), alert(**owed, due=hours(1)),
        alert(-timedelta(hours=5), red_at=hours(1)), alert(red_at=hours(1)),
    ]  # fmt: skip
    said = text(brief(alerts=alerts), "预警与处置")

    assert "到期前提示2条，提前量中位数1天12小时。" in said
    assert "升为红色的预警1条，自首次预警至升红中位数6小时；首次预警即为红色1条。" in said


def test_supervision_is_told_where_there_is_any() -> None:
    assert "当日发出督办2件，收到答复1件。" in text(brief(supervised=(2, 1)), "预警与处置")
    assert "督办" not in text(brief(), "预警与处置")


def test_the_box_says_what_the_numbers_do_not_know() -> None:
    made = brief(
        silent={"police": hours(-30)}, not_judged={"late": 3, "unread": 2}, alerts=[alert(confidence="data_gap")],
        gaps=[Gap("police", "silent_channel", hours(-2), hours(4), 5), Gap("", "rule_failed", hours(1), hours(2), 1)],
        now=measured(10)._replace(volumes=Volumes(10, {"hotline": 10}, {"": 4, "fire": 6}, {"": 3, "620102": 7})),
    )  # fmt: skip

    assert [block.text for block in made.box.blocks if isinstance(block, Paragraph)] == [
        "公安110在本期没有任何数据（全域），最近一次为11月18日 18:00。",
        "公安110渠道中断：11月19日 22:00至11月20日 04:00，5条规则在此期间缺测或只作部分判断。",
        "规则运行出错：11月20日 01:00至11月20日 02:00，1条规则在此期间缺测或只作部分判断。",
        "当日新发预警中有1条依据的数据不完整（部分确认或数据缺口）。",
        "有3件事件迟于规则等待时限到达，未参与部分规则的判断，已计入受理量（全域）。",
        "有2行来件无法读取，待改正后补入，未计入本期（全域）。",
        "有3件诉求未注明县区。",
        "有4件诉求未注明类别。",
    ]
    assert "本期数据有8处需要说明，见“数据完整性说明”。" in made.summary[1]


def test_a_box_with_nothing_in_it_says_that() -> None:
    assert text(brief(), "数据完整性说明") == "没有发现渠道中断、规则缺测、迟到或无法读取的数据。"
    assert "需要说明" not in brief().summary[1]


def test_a_period_that_is_not_over_is_said_first() -> None:
    made = brief(bounds=Bounds(date(2020, 1, 1), hours(9)), before="not_over", silent={"police": hours(-30)})

    assert text(made, "数据完整性说明") == "本期尚未结束或数据尚未到齐：数据收至11月20日 09:00。本期不作环比、同比。"


def test_an_empty_pool_is_an_empty_brief_that_says_so() -> None:
    nothing = measured(0)._replace(volumes=Volumes(0, {}, {}, {}))
    made = brief(now=nothing, bounds=Bounds(None, None), before="no_data", year_before="no_data", history=[],
                 parts={}, heard=frozenset())  # fmt: skip

    assert made.summary == [
        "当日全市没有收到任何诉求，没有登记事项，没有未办结事项，没有预警。是确无诉求还是数据没有送达，见“数据完整性说明”。"
    ]
    assert text(made, "数据完整性说明") == "数据池中没有任何事件。"
    assert [section.title for section in made.sections][:2] == ["受理情况", "办理质效"]


def test_weeks_and_months_speak_of_themselves() -> None:
    week = period_of("week", DAY.first)
    made = written(figures(week), NAMING)

    assert made.heading[:2] == ("综治周报", "2026年第47期")
    assert "当日" not in "".join(made.summary) + text(made, "受理情况")
    assert "（52周前的同一周）" in "".join(block.text for block in made.terms.blocks if isinstance(block, Paragraph))
