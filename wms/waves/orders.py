"""Orders are taken back from the floor, whatever released them: a channel or a wave."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.errors import IdReused
from wms.orders.model import Allocation
from wms.outbound.floor import Floor
from wms.outbound.unrelease import pinned_of, unrelease
from wms.waves.channel import known_site
from wms.waves.model import WaveAct


def unrelease_orders(  # noqa: PLR0913 - which, where, by whose word
    session: Session,
    floor: Floor,
    site: str,
    orders: Sequence[UUID],
    command: UUID,
    *,
    actor: str,
    now: datetime,
) -> dict[str, Any]:
    """Give back what is pinned of these orders at that site; once for each command.

    Raises:
        NotFound: there is no such site.
        IdReused: that command was something else.
    """
    at = known_site(session, site)
    what = "take back " + " ".join(sorted(map(str, orders)))
    known = session.get(WaveAct, (at, command))
    if known is not None:
        if known.what != what:
            raise IdReused(command)
        return known.said
    ids = pinned_of(session, at, orders)
    back = unrelease(session, floor, at, ids, actor=actor, now=now) if ids else 0
    late = select(func.count()).where(
        Allocation.site_id == at,
        Allocation.order_id.in_(orders),
        Allocation.state.in_(("PICKED", "PACKED", "SHIPPED", "DELIVERED")),
    )
    said = {"taken_back": back, "too_late": session.scalar(late) or 0}
    session.add(WaveAct(site_id=at, id=command, what=what, said=said, at=now))
    session.flush()
    return said
