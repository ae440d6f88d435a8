"""The packets of outbound: what a picker, a packer and a loader see, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Barcode, Sku
from wms.work.packet import Expect, Fact, Quantity, Say, Step

TYPED_FROM = 6  # from so many units on, the count may be typed after the first scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Goods as a step shows and expects them."""

    code: str
    name: str
    gtins: tuple[str, ...]
    weight_g: int
    cool: bool
    tracking: str = "NONE"
    picture: str = ""
    care: str = ""
    name_en: str = ""

    @property
    def named(self) -> Fact:
        """Its name, for the screen."""
        return Fact(label="name", value=self.name, en=self.name_en)

    @property
    def codes(self) -> tuple[str, ...]:
        """All that may be scanned for it."""
        return (*self.gtins, self.code)


def skus_of(session: Session, ids: Sequence[UUID]) -> Sequence[Sku]:
    """The SKUs of these ids."""
    return session.scalars(select(Sku).where(Sku.id.in_(set(ids)))).all()


def items_of(
    session: Session, skus: Sequence[UUID], known: Sequence[Sku] | None = None
) -> dict[UUID, Item]:
    """The goods of these ids; `known`: their SKUs, if somebody has them already."""
    barcodes: dict[UUID, list[str]] = {}
    units = select(Barcode).where(Barcode.sku_id.in_(set(skus)), Barcode.units == 1)
    for barcode in session.scalars(units.order_by(Barcode.gtin)):
        barcodes.setdefault(barcode.sku_id, []).append(barcode.gtin)
    return {
        sku.id: Item(
            code=sku.code,
            name=sku.name_ja,
            name_en=sku.name_en,
            gtins=tuple(barcodes.get(sku.id, ())),
            weight_g=sku.weight_g,
            cool=sku.temperature != "AMBIENT",
            tracking=sku.tracking,
            picture=sku.picture,
            care=" ".join(
                word
                for word, is_so in (
                    ("FRAGILE", sku.fragile),
                    ("UPRIGHT", sku.upright),
                    ("ON_TOP", not sku.stackable),
                )
                if is_so
            ),
        )
        for sku in (skus_of(session, skus) if known is None else known)
    }


def serial_skus(session: Session, skus: Sequence[UUID]) -> set[UUID]:
    """Those of the goods of which every unit has a number."""
    query = select(Sku.id).where(Sku.id.in_(set(skus)), Sku.tracking.in_(("SERIAL", "BOTH")))
    return set(session.scalars(query))


def place_step(
    step_id: str,
    place: str,
    *,
    also: Sequence[str] = (),
    kind: str = "location",
    check: Sequence[str] = (),
) -> Step:
    """Go there and scan it; its `check` digits are taken instead."""
    return Step(
        id=step_id,
        op="scan",
        say=Say(code=f"pick.scan_{kind}"),
        big=place,
        expect=(Expect(kind=kind, codes=(place, *also), check=tuple(check)),),
    )


def item_step(step_id: str, item: Item, units: int, *, say: str, facts: Sequence[Fact]) -> Step:
    """Scan the goods, as many as that."""
    return Step(
        id=step_id,
        op="count",
        say=Say(code=say, params={"units": units}),
        big=str(units),
        facts=(
            item.named,
            Fact(label="sku", value=item.code),
            *((Fact(label="care", value=item.care),) if item.care else ()),
            *facts,
        ),
        image=item.picture or None,
        expect=(Expect(kind="item", codes=item.codes),),
        qty=Quantity(target=units, max=units, by="scan" if units < TYPED_FROM else "type"),
        allow=("short", "damaged", "undo"),
    )


def scan_parcel(step_id: str, say: str, sscc: str, *, allow: tuple[str, ...] = ("undo",)) -> Step:
    """Scan the label of a parcel."""
    return Step(
        id=step_id,
        op="scan",
        say=Say(code=say),
        big=f"…{sscc[-4:]}",
        facts=(Fact(label="sscc", value=sscc),),
        expect=(Expect(kind="sscc", codes=(sscc,)),),
        allow=allow,
    )


def facts_of(order_number: str, **more: Any) -> tuple[Fact, ...]:
    """The order, and whatever else a picker may want to know."""
    return (
        Fact(label="order", value=order_number),
        *(Fact(label=label, value=str(value)) for label, value in more.items()),
    )
