"""Counts that somebody wants: a place where the books and what was seen do not agree.

Whoever stands at the place says so in the transaction that finds it; wms.counting makes the work
of it. The same cause at the same place is wanted once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.database import Base
from wms.ids import LocationId, SiteId, SkuId, derive

Why: TypeAlias = Literal["SHORT", "ZERO_CHECK", "NEGATIVE", "PUTAWAY", "SUPERVISOR"]


class CountWanted(Base):
    """A count that somebody wants; `count_id` is the one that was made of it."""

    __tablename__ = "count_wanted"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    location_id: Mapped[UUID]
    sku_id: Mapped[UUID | None]
    why: Mapped[str]
    cause: Mapped[UUID]
    at: Mapped[datetime]
    count_id: Mapped[UUID | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Where to count, which SKU there (None: all), why, and what gave the reason."""

    site_id: SiteId
    location_id: LocationId
    why: Why
    cause: UUID
    sku_id: SkuId | None = None


def want_count(session: Session, wish: Wish, *, now: datetime) -> UUID:
    """Want a place counted. Returns the id of the wish."""
    id_ = derive(wish.cause, "count", str(wish.location_id), str(wish.sku_id or ""))
    row = {name: getattr(wish, name) for name in wish.__slots__} | {"id": id_, "at": now}
    session.execute(insert(CountWanted).values(row).on_conflict_do_nothing())
    return id_
