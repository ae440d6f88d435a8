"""Calendars: on which days a site works, until when it ships today, when a parcel arrives.

    ships_on(calendar, at, "YAMATO")      an order at that moment leaves on this day
    departs_at(calendar, day, "YAMATO")   the last moment for parcels of that day
    arrives_on(day, 2)                    days later, over the days on which nothing is brought

Days are a site's own: midnight there, not in London, ends them. A cut-off is a time on the site's
clock, compared as an instant, so that the night in which clocks are changed has no order twice
and none lost. Parcel carriers in Japan bring parcels every day of the year; those that rest bring
`rests`.

Source: public holidays (国民の祝日) from the package `holidays`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

DAYS_AHEAD_MAX = 400  # a site that does not open within that is closed for good
DAY = timedelta(days=1)
ALWAYS = (time(0), time(23, 59, 59))


class NeverOpen(ValueError):  # noqa: N818 - reads as a situation
    """A calendar has no working day within a year: there is nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCalendar:
    """When a site works.

    Attributes:
        time_zone: its clock.
        hours: from when until when, Monday first; None: closed on that day of the week.
        closed: days on which it is closed all the same.
        opened: days on which it works all the same, with the hours of the nearest working day.
        on_holidays: whether it works on the public holidays of Japan.
        cut_off: parcels handed in by then leave the same day.
        cut_offs: other times of some services.
    """

    time_zone: str = "Asia/Tokyo"
    hours: tuple[tuple[time, time] | None, ...] = (ALWAYS,) * 7
    closed: frozenset[date] = frozenset()
    opened: frozenset[date] = frozenset()
    on_holidays: bool = True
    cut_off: time = time(15)
    cut_offs: Mapping[str, time] = field(default_factory=dict)


def local_day(calendar: SiteCalendar, at: datetime) -> date:
    """The site's day at a moment."""
    return at.astimezone(ZoneInfo(calendar.time_zone)).date()


def works_on(calendar: SiteCalendar, day: date) -> bool:
    """Whether the site works on a day."""
    if day in calendar.opened:
        return True
    if day in calendar.closed or calendar.hours[day.weekday()] is None:
        return False
    return calendar.on_holidays or day not in japanese_holidays(day.year)


def is_open(calendar: SiteCalendar, at: datetime) -> bool:
    """Whether somebody is there at a moment."""
    here = at.astimezone(ZoneInfo(calendar.time_zone))
    hours = _hours(calendar, here.date())
    return hours is not None and hours[0] <= here.time() <= hours[1]


def next_working_day(calendar: SiteCalendar, day: date) -> date:
    """That day if the site works then, else the next on which it does.

    Raises:
        NeverOpen: there is none within a year.
    """
    for ahead in range(DAYS_AHEAD_MAX):
        if works_on(calendar, day + ahead * DAY):
            return day + ahead * DAY
    raise NeverOpen(f"no working day within {DAYS_AHEAD_MAX} days of {day}: look at its calendar")


def departs_at(calendar: SiteCalendar, day: date, service: str = "") -> datetime:
    """The last moment for parcels that leave on that day with that service, in UTC."""
    cut_off = calendar.cut_offs.get(service, calendar.cut_off)
    return datetime.combine(day, cut_off, ZoneInfo(calendar.time_zone)).astimezone(UTC)


def ships_on(calendar: SiteCalendar, at: datetime, service: str = "") -> date:
    """The day on which goods leave that are ready at a moment.

    Raises:
        NeverOpen: the site does not work within a year.
    """
    day = next_working_day(calendar, local_day(calendar, at))
    if at.astimezone(UTC) <= departs_at(calendar, day, service):
        return day
    return next_working_day(calendar, day + DAY)


def arrives_on(ship_date: date, lead_days: int, rests: Collection[date] = ()) -> date:
    """The day on which a parcel arrives: so many days later, not counting those of rest."""
    day, left = ship_date, lead_days
    while left > 0 or day in rests:
        day += DAY
        if day not in rests:
            left -= 1
    return day


def ends_at(calendar: SiteCalendar, day: date, hour: int) -> datetime:
    """An hour of a day on the site's clock, in UTC; 24 is the midnight that ends it."""
    zone = ZoneInfo(calendar.time_zone)
    if hour >= 24:  # noqa: PLR2004 - the hours of a day
        return datetime.combine(day + DAY, time(0), zone).astimezone(UTC)
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


@cache
def japanese_holidays(year: int) -> frozenset[date]:
    """The public holidays of Japan in a year, with those made up for a Sunday."""
    return frozenset(holidays.country_holidays("JP", years=year))


def _hours(calendar: SiteCalendar, day: date) -> tuple[time, time] | None:
    if not works_on(calendar, day):
        return None
    usual = (calendar.hours[(day.weekday() + ahead) % 7] for ahead in range(7))
    return next((hours for hours in usual if hours is not None), ALWAYS)
