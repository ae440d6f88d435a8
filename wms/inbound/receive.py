"""Receive: a person and a truck. Each round of scans is in the books when it ends.

    grow_inbound    judges each scan, books what was counted, says what comes next
    finish_inbound  goes on another day, or closes the delivery: what is short is told

What was booked is corrected by its opposite (`correct`), never changed. The rounds of a packet are
no part of its history once they are booked, so that nothing is undone twice.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.errors import WmsError
from wms.ids import SiteId, derive
from wms.inbound import crossdock
from wms.inbound.announce import close_asn, find_asn, lines_of
from wms.inbound.book import Booked, CountIt, book, book_unit
from wms.inbound.model import OPEN_STATES, Asn, AsnLine, AsnUnit, Receipt
from wms.inbound.putaway import Loose, put_away_later
from wms.inbound.receive_start import so_far
from wms.inbound.receive_steps import CLOSE, COUNT, dock_step, goods_steps, round_steps, whole_step
from wms.inbound.reverse import reverse_receipt
from wms.inbound.rounds import count_of, label_for, left_of, tolerance_of
from wms.inbound.scan import Read, read_day, read_scan
from wms.inbound.short import tell_short
from wms.outbound.floor import Floor
from wms.outbound.steps import items_of
from wms.outbound.tell import report
from wms.sites import location_id, virtual_location
from wms.work.model import Task
from wms.work.packet import Fact, Packet, Problem, Progress, grown, scanned_for, scans
from wms.work.tasks import Actor


def grow_inbound(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> Packet | Problem:
    """Judge what was scanned or said, and say what comes next."""
    event = packet.history[-1]
    if packet.step == event.step:  # a supervisor was called, or one of several was counted
        return packet
    asn = find_asn(session, UUID(task.plan["asn"]))
    round_ = _Round(session, floor, task, asn, actor, now)
    number, _, name = event.step.partition(".")
    try:
        with session.begin_nested():
            return round_.go_on(packet, int(number), name)
    except CountIt as error:
        return Problem(code="count_it", facts={"sku": error.sku})
    except WmsError as error:
        return Problem(code=error.code)


def finish_inbound(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """The person is done: units that were filled are put away; closed, if that was said."""
    asn = find_asn(session, UUID(task.plan["asn"]))
    put_units_away(session, asn, floor, now=now)
    said = [value for step, value in packet.choices.items() if step.endswith(".finish")]
    if said[-1:] == [CLOSE] and asn.state in OPEN_STATES:
        close_asn(session, asn.id, actor=str(actor), now=now)
        tell_short(session, asn, actor=str(actor), at=now)


def put_units_away(session: Session, asn: Asn, floor: Floor | None, *, now: datetime) -> int:
    """Units of a delivery that stand at the dock and have no putaway yet get one; how many."""
    dock = virtual_location(SiteId(asn.site_id), "DOCK_IN")
    query = select(Receipt.unit_code).where(
        Receipt.site_id == asn.site_id,
        Receipt.asn_id == asn.id,
        Receipt.unit_code != "",
        Receipt.location_id == dock,
        Receipt.landed == 0,
        Receipt.reversed_at.is_(None),
    )
    codes = session.scalars(query.distinct().order_by(Receipt.unit_code)).all()
    for code in codes:
        cause = derive(asn.id, "unit", code)
        put_away_later(session, SiteId(asn.site_id), code, cause=cause, now=now, floor=floor)
    return len(codes)


class _Round:
    """One round: what is known while a scan is judged."""

    def __init__(
        self,
        session: Session,
        floor: Floor,
        task: Task,
        asn: Asn,
        actor: Actor,
        now: datetime,
    ) -> None:
        self.session, self.floor, self.task, self.asn = session, floor, task, asn
        self.actor, self.now = str(actor), now
        self.site = SiteId(asn.site_id)

    def go_on(self, packet: Packet, number: int, name: str) -> Packet | Problem:
        """What comes after that step."""
        ways = {
            "item": self._scanned, "whole": self._whole, "day": self._day,
            "state": self._counted, "photo": self._counted, "unit": self._counted,
            "dock": self._docked, "unknown": self._unknown,
        }  # fmt: skip
        return ways[name](packet, number) if name in ways else packet

    def _day(self, packet: Packet, number: int) -> Packet | Problem:
        text = scans(packet, f"{number}.day")[-1]
        return packet if read_day(text) else Problem(code="not_a_day")

    def _scanned(self, packet: Packet, number: int) -> Packet | Problem:
        event = packet.history[-1]
        if event.type == "exception":
            is_correction = packet.step is None
            return self._correct(packet, number) if is_correction else packet
        text = str(event.value)
        read = read_scan(self.session, text)
        unit = self.session.get(AsnUnit, (self.site, read.code, self.asn.id))
        if unit is not None:
            return self._unit(packet, number, unit)
        if read.is_unit or read.sku is None:
            return Problem(code="unknown_goods", facts={"scanned": text[:100]})
        if read.sku.owner_id != self.asn.owner_id:
            return Problem(code="other_owner", facts={"sku": read.sku.code})
        tolerance = tolerance_of(self.session, self.asn, read.sku)
        left, is_listed = left_of(self.session, self.asn, read.sku)
        if not is_listed and self.asn.kind != "BLIND" and tolerance.unlisted == "REFUSE":
            return Problem(code="not_announced", facts={"sku": read.sku.code})
        return self._goods(packet, number, read, left=left, labels=tolerance.labels)

    def _goods(self, packet: Packet, number: int, read: Read, *, left: int, labels: str) -> Packet:
        assert read.sku is not None
        item = items_of(self.session, [read.sku.id])[read.sku.id]
        into = str(self.task.plan.get("into", ""))
        labels = "NONE" if into else labels
        sscc = label_for(self.session, self.floor) if labels == "PRINT" else ""
        self._keep(
            round={
                "sku": str(read.sku.id), "units": read.units, "pieces": read.pieces,
                "lot": read.lot, "weight_g": read.weight_g, "unit": into,
                "day": read.expires_on.isoformat() if read.expires_on else "",
            }
        )  # fmt: skip
        steps = goods_steps(number, read.sku, item, read, left=left, labels=labels, sscc=sscc)
        return grown(packet, steps)

    def _unit(self, packet: Packet, number: int, unit: AsnUnit) -> Packet | Problem:
        if unit.state != "EXPECTED":
            return Problem(code="already_received", facts={"sscc": unit.code})
        self._keep(round={"asn_unit": unit.code})
        step = whole_step(number, unit, sum(unit.content.values()))
        return grown(packet, (step,))

    def _whole(self, packet: Packet, number: int) -> Packet | Problem:
        key = (self.site, self.task.plan["round"]["asn_unit"], self.asn.id)
        unit = self.session.get_one(AsnUnit, key, with_for_update=True, populate_existing=True)
        at = packet.history[-1].at
        if packet.choices[f"{number}.whole"] == COUNT:
            unit.state, unit.received_at, unit.received_by = "RECEIVED", at, self.actor
            self._keep(into=unit.code, round={})
            return self._next(packet, number)
        booked = book_unit(
            self.session,
            self.asn,
            unit,
            cause=packet.history[-1].id,
            actor=self.actor,
            at=at,
            now=self.now,
        )
        if booked is None:
            return Problem(code="already_received", facts={"sscc": unit.code})
        if booked.at_dock and not booked.in_quality:
            cause = derive(self.asn.id, "unit", unit.code)
            put_away_later(
                self.session, self.site, unit.code, cause=cause, now=self.now, floor=self.floor
            )
        self._keep(last=[str(each.id) for each in booked.receipts], round={})
        return self._next(packet, number)

    def _counted(self, packet: Packet, number: int) -> Packet | Problem:
        if packet.step is not None:  # more is to be said of them
            return packet
        count = count_of(self.session, self.task.plan["round"], packet, number)
        if isinstance(count, Problem):
            return count
        at = packet.history[-1].at
        unit = self.session.get(AsnUnit, (self.site, count.unit_code, self.asn.id))
        if unit is not None and unit.state == "EXPECTED":  # so it is counted, not taken as told
            unit.state, unit.received_at, unit.received_by = "RECEIVED", at, self.actor
        booked = book(self.session, self.asn, count, actor=self.actor, at=at, now=self.now)
        self._keep(last=[str(each.id) for each in booked.receipts], round={})
        loose = [each for each in booked.at_dock if not each.unit_code]
        return self._cross_dock(packet, number, booked, loose, count.sku)

    def _cross_dock(
        self, packet: Packet, number: int, booked: Booked, loose: list[Receipt], sku: Sku
    ) -> Packet:
        places = crossdock.places(self.session, self.site) if loose else []
        units = crossdock.wanted(self.session, self.asn, loose) if places else 0
        if not units:
            self._put_away(loose, {})
            return self._next(packet, number, booked)
        self._keep(round={"dock": [str(each.id) for each in loose], "units": units})
        item = items_of(self.session, [sku.id])[sku.id]
        step = dock_step(number, places, item, units)
        return grown(_fresh(packet), (step,), instead=True)

    def _docked(self, packet: Packet, number: int) -> Packet | Problem:
        plan = self.task.plan["round"]
        receipts = [self.session.get_one(Receipt, (self.site, UUID(each))) for each in plan["dock"]]
        taken: dict[UUID, int] = {}
        if packet.history[-1].type == "scan":
            left, take = int(plan["units"]), []
            for receipt in receipts:
                units = min(left, receipt.units)
                if units:
                    take.append((receipt, units))
                    taken[receipt.id] = units
                    left -= units
            code = scanned_for(packet, f"{number}.dock")[-1]
            crossdock.bring(
                self.session, self.asn, take, location_id(self.site, code),
                actor=self.actor, at=packet.history[-1].at, now=self.now,
            )  # fmt: skip
        self._put_away(receipts, taken)
        self._keep(round={}, last=[])
        return self._next(packet, number)

    def _put_away(self, receipts: list[Receipt], taken: dict[UUID, int]) -> None:
        for receipt in receipts:
            gone = taken.get(receipt.id, 0)
            if receipt.units == gone:
                continue
            loose = Loose(
                sku_id=receipt.sku_id,
                units=receipt.units - gone,
                from_location_id=receipt.location_id,
                lot=receipt.lot,
                serials=tuple(receipt.serials[gone:]),
                owner_id=self.asn.owner_id,
                receipt_id=receipt.id,
            )
            put_away_later(self.session, self.site, loose, cause=receipt.id, now=self.now)

    def _correct(self, packet: Packet, number: int) -> Packet | Problem:
        """The last round was wrong: its opposite."""
        last = [UUID(each) for each in self.task.plan.get("last", [])]
        if not last:
            return Problem(code="nothing_to_undo")
        for receipt in last:
            reverse_receipt(self.session, self.site, receipt, actor=self.actor, now=self.now)
        self._keep(last=[], round={})
        return self._next(packet, number)

    def _unknown(self, packet: Packet, number: int) -> Packet:
        photo = packet.choices.get(f"{number}.unknown", "")
        facts = {
            "asn": self.asn.number, "supplier": self.asn.supplier, "photo": photo,
            "by": self.actor,
        }  # fmt: skip
        report(
            self.session, self.site, derive(self.task.id, "unknown", number),
            code="inbound.unknown_goods", source="inbound", facts=facts,
            at=packet.history[-1].at, priority=3,
        )  # fmt: skip
        return self._next(packet, number)

    def _next(self, packet: Packet, number: int, booked: Booked | None = None) -> Packet:
        """The next round; what was done before it is done."""
        facts = so_far(self.session, self.asn)
        if booked is not None and booked.refused:
            facts.insert(0, Fact(label="refused", value=str(booked.refused)))
        steps = round_steps(number + 1, self.asn, facts)
        new = grown(_fresh(packet), steps, instead=True)
        return replace(new, progress=_progress(lines_of(self.session, self.asn)))

    def _keep(self, **facts: Any) -> None:
        self.task.plan = self.task.plan | facts


def _fresh(packet: Packet) -> Packet:
    """The packet without what is in the books already."""
    return replace(packet, steps=(), counts={}, choices={}, reported=(), later=(), history=())


def _progress(lines: list[AsnLine]) -> Progress:
    done = [line for line in lines if line.received + line.damaged + line.held >= line.units]
    return Progress(done=len(done), total=max(1, len(lines)))
