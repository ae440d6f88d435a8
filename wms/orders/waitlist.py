"""Waiting list: who wants units that a site has not is offered them, one after the other.

    WAITING -> OFFERED, a hold keeps the units -> TAKEN: the hold became an order's
                                               -> LAPSED: nobody came in time; the next is asked

Who came first is offered first, and nobody is passed over: a large wish at the front waits for
its units, and all behind it wait with it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import HOUSE_OWNER_ID, skus_by_code
from wms.errors import Conflict, IdReused, NotFound
from wms.ids import HoldId, SiteId, SkuId, derive
from wms.orders.hold import Instead, releases
from wms.orders.model import Wait
from wms.orders.place import PlaceOrder, UnfitSite, UnknownSku, place_order
from wms.orders.rules import FIT
from wms.payments.tenders import Tender
from wms.sites import Site, sites_by_code
from wms.stock import availability, ledger, posting, promises

OFFERED_FOR = timedelta(hours=4)
OFFERS_AT_ONCE = 50


class NotOffered(Conflict):
    """Nothing is kept for who waits: not yet, not any more, or it was taken.

    Attributes:
        state: where on the list they are.
    """

    code: ClassVar[str] = "not_offered"

    def __init__(self, wait_id: UUID, state: str) -> None:
        super().__init__(f"wait {wait_id} is {state}")
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinList:
    """Somebody wants units of a SKU of a store."""

    id: UUID
    site: str
    sku: str
    units: int
    channel: str
    customer: str | None = None
    language: Literal["ja", "en"] = "ja"


def join(session: Session, request: JoinList, *, now: datetime) -> bool:
    """Wait for units; False if that was said before.

    Raises:
        UnfitSite, UnknownSku: nothing has been done.
        IdReused: another wish has that id.
    """
    site = sites_by_code(session, [request.site]).get(request.site)
    if site is None or site.kind not in FIT["RESERVE"]:
        raise UnfitSite("site", request.site, "unknown" if site is None else "not_fit")
    sku = skus_by_code(session, [request.sku]).get(request.sku)
    if sku is None:
        raise UnknownSku(1, request.sku)
    asked = hashlib.sha256(json.dumps(asdict(request), default=str).encode()).hexdigest()
    row = {
        "site_id": site.id, "id": request.id, "sku_id": sku.id, "sku": request.sku,
        "units": request.units, "channel": request.channel, "customer": request.customer,
        "language": request.language, "asked": asked, "state": "WAITING", "made_at": now,
    }  # fmt: skip
    new = insert(Wait).values(row).on_conflict_do_nothing().returning(Wait.id)
    if session.scalar(new) is not None:
        return True
    if session.get_one(Wait, (site.id, request.id)).asked != asked:
        raise IdReused(request.id)
    return False


def find(session: Session, wait_id: UUID, *, lock: bool = False) -> Wait:
    """A place on a waiting list.

    Raises:
        NotFound: there is none.
    """
    query = select(Wait).where(Wait.id == wait_id)
    if lock:
        query = query.with_for_update()
    wait = session.scalars(query, execution_options={"populate_existing": True}).first()
    if wait is None:
        raise NotFound(f"wait {wait_id}")
    return wait


def ahead(session: Session, wait: Wait) -> int:
    """How many wait before them."""
    query = select(Wait.id).where(
        Wait.site_id == wait.site_id,
        Wait.sku_id == wait.sku_id,
        Wait.state == "WAITING",
        (Wait.made_at < wait.made_at) | ((Wait.made_at == wait.made_at) & (Wait.id < wait.id)),
    )
    return len(session.scalars(query).all())


def leave(session: Session, wait_id: UUID, *, now: datetime) -> None:
    """Wait no longer. What was kept is free again. Repeating changes nothing.

    Raises:
        NotFound: there is no such place.
    """
    wait = find(session, wait_id, lock=True)
    if wait.state not in {"WAITING", "OFFERED"}:
        return
    ledger.advance(session, releases(_kept(session, wait), now))
    wait.state = "CANCELLED"


def to_promote(session: Session, *, now: datetime) -> Sequence[tuple[UUID, UUID]]:
    """Sites and SKUs where somebody waits and something is free."""
    query = select(Wait.site_id, Wait.sku_id).where(Wait.state == "WAITING").distinct()
    queues = [(site, sku) for site, sku in session.execute(query)]
    if not queues:
        return ()
    free = availability.free_units(session, {SkuId(sku) for _, sku in queues}, now=now)
    return sorted(key for key in queues if free.get((SiteId(key[0]), SkuId(key[1])), 0) > 0)


def promote(session: Session, site: UUID, sku: UUID, *, now: datetime) -> int:
    """Offer what is free of a SKU at a site to who has waited longest; how many were offered."""
    query = select(Wait).where(Wait.site_id == site, Wait.sku_id == sku, Wait.state == "WAITING")
    queue = session.scalars(
        query.order_by(Wait.made_at, Wait.id).limit(OFFERS_AT_ONCE).with_for_update()
    ).all()
    if not queue:
        return 0
    until = now + OFFERED_FOR
    lines = [
        promises.Reserve(
            hold_id=HoldId(derive(wait.id, "offer", now.isoformat())),
            site_id=SiteId(site),
            owner_id=HOUSE_OWNER_ID,
            sku_id=SkuId(sku),
            units=wait.units,
            kind="CLICK_RESERVE",
            demand_id=wait.id,
            expires_at=until,
            channel=wait.channel,
        )
        for wait in queue
    ]
    code = session.scalars(select(Site.code).where(Site.id == site)).one()
    free = availability.free_units(session, [SkuId(sku)], now=now).get(
        (SiteId(site), SkuId(sku)), 0
    )
    offered = 0
    for wait, line in zip(queue, lines, strict=True):
        free -= wait.units
        kept = availability.kept_from(session, wait.channel, [SkuId(sku)])
        if free < kept.get((SiteId(site), SkuId(sku)), 0):
            break  # nobody behind is served before them
        (answer,) = promises.reserve(session, [line], now=now)
        if not answer.granted:
            break
        wait.state, wait.hold_id, wait.offered_until = "OFFERED", line.hold_id, until
        offered += 1
        body = {"wait": str(wait.id), "sku": wait.sku, "units": wait.units, "site": code,
                "until": until.isoformat()}  # fmt: skip
        outbox.record(
            session, topic="order", key=wait.id, type="WaitlistOffered", body=body, now=now
        )
    return offered


def lapse(session: Session, *, now: datetime, limit: int = 200) -> int:
    """Say of offers whose time has run out that they have lapsed; how many."""
    query = select(Wait).where(Wait.state == "OFFERED", Wait.offered_until <= now)
    waits = session.scalars(
        query.order_by(Wait.offered_until).limit(limit).with_for_update(skip_locked=True)
    ).all()
    for wait in waits:
        wait.state = "LAPSED"
        body = {"wait": str(wait.id), "sku": wait.sku, "units": wait.units}
        outbox.record(
            session, topic="order", key=wait.id, type="WaitlistLapsed", body=body, now=now
        )
    return len(waits)


def take(
    session: Session,
    wait_id: UUID,
    request: PlaceOrder,
    *,
    now: datetime,
    tenders: Sequence[Tender] = (),
) -> bool:
    """Order what is offered: what is kept becomes the order's. False if that was done before.

    Raises:
        NotFound: there is no such place.
        NotOffered: nothing is kept.
        ...: as for `place_order`.
    """
    wait = find(session, wait_id, lock=True)
    if wait.state == "TAKEN" and wait.order_id == request.id:
        return place_order(session, request, now=now, tenders=tenders)
    is_over = wait.offered_until is not None and wait.offered_until <= now
    if wait.state != "OFFERED" or is_over:
        raise NotOffered(wait_id, "LAPSED" if is_over and wait.state == "OFFERED" else wait.state)
    kept = _kept(session, wait)
    is_new = place_order(session, request, now=now, tenders=tenders, instead=kept)
    if not is_new:
        ledger.advance(session, releases(kept, now))
    wait.state, wait.order_id = "TAKEN", request.id
    return is_new


def _kept(session: Session, wait: Wait) -> list[Instead]:
    """The hold of an offer, if it has not ended, with its balance locked so that it does not."""
    if wait.hold_id is None:
        return []
    mine = Instead(site_id=wait.site_id, hold_id=wait.hold_id, sku_id=wait.sku_id, units=wait.units)
    posting.lock(session, releases([mine], wait.made_at), ())
    found = availability.holds_by_id(session, [HoldId(wait.hold_id)]).get(HoldId(wait.hold_id))
    return [mine] if found is not None and found.state == "HELD" else []
