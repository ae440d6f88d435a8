"""What kits are made of: parts, and whether they are put together for stock or sent as parts.

    save_kit    say it; no parts: it is none any more
    parts_of    what was said

A kit that is made for STOCK (wms.waves.kits) is goods of its own, without serials; one that is made
to ORDER (wms.orders.kits) is never in stock, and its parts may be any goods but kits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.errors import NotFound, Rejected
from wms.orders.kits import Kit, KitComponent

Made: TypeAlias = Literal["STOCK", "ORDER"]
KEPT: Mapping[Made, frozenset[str]] = {
    "STOCK": frozenset({"NONE", "LOT"}),
    "ORDER": frozenset({"NONE"}),
}


class UnfitKit(Rejected):
    """Something cannot be a kit, or a part of one: it has serials or lots, or is a kit itself."""

    code: ClassVar[str] = "unfit_kit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So many units of a SKU go into one kit."""

    sku: str
    units: int


def save_kit(session: Session, kit: str, parts: Sequence[Part], *, made: Made = "STOCK") -> None:
    """Say what a kit is made of, and when; no parts: it is none any more.

    Raises:
        NotFound: there is no such SKU.
        UnfitKit: it cannot be one.
    """
    sku = known_sku(session, kit)
    made_of = {known_sku(session, part.sku, sku.owner_id): part.units for part in parts}
    inside = select(KitComponent.kit_sku_id).where(
        KitComponent.kit_sku_id.in_([part.id for part in made_of])
    )
    nested = select(Kit.sku_id).where(Kit.sku_id.in_([part.id for part in made_of]))
    if sku.tracking not in KEPT[made] or sku in made_of or session.scalars(inside).first():
        raise UnfitKit(kit)
    if session.scalars(nested).first():
        raise UnfitKit(kit)
    unfit = [part.code for part in made_of if part.tracking in {"SERIAL", "BOTH"}]
    if unfit and made == "STOCK":
        raise UnfitKit(", ".join(unfit))
    session.execute(delete(KitComponent).where(KitComponent.kit_sku_id == sku.id))
    session.execute(delete(Kit).where(Kit.sku_id == sku.id))
    if made_of:
        session.execute(insert(Kit).values(sku_id=sku.id, made=made))
    for part, units in made_of.items():
        session.execute(insert(KitComponent).values(kit_sku_id=sku.id, sku_id=part.id, units=units))


def made_of(session: Session, kit: str) -> Made:
    """Whether a kit is put together for stock, or sent as parts when it is ordered.

    Raises:
        NotFound: it is none.
    """
    known = session.get(Kit, known_sku(session, kit).id)
    if known is None:
        raise NotFound(f"kit {kit}")
    return "ORDER" if known.made == "ORDER" else "STOCK"


def parts_of(session: Session, kit: str) -> list[Part]:
    """What a kit is made of.

    Raises:
        NotFound: it is none.
    """
    query = (
        select(Sku.code, KitComponent.units)
        .join(KitComponent, KitComponent.sku_id == Sku.id)
        .where(KitComponent.kit_sku_id == known_sku(session, kit).id)
        .order_by(Sku.code)
    )
    parts = [Part(sku=code, units=units) for code, units in session.execute(query)]
    if not parts:
        raise NotFound(f"kit {kit}")
    return parts


def known_sku(session: Session, code: str, owner: UUID | None = None) -> Sku:
    """The SKU of that code, of that owner if one is named.

    Raises:
        NotFound: there is none.
    """
    query = select(Sku).where(Sku.code == code)
    if owner is not None:
        query = query.where(Sku.owner_id == owner)
    found = session.scalars(query.order_by(Sku.owner_id).limit(1)).first()
    if found is None:
        raise NotFound(f"SKU {code}")
    return found
