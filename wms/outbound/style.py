"""How goods are picked: alone or together, into what, and which places they are taken from.

A release channel or a wave says it once for all it releases; it is kept with each allocation
(`pick_line`), so that a walk that is made later, or made anew, is made the same way.

    SINGLE     a walk for each order
    BATCH      orders that lie near each other in one walk, sorted by the packer
    CLUSTER    likewise, but each order has a tote of its own on the cart
    ZONE       a walk in each zone, all at once; the packer brings the totes together
    PASS       one tote an order, passed on from zone to zone
    PUT_WALL   many orders in one tote, sorted into a slot each before they are packed
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.database import Base
from wms.outbound.bind import DEFAULT, Binding

Mode: TypeAlias = Literal["SINGLE", "BATCH", "CLUSTER", "ZONE", "PASS", "PUT_WALL"]
MODES: tuple[Mode, ...] = ("SINGLE", "BATCH", "CLUSTER", "ZONE", "PASS", "PUT_WALL")
OWN_TOTES = frozenset({"CLUSTER", "PASS"})  # a tote for each order
IN_TOTES = OWN_TOTES | {"PUT_WALL"}  # a tote, whatever is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How goods are picked; at most so many orders and units in one walk.

    `totes`: what is picked is put into a scanned tote, so that the books say where it is.
    `zero_check`: at a place that should be empty then, the picker is asked.
    """

    mode: Mode = "BATCH"
    totes: bool = False
    orders_max: int = 30
    units_max: int = 80
    zero_check: bool = True

    @property
    def has_totes(self) -> bool:
        """Whether goods are put into totes that are scanned."""
        return self.totes or self.mode in IN_TOTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """How what is released now is bound to places and picked, and by whose word."""

    style: Style = field(default_factory=Style)
    binding: Binding = DEFAULT
    shelf_life: Mapping[str, int] = field(default_factory=dict)
    channel: str = ""
    wave_id: UUID | None = None
    aisles: frozenset[tuple[str, int]] = frozenset()  # zone and aisle: from there, if enough is
    totes: frozenset[UUID] = frozenset()  # rather these than others that are as good


class PickLine(Base):
    """By which channel or wave an allocation was released, and how it is picked.

    `tote` is what its goods lie in when they are passed on or sorted; `slot` is theirs in the wall.
    """

    __tablename__ = "pick_line"
    __table_args__ = (
        Index(
            "ix_pick_line_wave_id",
            "site_id",
            "wave_id",
            postgresql_where=text("wave_id IS NOT NULL"),
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    allocation_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(server_default="")
    wave_id: Mapped[UUID | None]
    style: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    tote: Mapped[str] = mapped_column(server_default="")
    slot: Mapped[str] = mapped_column(server_default="")
    released_at: Mapped[datetime]


def note_released(
    session: Session, site: UUID, ids: list[UUID], how: Release, *, now: datetime
) -> None:
    """Keep how these allocations were released; the last time counts."""
    if not ids:
        return
    row = {
        "site_id": site, "channel": how.channel, "wave_id": how.wave_id,
        "style": asdict(how.style), "tote": "", "slot": "", "released_at": now,
    }  # fmt: skip
    statement = insert(PickLine)
    changes = {name: statement.excluded[name] for name in row if name != "site_id"}
    session.execute(
        statement.on_conflict_do_update(index_elements=["site_id", "allocation_id"], set_=changes),
        [row | {"allocation_id": id_} for id_ in sorted(ids)],
    )


def style_of(line: PickLine | None) -> Style:
    """How an allocation is picked of which that is known; the usual way if nothing is."""
    return Style() if line is None else Style(**line.style)
