"""Moving without a hold, the views of it, and what the database itself refuses."""

import pytest
from sqlalchemy import Engine, TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, a_tote, an_id, shelf, stock_of
from wms.database import Database
from wms.errors import IdReused, NotFound
from wms.ids import SiteId, SkuId
from wms.outbox import drain
from wms.sites import virtual_location
from wms.stock import ledger, promises, units
from wms.stock.availability import pickable, stock_view
from wms.stock.faults import NotEnoughStock, UnitsOutOfRange, WrongLocation
from wms.stock.ledger import Move
from wms.stock.verify import verify


@pytest.fixture
def site(database: Database) -> SiteId:
    return database.run(a_site)


@pytest.fixture
def sku(database: Database) -> SkuId:
    return database.run(a_sku)


def move(database: Database, *lines: Move) -> list[bool]:
    return [moved.replayed for moved in database.run(lambda s: ledger.move(s, lines))]


def test_goods_come_in_and_are_seen(database: Database, site: SiteId, sku: SkuId):
    lane = virtual_location(site, "LANE_IN")
    announced = a_move(site, sku, 7, to_location_id=lane)
    dock = virtual_location(site, "DOCK_IN")
    arrived = a_move(site, sku, 7, from_location_id=lane, to_location_id=dock)
    put_away = a_move(site, sku, 6, from_location_id=dock)
    broken = a_move(site, sku, 1, from_location_id=dock, to_condition="D")

    seen = []
    for line in (announced, arrived, put_away, broken):
        assert move(database, line) == [False]
        totals = database.run(stock_view).totals
        counters = ("expected", "received", "sellable", "damaged", "free")
        seen.append(tuple(totals[name] for name in counters))

    assert seen == [(7, 0, 0, 0, 0), (0, 7, 0, 0, 0), (0, 1, 6, 0, 6), (0, 0, 6, 1, 6)]
    assert database.run(verify).clean


def test_a_move_sent_again_is_done_once(database: Database, site: SiteId, sku: SkuId):
    line = a_move(site, sku, 7)

    assert move(database, line, line) == [False, True]
    assert move(database, line) == [True]

    assert database.run(stock_view).totals["sellable"] == 7
    with pytest.raises(IdReused):
        move(database, a_move(site, sku, 8, command_id=line.command_id))


def test_no_more_leaves_than_is_there_or_free(database: Database, site: SiteId, sku: SkuId):
    database.run(lambda s: stock_of(s, site, sku, 7))
    database.run(lambda s: promises.reserve(s, [a_reserve(site, sku, 5)], now=NOW))
    out = {"from_location_id": shelf(site), "to_location_id": virtual_location(site, "SCRAP")}

    with pytest.raises(NotEnoughStock) as not_there:
        move(database, a_move(site, sku, 8, **out))
    with pytest.raises(NotEnoughStock) as promised:
        move(database, a_move(site, sku, 3, **out))

    assert (not_there.value.wanted, not_there.value.free) == (8, 7)
    assert (promised.value.wanted, promised.value.free) == (3, 2)
    assert move(database, a_move(site, sku, 2, **out)) == [False]


def test_what_one_line_brings_another_may_take(database: Database, site: SiteId, sku: SkuId):
    onward = a_move(site, sku, 5, from_location_id=shelf(site), to_location_id=shelf(site, "S-2"))

    move(database, onward, a_move(site, sku, 5))

    (place,) = database.run(lambda s: pickable(s, site, [sku]))
    assert (place.location, place.units) == ("S-2", 5)


def test_lines_that_are_none(database: Database, site: SiteId, sku: SkuId):
    other = database.run(lambda s: a_site(s, "OSA1"))
    for units_ in (0, -1, 2**31):
        with pytest.raises(UnitsOutOfRange):
            move(database, a_move(site, sku, units_))
    with pytest.raises(WrongLocation):
        move(database, a_move(site, sku, 1, to_location_id=shelf(other)))
    with pytest.raises(WrongLocation):
        move(database, a_move(site, sku, 1, from_location_id=shelf(site)))
    with pytest.raises(NotFound):
        move(database, a_move(site, SkuId(an_id()), 1))
    with pytest.raises(NotFound):
        move(database, a_move(SiteId(an_id()), sku, 1, to_location_id=shelf(other)))


def test_a_tote_goes_elsewhere_with_all_that_is_in_it(database: Database, site: SiteId):
    skus = [database.run(a_sku) for _ in range(3)]
    tote = database.run(lambda s: a_tote(s, site))
    move(database, *[a_move(site, sku, 2, to_unit_id=tote) for sku in skus])

    database.run(lambda s: units.place_unit(s, site, tote, shelf(site, "S-2")))

    places = database.run(lambda s: pickable(s, site, skus))
    assert {(place.location, place.tote, place.units) for place in places} == {("S-2", "T-1", 2)}
    found = database.run(lambda s: units.find_units(s, site, ["T-1", "T-2"]))
    assert {code: unit.location_code for code, unit in found.items()} == {"T-1": "S-2"}
    nobody = units.unit_id(site, "T-2")
    with pytest.raises(NotFound):
        database.run(lambda s: units.place_unit(s, site, nobody, None))


def test_who_listens_hears_what_is_free_now(database: Database, site: SiteId, sku: SkuId):
    move(database, a_move(site, sku, 7))
    database.run(lambda s: promises.reserve(s, [a_reserve(site, sku, 5)], now=NOW))

    events = database.run(lambda s: drain(s, "shop", topics=("stock",)))

    assert [event.body["free"][0][3] for event in events] == [7, 2]
    assert {event.key for event in events} == {str(site)}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stock_balance SET reserved = 0",
        "DELETE FROM hold",
        "INSERT INTO movement SELECT * FROM movement",
        "UPDATE quant SET units = 99",
        "DELETE FROM stock_command",
        "UPDATE hold_transition SET allocated = 0",
        "SELECT stock_apply('{}')",
        "DELETE FROM handling_unit",
        "INSERT INTO movement_rest SELECT * FROM movement",
        "DELETE FROM serial",
        "UPDATE supply SET held = 0",
        "DELETE FROM channel_buffer",
        "SELECT stock_open('[]')",
    ],
)
def test_the_application_may_not_write_stock(
    database: Database, site: SiteId, sku: SkuId, statement: str
):
    database.run(lambda s: stock_of(s, site, sku, 7))

    with pytest.raises(DBAPIError) as refused:
        database.run(lambda s: s.execute(text(statement)))

    assert refused.value.orig is not None
    assert getattr(refused.value.orig, "sqlstate", None) == "42501"  # insufficient privilege


@pytest.mark.parametrize(
    ("statement", "law"),
    [
        ("UPDATE stock_balance SET reserved = sellable + 1", "never_oversold"),
        ("UPDATE stock_balance SET allocated = -1", "counters"),
        ("UPDATE quant SET pinned = units + 1 WHERE NOT outside", "ck_quant_pinned"),
        ("UPDATE quant SET units = -1 WHERE NOT outside", "ck_quant_pinned"),
        ("UPDATE hold SET units = 0", "ck_hold_units"),
        ("UPDATE hold SET state = 'PINNED'", "ck_hold_location"),
        ("UPDATE hold SET state = 'SOLD'", "ck_hold_state"),
        ("UPDATE movement SET units = 1", "never changed"),
        ("DELETE FROM movement", "never changed"),
        ("TRUNCATE movement", "never changed"),
        ("TRUNCATE movement_rest", "never changed"),
        ("UPDATE quant SET weight_g = -1 WHERE NOT outside", "ck_quant_weight"),
        ("UPDATE quant SET units = 0, weight_g = 1 WHERE NOT outside", "ck_quant_weight"),
    ],
)
def test_the_laws_hold_for_superusers_too(
    database: Database, superuser: Engine, site: SiteId, sku: SkuId, statement: str, law: str
):
    def work(session: Session) -> None:
        stock_of(session, site, sku, 7)
        promises.reserve(session, [a_reserve(site, sku, 2)], now=NOW)

    database.run(work)
    with pytest.raises(DBAPIError, match=law), superuser.begin() as connection:
        connection.execute(text(statement))


def execute(database: Database, statement: TextClause) -> None:
    database.run(lambda s: s.execute(statement))


def test_no_month_of_movements_is_changed_by_anybody(
    database: Database, superuser: Engine, site: SiteId, sku: SkuId
):
    database.run(lambda s: stock_of(s, site, sku, 7))
    query = text("SELECT DISTINCT tableoid::regclass::text FROM movement")
    month = database.run(lambda s: s.scalar(query))
    verbs = ("UPDATE {} SET units = 1", "DELETE FROM {}", "TRUNCATE {}")

    for verb in verbs:
        statement = text(verb.format(month))
        with pytest.raises(DBAPIError, match="permission denied"):
            execute(database, statement)
        with pytest.raises(DBAPIError, match="never changed"), superuser.begin() as connection:
            connection.execute(statement)
