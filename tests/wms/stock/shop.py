"""A site with stock, and what the tests of promises ask of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_site, a_sku, stock_of
from wms.database import Database
from wms.ids import SiteId, SkuId
from wms.outbox import drain
from wms.stock import promises
from wms.stock.promises import Reserve


def stocked(database: Database, count: int, *, skus: int = 1) -> tuple[SiteId, list[SkuId]]:
    """A site with that many units of some SKUs."""

    def work(session: Session) -> tuple[SiteId, list[SkuId]]:
        site = a_site(session)
        made = [a_sku(session) for _ in range(skus)]
        for sku in made:
            if count:
                stock_of(session, site, sku, count)
        return site, made

    return database.run(work)


def reserve(database: Database, *lines: Reserve, now: datetime = NOW) -> list[bool]:
    """Which of the lines are granted, together in one request."""
    answers = database.run(lambda s: promises.reserve(s, lines, now=now))
    return [answer.granted for answer in answers]


def counters(database: Database, sku: SkuId, segment: str = "A") -> dict[str, int]:
    """The balance of a SKU: sellable, reserved, of it cart and click_reserve, allocated."""
    query = text(
        "SELECT sellable, reserved, cart, click_reserve, allocated FROM stock_balance"
        " WHERE sku_id = :sku AND segment = :segment"
    )
    values = {"sku": sku, "segment": segment}
    return database.run(lambda s: dict(s.execute(query, values).mappings().one()))


def events(database: Database, kind: str) -> list[Mapping[str, Any]]:
    """What the outbox tells of that kind, in order."""
    drained = database.run(lambda s: drain(s, "test", limit=1000))
    return [event.body for event in drained if event.type == kind]
