"""Tables that people save: versions, and the defaults that hold without them."""

from dataclasses import asdict, replace
from datetime import date, time
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from tests.builders import NOW
from wms.database import Database
from wms.errors import NotFound
from wms.ports import Party
from wms.shipping import tables
from wms.shipping.calendar import SiteCalendar
from wms.shipping.rates import default_card
from wms.shipping.rules import DEFAULT, Rule
from wms.shipping.tables import RULES, CarrierFacts, TableChanged
from wms.sites import SiteRecord, save_sites, site_id

BODY = asdict(replace(DEFAULT, rules=(Rule(name="all", service="SAGAWA"),)))


def save(session: Session, body: dict[str, object], based_on: int) -> int:
    return tables.save(session, RULES, body, based_on=based_on, by="me", now=NOW)


def test_without_a_saved_table_the_defaults_hold(database: Database):
    assert database.run(tables.rules_in_force) == DEFAULT
    assert database.run(tables.card_in_force) == default_card()
    assert database.run(lambda s: tables.latest(s, RULES)).version == 0


def test_the_highest_version_is_in_force_and_older_ones_stay(database: Database):
    assert database.run(lambda s: save(s, BODY, 0)) == 1
    assert database.run(lambda s: save(s, asdict(DEFAULT), 1)) == 2
    assert database.run(tables.rules_in_force) == DEFAULT
    assert database.run(lambda s: tables.latest(s, RULES, 1)).body["rules"][0]["name"] == "all"
    with pytest.raises(NotFound):
        database.run(lambda s: tables.latest(s, RULES, 9))


def test_a_version_made_from_an_old_one_is_refused_the_same_one_twice_is_saved_once(
    database: Database,
):
    database.run(lambda s: save(s, BODY, 0))
    stored = database.run(lambda s: dict(tables.latest(s, RULES).body))
    assert database.run(lambda s: save(s, stored, 0)) == 1
    with pytest.raises(TableChanged) as told:
        database.run(lambda s: save(s, asdict(DEFAULT), 0))
    assert told.value.version == 1


def test_a_calendar_is_read_as_it_was_saved_with_the_zone_of_its_site(database: Database):
    calendar = SiteCalendar(
        time_zone="Asia/Seoul",
        hours=((time(9), time(18)),) * 5 + (None, None),
        closed=frozenset({date(2026, 12, 31)}),
        opened=frozenset({date(2026, 12, 30)}),
        on_holidays=False,
        cut_off=time(14),
        cut_offs={"YUPACK": time(12)},
    )
    site: UUID = site_id("SEL1")

    def work(session: Session) -> None:
        record = SiteRecord(code="SEL1", kind="DC", name_en="Seoul", time_zone="Asia/Seoul")
        save_sites(session, [record, replace(record, code="SEL2")])
        tables.save_calendar(session, site, calendar, now=NOW)

    database.run(work)
    assert database.run(lambda s: tables.calendar_of(s, site)) == calendar
    assert database.run(tables.calendars) == {
        "SEL1": calendar,
        "SEL2": SiteCalendar(time_zone="Asia/Seoul"),
    }


def test_a_carrier_is_what_somebody_said_of_it(database: Database):
    sender = Party(name="倉庫", phone="03", postal_code="100", address_lines=("東京都", "1-1"))
    facts = CarrierFacts(code="YAMATO", mode="FILE", sender=sender, codes={"customer": "012"})
    assert database.run(lambda s: tables.carrier_facts(s, "YAMATO")).mode == "API"
    database.run(lambda s: tables.save_carrier(s, facts))
    assert database.run(lambda s: tables.carrier_facts(s, "YAMATO")) == facts
