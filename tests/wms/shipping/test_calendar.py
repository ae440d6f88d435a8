"""Calendars: days are the site's own, cut-offs are instants, holidays are Japan's."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from wms.shipping.calendar import (
    NeverOpen,
    SiteCalendar,
    arrives_on,
    departs_at,
    ends_at,
    is_open,
    japanese_holidays,
    local_day,
    next_working_day,
    ships_on,
    works_on,
)

TOKYO = SiteCalendar()
WEEKDAYS = SiteCalendar(
    hours=((time(9), time(18)),) * 5 + (None, None),
    on_holidays=False,
    cut_off=time(15),
    cut_offs={"YUPACK": time(12)},
)
FRIDAY = date(2026, 11, 20)  # Monday 23 is 勤労感謝の日


def tokyo(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo("Asia/Tokyo"))


def test_ready_by_the_cut_off_leaves_the_same_day_a_second_later_does_not():
    cut_off = tokyo(FRIDAY, 15)
    assert ships_on(TOKYO, cut_off) == FRIDAY
    assert ships_on(TOKYO, cut_off + timedelta(seconds=1)) == FRIDAY + timedelta(days=1)


def test_a_service_has_its_own_cut_off():
    at = tokyo(FRIDAY, 13)
    assert ships_on(WEEKDAYS, at, "YAMATO") == FRIDAY
    assert ships_on(WEEKDAYS, at, "YUPACK") == date(2026, 11, 24)


def test_a_weekend_and_a_holiday_are_passed_over():
    assert ships_on(WEEKDAYS, tokyo(FRIDAY, 16)) == date(2026, 11, 24)
    assert date(2026, 11, 23) in japanese_holidays(2026)
    assert next_working_day(WEEKDAYS, date(2026, 11, 21)) == date(2026, 11, 24)
    assert works_on(TOKYO, date(2026, 11, 23))


def test_a_holiday_on_a_sunday_is_made_up_for():
    assert {date(2026, 5, 3), date(2026, 5, 6)} <= japanese_holidays(2026)
    assert not works_on(WEEKDAYS, date(2026, 5, 6))


def test_days_of_its_own_closed_and_opened():
    special = SiteCalendar(
        hours=WEEKDAYS.hours,
        closed=frozenset({FRIDAY}),
        opened=frozenset({date(2026, 11, 22)}),
    )
    assert next_working_day(special, FRIDAY) == date(2026, 11, 22)
    assert is_open(special, tokyo(date(2026, 11, 22), 10))
    assert not is_open(special, tokyo(date(2026, 11, 22), 19))
    assert not is_open(special, tokyo(FRIDAY, 10))


def test_the_year_ends_with_the_days_that_follow():
    rest = SiteCalendar(
        closed=frozenset({date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 2), date(2027, 1, 3)})
    )
    assert ships_on(rest, tokyo(date(2026, 12, 30), 16)) == date(2027, 1, 4)
    assert arrives_on(date(2026, 12, 31), 1) == date(2027, 1, 1)


def test_midnight_is_the_sites_own():
    before = datetime(2026, 11, 20, 14, 59, 59, tzinfo=UTC)
    assert local_day(TOKYO, before) == FRIDAY
    assert local_day(TOKYO, before + timedelta(seconds=1)) == date(2026, 11, 21)
    late = SiteCalendar(cut_off=time(23, 59, 59))
    assert ships_on(late, before) == FRIDAY
    assert ships_on(late, before + timedelta(seconds=1)) == date(2026, 11, 21)


@pytest.mark.parametrize(
    ("day", "hour_utc"),
    [(date(2026, 3, 7), 20), (date(2026, 3, 8), 19), (date(2026, 11, 1), 20)],
)
def test_where_clocks_are_changed_the_cut_off_keeps_its_time_on_the_wall(day: date, hour_utc: int):
    new_york = SiteCalendar(time_zone="America/New_York", cut_off=time(15))
    at = datetime(day.year, day.month, day.day, hour_utc, tzinfo=UTC)
    assert departs_at(new_york, day) == at
    assert ships_on(new_york, at) == day
    assert ships_on(new_york, at + timedelta(seconds=1)) == day + timedelta(days=1)


def test_the_hour_that_comes_twice_is_cut_off_once():
    """On 1 November 01:30 comes at 05:30 and at 06:30 UTC; the first one counts."""
    night = SiteCalendar(time_zone="America/New_York", cut_off=time(1, 30))
    day = date(2026, 11, 1)
    assert departs_at(night, day) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert ships_on(night, datetime(2026, 11, 1, 6, 30, tzinfo=UTC)) == day + timedelta(days=1)


def test_the_hour_that_does_not_come_still_cuts_off():
    night = SiteCalendar(time_zone="America/New_York", cut_off=time(2, 30))
    assert departs_at(night, date(2026, 3, 8)) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


def test_a_site_without_a_working_day_says_so():
    with pytest.raises(NeverOpen, match="calendar"):
        ships_on(SiteCalendar(hours=(None,) * 7), tokyo(FRIDAY, 9))


def test_a_parcel_arrives_after_its_days_not_counting_days_of_rest():
    assert arrives_on(FRIDAY, 2) == date(2026, 11, 22)
    assert arrives_on(FRIDAY, 0) == FRIDAY
    sunday = {date(2026, 11, 22)}
    assert arrives_on(FRIDAY, 2, sunday) == date(2026, 11, 23)
    assert arrives_on(date(2026, 11, 22), 0, sunday) == date(2026, 11, 23)


def test_an_hour_of_a_day_is_a_moment():
    assert ends_at(TOKYO, FRIDAY, 12) == datetime(2026, 11, 20, 3, tzinfo=UTC)
    assert ends_at(TOKYO, FRIDAY, 24) == datetime(2026, 11, 20, 15, tzinfo=UTC)
