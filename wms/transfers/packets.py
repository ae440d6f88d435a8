"""The packet that receives a parcel: scan its label, count each SKU, scan where it is put.

Counts are of good units. What is missing, or there but broken, is an exception of the count; more
than was sent may be typed. The last step asks whether anything else was in the box.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from wms.ids import SiteId, derive
from wms.orders.model import Order
from wms.outbound.places import places_for
from wms.outbound.steps import Item, facts_of, items_of, scan_parcel
from wms.transfers.model import Arrival, ArrivalLine
from wms.work.packet import Expect, Fact, Quantity, Say, Step
from wms.work.tasks import NewTask, add_task

SURPLUS_MAX = 1_000  # more than was sent, that may be typed
EMPTY, MORE = "EMPTY", "MORE"


def add_receive(
    session: Session,
    order: Order,
    arrival: Arrival,
    lines: Sequence[ArrivalLine],
    *,
    now: datetime,
) -> None:
    """Put the task that receives this parcel into the destination's pool."""
    by_sku: dict[UUID, int] = defaultdict(int)
    for line in lines:
        by_sku[line.sku_id] += line.units
    items = items_of(session, list(by_sku))
    places = places_for(session, SiteId(arrival.site_id), list(by_sku))
    steps = [scan_parcel("parcel", "receive.scan_parcel", arrival.sscc)]
    plan: dict[str, str] = {}
    for number, (sku, units) in enumerate(by_sku.items(), start=1):
        steps.append(_count_step(f"{number}.item", items[sku], units, order.number))
        if places[sku]:
            steps.append(_place_step(f"{number}.place", places[sku]))
        plan[str(number)] = str(sku)
    steps.append(
        Step(
            id="rest",
            op="choose",
            say=Say(code="receive.box_empty"),
            big=order.number,
            expect=(Expect(kind="rest", codes=(EMPTY, MORE)),),
        )
    )
    new = NewTask(
        id=arrival.task_id,
        site_id=arrival.site_id,
        kind="receive",
        title=order.number,
        steps=tuple(steps),
        plan={"arrival": str(arrival.id), "skus": plan},
    )
    add_task(session, new, now=now)


def _count_step(step_id: str, item: Item, units: int, number: str) -> Step:
    facts = facts_of(number)
    return Step(
        id=step_id,
        op="count",
        say=Say(code="receive.count_item", params={"units": units}),
        big=str(units),
        facts=(item.named, Fact(label="sku", value=item.code), *facts),
        expect=(Expect(kind="item", codes=item.codes),),
        qty=Quantity(target=units, max=units + SURPLUS_MAX, by="scan" if units == 1 else "type"),
        allow=("short", "damaged", "undo"),
    )


def _place_step(step_id: str, places: Sequence[str]) -> Step:
    return Step(
        id=step_id,
        op="scan",
        say=Say(code="receive.scan_place"),
        big=places[0],
        expect=(Expect(kind="location", codes=tuple(places)),),
    )


def receive_task_id(parcel_id: UUID) -> UUID:
    """The id of the task that receives a parcel."""
    return derive(parcel_id, "receive")
