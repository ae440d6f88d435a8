"""The packet of a packer, step by step.

    start               the order's slot, or one of its totes
    1.1, 1.2 …          what goes into the first parcel, scanned thing by thing
    1.gift              how it is wrapped, if somebody wants that and no rule says how
    1.noshi1, 1.flyer2 … what is added by rule (wms.outbound.extras), with its picture
    1.carton            the box that is suggested, or another one
    1.weigh             by the scale of the bench, else typed; the server judges it
    1.label, 1.scan     the label and the slip are printed, stuck on, and scanned back
    2.1 …
    rest                nothing is left over; or: what is?

`plan["items"]` says what each counting step is of: {"unit_g": …, "of": [[allocation, units], …]}.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from wms.outbound.extras import Extra, answered
from wms.outbound.steps import Item, item_step, scan_parcel
from wms.work.packet import END, Expect, Fact, Quantity, Say, Step

NOTHING_LEFT, LEFT_OVER = "NOTHING_LEFT", "LEFT_OVER"
WEIGHT_MAX_G = 200_000
UNITS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Units of one SKU in a parcel, and whose they are."""

    item: Item
    of: tuple[tuple[UUID, int], ...]
    gift: str = ""

    @property
    def units(self) -> int:
        """How many."""
        return sum(units for _, units in self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedParcel:
    """A parcel as it shall be packed. `cartons`: the suggested one first; none: as it is."""

    sscc: str
    contents: tuple[Content, ...]
    cartons: tuple[str, ...]
    weight_g: int
    extras: tuple[Extra, ...] = ()


def pack_steps(
    order_number: str, parcels: Sequence[PlannedParcel], *, totes: Sequence[str] = ()
) -> tuple[Step, ...]:
    """The steps of a whole order."""
    steps = [
        Step(
            id="start",
            op="scan",
            say=Say(code="pack.scan_order"),
            big=order_number,
            facts=tuple(Fact(label="tote", value=tote) for tote in totes[:2]),
            expect=(Expect(kind="slot", codes=(order_number, *totes)),),
        )
    ]
    for number, parcel in enumerate(parcels, start=1):
        which = Fact(label="parcel", value=f"{number}/{len(parcels)}")
        steps += _parcel_steps(number, parcel, which)
    return (*steps, *_rest())


def items_plan(parcels: Sequence[PlannedParcel]) -> Mapping[str, object]:
    """What the counting steps are of."""
    return {
        f"{number}.{at}": {
            "unit_g": content.item.weight_g,
            "of": [[str(id_), units] for id_, units in content.of],
        }
        for number, parcel in enumerate(parcels, start=1)
        for at, content in enumerate(parcel.contents, start=1)
    }


def _parcel_steps(number: int, parcel: PlannedParcel, which: Fact) -> list[Step]:
    steps = []
    for at, content in enumerate(parcel.contents, start=1):
        step = item_step(
            f"{number}.{at}", content.item, content.units, say="pack.scan_item", facts=(which,)
        )
        steps.append(replace(step, allow=("missing", "damaged", "wrong_item", "undo")))
    wishes = list(dict.fromkeys(content.gift for content in parcel.contents if content.gift))
    done = answered(parcel.extras, wishes)
    wishes = [wish for wish in wishes if wish not in done]
    steps += [extra_step(f"{number}.{each.rule.kind.lower()}{no}", each)
              for no, each in enumerate(parcel.extras, start=1)]  # fmt: skip
    if wishes:
        steps.append(
            Step(
                id=f"{number}.gift",
                op="confirm",
                say=Say(code="pack.wrap"),
                big=wishes[0][:40],
                facts=tuple(Fact(label="gift", value=wish[:200]) for wish in wishes),
            )
        )
    if parcel.cartons:
        steps.append(
            Step(
                id=f"{number}.carton",
                op="scan",
                say=Say(code="pack.scan_carton"),
                big=parcel.cartons[0],
                facts=(which,),
                expect=(Expect(kind="carton", codes=parcel.cartons),),
            )
        )
    return [*steps, *_leaving_steps(number, parcel, which)]


def extra_step(step_id: str, extra: Extra) -> Step:
    """Add that; what has a code of its own is scanned."""
    rule = extra.rule
    said = (("wish", extra.wish), ("text", rule.text))
    return Step(
        id=step_id,
        op="scan" if rule.scan else "confirm",
        say=Say(code=f"pack.{rule.kind.lower()}"),
        big=(extra.wish or rule.name)[:40],
        facts=(
            Fact(label="name", value=rule.name),
            *(Fact(label=label, value=value[:200]) for label, value in said if value),
        ),
        expect=(Expect(kind="extra", codes=(rule.scan,)),) if rule.scan else (),
        image=rule.picture or None,
    )


def _leaving_steps(number: int, parcel: PlannedParcel, which: Fact) -> list[Step]:
    return [
        Step(
            id=f"{number}.weigh",
            op="count",
            say=Say(code="pack.weigh"),
            big="g",
            facts=(which, Fact(label="parcel", value=f"…{parcel.sscc[-4:]}")),
            qty=Quantity(target=parcel.weight_g, max=WEIGHT_MAX_G, unit="g", by="type", open=True),
            online=True,
        ),
        Step(
            id=f"{number}.label",
            op="print",
            say=Say(code="pack.print_label"),
            big=f"…{parcel.sscc[-4:]}",
            facts=(Fact(label="sscc", value=parcel.sscc), which),
            online=True,
        ),
        replace(
            scan_parcel(
                f"{number}.scan", "pack.scan_label", parcel.sscc, allow=("label_torn", "undo")
            ),
            goto={"label_torn": f"{number}.label"},
        ),
    ]


def differs_step(number: str, expected_g: int, weighed_g: int) -> Step:
    """What to do about a weight that cannot be; `undo` weighs again."""
    return Step(
        id=f"{number}.differs",
        op="choose",
        say=Say(code="pack.weight_differs", params={"weighed": weighed_g, "expected": expected_g}),
        big=f"{weighed_g - expected_g:+d} g",
        facts=(
            Fact(label="expected_g", value=str(expected_g)),
            Fact(label="weighed_g", value=str(weighed_g)),
        ),
        expect=(Expect(kind="choice", codes=("SEND_ANYWAY",)),),
        allow=("supervisor", "undo"),
    )


def _rest() -> tuple[Step, ...]:
    return (
        Step(
            id="rest",
            op="choose",
            say=Say(code="pack.anything_left"),
            big="?",
            expect=(Expect(kind="choice", codes=(NOTHING_LEFT, LEFT_OVER)),),
            goto={NOTHING_LEFT: END},
        ),
        Step(
            id="extra",
            op="count",
            say=Say(code="pack.scan_extra"),
            big="+",
            expect=(Expect(kind="item"),),
            qty=Quantity(target=1, max=UNITS_MAX, open=True),
        ),
    )
