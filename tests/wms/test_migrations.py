"""The schema that the migrations make: the one that the code means, and laid out by site."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from wms.access import ApiKey
from wms.catalog import Barcode, Lot, Owner, Pack, Sku
from wms.database import Base
from wms.identity.model import (
    Account,
    AccountRight,
    AccountSession,
    AccountTry,
    AuditEvent,
    OneTime,
    SecondPerson,
)
from wms.migrations import current_revisions, head_revisions, upgrade
from wms.orders.model import (
    Allocation,
    Cart,
    CartHold,
    CartLine,
    Decision,
    Order,
    OrderChange,
    OrderLine,
    OrderPromise,
    Wait,
)
from wms.outbound.model import ExceptionAct, ExceptionRow, Parcel
from wms.outbound.packing_tables import (
    CartonRow,
    DockLoad,
    Manifest,
    PackStation,
    Printer,
    PrintJob,
    ScaleWeight,
)
from wms.outbox import OutboxConsumer, OutboxEvent
from wms.people.model import Device, Operator, SignIn, SignInTry
from wms.planner.model import PlanPlayed, PlanProposal, PlanRun, PlanScenario, PlanSnapshot
from wms.sites import Location, Site
from wms.stock.model import (
    ChannelBuffer,
    HandlingUnit,
    Hold,
    Movement,
    Quant,
    Serial,
    StockBalance,
    Supply,
)
from wms.work.model import Evidence, Task, WorkEvent, WorkPlace, WorkRule, WorkStandard

GROUND = (
    Owner, Sku, Barcode, Site, Location, OutboxEvent, OutboxConsumer, HandlingUnit, Hold, Movement,
    Quant, StockBalance, Pack, Lot, ChannelBuffer, Supply, Serial,
    Order, OrderLine, Allocation, OrderPromise, OrderChange, Decision, Cart, CartLine, CartHold,
    Wait, Parcel, CartonRow, PackStation, ScaleWeight, Printer, PrintJob, Manifest, DockLoad,
    Task, WorkEvent, WorkPlace, WorkRule, WorkStandard, Evidence, ExceptionRow, ExceptionAct,
    Operator, Device, SignIn, SignInTry, ApiKey,
    PlanSnapshot, PlanScenario, PlanRun, PlanPlayed, PlanProposal,
    Account, AccountRight, AccountSession, AccountTry, AuditEvent, OneTime, SecondPerson,
)  # fmt: skip
BY_SITE = (
    "location",
    "handling_unit",
    "stock_balance",
    "quant",
    "hold",
    "stock_command",
    "movement",
    "channel_buffer",
    "supply",
    "serial",
)


def test_there_is_one_newest_version_and_upgrading_again_does_nothing(database_url: str):
    upgrade(database_url)

    assert current_revisions(database_url) == head_revisions()
    assert len(head_revisions()) == 1


def test_tables_are_as_the_code_has_them(superuser: Engine):
    ours = {table.__tablename__ for table in GROUND}
    with superuser.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _parents: kind != "table" or name in ours,
                "include_object": lambda _object, name, kind, _found, _other: (
                    kind == "column" or (kind == "table" and name in ours)
                ),
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_every_large_table_begins_its_keys_with_the_site(superuser: Engine):
    """So that it can be spread over servers by site: the primary key and each unique index."""
    query = text("""
        SELECT c.relname AS "table", i.indexrelid::regclass::text AS index,
               pg_get_indexdef(i.indexrelid, 1, true) AS first
          FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         WHERE i.indisunique AND c.relname = ANY (:tables)""")
    with superuser.connect() as connection:
        rows = connection.execute(query, {"tables": list(BY_SITE)}).all()

    assert {row.table for row in rows} == set(BY_SITE)
    assert {row.first for row in rows} == {"site_id"}


def test_movements_go_into_the_partition_of_their_month(superuser: Engine):
    with superuser.begin() as connection:
        made = connection.scalar(text("SELECT movement_months(13)"))
        again = connection.scalar(text("SELECT movement_months(13)"))
        rights = connection.scalar(text("SELECT count(*) FROM pg_inherits WHERE inhparent ="
                                        " 'movement'::regclass AND has_table_privilege("
                                        " 'soko_app', inhrelid, 'INSERT')"))  # fmt: skip

    assert made in {0, 1}
    assert (again, rights) == (0, 0)
