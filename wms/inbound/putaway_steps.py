"""The packet that puts goods away: scan them, go to the place, scan it, say how many fit.

goods    the handling unit, or the article
place    big: the first choice; the second is taken as well, also without the network
units    loose goods: how many were put down (full: fewer)
other    the place is full, blocked or mixed: the server proposes another
station  (totes for robots, instead of a place) where the tote is handed to them
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from wms.inbound.model import Putaway
from wms.inbound.rules import Choice, Goods, Option
from wms.outbound.steps import items_of
from wms.sites import Location, check_digits
from wms.work.packet import END, Expect, Fact, Quantity, Say, Step

REFUSALS = ("full", "blocked", "mixed")


def goods_step(session: Session, putaway: Putaway, goods: Goods) -> Step:
    """Take the goods."""
    start = session.get_one(Location, (putaway.site_id, putaway.from_location_id)).code
    codes, name = _codes(session, putaway)
    return Step(
        id="goods",
        op="scan",
        say=Say(code="putaway.scan_unit" if putaway.unit_code else "putaway.scan_item"),
        big=f"…{putaway.unit_code[-4:]}" if putaway.unit_code else goods.sku,
        facts=(
            *((name,) if name else ()),
            Fact(label="units", value=str(putaway.units)),
            *((Fact(label="place", value=start),) if not start.startswith("@") else ()),
        ),
        expect=(Expect(kind="sscc" if putaway.unit_code else "item", codes=codes),),
    )


def place_steps(
    session: Session, putaway: Putaway, choice: Choice, stations: Sequence[str]
) -> tuple[Step, ...]:
    """Bring them there."""
    if stations:
        return (
            Step(
                id="station",
                op="scan",
                say=Say(code="putaway.scan_station"),
                big=stations[0],
                expect=tuple(Expect(kind="station", codes=(each,)) for each in stations),
            ),
        )
    return more_steps(session, putaway, choice, turn=1)


def more_steps(
    session: Session, putaway: Putaway, choice: Choice, *, turn: int
) -> tuple[Step, ...]:
    """A place, how many were put there, and what if none can."""
    assert choice.first is not None
    mark = "" if turn == 1 else str(turn)
    place = _place_step(session, putaway, choice, mark)
    other = Step(
        id=f"other{mark}",
        op="confirm",
        say=Say(code="putaway.ask_other"),
        big=choice.first.place.code,
        online=True,
        next=END,
    )
    return (place, *_count_steps(session, putaway, mark), other)


def _place_step(session: Session, putaway: Putaway, choice: Choice, mark: str) -> Step:
    first = choice.first
    assert first is not None
    whole = [each for each in (first, choice.second) if each and each.units >= putaway.units]
    facts = [Fact(label="units", value=str(putaway.units))]
    facts += [Fact(label="second", value=each.place.code) for each in whole[1:]]
    return Step(
        id=f"place{mark}",
        op="scan",
        say=Say(code="putaway.scan_place"),
        big=first.place.code,
        facts=tuple(facts),
        expect=tuple(_expect(session, putaway, each) for each in whole or [first]),
        allow=(*REFUSALS, "undo"),
        goto=dict.fromkeys(REFUSALS, f"other{mark}"),
        next=END if putaway.unit_code or putaway.serials else None,
    )


def _count_steps(session: Session, putaway: Putaway, mark: str) -> tuple[Step, ...]:
    """Loose goods may be parted; a unit, and goods with serials, go whole."""
    if putaway.unit_code or putaway.serials:
        return ()
    codes, name = _codes(session, putaway)
    return (
        Step(
            id=f"units{mark}",
            op="count",
            say=Say(code="putaway.count", params={"units": putaway.units}),
            big=str(putaway.units),
            facts=(name,) if name else (),
            expect=(Expect(kind="item", codes=codes),),
            qty=Quantity(
                target=putaway.units,
                max=putaway.units,
                by="scan" if putaway.units == 1 else "type",
            ),
            allow=("full", "undo"),
            next=END,
        ),
    )


def _expect(session: Session, putaway: Putaway, option: Option) -> Expect:
    place = session.get_one(Location, (putaway.site_id, option.place.id))
    digits = check_digits(place.id, place.label_epoch)
    return Expect(kind="location", codes=(place.code,), check=(digits,))


def _codes(session: Session, putaway: Putaway) -> tuple[tuple[str, ...], Fact | None]:
    if putaway.unit_code:
        return (putaway.unit_code,), None
    assert putaway.sku_id is not None
    item = items_of(session, [putaway.sku_id])[putaway.sku_id]
    return item.codes, item.named
