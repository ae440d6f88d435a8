"""The steps of the bench: what somebody who opens a box is asked, line by line.

    item       scan the goods; of goods with serials each one, and only those that were sold
    lot        of goods by lot
    grade      A to D; what becomes of each stands beside it, by the rule
    photo      of what is damaged or worthless: the refund will be asked about
    shelf      where it is sold again; what is not goes where the rule says: "QUARANTINE", "SCRAP"

Something else in the box ends a line as what was in it: nothing, and people are told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.ids import SiteId
from wms.orders.model import Allocation
from wms.outbound.places import scanned_at
from wms.outbound.steps import facts_of, item_step, items_of
from wms.returns import goods
from wms.returns.goods import Taken
from wms.returns.model import Return, ReturnLine
from wms.returns.policy import read_policy
from wms.returns.rules import GRADES, Disposition, dispose
from wms.sites import Site
from wms.stock.moved import serials_that_left
from wms.work.gs1 import read
from wms.work.packet import END, Expect, Fact, Packet, Quantity, Say, Step, scans

PROVEN = ("C", "D")  # grades that a photo belongs to
ON_SHELF = ("RESTOCK", "OUTLET")
WRONG = "wrong_item"


def bench_steps(
    session: Session, back: Return, lines: Sequence[ReturnLine]
) -> tuple[tuple[Step, ...], dict[str, str]]:
    """The steps of a return, and the shelf of each line."""
    assert back.site_id is not None
    site = SiteId(back.site_id)
    of_line = _Lines(session, back, lines)
    steps: list[Step] = []
    shelves: dict[str, str] = {}
    for at, line in enumerate(lines):
        assert line.sku_id is not None
        shelf = goods.shelf_for(session, site, line.sku_id)
        shelves[str(line.line_no)] = str(shelf.id)
        after = f"{lines[at + 1].line_no}.item" if at + 1 < len(lines) else END
        steps += of_line.steps(line, shelf.code, after)
    return tuple(steps), shelves


def taken_of(packet: Packet, line: ReturnLine, shelf: UUID) -> Taken:
    """What was found of a line."""
    number = line.line_no
    step = next(each for each in packet.steps if each.id == f"{number}.item")
    serials: tuple[str, ...] = ()
    units = packet.counts.get(step.id, 0)
    if step.qty is not None and step.qty.distinct:
        serials = tuple(read(code).serial or code for code in scans(packet, step.id))
        units = len(serials)
    grade = packet.choices.get(f"{number}.grade")
    lot = scanned_at(packet, f"{number}.lot") or ""
    return Taken(
        units=units,
        grade=grade,
        photo=packet.choices.get(f"{number}.photo.{grade}", ""),
        lot=read(lot).lot or lot if lot else "",
        serials=serials,
        shelf=shelf,
    )


def wrong_lines(packet: Packet) -> list[int]:
    """Lines in whose place there was something else."""
    return [int(each.step.split(".")[0]) for each in packet.reported if each.code == WRONG]


class _Lines:
    """What all lines of a return have in common."""

    def __init__(self, session: Session, back: Return, lines: Sequence[ReturnLine]) -> None:
        skus = {line.sku_id for line in lines if line.sku_id}
        self._session, self._back = session, back
        self._items = items_of(session, list(skus))
        self._skus = {sku.id: sku for sku in session.scalars(select(Sku).where(Sku.id.in_(skus)))}
        self._site_kind = session.scalar(select(Site.kind).where(Site.id == back.site_id)) or "DC"
        self._policy = read_policy(session)

    def steps(self, line: ReturnLine, shelf: str, after: str) -> list[Step]:
        """The steps of one line."""
        number = line.line_no
        ways = self._ways(line)
        first = {grade: f"{number}.{_side(way)}" for grade, way in ways.items()}
        goto: dict[str, str] = {
            grade: f"{number}.photo.{grade}" if grade in PROVEN else first[grade]
            for grade in GRADES
        }
        rule = " · ".join(f"{grade} {way}" for grade, way in ways.items())
        steps = [
            *self._items_of(line, after),
            Step(
                id=f"{number}.grade",
                op="choose",
                say=Say(code="return.choose_grade"),
                big=" / ".join(GRADES),
                facts=(Fact(label="disposition", value=rule),),
                expect=(Expect(kind="grade", codes=GRADES),),
                goto=goto,
            ),
        ]
        steps += [
            Step(
                id=f"{number}.photo.{grade}",
                op="photo",
                say=Say(code="return.take_photo"),
                big=grade,
                allow=("skip_photo", "undo"),
                next=first[grade],
            )
            for grade in PROVEN
        ]
        steps.append(
            Step(
                id=f"{number}.shelf",
                op="scan",
                say=Say(code="return.scan_shelf"),
                big=shelf,
                expect=(Expect(kind="location", codes=(shelf, "QUARANTINE")),),
                next=after,
            )
        )
        steps += [
            Step(
                id=f"{number}.{way}", op="scan", say=Say(code="return.put_aside"), big=way,
                expect=(Expect(kind="location", codes=(way,)),), next=after,
            )
            for way in sorted({way for way in ways.values() if way not in ON_SHELF})
        ]  # fmt: skip
        return steps

    def _items_of(self, line: ReturnLine, after: str) -> list[Step]:
        assert line.sku_id is not None
        number, sku = line.line_no, self._skus[line.sku_id]
        step = item_step(
            f"{number}.item", self._items[line.sku_id], line.units, say="return.scan_item",
            facts=facts_of(self._back.number),
        )  # fmt: skip
        step = replace(step, allow=(*step.allow, WRONG), goto={WRONG: after})
        if sku.tracking in {"SERIAL", "BOTH"}:
            sold = self._sold(line)
            step = replace(
                step,
                expect=(Expect(kind="serial", codes=tuple(sold)),),
                qty=Quantity(target=line.units, max=line.units, distinct=True),
            )
        if sku.tracking not in {"LOT", "BOTH"}:
            return [step]
        lot = Step(
            id=f"{number}.lot", op="scan", say=Say(code="return.scan_lot"), big=sku.code,
            expect=(Expect(kind="lot"),),
        )  # fmt: skip
        return [step, lot]

    def _sold(self, line: ReturnLine) -> list[str]:
        """The serials that left for that line of the order; none: nobody knows."""
        if self._back.order_id is None or line.sku_id is None:
            return []
        query = select(Allocation.id).where(
            Allocation.order_id == self._back.order_id, Allocation.line_no == line.line_no
        )
        return serials_that_left(self._session, line.sku_id, list(self._session.scalars(query)))

    def _ways(self, line: ReturnLine) -> Mapping[str, Disposition]:
        """What becomes of a line by each grade."""
        ways: dict[str, Disposition] = {}
        for grade in GRADES:
            facts = goods.facts_of_line(self._session, line, self._site_kind, grade)
            way, _ = dispose(self._policy.dispositions, facts)
            is_here = way == "TO_DC" and self._site_kind != "STORE"
            ways[grade] = "RESTOCK" if is_here else way
        return ways


def _side(way: Disposition) -> str:
    return "shelf" if way in ON_SHELF else way
