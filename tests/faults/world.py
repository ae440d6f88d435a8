"""The small world in which the ledger is held against the books (tests/wms/stock)."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import a_site, a_sku, a_tote
from tests.faults.books import Balance, Place
from wms.ids import HandlingUnitId, SiteId, SkuId

KEPT = ("NONE", "NONE", "LOT")


class World(NamedTuple):
    """Two sites with shelves, a tote each, and three SKUs, one kept by lot; nothing in them."""

    sites: list[SiteId]
    skus: list[SkuId]
    totes: dict[UUID, HandlingUnitId]
    counter_of: dict[UUID, str]
    site_of: dict[UUID, UUID]
    virtual: dict[tuple[UUID, str], UUID]


def a_world(session: Session) -> World:
    """Make it."""
    sites = [a_site(session, code, shelves=("S-1", "S-2")) for code in ("ONE", "TWO")]
    totes: dict[UUID, HandlingUnitId] = {site: a_tote(session, site) for site in sites}
    query = text("SELECT site_id, id, code, counter FROM location ORDER BY site_id, code")
    places = session.execute(query).all()
    return World(
        sites=sites,
        skus=[a_sku(session, f"KIND-{n}", tracking=kept) for n, kept in enumerate(KEPT)],
        totes=totes,
        counter_of={place.id: place.counter for place in places},
        site_of={place.id: place.site_id for place in places},
        virtual={(p.site_id, p.code[1:]): p.id for p in places if p.code.startswith("@")},
    )


class Done(NamedTuple):
    """A posting that was made: how to make it again, what it answers then, and stolen."""

    again: Callable[[Session], Any]
    answer: Any
    stolen: Callable[[Session], Any]


def where_is(session: Session, id_: UUID) -> Place:
    """Which place and lot the ledger has chosen for a hold."""
    query = text(
        "SELECT site_id, location_id, sku_id, handling_unit_id, lot, segment FROM hold"
        " WHERE id = :id"
    )
    return Place(*session.execute(query, {"id": id_}).one())


def written(
    session: Session,
) -> tuple[dict[Balance, Counter[str]], dict[Place, tuple[int, int]], dict[UUID, tuple[str, int]]]:
    """What the ledger has written: counters, units and pinned units by place, holds."""
    balances: dict[Balance, Counter[str]] = {}
    for row in session.execute(text("SELECT * FROM stock_balance")).mappings():
        kept = Counter({name: units for name, units in row.items() if isinstance(units, int)})
        kept -= Counter(safety=kept["safety"], overdraft=kept["overdraft"])
        if kept:
            balances[Balance(row["site_id"], row["sku_id"], row["segment"])] = kept
    rows = session.execute(
        text(
            "SELECT site_id, location_id, sku_id, handling_unit_id, lot, condition, units, pinned"
            " FROM quant WHERE (units, pinned) <> (0, 0)"
        )
    ).all()
    quants = {Place(*row[:6]): (row.units, row.pinned) for row in rows}
    holds = session.execute(text("SELECT id, state, units FROM hold")).all()
    return balances, quants, {row.id: (row.state, row.units) for row in holds}
