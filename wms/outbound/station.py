"""Stations: the benches where parcels are packed, and what their scales say.

    station_of(session, site, device)      the bench at which that device works; None: nobody said
    take_weight(session, site, message)    what the edge heard of a scale
    weight_on(session, site, scale)        what lies on it at rest, if that was said a moment ago

A weight in motion takes what was at rest away: the next parcel is not given the last one's. A
message that is older than what is known changes nothing. Grams.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from edge.messages import WeightRead
from wms.outbound.packing_tables import PackStation, ScaleWeight

FRESH = timedelta(minutes=10)  # a scale says only changes: a parcel may lie there for a while


@dataclass(frozen=True, slots=True, kw_only=True)
class StationRecord:
    """A bench as master data bring it."""

    name: str
    weigh: Literal["SCALE", "TYPED", "NONE"] = "TYPED"
    scale: str = ""
    printer: str = ""
    devices: tuple[str, ...] = ()


def stations_of(session: Session, site: UUID) -> list[StationRecord]:
    """All benches of a site, by name."""
    query = select(PackStation).where(PackStation.site_id == site).order_by(PackStation.name)
    return [_record(row) for row in session.scalars(query)]


def save_station(session: Session, site: UUID, record: StationRecord) -> None:
    """Make or change a bench, known by name."""
    row = asdict(record) | {"site_id": site, "devices": list(record.devices)}
    statement = insert(PackStation).values(row)
    changes = {name: statement.excluded[name] for name in row if name not in {"site_id", "name"}}
    session.execute(
        statement.on_conflict_do_update(index_elements=["site_id", "name"], set_=changes)
    )


def station_of(session: Session, site: UUID, device: str) -> StationRecord | None:
    """The bench at which that device works, the first of several."""
    query = select(PackStation).where(
        PackStation.site_id == site, PackStation.devices.contains([device])
    )
    row = session.scalars(query.order_by(PackStation.name).limit(1)).first()
    return None if row is None else _record(row)


def take_weight(session: Session, site: UUID, message: WeightRead) -> None:
    """Keep what a scale says."""
    row = {"site_id": site, "scale": message.device, "grams": message.grams,
           "stable": message.stable, "at": message.at}  # fmt: skip
    statement = insert(ScaleWeight).values(row)
    changes = {name: statement.excluded[name] for name in ("grams", "stable", "at")}
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["site_id", "scale"],
            set_=changes,
            where=ScaleWeight.at <= statement.excluded.at,
        )
    )


def weight_on(session: Session, site: UUID, scale: str, *, now: datetime) -> int:
    """What lies on a scale at rest; 0 if nothing does, or nobody knows."""
    row = session.get(ScaleWeight, (site, scale), populate_existing=True)
    if row is None or not row.stable or now - row.at > FRESH:
        return 0
    return max(0, row.grams)


def scales_of(session: Session, site: UUID) -> Sequence[ScaleWeight]:
    """What every scale of a site said last."""
    query = select(ScaleWeight).where(ScaleWeight.site_id == site).order_by(ScaleWeight.scale)
    return session.scalars(query).all()


def _record(row: PackStation) -> StationRecord:
    return StationRecord(
        name=row.name,
        weigh=row.weigh,  # type: ignore[arg-type]  # a constraint says which
        scale=row.scale,
        printer=row.printer,
        devices=tuple(row.devices),
    )
