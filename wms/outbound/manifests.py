"""Manifests: which parcels a carrier takes from a site on a day, until somebody closes the list.

    join_manifest(session, parcel, site)   onto the open one of its carrier, or a new one
    close_manifest(session, site, id)      no parcel comes onto it after; what has not left goes to
                                           the next one
    manifest_paper(session, site, id)      what the driver signs

A parcel is on one manifest at a time. One whose service changes before the list is closed goes over
to the other carrier's. Whoever joins or closes holds the lock of the carrier's open list, so none
slips in behind a closing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.errors import NotFound
from wms.ids import derive
from wms.orders.model import Order
from wms.outbound.model import Parcel
from wms.outbound.packing_tables import Manifest
from wms.printing.papers import Column, Paper
from wms.shipping.bookings import carrier_of
from wms.shipping.calendar import NeverOpen, local_day, ships_on
from wms.shipping.tables import calendar_of, card_in_force
from wms.sites import Site

GONE = frozenset({"SHIPPED", "DELIVERED", "LOST"})
COLUMNS = (
    Column(head="No.", share=1, right=True),
    Column(head="SSCC", share=4),
    Column(head="お問い合せ番号", share=4),
    Column(head="注文", share=3),
    Column(head="サービス", share=3),
    Column(head="g", share=2, right=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What closing a list came to."""

    parcels: int
    moved: int  # to the next list


def join_manifest(
    session: Session, parcel: Parcel, site: UUID, *, now: datetime, again: bool = False
) -> None:
    """Put a parcel onto its carrier's open list at that site, if it is on none (or `again`)."""
    if parcel.manifest_id is not None and not again:
        return
    carrier = carrier_of(card_in_force(session), parcel.service)
    parcel.manifest_id = open_manifest(session, site, carrier, now=now).id
    session.flush()


def change_manifest(session: Session, parcel: Parcel, *, now: datetime) -> None:
    """Another carrier takes it: it goes from the one's open list onto the other's."""
    if parcel.manifest_id is None:
        return
    now_on = session.scalars(select(Manifest).where(Manifest.id == parcel.manifest_id)).one()
    if now_on.closed_at is None:
        join_manifest(session, parcel, now_on.site_id, now=now, again=True)


def open_manifest(session: Session, site: UUID, carrier: str, *, now: datetime) -> Manifest:
    """The list of a carrier that is open at a site, locked; a new one if there is none."""
    query = select(Manifest).where(
        Manifest.site_id == site, Manifest.carrier == carrier, Manifest.closed_at.is_(None)
    )
    while True:
        fresh = {"populate_existing": True}
        known = session.scalars(query.with_for_update(), execution_options=fresh).first()
        if known is not None:
            return known
        day = _ship_on(session, site, now)
        mine = (Manifest.site_id == site, Manifest.carrier == carrier, Manifest.ship_on == day)
        number = 1 + (session.scalar(select(func.max(Manifest.number)).where(*mine)) or 0)
        row = {"site_id": site, "id": derive(site, "manifest", carrier, str(day), number),
               "carrier": carrier, "ship_on": day, "number": number, "made_at": now}  # fmt: skip
        session.execute(insert(Manifest).values(row).on_conflict_do_nothing())


def _ship_on(session: Session, site: UUID, now: datetime) -> date:
    calendar = calendar_of(session, site)
    try:
        return ships_on(calendar, now)
    except NeverOpen:
        return local_day(calendar, now)


def close_manifest(
    session: Session, site: UUID, manifest_id: UUID, *, by: str, now: datetime
) -> Closed:
    """Close a list. What has not left goes onto the carrier's next one. Closed again, it is closed.

    Raises:
        NotFound: there is none of that id.
    """
    manifest = manifest_of(session, site, manifest_id, lock=True)
    parcels = parcels_on(session, manifest_id)
    if manifest.closed_at is not None:
        return Closed(parcels=len(parcels), moved=0)
    manifest.closed_at, manifest.closed_by = now, by
    session.flush()
    behind = [parcel for parcel in parcels if parcel.state not in GONE]
    for parcel in behind:
        if parcel.state == "CANCELLED":
            parcel.manifest_id = None
        else:
            join_manifest(session, parcel, site, now=now, again=True)
    moved = sum(parcel.state != "CANCELLED" for parcel in behind)
    return Closed(parcels=len(parcels) - len(behind), moved=moved)


def manifest_of(session: Session, site: UUID, manifest_id: UUID, *, lock: bool = False) -> Manifest:
    """That list.

    Raises:
        NotFound: there is none.
    """
    found = session.get(
        Manifest, (site, manifest_id), with_for_update=True if lock else None,
        populate_existing=True,
    )  # fmt: skip
    if found is None:
        raise NotFound(f"manifest {manifest_id}")
    return found


def parcels_on(session: Session, manifest_id: UUID) -> Sequence[Parcel]:
    """The parcels on a list, in the order in which they were made."""
    query = select(Parcel).where(Parcel.manifest_id == manifest_id)
    return session.scalars(query.order_by(Parcel.made_at, Parcel.sscc)).all()


def manifest_paper(session: Session, site: UUID, manifest_id: UUID) -> Paper:
    """The list on paper."""
    manifest = manifest_of(session, site, manifest_id)
    parcels = parcels_on(session, manifest_id)
    query = select(Order.id, Order.number).where(Order.id.in_({p.order_id for p in parcels}))
    numbers = {order: number for order, number in session.execute(query)}  # noqa: C416 - rows
    weight_kg = sum(parcel.weight_g for parcel in parcels) / 1000
    place = session.get_one(Site, site)
    closed = f"締め {manifest.closed_at:%Y-%m-%d %H:%M} UTC" if manifest.closed_at else "未締め"
    return Paper(
        title=f"出荷明細書 {manifest.carrier}",
        facts=(
            f"{place.code} {place.name_ja}",
            f"出荷日 {manifest.ship_on}  第{manifest.number}便  {closed}",
            f"{len(parcels)} 個  {weight_kg:.1f} kg",
        ),
        columns=COLUMNS,
        rows=tuple(
            (str(number), parcel.sscc, parcel.tracking or "", numbers.get(parcel.order_id, ""),
             parcel.service, f"{parcel.weight_g:,}")
            for number, parcel in enumerate(parcels, start=1)
        ),
        foot=("受領印",),
        code=str(manifest.id),
    )  # fmt: skip


def manifests_of(session: Session, site: UUID, *, limit: int = 200) -> list[tuple[Manifest, int]]:
    """The lists of a site, the newest first, with how many parcels are on each."""
    count = select(func.count()).where(Parcel.manifest_id == Manifest.id).scalar_subquery()
    query = select(Manifest, count).where(Manifest.site_id == site)
    rows = session.execute(
        query.order_by(Manifest.ship_on.desc(), Manifest.made_at.desc(), Manifest.id).limit(limit)
    )
    return [(manifest, parcels) for manifest, parcels in rows]
