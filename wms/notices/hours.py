"""Hours: when a person may be told something. Not from 21:00 to 08:00, where they are.

Pure. No message is so urgent that it may wake somebody.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

SLEEPS_AT, WAKES_AT = time(21), time(8)


def awake_at(at: datetime, zone: str) -> datetime:
    """That moment, or the first one after it that is not at night in that zone."""
    there = at.astimezone(ZoneInfo(zone))
    if WAKES_AT <= there.time() < SLEEPS_AT:
        return at
    day = there.date() + timedelta(days=there.time() >= SLEEPS_AT)
    return datetime.combine(day, WAKES_AT, tzinfo=there.tzinfo).astimezone(at.tzinfo)
