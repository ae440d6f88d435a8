"""Cartons: which boxes a site has, and which of them the goods of a parcel go into.

    cartons_of(session, site)                  its own, or the usual ones of Japanese carriers
    into_cartons(cartons, things, box) -> [(Box, code), …]

How many parcels there are is what their weight makes of it (wms.outbound.rules), as sourcing has
priced it; more only where no carton holds what one may weigh. Goods of which nobody has said how
large they are count as a cube of a gram a cubic centimetre. Millimetres, grams, minor units.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from optimizer import cartons as packing
from wms.catalog import Sku
from wms.outbound.packing_tables import CartonRow
from wms.outbound.rules import TARE_G, Box, Packed

UNITS_MAX = 60  # more things are not laid one by one
ALIKE_MAX = 2_000  # contents of parcels that are remembered
FULL = 0.7  # of a carton's room, when they are not
PARCEL_MINOR = 700  # what one parcel more costs, in comparing cartons
MM3_A_GRAM = 1_000
BARE = ""  # goods that go as they are


@dataclass(frozen=True, slots=True, kw_only=True)
class CartonRecord:
    """A kind of carton as master data bring it; sides are those inside."""

    code: str
    length_mm: int
    width_mm: int
    height_mm: int
    tare_g: int
    max_g: int
    cost_minor: int = 0
    stock: int | None = None

    @property
    def kind(self) -> packing.Carton:
        """As the optimizer takes it."""
        return packing.Carton(
            code=self.code,
            sides_mm=(self.length_mm, self.width_mm, self.height_mm),
            tare_g=self.tare_g,
            max_g=self.max_g,
            cost_minor=self.cost_minor,
            stock=self.stock,
        )


def _usual(code: str, sides: tuple[int, int, int], tare_g: int, max_g: int, cost: int) -> (
    CartonRecord
):  # fmt: skip
    length, width, height = sides
    return CartonRecord(
        code=code, length_mm=length, width_mm=width, height_mm=height, tare_g=tare_g, max_g=max_g,
        cost_minor=cost,
    )  # fmt: skip


# By the size classes of carriers: the three sides together are at most so many centimetres.
DEFAULTS = (
    _usual("BOX-60", (250, 200, 110), 120, 2_500, 45),
    _usual("BOX-80", (340, 250, 160), 200, 5_500, 65),
    _usual("BOX-100", (420, 310, 220), 320, 11_000, 95),
    _usual("BOX-120", (480, 380, 290), 450, 16_000, 140),
    _usual("BOX-140", (560, 440, 350), 620, 21_000, 190),
    _usual("BOX-160", (640, 500, 410), 800, 26_000, 260),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Goods as they are laid into a carton."""

    sides_mm: tuple[int, int, int]
    weight_g: int
    apart: str = ""
    upright: bool = False
    fragile: bool = False  # or nothing may stand on it for another reason


def cartons_of(session: Session, site: UUID) -> tuple[CartonRecord, ...]:
    """The cartons of a site, the smallest first; the usual ones if nobody has said."""
    rows = session.scalars(select(CartonRow).where(CartonRow.site_id == site)).all()
    if not rows:
        return DEFAULTS
    records = [
        CartonRecord(**{name: getattr(row, name) for name in CartonRecord.__slots__})
        for row in rows
    ]
    return tuple(sorted(records, key=lambda c: (c.length_mm * c.width_mm * c.height_mm, c.code)))


def save_cartons(session: Session, site: UUID, records: Sequence[CartonRecord]) -> None:
    """Let these be all the cartons of a site. The last record of a code counts."""
    session.execute(delete(CartonRow).where(CartonRow.site_id == site))
    by_code = {record.code: record for record in records}
    session.add_all(CartonRow(site_id=site, **asdict(by_code[code])) for code in sorted(by_code))
    session.flush()


def take_carton(session: Session, site: UUID, code: str) -> None:
    """One of these is used up, if they are counted."""
    row = session.get(CartonRow, (site, code), with_for_update=True)
    if row is not None and row.stock:
        row.stock -= 1


def things_of(skus: Sequence[Sku]) -> dict[UUID, Thing]:
    """How large, heavy and dangerous these goods are."""
    return {
        sku.id: Thing(
            sides_mm=_sides(sku), weight_g=sku.weight_g, apart=sku.dangerous_goods,
            upright=sku.upright, fragile=sku.fragile or not sku.stackable,
        )
        for sku in skus
    }  # fmt: skip


def _sides(sku: Sku) -> tuple[int, int, int]:
    if sku.length_mm and sku.width_mm and sku.height_mm:
        return sku.length_mm, sku.width_mm, sku.height_mm
    edge = max(1, round((sku.weight_g * MM3_A_GRAM) ** (1 / 3)))
    return edge, edge, edge


def into_cartons(
    cartons: Sequence[CartonRecord], things: Mapping[UUID, Thing], box: Box
) -> list[tuple[Box, str]]:
    """What one parcel may weigh, in one carton; in several where none holds it all.

    `things` are by the allocation that they are of. Dangerous goods of different classes do not go
    together.
    """
    classes = {things[each.allocation_id].apart for each in box.contents} - {""}
    apart = len(classes) > 1
    units = [each for each in box.contents for _ in range(min(each.units, UNITS_MAX + 1))]
    if len(units) > UNITS_MAX:
        return [(box, _by_volume(cartons, things, box))]
    problem = packing.Problem(
        items=tuple(
            packing.Item(
                sides_mm=things[each.allocation_id].sides_mm,
                weight_g=each.unit_weight_g,
                apart=things[each.allocation_id].apart if apart else "",
                upright=things[each.allocation_id].upright,
                fragile=things[each.allocation_id].fragile,
            )
            for each in units
        ),
        cartons=tuple(carton.kind for carton in cartons),
        parcel_minor=PARCEL_MINOR,
    )
    made = []
    for packed in _packed(problem):
        code = BARE if packed.carton is None else cartons[packed.carton].code
        made.append((_box(box, [units[placed.item] for placed in packed.placed]), code))
    return made


@lru_cache(maxsize=ALIKE_MAX)
def _packed(problem: packing.Problem) -> tuple[packing.Packed, ...]:
    """Orders are much alike: what has been thought of once is not thought of again."""
    return packing.solve(problem).plan


def _by_volume(cartons: Sequence[CartonRecord], things: Mapping[UUID, Thing], box: Box) -> str:
    """The smallest carton with room for many things; the largest if none has."""
    sides = {id_: thing.sides_mm for id_, thing in things.items()}
    mm3 = sum(
        each.units * length * width * height
        for each in box.contents
        for length, width, height in [sides[each.allocation_id]]
    )
    longest = max(max(sides[each.allocation_id]) for each in box.contents)
    goods_g = box.weight_g - TARE_G
    fits = [
        carton.code
        for carton in cartons
        if carton.length_mm * carton.width_mm * carton.height_mm * FULL >= mm3
        and max(carton.length_mm, carton.width_mm, carton.height_mm) >= longest
        and carton.max_g >= goods_g + carton.tare_g
        and carton.stock != 0
    ]
    return fits[0] if fits else cartons[-1].code


def _box(whole: Box, units: Sequence[Packed]) -> Box:
    """A box with these units of the whole, in its order."""
    if len(units) == sum(each.units for each in whole.contents):
        return whole
    counts = Counter((each.allocation_id, each.unit_weight_g) for each in units)
    contents = tuple(
        Packed(allocation_id=id_, units=count, unit_weight_g=unit_g, cool=whole.cool)
        for (id_, unit_g), count in counts.items()
    )
    weight_g = TARE_G + sum(each.units * each.unit_weight_g for each in contents)
    return Box(contents=contents, weight_g=weight_g, cool=whole.cool)
