"""What is said and when: templates in two languages, facts that there are not, the night."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wms.events import EVENTS
from wms.notices.facts import amount, day
from wms.notices.hours import awake_at
from wms.notices.templates import LANGUAGES, Language, Template, facts_in, fill, fill_line, texts

FACTS = {
    "brand", "name", "number", "url", "items", "by", "was", "site", "code", "keep_until",
    "parcels", "reason", "amount", "tender", "missing", "tracking",
}  # fmt: skip
TOLD = [template for template in texts().by_name.values() if template.tells]


@pytest.mark.parametrize("template", TOLD, ids=lambda template: template.name)
def test_both_languages_say_the_same(template: Template):
    ja, en = (template.words[language] for language in ("ja", "en"))

    assert facts_in(ja.text) == facts_in(en.text)
    for words in (ja, en):
        used = facts_in(words.subject) | facts_in(words.text) | facts_in(words.short)
        assert used <= FACTS
        assert "name" in facts_in(words.text)
        numbered = facts_in(words.subject) | facts_in(words.text)
        assert "number" in numbered or template.name == "waitlist_offered", "it has no order yet"


@pytest.mark.parametrize("template", TOLD, ids=lambda template: template.name)
def test_a_message_to_a_telephone_says_nobodys_name(template: Template):
    """It shows on a locked screen."""
    for words in template.words.values():
        assert "name" not in facts_in(words.short)


def test_what_is_superseded_is_there():
    names = set(texts().by_name)
    for template in texts().by_name.values():
        assert set(template.supersedes) | set(template.within) <= names


def test_every_event_that_tells_is_one_that_happens():
    assert set(texts().by_event) <= set(EVENTS)


def test_a_line_whose_fact_there_is_not_is_left_out():
    text = "Hello {name}\n\nExpected by: {by}\nAt: {site}\n\n\nBye"

    assert fill(text, {"name": "A", "by": "", "site": "B"}) == "Hello A\n\nAt: B\n\nBye"
    assert fill(text, {"name": "A", "by": "", "site": ""}) == "Hello A\n\nBye"


def test_what_a_fact_says_is_not_read_again():
    assert fill("Dear {name},", {"name": "{url} {0}", "url": "x"}) == "Dear {url} {0},"
    assert fill_line("For {name}", {"name": "a\r\nBcc: b"}) == "For a Bcc: b"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("codes", ["reasons", "tenders", "phrases"])
def test_codes_are_said_in_both_languages(language: Language, codes: str):
    said = getattr(texts(), codes)

    assert said["ja"].keys() == said["en"].keys()
    assert all(said[language].values())


def test_money_and_days_as_one_writes_them():
    assert (amount(1234567, "JPY", "ja"), amount(1234567, "JPY", "en")) == (
        "1,234,567円",
        "¥1,234,567",
    )
    assert amount(1205, "USD", "en") == "USD 12.05"
    assert amount(None, "JPY", "ja") == ""
    assert day(date(2026, 1, 2), "ja") == "1月2日(金)"
    assert day(date(2026, 1, 2), "en") == "Fri 2 January"


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-10-28T11:59:59+00:00", "Asia/Tokyo", None),  # 20:59:59
        ("2026-10-28T12:00:00+00:00", "Asia/Tokyo", "2026-10-28T23:00:00+00:00"),  # 21:00
        ("2026-10-28T15:30:00+00:00", "Asia/Tokyo", "2026-10-28T23:00:00+00:00"),  # 00:30
        ("2026-10-28T22:59:59+00:00", "Asia/Tokyo", "2026-10-28T23:00:00+00:00"),  # 07:59:59
        ("2026-10-28T23:00:00+00:00", "Asia/Tokyo", None),  # 08:00
        ("2026-10-28T15:30:00+00:00", "America/New_York", None),
        ("2026-10-25T00:30:00+00:00", "Europe/Berlin", "2026-10-25T07:00:00+00:00"),  # clocks back
    ],
)
def test_nobody_is_woken(at: str, zone: str, expected: str | None):
    moment = datetime.fromisoformat(at)

    assert awake_at(moment, zone) == (datetime.fromisoformat(expected) if expected else moment)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - UTC beside it
    st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_it_is_day_where_they_are_and_soon(at: datetime, zone: str):
    then = awake_at(at, zone)

    assert 8 <= then.astimezone(ZoneInfo(zone)).hour < 21
    assert timedelta(0) <= then - at <= timedelta(hours=12.5)
