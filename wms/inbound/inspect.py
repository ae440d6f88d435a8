"""Inspection: a sample of what came is looked at before any of it may be sold (入荷検査).

    received, sample n > 0   stands at a place for quality (else in quarantine); a packet
    at most c bad            PASSED: the good ones go to the dock and are put away, bad ones held
    more                     FAILED: all of it stays, its lot is blocked everywhere

How many are looked at switches with what was found: wms.inbound.judge. Goods in a unit leave with
it once nothing in it is still to be looked at.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from wms.catalog import Lot, Sku
from wms.ids import CommandId, LocationId, OwnerId, SiteId, SkuId, derive
from wms.inbound import judge
from wms.inbound.announce import tell
from wms.inbound.judge import Sample
from wms.inbound.model import Asn, AsnLine, Inspection, Receipt
from wms.inbound.policy import plan_for, set_switch, switch_of
from wms.inbound.putaway import Loose, put_away_later
from wms.outbound.floor import Floor
from wms.outbound.steps import items_of
from wms.outbound.tell import report
from wms.sites import Location, virtual_location
from wms.stock import ledger
from wms.stock.unit_moves import MoveUnit, move_unit
from wms.stock.units import find_units, unit_id
from wms.work.model import Task
from wms.work.packet import END, Expect, Fact, Packet, Quantity, Say, Step, scanned_for
from wms.work.tasks import Actor, NewTask, add_task

NONE_BAD, SOME_BAD = "NONE_BAD", "SOME_BAD"


def quality_place(session: Session, site: UUID) -> LocationId:
    """Where goods stand that are to be looked at."""
    query = select(Location.id).where(
        Location.site_id == site, Location.kind == "QUALITY", Location.blocked == ""
    )
    found = session.scalars(query.order_by(Location.code).limit(1)).first()
    return LocationId(found) if found else virtual_location(SiteId(site), "QUARANTINE")


def sample_for(session: Session, asn: Asn, receipt: Receipt) -> Sample:
    """How many of a receipt are looked at; one that nobody looks at is counted as that."""
    plan = plan_for(session, asn.site_id, asn.supplier, receipt.sku_id)
    if plan is None:
        return Sample(units=0, mode="NONE")
    switch = switch_of(session, asn.site_id, asn.supplier, receipt.sku_id)
    sample = judge.sample_of(plan, switch, receipt.units)
    if not sample.units:
        set_switch(session, asn.site_id, asn.supplier, receipt.sku_id, judge.skip(switch))
    return sample


def inspect_later(
    session: Session, asn: Asn, receipt: Receipt, sample: Sample, *, now: datetime
) -> None:
    """Put the packet that looks at a sample into the site's pool."""
    plan = plan_for(session, asn.site_id, asn.supplier, receipt.sku_id)
    assert plan is not None
    inspection = Inspection(
        site_id=receipt.site_id,
        id=derive(receipt.id, "inspection"),
        receipt_id=receipt.id,
        supplier=asn.supplier,
        sku_id=receipt.sku_id,
        units=receipt.units,
        sample=sample.units,
        accept=plan.accept,
        mode=sample.mode,
        made_at=now,
    )
    session.add(inspection)
    session.flush()
    new = NewTask(
        id=inspection.id,
        site_id=receipt.site_id,
        kind="inspect",
        title=asn.number,
        steps=_steps(session, asn, receipt, inspection),
        plan={"inspection": str(inspection.id)},
    )
    add_task(session, new, now=now)


def finish_inspect(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished INSPECT packet: release the goods, or keep them and block the lot."""
    del floor
    key = (task.site_id, UUID(task.plan["inspection"]))
    inspection = session.get_one(Inspection, key, with_for_update=True, populate_existing=True)
    if inspection.state != "OPEN":
        return
    at = max((event.at for event in packet.history), default=now)
    receipt = session.get_one(Receipt, (task.site_id, inspection.receipt_id), with_for_update=True)
    asn = session.get_one(Asn, (task.site_id, receipt.asn_id))
    found = packet.counts.get("bad", 0) if packet.choices.get("look") == SOME_BAD else 0
    inspection.bad = min(found, inspection.sample)
    inspection.photo = packet.choices.get("photo", "")
    is_good = inspection.bad <= inspection.accept
    inspection.state = "PASSED" if is_good else "FAILED"
    inspection.ended_at, inspection.ended_by = at, str(actor)
    plan = plan_for(session, asn.site_id, inspection.supplier, inspection.sku_id)
    if plan is not None:
        switch = switch_of(session, asn.site_id, inspection.supplier, inspection.sku_id)
        after = judge.after(plan, switch, is_good=is_good)
        set_switch(session, asn.site_id, inspection.supplier, inspection.sku_id, after)
    session.flush()
    if is_good:
        _release(session, asn, receipt, inspection, scanned_for(packet, "bad"), now=now)
    else:
        _block(session, asn, receipt, inspection, now=now)


def _steps(
    session: Session, asn: Asn, receipt: Receipt, inspection: Inspection
) -> tuple[Step, ...]:
    item = items_of(session, [receipt.sku_id])[receipt.sku_id]
    place = session.get_one(Location, (receipt.site_id, receipt.location_id)).code
    facts = (
        item.named,
        Fact(label="asn", value=asn.number),
        Fact(label="place", value=place),
        *((Fact(label="lot", value=receipt.lot),) if receipt.lot else ()),
    )
    codes = (receipt.unit_code, *item.codes) if receipt.unit_code else item.codes
    sku = session.get_one(Sku, receipt.sku_id)
    is_single = sku.tracking in {"SERIAL", "BOTH"}
    bad = Quantity(target=inspection.sample, max=inspection.sample, by="type", open=True)
    if is_single:
        bad = Quantity(target=inspection.sample, max=inspection.sample, open=True, distinct=True)
    return (
        Step(
            id="item",
            op="scan",
            say=Say(code="inspect.scan_item", params={"units": inspection.sample}),
            big=item.code,
            facts=facts,
            expect=(Expect(kind="item", codes=codes),),
        ),
        Step(
            id="look",
            op="choose",
            say=Say(code="inspect.look", params={"units": inspection.sample}),
            big=str(inspection.sample),
            facts=facts,
            expect=(Expect(kind="found", codes=(NONE_BAD, SOME_BAD)),),
            goto={NONE_BAD: END},
        ),
        Step(
            id="bad",
            op="count",
            say=Say(code="inspect.count_bad", params={"units": inspection.sample}),
            big="?",
            facts=facts,
            expect=(Expect(kind="serial", codes=tuple(receipt.serials)),) if is_single else (),
            qty=bad,
        ),
        Step(
            id="photo",
            op="photo",
            say=Say(code="inspect.photo"),
            big=item.code,
            allow=("undo", "skip_photo"),
        ),
    )


def _release(
    session: Session,
    asn: Asn,
    receipt: Receipt,
    inspection: Inspection,
    bad_serials: Sequence[str],
    *,
    now: datetime,
) -> None:
    """What was found good goes on to the dock, the bad ones to quarantine."""
    site = SiteId(receipt.site_id)
    bad = inspection.bad
    good = receipt.units - bad
    serials = tuple(each for each in receipt.serials if each not in set(bad_serials))
    if bad:
        hold = virtual_location(site, "QUARANTINE")
        ledger.move(session, [_move(asn, receipt, inspection, bad, hold, tuple(bad_serials))])
        _recount(session, receipt, bad, "damaged")
        _report(session, asn, receipt, inspection, "inbound.inspected_bad")
    if receipt.unit_code:
        _release_unit(session, site, receipt.unit_code, inspection, now=now)
    elif good:
        dock = virtual_location(site, "DOCK_IN")
        ledger.move(session, [_move(asn, receipt, inspection, good, dock, serials)])
        loose = Loose(
            sku_id=receipt.sku_id, units=good, lot=receipt.lot, serials=serials,
            owner_id=asn.owner_id, from_location_id=dock, receipt_id=receipt.id,
        )  # fmt: skip
        put_away_later(session, site, loose, cause=inspection.id, now=now)


def _release_unit(
    session: Session, site: SiteId, code: str, inspection: Inspection, *, now: datetime
) -> None:
    """A unit goes to the dock when nothing in it is to be looked at any more, or was bad."""
    query = (
        select(func.count())
        .select_from(Inspection)
        .join(
            Receipt,
            (Receipt.site_id == Inspection.site_id) & (Receipt.id == Inspection.receipt_id),
        )
        .where(
            Inspection.site_id == site,
            Receipt.unit_code == code,
            Inspection.state.in_(("OPEN", "FAILED")),
        )
    )
    if session.scalar(query):
        return
    unit = find_units(session, site, [code])[code]
    line = MoveUnit(
        command_id=CommandId(derive(inspection.id, "release", code)),
        site_id=site,
        unit_id=unit.id,
        to_location_id=virtual_location(site, "DOCK_IN"),
        cause_kind="INSPECTION",
        cause_id=inspection.id,
        actor=inspection.ended_by,
        reason="passed",
        occurred_at=inspection.ended_at or now,
    )
    move_unit(session, [line])
    put_away_later(session, site, code, cause=inspection.id, now=now)


def _block(
    session: Session, asn: Asn, receipt: Receipt, inspection: Inspection, *, now: datetime
) -> None:
    """It stays where it is; of its lot nothing is sold anywhere until somebody says otherwise."""
    if receipt.lot:
        of_lot = (Lot.sku_id == receipt.sku_id) & (Lot.code == receipt.lot)
        session.execute(update(Lot).where(of_lot).values(status="BLOCKED"))
    _recount(session, receipt, receipt.units, "held")
    _report(session, asn, receipt, inspection, "inbound.inspection_failed")
    body = {
        "receipt": str(receipt.id),
        "sku": session.get_one(Sku, receipt.sku_id).code,
        "units": receipt.units,
        "lot": receipt.lot,
        "sample": inspection.sample,
        "bad": inspection.bad,
    }
    tell(session, asn, "InspectionFailed", body, now=now)


def _recount(session: Session, receipt: Receipt, units: int, as_what: str) -> None:
    """Units that had been counted as good are not."""
    if not receipt.line_no:
        return
    key = (receipt.site_id, receipt.asn_id, receipt.line_no)
    line = session.get_one(AsnLine, key, with_for_update=True, populate_existing=True)
    line.received -= units
    setattr(line, as_what, getattr(line, as_what) + units)
    session.flush()


def _move(
    asn: Asn,
    receipt: Receipt,
    inspection: Inspection,
    units: int,
    place: LocationId,
    serials: tuple[str, ...],
) -> ledger.Move:
    site = SiteId(receipt.site_id)
    is_bad = place == virtual_location(site, "QUARANTINE")
    unit = unit_id(site, receipt.unit_code) if receipt.unit_code else None
    return ledger.Move(
        command_id=CommandId(derive(inspection.id, "bad" if is_bad else "good")),
        site_id=site,
        owner_id=OwnerId(asn.owner_id),
        sku_id=SkuId(receipt.sku_id),
        units=units,
        from_location_id=LocationId(receipt.location_id),
        from_unit_id=unit,
        to_location_id=place,
        lot=receipt.lot,
        to_condition="D" if is_bad else "A",
        serials=serials,
        cause_kind="INSPECTION",
        cause_id=inspection.id,
        actor=inspection.ended_by,
        reason="bad" if is_bad else "passed",
        occurred_at=inspection.ended_at or inspection.made_at,
    )


def _report(
    session: Session, asn: Asn, receipt: Receipt, inspection: Inspection, code: str
) -> None:
    facts = {
        "asn": asn.number, "supplier": asn.supplier, "lot": receipt.lot,
        "sku": session.get_one(Sku, receipt.sku_id).code, "units": receipt.units,
        "sample": inspection.sample, "bad": inspection.bad, "photo": inspection.photo,
        "by": inspection.ended_by,
    }  # fmt: skip
    report(
        session, receipt.site_id, derive(inspection.id, "bad"), code=code, source="inbound",
        facts=facts, at=inspection.ended_at or inspection.made_at, priority=3,
    )  # fmt: skip
