"""Obligations as they run: stages, pauses, satisfaction, late evidence, terms, and what is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from obligations import HALF, KEY, PLAIN, entry, local, only, owed, plan, rule, said, vouch

from alerts.calendar import Calendar
from alerts.duration import DAY_US, HOUR_US, Span
from alerts.model import ALWAYS, NEVER, from_us, to_us
from alerts.subject import Vouched

OPENED = entry("s1", local(0), "opens")  # Monday 10:00: blue Friday 10:00, due the Monday after


def test_a_stage_is_asserted_once_absence_is_vouched_for() -> None:
    one = owed(OPENED)
    before = said(one)
    vouch(one, local(4) - 1)
    just_before = said(one)
    vouch(one, local(4))

    assert (before, just_before, said(one)) == ([], [], [(1, 1, False, "")])
    assert one.wants() == (ALWAYS, local(7), ALWAYS)


def test_an_episode_says_when_it_is_due_how_much_is_used_and_who_vouched() -> None:
    one = owed(OPENED, entry("s2", local(1), "opens", channel="police", unit="water"))
    vouch(one, local(7) + 5)
    episode, _ = only(one)
    facts = episode.facts

    assert (facts.due, facts.stage, facts.breach_seconds) == (from_us(local(7)), "100%", 0)
    assert facts.calendar_version == PLAIN.version
    assert (facts.confidence, facts.vouched_by[0]["channel"]) == ("confirmed", "hotline")
    assert facts.words == {
        "used": ["5个工作日", "5 working days"],
        "due": ["5个工作日", "5 working days"],
        "stage": ["100%", "100%"],
    }
    assert (episode.matched, episode.last, episode.unit) == (local(7), local(1), "water")
    assert (set(episode.evidence), episode.channels) == ({"s1", "s2"}, ("hotline", "police"))
    assert episode.best is not None
    assert (episode.best.level, episode.best.count) == (2, 2)


def test_before_due_there_is_no_breach_and_a_named_stage_says_its_name() -> None:
    one = owed(OPENED)
    vouch(one, local(4))
    facts = only(one)[0].facts

    assert (facts.breach_seconds, facts.words["stage"]) == (None, ["预警", "warning"])
    assert facts.words["used"] == ["4个工作日", "4 working days"]


def test_calendar_time_needs_no_calendar_and_stamps_none() -> None:
    one = owed(OPENED, the_plan=plan(Span(7 * DAY_US), calendar=None))
    vouch(one, local(7))
    facts = only(one)[0].facts

    assert (facts.due, facts.calendar_version) == (from_us(local(7)), None)
    assert facts.words["due"] == ["7天", "7 d"]


def test_all_stages_that_have_passed_are_asserted_at_once() -> None:
    one = owed(OPENED)
    vouch(one, local(30))

    assert said(one) == [(1, 3, False, "")]
    assert only(one)[0].facts.breach_seconds == (local(9, "22:00") - local(7)) // 1_000_000  # 7.5 working days


@pytest.mark.parametrize("at", [local(4), local(3)])
def test_what_was_satisfied_at_or_before_a_stage_says_nothing(at: int) -> None:
    one = owed(OPENED, entry("s2", at, "satisfies"))
    vouch(one, local(30))

    assert said(one) == []


def test_satisfied_in_time_closes_a_warning() -> None:
    one = owed(OPENED)
    vouch(one, local(4))
    one.add(entry("s2", local(7), "satisfies"), NEVER)  # exactly at due

    assert said(one) == [(1, 1, True, "satisfied")]
    assert only(one)[0].facts.breach_seconds is None
    assert "s2" in only(one)[0].evidence


def test_satisfied_after_due_closes_with_the_breach() -> None:
    one = owed(OPENED)
    vouch(one, local(7))
    one.add(entry("s2", local(7, "15:00"), "satisfies"), NEVER)

    assert said(one) == [(1, 2, True, "satisfied_late")]
    assert only(one)[0].facts.breach_seconds == 5 * 3600


def test_a_stage_at_the_very_time_of_a_late_satisfaction_does_not_count() -> None:
    one = owed(OPENED)
    vouch(one, local(30))
    one.add(entry("s2", local(9, "22:00"), "satisfies"), NEVER)

    assert said(one) == [(1, 2, True, "satisfied_late")]


def test_a_breach_that_late_evidence_contradicts_is_retracted_with_the_level_it_had() -> None:
    one = owed(OPENED)
    vouch(one, local(7))
    one.add(entry("s2", local(7, "09:30"), "satisfies"), NEVER)

    assert said(one) == [(1, 2, True, "late_evidence")]
    assert only(one)[0].ending == ("retracted", "late_evidence")


def test_a_breach_that_nobody_can_act_on_any_more_opens_nothing() -> None:
    one = owed(OPENED, entry("s2", local(8), "satisfies"))
    vouch(one, local(30))

    assert said(one) == []


def test_a_warning_that_was_satisfied_before_its_stage_still_closes() -> None:
    one = owed(OPENED)
    vouch(one, local(4))
    one.add(entry("s2", local(3), "satisfies"), NEVER)

    assert said(one) == [(1, 1, True, "satisfied")]


def test_a_pause_shifts_what_is_left_by_the_working_time_between() -> None:
    one = owed(OPENED, entry("p", local(1), "pauses"), entry("r", local(2, "16:00"), "resumes"))

    assert one.wants()[1] == local(7, "16:00")  # 30 h later: from Friday 10:00 over the weekend
    assert one.terms[0].due == local(8, "16:00")


def test_while_it_is_paused_no_stage_beyond_what_is_used_comes() -> None:
    one = owed(OPENED, entry("p", local(4), "pauses"))
    vouch(one, local(30))

    assert said(one) == [(1, 1, False, "")]  # 80 % were used when the pause began
    assert one.wants()[1] == ALWAYS
    assert only(one)[0].facts.due is None


def test_a_pause_that_is_heard_of_late_lowers_the_level() -> None:
    one = owed(OPENED)
    vouch(one, local(7))
    one.add(entry("p", local(4, "12:00"), "pauses"), NEVER)
    lowered = said(one)
    one.add(entry("r", local(7, "12:00"), "resumes"), NEVER)
    following = one.wants()[1]
    vouch(one, following)

    assert (lowered, following) == ([(1, 1, False, "")], local(8))
    assert said(one) == [(1, 2, False, "")]


def test_a_pause_that_takes_back_every_stage_takes_back_the_alert() -> None:
    one = owed(OPENED)
    vouch(one, local(4))
    one.add(entry("p", local(1), "pauses"), NEVER)
    taken_back = said(one)
    one.add(entry("s2", local(5), "satisfies"), NEVER)

    assert (taken_back, said(one)) == ([], [])


def test_a_pause_inside_a_pause_and_an_end_without_one_change_nothing() -> None:
    one = owed(
        OPENED,
        entry("r0", local(0, "12:00"), "resumes"),
        entry("p", local(1), "pauses"),
        entry("p2", local(1, "12:00"), "pauses"),
        entry("r", local(2), "resumes"),
        entry("r2", local(3), "resumes"),
    )

    assert one.terms[0].pauses == [(local(1), local(2))]


def test_a_new_contact_while_overdue_raises_the_level_once() -> None:
    one = owed(OPENED, entry("b0", local(6), "bumps"))
    vouch(one, local(7))
    before_due = said(one)
    one.add(entry("b1", local(7), "bumps"), NEVER)
    once = said(one)
    one.add(entry("b2", local(8), "bumps", "opens"), NEVER)

    assert (before_due, once, said(one)) == ([(1, 2, False, "")], [(1, 3, False, "")], [(1, 3, False, "")])
    assert only(one)[0].bonus == 1


def test_a_bump_never_goes_beyond_red() -> None:
    one = owed(OPENED, entry("b", local(8), "bumps"))
    vouch(one, local(30))

    assert said(one) == [(1, 3, False, "")]


def test_a_contact_while_overdue_raises_nothing_before_the_breach_is_asserted() -> None:
    one = owed(OPENED, entry("b", local(8), "bumps"))
    vouch(one, local(4))

    assert said(one) == [(1, 1, False, "")]


def test_an_opening_after_the_end_begins_the_next_term() -> None:
    one = owed(OPENED, entry("again", local(1), "opens"))
    vouch(one, local(7))
    one.add(entry("s2", local(8), "satisfies"), NEVER)
    one.add(entry("s3", local(8, "12:00"), "opens"), NEVER)
    vouch(one, local(14, "12:00"))

    assert said(one) == [(1, 2, True, "satisfied_late"), (2, 1, False, "")]
    assert set(one.terms[0].entries[0][2:3]) == {"s1"}


def test_an_event_that_opens_and_satisfies_ends_at_once() -> None:
    one = owed(entry("s1", local(0), "opens", "satisfies"), entry("s2", local(1), "opens"))

    assert [term.ended for term in one.terms] == [local(0), None]


def test_equal_timestamps_lie_by_rank_and_id() -> None:
    one = owed(entry("b", local(1), "opens"), entry("a", local(1), "satisfies"))

    assert [term.ended for term in one.terms] == [None]


def test_a_gap_is_said_and_becomes_confirmed_later() -> None:
    one = owed(OPENED)
    vouch(one, local(4))
    vouch(one, local(7), "data_gap")
    unsure = only(one)[0].facts.confidence
    wanted = one.wants()
    one.reach(2, local(7), Vouched("confirmed", ({"channel": "hotline"},)))

    assert (unsure, wanted) == ("data_gap", (ALWAYS, local(9, "22:00"), local(7)))
    assert only(one)[0].facts.confidence == "confirmed"
    assert one.wants()[2] == ALWAYS


def test_a_year_that_the_calendar_does_not_cover_asserts_nothing_and_names_the_gap() -> None:
    one = owed(OPENED, the_plan=plan(calendar=Calendar("cn-2025", (), (), [2025])))
    vouch(one, local(30))

    assert (said(one), one.gap, one.wants()[1]) == ([], "no_calendar", ALWAYS)
    assert owed(OPENED).gap is None


def test_a_stage_in_a_year_without_a_calendar_holds_back_none_before_it() -> None:
    opened = to_us(datetime(2026, 12, 21, 2, tzinfo=UTC))
    one = owed(entry("s1", opened, "opens"), the_plan=plan(calendar=Calendar("cn-2026", (), (), [2026])))
    far = owed(entry("s1", opened + 4 * DAY_US, "opens"), the_plan=plan(calendar=Calendar("cn-2026", (), (), [2026])))
    vouch(one, opened + 60 * DAY_US)
    vouch(far, opened + 60 * DAY_US)

    assert [term.times[2] < ALWAYS for term in one.terms] == [True]
    assert (said(one), said(far)) == ([(1, 3, False, "")], [])


def test_the_same_id_is_taken_once() -> None:
    one = owed(OPENED)

    assert not one.add(OPENED, NEVER)
    assert one.size() == 1


def test_an_event_that_belongs_elsewhere_takes_its_term_with_it() -> None:
    one = owed(OPENED)
    vouch(one, local(7))
    final = one.remove("s1", local(0) + 1)
    gone = one.remove("s1", local(0))

    assert (final, gone, one.remove("s1", NEVER), said(one)) == (False, True, False, [])


def test_an_event_that_comes_back_as_part_of_another_contact_takes_nothing_back() -> None:
    one = owed(OPENED)
    vouch(one, local(7))
    before = said(one)
    one.remove(OPENED[2], NEVER)
    one.add((*OPENED[:3], "another", *OPENED[4:]), NEVER)

    assert said(one) == before != []
    assert one.wants()[1] > local(7)


def test_a_satisfied_term_is_kept_until_it_can_no_longer_change_and_then_forgotten() -> None:
    one = owed(OPENED, entry("s2", local(1), "satisfies"), the_rule=rule(lateness=HOUR_US, reopen_within=DAY_US))
    due = one.wants()[0]
    one.reach(0, due - 1, None)
    kept = one.size()
    one.reach(0, due, None)

    assert (due, kept) == (local(2, "11:00"), 2)
    assert one.is_forgettable()
    assert one.wants() == (ALWAYS, ALWAYS, ALWAYS)


def test_a_key_whose_alert_was_published_remembers_its_number() -> None:
    one = owed(OPENED)
    vouch(one, local(7))
    one.add(entry("s2", local(8), "satisfies"), NEVER)
    one.reach(0, local(8), None)
    [standing] = one.standings()
    one.add(entry("s3", local(9), "opens"), local(8))
    vouch(one, local(30))

    assert (standing.episodes, standing.over, one.is_forgettable()) == ([], 1, False)
    assert said(one) == [(2, 3, False, "")]


def test_an_open_term_is_never_forgotten() -> None:
    one = owed(entry("stray", local(0) - 1, "satisfies"), OPENED)
    vouch(one, local(30))
    one.reach(0, local(1000), None)

    assert (one.size(), said(one)) == (1, [(1, 3, False, "")])


def test_what_belongs_to_no_term_is_forgotten_when_nothing_can_come_before_it() -> None:
    one = owed(entry("stray", local(0), "satisfies"))

    assert one.wants()[0] == local(0)
    one.reach(0, local(0), None)
    assert one.is_forgettable()


def test_what_stays_unsatisfied_after_its_last_stage_expires() -> None:
    one = owed(OPENED, the_rule=rule(quiet_close=2 * DAY_US))
    early = one.wants()[0]
    vouch(one, local(30))
    last = local(9, "22:00")
    wanted = one.wants()[0]
    one.add(entry("b", last + 2 * DAY_US + 1, "bumps"), NEVER)
    one.reach(0, last + 2 * DAY_US, None)
    ended = said(one)
    one.add(entry("s2", last + 3 * DAY_US, "opens"), last + 2 * DAY_US)

    assert (early, wanted) == (ALWAYS, last + 2 * DAY_US)
    assert ended == [(1, 3, True, "expired")]
    assert only(one)[0].ending == ("expired", "expired")
    assert [(term.number, len(term.entries)) for term in one.terms] == [(1, 1), (2, 1)]
    one.reach(0, one.wants()[0], None)
    assert one.forgotten == 1


def test_it_speaks_only_when_something_touched_it() -> None:
    one = owed(OPENED)

    assert [len(list(one.standings())) for _ in range(2)] == [1, 0]
    vouch(one, local(1))
    assert list(one.standings()) == []
    vouch(one, local(4))
    assert [each.key for each in one.standings()] == [KEY]


def test_a_deadline_is_quick_to_find() -> None:
    """Ten thousand work orders with three stages each take well under a few seconds."""
    started = [entry(f"s{n}", local(0) + n * HALF, "opens") for n in range(10_000)]
    begun = datetime.now(UTC)
    for each in started:
        owed(each)

    assert datetime.now(UTC) - begun < timedelta(seconds=5)
