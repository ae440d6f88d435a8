"""Place: an order that moves stock from one of our sites to another.

It is an order of kind TRANSFER, held at the site that it comes from, whole lines only; what is not
there is short at once, and no customer waits for it. What is held is announced at the destination.
Sent again, it answers as the first time did.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.errors import Conflict, IdReused, Rejected
from wms.orders.cancel import cancel_order
from wms.orders.close import lock_order
from wms.orders.model import Order
from wms.orders.place import PlaceLine, PlaceOrder, ShipTo, place_order
from wms.orders.rules import distance_km
from wms.sites import Site, sites_by_code
from wms.transfers.expect import announce_supply
from wms.transfers.model import Transfer
from wms.transfers.rules import eta

CHANNEL = "transfer"


class UnfitTransfer(Rejected):
    """A transfer names a site that is none, the same site twice, or one that keeps no stock.

    Attributes:
        site: the code that it names.
        reason: "unknown", "same" or "not_fit".
    """

    code: ClassVar[str] = "unfit_transfer"

    def __init__(self, site: str, reason: str) -> None:
        super().__init__(f"site {site}: {reason}")
        self.site = site
        self.reason = reason


class SourceIsShort(Conflict):
    """The site that the goods should come from has not so many of them free.

    Attributes:
        site: its code.
    """

    code: ClassVar[str] = "source_is_short"

    def __init__(self, site: str) -> None:
        super().__init__(f"site {site} has not so many units free")
        self.site = site


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLine:
    """Goods that are to go."""

    line_no: int
    sku: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceTransfer:
    """A transfer as somebody wants it; sites by code."""

    id: UUID
    from_site: str
    to_site: str
    lines: tuple[TransferLine, ...]
    why: str = ""
    number: str = ""
    priority: int = 0

    def body_hash(self) -> str:
        """Tells two transfers with one id apart."""
        return hashlib.sha256(_AS_JSON.dump_json(self)).hexdigest()


_AS_JSON: TypeAdapter[PlaceTransfer] = TypeAdapter(PlaceTransfer)


def place_transfer(
    session: Session, request: PlaceTransfer, *, now: datetime, proposal_id: UUID | None = None
) -> bool:
    """Take a transfer; False if it had been taken before.

    Raises:
        UnfitTransfer: it cannot go from the one site to the other.
        MalformedOrder, UnknownSku: its lines are none.
        IdReused: another transfer, or order, has that id.
    """
    source, destination = _sites(session, request)
    leaves = eta(
        distance_km(
            (source.latitude, source.longitude), (destination.latitude, destination.longitude)
        ),
        now,
    )
    row = {
        "order_id": request.id, "from_site_id": source.id, "to_site_id": destination.id,
        "why": request.why, "proposal_id": proposal_id, "body_hash": request.body_hash(),
        "eta_p50": leaves.p50, "eta_p90": leaves.p90, "made_at": now,
    }  # fmt: skip
    made = session.scalar(
        insert(Transfer).values(row).on_conflict_do_nothing().returning(Transfer.order_id)
    )
    if made is None:
        if session.get_one(Transfer, request.id).body_hash != request.body_hash():
            raise IdReused(request.id)
        return False
    if session.get(Order, request.id) is not None:
        raise IdReused(request.id)
    place_order(session, _order(request, destination, now), now=now)
    order = lock_order(session, request.id)
    announce_supply(session, order, session.get_one(Transfer, request.id), now=now)
    return True


def cancel_transfer(session: Session, order_id: UUID, *, now: datetime, reason: str) -> None:
    """Take a transfer back, while it is still there; its destination hears of it.

    Raises:
        NotFound: there is no such order.
        TooLateToCancel: it is packed, or has left.
    """
    cancel_order(session, order_id, now=now, reason=reason)
    transfer = session.get(Transfer, order_id)
    if transfer is not None:
        announce_supply(session, lock_order(session, order_id), transfer, now=now)


def _sites(session: Session, request: PlaceTransfer) -> tuple[Site, Site]:
    if request.from_site == request.to_site:
        raise UnfitTransfer(request.to_site, "same")
    sites = sites_by_code(session, {request.from_site, request.to_site})
    for code in (request.from_site, request.to_site):
        if code not in sites:
            raise UnfitTransfer(code, "unknown")
        if sites[code].kind not in {"DC", "FC", "STORE"}:
            raise UnfitTransfer(code, "not_fit")
    return sites[request.from_site], sites[request.to_site]


def _order(request: PlaceTransfer, destination: Site, now: datetime) -> PlaceOrder:
    return PlaceOrder(
        id=request.id,
        number=request.number or f"T-{request.id.hex[-8:].upper()}",
        channel=CHANNEL,
        placed_at=now,
        customer=None,
        ship_to=ShipTo(
            prefecture=destination.prefecture,
            postal_code="",
            latitude=destination.latitude,
            longitude=destination.longitude,
        ),
        lines=tuple(
            PlaceLine(line_no=line.line_no, sku=line.sku, units=line.units)
            for line in request.lines
        ),
        kind="TRANSFER",
        fulfilment="TRANSFER",
        from_site=request.from_site,
        to_site=request.to_site,
        priority=request.priority,
    )
