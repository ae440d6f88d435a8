"""The floor ahead: which orders go together, and which goods should lie nearer.

    wave(session, site, {"wave": id, "seconds": ...}, now)   the orders of a dense wave
    slots(session, site, {"days": ..., "most": ...}, now)    faces that should change places

A wave of which nothing was found goes in turn, and that is kept with it as well.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from wms.collect.policy import is_for_release
from wms.errors import NotFound
from wms.ids import SiteId
from wms.planner.hand import Hand, Search
from wms.planner.slots import LOOKED_FOR as SLOTS_LOOKED_FOR
from wms.planner.slots import propose, slots_of
from wms.sites import Site
from wms.waves.dense import LOOKED_FOR, backlog_of, densest
from wms.waves.model import Wave
from wms.waves.wave import TEMPLATE


def wave(session: Session, site: Site, wish: Mapping[str, Any], now: datetime) -> Search:
    """The orders of a wave that was asked for with `choose: DENSE`."""
    row = session.get_one(Wave, (site.id, UUID(wish["wave"])))
    template = TEMPLATE.validate_python(row.template)
    backlog = backlog_of(session, SiteId(site.id), template, now=now, only=is_for_release())

    def solve(hand: Hand) -> dict[str, Any]:
        limits = replace(hand.limits(LOOKED_FOR), seconds=float(wish["seconds"]))
        found = densest(backlog, limits=limits, progress=hand.told)
        if found is None:
            return {"rows": [], "chosen": {}}
        aisles = [{"zone": zone, "aisle": number} for zone, number in sorted(found.aisles)]
        return {"rows": aisles, "chosen": found.kept(), **found.facts(),
                "orders": len(found.orders)}  # fmt: skip

    return solve


def slots(session: Session, site: Site, wish: Mapping[str, Any], now: datetime) -> Search:
    """Changes that save more walking than they take, and where the places are."""
    since = now - timedelta(days=int(wish["days"]))
    try:
        found = slots_of(session, site.code, since=since, now=now)
    except NotFound as error:
        raise ValueError(f"there are no {error}") from error

    def solve(hand: Hand) -> dict[str, Any]:
        limits = hand.limits(SLOTS_LOOKED_FOR)
        said = propose(found, most=int(wish["most"]), limits=limits, progress=hand.told)
        used = {each[end] for move in said["moves"] for each in move["skus"]
                for end in ("from", "to")}  # fmt: skip
        return said | {"at": {code: asdict(at) for code, at in found.at.items() if code in used}}

    return solve
