"""Places where goods are put away by hand, and which one a packet says that it was."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from wms.ids import SiteId, SkuId
from wms.sites import Location
from wms.stock.availability import pickable
from wms.work.packet import Packet

PLACES_MAX = 200
# where goods are put first, at a store and elsewhere; robots put away for themselves
_FIRST = ("BACKROOM", "PICK_FACE", "RESERVE", "SALES_FLOOR")


def places_for(session: Session, site: SiteId, skus: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Where these SKUs may be put away: where they lie already, then any other place to sell from.

    None at a site that sells from no place (a bank of lockers).
    """
    rank = case({kind: at for at, kind in enumerate(_FIRST)}, value=Location.kind, else_=9)
    query = (
        select(Location.code, Location.kind)
        .where(Location.site_id == site, Location.counter == "sellable")
        .where(Location.zone != "ROBOT", ~Location.code.startswith("@"))
        .order_by(rank, Location.code)
    )
    found = session.execute(query).all()
    if not found:
        return {sku: [] for sku in skus}
    first = [code for code, kind in found if kind == found[0].kind]
    others = [code for code, _ in found]
    lies: dict[UUID, list[str]] = defaultdict(list)
    for each in pickable(session, site, [SkuId(sku) for sku in skus]):
        if each.tote is None and each.location in first and each.location not in lies[each.sku_id]:
            lies[each.sku_id].append(each.location)
    return {
        sku: list(
            dict.fromkeys([*lies[sku], first[sku.int % len(first)], *others])
        )[:PLACES_MAX]
        for sku in skus
    }  # fmt: skip


def scanned_at(packet: Packet, step_id: str) -> str | None:
    """What was scanned at that step, in the end."""
    scans = [
        event.value
        for event in packet.history
        if event.step == step_id and event.type == "scan" and isinstance(event.value, str)
    ]
    return scans[-1] if scans else None
