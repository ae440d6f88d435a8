"""Kits as order lines (セット品): what is ordered as one is promised and sent as its parts.

    order line 3: 2 × GIFTBOX, 1,000 yen  ->  order_kit 3
                                              order_line 2000000000: 4 × TEA, 333 yen
                                              order_line 2000000001: 2 × CUP, 334 yen

The parts are ordinary lines: they are held, sourced, picked and billed like any other, with lots
and serials of their own. What is asked of a kit's line is asked of its parts, in whole kits, and
who looks at the order sees the kit (wms.api.orders_read). The price of a kit is parted over its
units so that it adds up to the last yen: a kit of which nothing comes is refunded exactly.

A kit that is put together for stock (`made` STOCK, wms.waves.kits) is goods like any other.

Laws: I8k, in wms.orders.laws. A kit that cannot be had whole is not held at all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.catalog import Sku
from wms.database import Base
from wms.ids import SkuId
from wms.orders.model import Order, OrderLine, one_of
from wms.stock import availability

PARTS_FROM = 2_000_000_000  # line numbers of parts: no channel counts so far
MADE = ("STOCK", "ORDER")


class Kit(Base):
    """Goods that are made of others: put together for STOCK, or sent as parts when ORDERed."""

    __tablename__ = "kit"
    __table_args__ = (one_of("made", MADE),)

    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"), primary_key=True)
    made: Mapped[str]


class KitComponent(Base):
    """So many units of a SKU go into one kit (セット品)."""

    __tablename__ = "kit_component"
    __table_args__ = (CheckConstraint("units > 0 AND sku_id <> kit_sku_id", name="units"),)

    kit_sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"), primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"), primary_key=True)
    units: Mapped[int]


class OrderKit(Base):
    """A kit as it was ordered; what becomes of it stands at its parts' lines."""

    __tablename__ = "order_kit"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("customer_order.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sku_id: Mapped[UUID]
    sku: Mapped[str]
    units: Mapped[int]
    price_minor: Mapped[int]
    gift: Mapped[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLine:
    """A line as a channel sends it. A service (postage, a discount) is no goods.

    `price_minor` is what one unit was sold for, taxes included; `gift` the code of a wrapping;
    `supply_id` what is still to come and the line waits for (a pre-order).
    """

    line_no: int
    sku: str
    units: int
    service: bool = False
    price_minor: int = 0
    gift: str = ""
    supply_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLine:
    """A line of an order that is part of a kit: `per_kit` units of it are in each."""

    line: PlaceLine
    sku_id: UUID
    kit_no: int
    per_kit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfKit:
    """A kit of an order, and the lines that it is made of."""

    kit: OrderKit
    parts: tuple[OrderLine, ...]

    def kits(self, units: Mapping[int, int], *, some: bool = False) -> int:
        """How many whole kits so many units of its lines are; with `some`, how many they touch."""
        counts = [(units.get(part.line_no, 0), part.kit_units) for part in self.parts]
        if some:
            return max(-(-have // each) for have, each in counts)
        return min(have // each for have, each in counts)


def parts_of_skus(session: Session, skus: Iterable[UUID]) -> dict[UUID, list[tuple[Sku, int]]]:
    """What those of the SKUs are made of that are sent as parts: part and units, by code."""
    query = (
        select(KitComponent.kit_sku_id, Sku, KitComponent.units)
        .join(Sku, Sku.id == KitComponent.sku_id)
        .join(Kit, Kit.sku_id == KitComponent.kit_sku_id)
        .where(Kit.sku_id.in_(set(skus)), Kit.made == "ORDER")
        .order_by(KitComponent.kit_sku_id, Sku.code)
    )
    found: dict[UUID, list[tuple[Sku, int]]] = {}
    for kit, part, units in session.execute(query):
        found.setdefault(kit, []).append((part, units))
    return found


def free_kits(session: Session, kit: Sku, channel: str, *, now: datetime) -> dict[UUID, int]:
    """How many of a kit this channel may be promised, by site: as many as all its parts make."""
    parts = parts_of_skus(session, [kit.id]).get(kit.id, [(kit, 1)])
    ids = {SkuId(part.id) for part, _ in parts}
    free = availability.free_units(session, ids, now=now)
    kept = availability.kept_from(session, channel, ids)
    sites = {site for site, _ in free}
    found = {
        site: min(
            (free.get((site, SkuId(part.id)), 0) - kept.get((site, SkuId(part.id)), 0)) // units
            for part, units in parts
        )
        for site in sites
    }
    return {site: kits for site, kits in found.items() if kits > 0}


def explode(
    line: PlaceLine, parts: Sequence[tuple[Sku, int]], numbers: Iterator[int]
) -> list[PartLine]:
    """The lines that a kit's line becomes; the price of a kit is parted over its units.

    >>> a kit of 2 × A and 1 × B for 100: 2 × A at 33, 1 × B at 34
    """
    in_one = sum(units for _, units in parts)
    base, rest = divmod(line.price_minor, in_one)
    lines: list[PartLine] = []
    left = in_one
    for part, units in parts:
        cheap = max(0, min(units, left - rest))  # the last `rest` units are one dearer
        left -= units
        for n, price in ((cheap, base), (units - cheap, base + 1)):
            if n:
                of = replace(
                    line, line_no=next(numbers), sku=part.code, units=n * line.units,
                    price_minor=price, gift="" if lines else line.gift,  # a kit is wrapped once
                )  # fmt: skip
                lines.append(PartLine(line=of, sku_id=part.id, kit_no=line.line_no, per_kit=n))
    return lines


def order_lines(
    session: Session, order_id: UUID, lines: Iterable[PlaceLine], skus: Mapping[str, Sku]
) -> list[OrderLine]:
    """Make the rows of these lines, kits in their parts; services have ended already."""
    made = parts_of_skus(session, [sku.id for sku in skus.values()])
    numbers = count(_next_number(session, order_id)) if made else count()
    rows: list[OrderLine] = []
    for line in lines:
        if line.service or not (parts := made.get(skus[line.sku].id)):
            rows.append(_row(order_id, line, None if line.service else skus[line.sku].id))
            continue
        session.add(
            OrderKit(
                order_id=order_id, line_no=line.line_no, sku_id=skus[line.sku].id, sku=line.sku,
                units=line.units, price_minor=line.price_minor, gift=line.gift,
            )
        )  # fmt: skip
        rows += [
            _row(order_id, part.line, part.sku_id, part.kit_no, part.per_kit)
            for part in explode(line, parts, numbers)
        ]
    session.add_all(rows)
    session.flush()
    return rows


def _row(
    order_id: UUID, line: PlaceLine, sku: UUID | None, kit_no: int | None = None, per_kit: int = 0
) -> OrderLine:
    return OrderLine(
        order_id=order_id,
        line_no=line.line_no,
        sku_id=sku,
        sku=line.sku,
        units=line.units,
        units_short=0,
        units_cancelled=0,
        units_waiting=0,
        state="SERVICE" if line.service else "OPEN",
        price_minor=line.price_minor,
        gift=line.gift,
        supply_id=line.supply_id,
        kit_no=kit_no,
        kit_units=per_kit,
    )


def _next_number(session: Session, order_id: UUID) -> int:
    last = select(func.max(OrderLine.line_no)).where(
        OrderLine.order_id == order_id, OrderLine.kit_no.is_not(None)
    )
    return max(PARTS_FROM, (session.scalar(last) or 0) + 1)


def kits_of(session: Session, orders: Iterable[UUID]) -> dict[UUID, dict[int, OfKit]]:
    """The kits of these orders, by order and line number."""
    ids = list(orders)
    parts: dict[tuple[UUID, int], list[OrderLine]] = {}
    query = select(OrderLine).where(OrderLine.order_id.in_(ids), OrderLine.kit_no.is_not(None))
    for line in session.scalars(query.order_by(OrderLine.order_id, OrderLine.line_no)):
        assert line.kit_no is not None
        parts.setdefault((line.order_id, line.kit_no), []).append(line)
    found: dict[UUID, dict[int, OfKit]] = {}
    if parts:
        for kit in session.scalars(select(OrderKit).where(OrderKit.order_id.in_(ids))):
            of = OfKit(kit=kit, parts=tuple(parts[kit.order_id, kit.line_no]))
            found.setdefault(kit.order_id, {})[kit.line_no] = of
    return found


def in_parts(kits: Mapping[int, OfKit], units: Mapping[int, int]) -> dict[int, int]:
    """Units by line, of lines that are rows: those of a kit are those of its parts."""
    said: dict[int, int] = {}
    for line_no, n in units.items():
        if line_no in kits:
            said |= {part.line_no: n * part.kit_units for part in kits[line_no].parts}
        else:
            said[line_no] = n
    return said


def broken(session: Session, order: Order, missing: Mapping[OrderLine, int]) -> list[OrderLine]:
    """The lines of kits of which a part is missing: what is held for them is not wanted."""
    kits = {line.kit_no for line in missing if line.kit_no is not None}
    query = select(OrderLine).where(OrderLine.order_id == order.id, OrderLine.kit_no.in_(kits))
    return list(session.scalars(query.order_by(OrderLine.line_no))) if kits else []
