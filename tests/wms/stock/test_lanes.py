"""What is on its way for too long is told once, told again when it grows, and ends."""

import pytest
from sqlalchemy import Engine, text

from tests.builders import NOW, a_move, a_site, a_sku, shelf, stock_of
from wms import outbox
from wms.database import Database
from wms.ids import SiteId, SkuId
from wms.sites import virtual_location
from wms.stock import lanes, ledger
from wms.stock.verify import LAWS, NETWORK_LAWS, verify


@pytest.fixture
def goods(database: Database) -> tuple[SiteId, SkuId]:
    site, sku = database.run(lambda session: (a_site(session), a_sku(session)))
    database.run(lambda session: stock_of(session, site, sku, 50))
    return site, sku


def send(database: Database, goods: tuple[SiteId, SkuId], units: int) -> None:
    site, sku = goods
    lane = virtual_location(site, "LANE_STORE")
    move = a_move(site, sku, units, from_location_id=shelf(site), to_location_id=lane)
    database.run(lambda session: ledger.move(session, [move]))


def arrive(database: Database, goods: tuple[SiteId, SkuId], units: int) -> None:
    site, sku = goods
    lane = virtual_location(site, "LANE_STORE")
    move = a_move(site, sku, units, from_location_id=lane, to_location_id=shelf(site))
    database.run(lambda session: ledger.move(session, [move]))


def days_pass(superuser: Engine, days: int) -> None:
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table, column in (("movement", "recorded_at"), ("stock_command", "at")):
            connection.execute(
                text(f"UPDATE {table} SET {column} = {column} - make_interval(days => :days)"),  # noqa: S608
                {"days": days},
            )


def sweep(database: Database) -> int:
    return database.run(lambda session: lanes.sweep(session, now=NOW))


def alarms(database: Database) -> list[int]:
    with database.engine.connect() as connection:
        return list(connection.scalars(text("SELECT units FROM lane_alarm")))


def clean(database: Database) -> bool:
    return database.run(lambda session: verify(session, (*LAWS, *NETWORK_LAWS))).clean


def test_what_is_under_way_is_not_overdue_before_its_time(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId]
):
    send(database, goods, 10)
    days_pass(superuser, 4)

    assert sweep(database) == 0
    assert clean(database)


def test_an_alarm_is_raised_once_told_and_ends(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId]
):
    send(database, goods, 10)
    days_pass(superuser, 7)
    assert not clean(database)

    assert (sweep(database), sweep(database)) == (1, 0)
    assert clean(database)
    assert alarms(database) == [10]
    (event,) = database.run(lambda session: outbox.drain(session, "test", topics=("lane",)))
    assert event.type == "LaneOverdue"
    assert (event.body["units"], event.body["lane"], event.body["days"]) == (10, "TO_STORE", 5)

    arrive(database, goods, 4)
    assert (sweep(database), alarms(database)) == (0, [6])
    arrive(database, goods, 6)
    assert (sweep(database), alarms(database)) == (0, [])


def test_what_came_later_is_not_counted_and_more_is_told_again(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId]
):
    """Six of old and five of yesterday: nobody knows which, but six at least are late."""
    send(database, goods, 6)
    days_pass(superuser, 6)
    send(database, goods, 5)

    assert (sweep(database), alarms(database)) == (1, [6])
    arrive(database, goods, 2)
    assert (sweep(database), alarms(database)) == (0, [4])
    days_pass(superuser, 6)
    assert (sweep(database), alarms(database)) == (1, [9])


def test_a_lane_may_have_a_limit_of_its_own(
    database: Database, superuser: Engine, goods: tuple[SiteId, SkuId]
):
    send(database, goods, 6)
    days_pass(superuser, 7)
    database.run(lambda s: s.execute(text("INSERT INTO lane_limit VALUES ('TO_STORE', 30)")))

    assert sweep(database) == 0
    assert clean(database)
