"""Share: what the units of a count are (good, damaged, held, refused), and of which line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.catalog import Lot, Sku
from wms.inbound import judge
from wms.inbound.model import Asn, AsnLine
from wms.sites import Site
from wms.stock.units import UnitKind

OK, DAMAGED, QUARANTINE = "OK", "DAMAGED", "QUARANTINE"
_OUTCOMES = {OK: ("GOOD", ""), DAMAGED: ("DAMAGED", "damaged"), QUARANTINE: ("HELD", "asked")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was counted of a SKU: `cause` is the event that ends the count, and makes it once."""

    cause: UUID
    sku: Sku
    units: int
    condition: str = OK
    lot: str = ""
    expires_on: date | None = None
    serials: tuple[str, ...] = ()
    weight_g: int | None = None
    unit_code: str = ""
    unit_kind: UnitKind = "CARTON"
    photo: str = ""
    line_no: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Units of a count with one outcome."""

    line: AsnLine | None
    units: int
    outcome: str
    why: str = ""


def parts_of(
    session: Session,
    asn: Asn,
    count: Count,
    lines: Sequence[AsnLine],
    tolerance: judge.Tolerance,
    now: datetime,
) -> tuple[list[Part], int]:
    """What the units of a count are, and how many go back on the truck."""
    zone = session.get_one(Site, asn.site_id).time_zone
    today = now.astimezone(ZoneInfo(zone)).date()
    is_old = judge.is_too_old(expiry_of(session, count), today, tolerance)
    outcome, why = _OUTCOMES[count.condition]
    if outcome == "GOOD" and is_old:
        outcome, why = "HELD", "too_old"
    if not lines:
        if asn.kind == "BLIND" or tolerance.unlisted == "TAKE":
            return [Part(line=None, units=count.units, outcome=outcome, why=why)], 0
        held = Part(line=None, units=count.units, outcome="HELD", why="unlisted")
        return ([held], 0) if tolerance.unlisted == "HOLD" else ([], count.units)
    announced = sum(line.units for line in lines)
    before = sum(line.received + line.damaged + line.held for line in lines)
    judged = judge.judge_count(announced, before, count.units, tolerance)
    parts = [
        Part(line=line, units=units, outcome=outcome, why=why)
        for line, units in _share(lines, count.lot, judged.good)
    ]
    if judged.beyond and tolerance.over == "HOLD":
        parts.append(Part(line=lines[-1], units=judged.beyond, outcome="HELD", why="over"))
    return parts, judged.beyond if tolerance.over == "REFUSE" else 0


def _share(lines: Sequence[AsnLine], lot: str, units: int) -> list[tuple[AsnLine, int]]:
    """Units by line: those of the same lot first, each as far as announced, the last the rest."""
    order = sorted(lines, key=lambda line: (bool(lot) and line.lot != lot, line.line_no))
    shares, left = [], units
    for line in order:
        take = min(left, max(0, line.units - line.received - line.damaged - line.held))
        if take:
            shares.append((line, take))
            left -= take
    if left and shares:
        shares[-1] = (shares[-1][0], shares[-1][1] + left)
    elif left:
        shares.append((order[0], left))
    return shares


def expiry_of(session: Session, count: Count) -> date | None:
    """Until when goods may be sold: as counted, else as their lot says."""
    if count.expires_on is not None or not count.lot:
        return count.expires_on
    known = session.get(Lot, (count.sku.id, count.lot))
    return None if known is None else known.expires_on


def know_lot(session: Session, count: Count) -> None:
    """A lot that nobody has told us of is made, and one without a day gets it; nothing else."""
    if not count.lot or count.expires_on is None:
        return
    row = {"sku_id": count.sku.id, "code": count.lot, "expires_on": count.expires_on}
    new = insert(Lot).values(row)
    day = func.coalesce(Lot.expires_on, new.excluded.expires_on)
    session.execute(
        new.on_conflict_do_update(index_elements=["sku_id", "code"], set_={"expires_on": day})
    )
