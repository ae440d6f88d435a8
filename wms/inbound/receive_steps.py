"""The packet that receives: scan anything, say what it is, and again until the truck is empty.

    n.item        a barcode, an SSCC; the server says what comes next
    n.whole       a unit that was announced: all of it as announced, or counted
    n.lot, n.day  where the goods need them and the barcode has not said
    n.count       scan each, or type; serials are scanned one by one
    n.weight      grams, of goods by weight
    n.state       good, damaged, or to be held
    n.photo       of what is not good
    n.label, n.unit  the pallet or carton that it is put in
    n.dock        goods that somebody waits for: to the cross-dock, not to a shelf
    n.finish      go on another day, or close the delivery
    n.unknown     a picture of what nobody knows

Each round has its own number, and is in the books when it ends: what is done stays done.
"""

from collections.abc import Sequence

from wms.catalog import Sku
from wms.inbound.model import Asn, AsnUnit
from wms.inbound.scan import Read
from wms.outbound.steps import Item
from wms.sites import Location, check_digits
from wms.work.packet import END, Expect, Fact, Quantity, Say, Step

WHOLE, COUNT = "WHOLE", "COUNT"
LATER, CLOSE = "LATER", "CLOSE"
STATES = ("OK", "DAMAGED", "QUARANTINE")
UNITS_MAX = 1_000_000
GRAMS_MAX = 100_000_000
TYPED_FROM = 6


def round_steps(number: int, asn: Asn, facts: Sequence[Fact] = ()) -> tuple[Step, ...]:
    """The beginning of a round: scan something."""
    item = Step(
        id=f"{number}.item",
        op="scan",
        say=Say(code="inbound.scan_anything"),
        big=asn.number or "—",
        facts=tuple(facts),
        expect=(Expect(kind="any"),),
        allow=("finish", "unknown", "correct", "supervisor", "undo"),
        goto={
            "finish": f"{number}.finish", "unknown": f"{number}.unknown", "correct": END,
        },
        next=END,
        online=True,
    )  # fmt: skip
    unknown = Step(
        id=f"{number}.unknown",
        op="photo",
        say=Say(code="inbound.photo_unknown"),
        big="?",
        allow=("undo", "skip_photo"),
        next=END,
        online=True,
    )
    finish = Step(
        id=f"{number}.finish",
        op="choose",
        say=Say(code="inbound.finish"),
        big=asn.number or "—",
        expect=(Expect(kind="finish", codes=(LATER, CLOSE)),),
        next=END,
        online=True,
    )
    return (item, unknown, finish)


def whole_step(number: int, unit: AsnUnit, units: int) -> Step:
    """An announced unit is here: is all in it as announced?"""
    return Step(
        id=f"{number}.whole",
        op="choose",
        say=Say(code="inbound.whole_unit", params={"units": units}),
        big=f"…{unit.code[-4:]}",
        facts=(Fact(label="sscc", value=unit.code), Fact(label="units", value=str(units))),
        expect=(Expect(kind="unit", codes=(WHOLE, COUNT)),),
        next=END,
        online=True,
    )


def goods_steps(  # noqa: PLR0913 - goods, how they were read, what is wanted of them
    number: int, sku: Sku, item: Item, read: Read, *, left: int, labels: str, sscc: str = ""
) -> tuple[Step, ...]:
    """What must be said of goods that were scanned; the last of them ends the round."""
    facts = _facts(item, read, left)
    steps: list[Step] = []
    if sku.tracking in {"LOT", "BOTH"} and not read.lot:
        steps.append(_ask(f"{number}.lot", "inbound.scan_lot", "lot", item.code, facts))
    if sku.shelf_life_days is not None and read.expires_on is None:
        day = _ask(f"{number}.day", "inbound.type_day", "date", item.code, facts, online=True)
        steps.append(day)
    if sku.tracking in {"SERIAL", "BOTH"}:
        steps.append(_serials(number, item, facts, left))
    elif read.pieces is None:
        steps.append(_count(number, item, read, facts, left))
    if sku.catch_weight and read.weight_g is None:
        steps.append(_weight(number, item, facts))
    steps += _ending(number, item, facts, labels, sscc)
    return tuple(steps)


def dock_step(number: int, places: Sequence[Location], item: Item, units: int) -> Step:
    """Somebody waits for these: bring them to the cross-dock."""
    return Step(
        id=f"{number}.dock",
        op="scan",
        say=Say(code="inbound.cross_dock", params={"units": units}),
        big=places[0].code,
        facts=(
            item.named,
            Fact(label="units", value=str(units)),
        ),
        expect=tuple(
            Expect(
                kind="location",
                codes=(place.code,),
                check=(check_digits(place.id, place.label_epoch),),
            )
            for place in places
        ),
        allow=("full", "undo"),
        goto={"full": END},
        next=END,
        online=True,
    )


def _facts(item: Item, read: Read, left: int) -> tuple[Fact, ...]:
    facts = [item.named, Fact(label="sku", value=item.code)]
    if left >= 0:
        facts.append(Fact(label="expected", value=str(left)))
    if read.lot:
        facts.append(Fact(label="lot", value=read.lot))
    return tuple(facts[-3:] if len(facts) > 3 and not read.lot else facts)  # noqa: PLR2004


def _ask(
    id_: str, say: str, kind: str, big: str, facts: tuple[Fact, ...], *, online: bool = False
) -> Step:
    return Step(
        id=id_,
        op="scan",
        say=Say(code=say),
        big=big,
        facts=facts,
        expect=(Expect(kind=kind),),
        online=online,
    )


def _serials(number: int, item: Item, facts: tuple[Fact, ...], left: int) -> Step:
    return Step(
        id=f"{number}.count",
        op="count",
        say=Say(code="inbound.scan_serials"),
        big=item.code,
        facts=facts,
        expect=(Expect(kind="serial"),),
        qty=Quantity(target=max(1, left), max=UNITS_MAX, open=True, distinct=True),
    )


def _count(number: int, item: Item, read: Read, facts: tuple[Fact, ...], left: int) -> Step:
    packs = max(1, left // read.units)
    return Step(
        id=f"{number}.count",
        op="count",
        say=Say(code="inbound.count", params={"units": read.units}),
        big=item.code,
        facts=facts,
        expect=(Expect(kind="item", codes=tuple(dict.fromkeys((read.code, *item.codes)))),),
        qty=Quantity(
            target=packs,
            max=UNITS_MAX // read.units,
            unit="EA" if read.units == 1 else "CS",
            by="scan" if packs < TYPED_FROM else "type",
            open=True,
        ),
    )


def _weight(number: int, item: Item, facts: tuple[Fact, ...]) -> Step:
    return Step(
        id=f"{number}.weight",
        op="count",
        say=Say(code="inbound.weigh"),
        big=item.code,
        facts=facts,
        qty=Quantity(target=1, max=GRAMS_MAX, unit="g", by="type"),
    )


def _ending(
    number: int, item: Item, facts: tuple[Fact, ...], labels: str, sscc: str
) -> tuple[Step, ...]:
    first = {"NONE": END, "ASK": f"{number}.unit", "PRINT": f"{number}.label"}[labels]
    photo = f"{number}.photo"
    steps = [
        Step(
            id=f"{number}.state",
            op="choose",
            say=Say(code="inbound.state"),
            big=item.code,
            facts=facts,
            expect=(Expect(kind="state", codes=STATES),),
            goto={"DAMAGED": photo, "QUARANTINE": photo},
            next=first,
            online=True,
        ),
        Step(
            id=photo,
            op="photo",
            say=Say(code="inbound.photo"),
            big=item.code,
            facts=facts,
            allow=("undo", "skip_photo"),
            next=END,
            online=True,
        ),
    ]
    if labels == "PRINT":
        label = Step(
            id=f"{number}.label",
            op="print",
            say=Say(code="inbound.print_label"),
            big=f"…{sscc[-4:]}",
            facts=(Fact(label="sscc", value=sscc),),
        )
        steps.append(label)
    if labels != "NONE":
        codes = (sscc,) if labels == "PRINT" else ()
        unit = Step(
            id=f"{number}.unit",
            op="scan",
            say=Say(code="inbound.scan_unit"),
            big=f"…{sscc[-4:]}" if sscc else item.code,
            facts=facts,
            expect=(Expect(kind="lpn", codes=codes),),
            allow=("loose", "undo"),
            goto={"loose": END},
            next=END,
            online=True,
        )
        steps.append(unit)
    return tuple(steps)
