"""The trucks of a day: who delivers what to the hub, and when; by a seed.

Each brings pallets (an SSCC with an RFID tag, put on shelves by hand), totes (for the robots), and
some goods that lie loose and get a label at the dock. Whatever day is played, the first comes soon
after its beginning and the others within its first half, so that all is put away before the night.

Pure.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from edge.gs1 import sscc_from
from simulators.assortment import Sku
from simulators.network import HUB

SUPPLIERS = ("ARITA", "TSUBAME", "IMABARI")
PREFIX = "4512345"  # the suppliers' GS1 company prefix
UNLOADED_S = 45 * 60
FIRST_AFTER = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)  # doors are booked by these
_WHAT: tuple[Literal["PALLET", "TOTE", "LOOSE"], ...] = (
    "PALLET", "PALLET", "TOTE", "TOTE", "LOOSE", "LOOSE",
)  # fmt: skip
_UNITS = {"PALLET": (96, 240), "TOTE": (12, 40), "LOOSE": (6, 30)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Freight:
    """Goods of one SKU on a truck; `sscc` "": loose."""

    line_no: int
    sku: Sku
    units: int
    kind: Literal["PALLET", "TOTE", "LOOSE"]
    sscc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truck:
    """A delivery to the hub."""

    id: UUID
    number: str
    supplier: str
    at: datetime
    freight: tuple[Freight, ...]

    @property
    def codes(self) -> list[str]:
        """The SSCCs that it carries."""
        return [each.sscc for each in self.freight if each.sscc]

    def announcement(self) -> dict[str, Any]:
        """As its supplier tells it (入荷予定)."""
        return {
            "site": HUB,
            "number": self.number,
            "supplier": self.supplier,
            "eta_p50": self.at.isoformat(),
            "eta_p90": (self.at + timedelta(minutes=30)).isoformat(),
            "lines": [
                {"line_no": each.line_no, "sku": each.sku.code, "units": each.units}
                for each in self.freight
            ],
            "units": [
                {"sscc": each.sscc, "kind": each.kind, "content": {str(each.line_no): each.units}}
                for each in self.freight
                if each.sscc
            ],
        }


def trucks_of(
    skus: Sequence[Sku], *, begins_at: datetime, ends_at: datetime, seed: int
) -> list[Truck]:
    """The trucks between the first and the last order of a day."""
    trucks = []
    for number, supplier in enumerate(SUPPLIERS):
        draw = random.Random(f"truck {seed} {number}")
        chosen = draw.sample(skus, min(len(skus), len(_WHAT)))
        freight = tuple(
            Freight(
                line_no=at,
                sku=sku,
                units=draw.randint(*_UNITS[kind]),
                kind=kind,
                sscc="" if kind == "LOOSE" else sscc_from(PREFIX, 3, 100 * seed + 10 * number + at),
            )
            for at, (sku, kind) in enumerate(zip(chosen, _WHAT, strict=False), start=1)
        )
        trucks.append(
            Truck(
                id=uuid5(NAMESPACE_URL, f"soko/demo/truck/{seed}/{number}"),
                number=f"A{seed}-{number + 1}",
                supplier=supplier,
                at=_quarter(begins_at + FIRST_AFTER + (ends_at - begins_at) * 0.2 * number)
                + QUARTER * 3 * number,
                freight=freight,
            )
        )
    return trucks


def _quarter(at: datetime) -> datetime:
    """The beginning of the quarter of an hour after that."""
    begun = at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)
    return begun + QUARTER
