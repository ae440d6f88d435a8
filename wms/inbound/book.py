"""Book: what somebody has counted at the dock goes into the books, once.

    good       SUPPLIER -> DOCK_IN, or to the place where quality is looked at; tolerated ones too
    damaged    SUPPLIER -> QUARANTINE, as condition D
    held       SUPPLIER -> QUARANTINE: beyond what is tolerated, not announced, too old, or asked
    refused    goes back on the truck: no movement, an exception says how many

A count becomes one receipt for each line and outcome, each with one movement of the ledger whose
cause it is. The delivery is locked, so several people at one truck are judged one after the other.
What differs is put before people with its evidence.

Laws: IN1, IN2 (wms.inbound.laws). Units are base units, weights grams.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.errors import Conflict
from wms.ids import CommandId, HandlingUnitId, LocationId, OwnerId, SiteId, SkuId, derive
from wms.inbound.announce import lines_of, sku_codes, tell
from wms.inbound.inspect import inspect_later, quality_place, sample_for
from wms.inbound.model import OPEN_STATES, Asn, AsnLine, AsnUnit, Receipt
from wms.inbound.policy import tolerance_for
from wms.inbound.share import Count, Part, expiry_of, know_lot, parts_of
from wms.outbound.tell import report
from wms.sites import virtual_location
from wms.stock import ledger
from wms.stock.units import UnitKind, UnitRecord, save_units


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What became of a count: its receipts, and the units that were sent back."""

    receipts: tuple[Receipt, ...]
    refused: int = 0
    in_quality: frozenset[UUID] = frozenset()

    @property
    def at_dock(self) -> tuple[Receipt, ...]:
        """Those that may be put away at once."""
        good = (each for each in self.receipts if each.outcome == "GOOD")
        return tuple(each for each in good if each.id not in self.in_quality)


class CountIt(Conflict):
    """A unit has goods of which each must be looked at: it is received by counting.

    Attributes:
        sku: one of them.
    """

    code: ClassVar[str] = "count_it"

    def __init__(self, sku: str) -> None:
        super().__init__(f"{sku} must be counted")
        self.sku = sku


def book(
    session: Session, asn: Asn, count: Count, *, actor: str, at: datetime, now: datetime
) -> Booked:
    """Take a count into the books. The delivery is locked.

    Raises:
        LotMissing, SerialMissing, SerialElsewhere, WeightMissing: as for `ledger.move`.
    """
    tolerance = tolerance_for(session, asn.site_id, asn.supplier, count.sku.id)
    lines = [line for line in lines_of(session, asn) if line.sku_id == count.sku.id]
    if count.line_no is not None:
        lines = [line for line in lines if line.line_no == count.line_no]
    parts, refused = parts_of(session, asn, count, lines, tolerance, now)
    know_lot(session, count)
    receipts = _receipts(session, asn, count, parts, actor=actor, at=at)
    samples = {
        each.id: sample
        for each in receipts
        if each.outcome == "GOOD" and (sample := sample_for(session, asn, each)).units
    }
    for receipt in receipts:
        if receipt.id in samples:  # what is looked at stands by itself
            receipt.location_id, receipt.unit_code = quality_place(session, asn.site_id), ""
    post(session, asn, receipts, count.unit_kind)
    for part in parts:
        _add(part)
    _is_here(asn, at)
    session.flush()
    for receipt in receipts:
        if receipt.id in samples:
            inspect_later(session, asn, receipt, samples[receipt.id], now=now)
    _tell(session, asn, receipts, refused, now=now)
    _report(session, asn, count, receipts, refused, actor=actor, at=at)
    return Booked(receipts=tuple(receipts), refused=refused, in_quality=frozenset(samples))


def book_unit(  # noqa: PLR0913 - what came, by which event, who saw it, when
    session: Session,
    asn: Asn,
    unit: AsnUnit,
    *,
    cause: UUID,
    actor: str,
    at: datetime,
    now: datetime,
) -> Booked | None:
    """A unit of the delivery is here with all that was announced in it: once. None: it was known.

    Raises:
        CountIt: it has goods of which each must be looked at (serials, weights, unknown lots).
    """
    if unit.state == "RECEIVED":
        return None
    lines = {line.line_no: line for line in lines_of(session, asn)}
    content = [(lines[int(no)], units) for no, units in unit.content.items() if int(no) in lines]
    wanted = {line.sku_id for line, _ in content}
    skus = {sku.id: sku for sku in session.scalars(select(Sku).where(Sku.id.in_(wanted)))}
    for line, _ in content:
        _is_countable(skus[line.sku_id], line)
    receipts: list[Receipt] = []
    for line, units in content:
        count = Count(
            cause=derive(cause, "line", unit.code, line.line_no),
            sku=skus[line.sku_id],
            units=units,
            lot=line.lot,
            expires_on=line.expires_on,
            unit_code=unit.code,
        )
        know_lot(session, count)
        part = Part(line=line, units=units, outcome="GOOD")
        receipts += _receipts(session, asn, count, [part], actor=actor, at=at)
        _add(part)
    samples = {each.id: sample_for(session, asn, each) for each in receipts}
    if any(sample.units for sample in samples.values()):  # all of it stands where one is looked at
        for receipt in receipts:
            receipt.location_id = quality_place(session, asn.site_id)
    post(session, asn, receipts, unit.kind)  # type: ignore[arg-type]
    unit.state, unit.received_at, unit.received_by = "RECEIVED", at, actor
    _is_here(asn, at)
    session.flush()
    for receipt in receipts:
        if samples[receipt.id].units:
            inspect_later(session, asn, receipt, samples[receipt.id], now=now)
    _tell(session, asn, receipts, 0, now=now)
    looked = frozenset(each.id for each in receipts if samples[each.id].units)
    return Booked(receipts=tuple(receipts), in_quality=looked)


def _receipts(
    session: Session,
    asn: Asn,
    count: Count,
    parts: Sequence[Part],
    *,
    actor: str,
    at: datetime,
) -> list[Receipt]:
    site = SiteId(asn.site_id)
    total = sum(part.units for part in parts)
    serials, grams, made = list(count.serials), count.weight_g, []
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        weight = grams
        if grams is not None and count.weight_g is not None and not is_last:
            weight = count.weight_g * part.units // total
            grams -= weight
        in_unit = count.unit_code if part.outcome == "GOOD" else ""
        receipt = Receipt(
            site_id=site,
            id=derive(count.cause, "receipt", number),
            asn_id=asn.id,
            line_no=0 if part.line is None else part.line.line_no,
            sku_id=count.sku.id,
            units=part.units,
            outcome=part.outcome,
            why=part.why,
            lot=count.lot,
            expires_on=expiry_of(session, count),
            serials=serials[: part.units],
            weight_g=weight,
            unit_code=in_unit,
            location_id=virtual_location(site, _place_of(part.outcome)),
            photo=count.photo,
            actor=actor,
            at=at,
            landed=0,
        )
        del serials[: part.units]
        made.append(receipt)
    session.add_all(made)
    session.flush()
    return made


def _place_of(outcome: str) -> Any:
    return "DOCK_IN" if outcome == "GOOD" else "QUARANTINE"


def post(session: Session, asn: Asn, receipts: Sequence[Receipt], kind: UnitKind) -> None:
    """The movements of receipts, into the unit that each is put in."""
    units: dict[str, HandlingUnitId] = {}
    for receipt in receipts:
        if receipt.unit_code and receipt.unit_code not in units:
            place = LocationId(receipt.location_id)
            record = UnitRecord(code=receipt.unit_code, kind=kind, location_id=place)
            (units[receipt.unit_code],) = save_units(session, SiteId(asn.site_id), [record])
    if receipts:
        moves = [movement(asn, each, units.get(each.unit_code)) for each in receipts]
        ledger.move(session, moves)


def movement(asn: Asn, receipt: Receipt, unit: HandlingUnitId | None) -> ledger.Move:
    """The movement that a receipt is."""
    site = SiteId(asn.site_id)
    return ledger.Move(
        command_id=CommandId(receipt.id),
        site_id=site,
        owner_id=OwnerId(asn.owner_id),
        sku_id=SkuId(receipt.sku_id),
        units=receipt.units,
        from_location_id=virtual_location(site, "SUPPLIER"),
        to_location_id=LocationId(receipt.location_id),
        to_unit_id=unit,
        lot=receipt.lot,
        to_condition="D" if receipt.outcome == "DAMAGED" else "A",
        serials=tuple(receipt.serials),
        weight_g=receipt.weight_g,
        cause_kind="RECEIPT",
        cause_id=receipt.id,
        actor=receipt.actor,
        reason=receipt.why,
        occurred_at=receipt.at,
    )


def back(asn: Asn, receipt: Receipt, unit: HandlingUnitId | None, *, actor: str) -> ledger.Move:
    """The opposite movement: as if it had not come."""
    there = movement(asn, receipt, unit)
    return replace(
        there,
        command_id=CommandId(derive(receipt.id, "reversed")),
        from_location_id=there.to_location_id,
        from_unit_id=unit,
        to_location_id=there.from_location_id,
        to_unit_id=None,
        condition=there.to_condition or "A",
        to_condition="A",
        weight_g=None,
        actor=actor,
        reason="reversed",
    )


def _add(part: Part, sign: int = 1) -> None:
    if part.line is None:
        return
    name = {"GOOD": "received", "DAMAGED": "damaged", "HELD": "held"}[part.outcome]
    setattr(part.line, name, getattr(part.line, name) + sign * part.units)


def take_off(line: AsnLine, receipt: Receipt) -> None:
    """A receipt that is reversed counts no more."""
    _add(Part(line=line, units=receipt.units, outcome=receipt.outcome), -1)


def _is_here(asn: Asn, at: datetime) -> None:
    if asn.state == "EXPECTED":
        asn.state, asn.arrived_at = "ARRIVED", at


def _is_countable(sku: Sku, line: AsnLine) -> None:
    needs_lot = sku.tracking == "LOT" and not line.lot
    if sku.tracking in {"SERIAL", "BOTH"} or sku.catch_weight or needs_lot:
        raise CountIt(sku.code)


def _tell(
    session: Session, asn: Asn, receipts: Sequence[Receipt], refused: int, *, now: datetime
) -> None:
    codes = sku_codes(session, [each.sku_id for each in receipts])
    body = {
        "receipts": [
            {"id": str(each.id), "line_no": each.line_no, "sku": codes[each.sku_id],
             "units": each.units, "outcome": each.outcome, "reason": each.why, "lot": each.lot}
            for each in receipts
        ],
        "refused": refused,
    }  # fmt: skip
    tell(session, asn, "AsnReceived", body, now=now)


def _report(  # noqa: PLR0913 - a delivery, a count, what came of it, who saw it
    session: Session,
    asn: Asn,
    count: Count,
    receipts: Sequence[Receipt],
    refused: int,
    *,
    actor: str,
    at: datetime,
) -> None:
    """Put before people what is not as it should be: one exception a delivery, SKU and kind."""
    odd: Counter[str] = Counter()
    for receipt in receipts:
        if receipt.why:
            odd[receipt.why] += receipt.units
    if refused:
        odd["refused"] += refused
    if asn.state not in OPEN_STATES:
        odd["after_close"] += sum(each.units for each in receipts)
    for why, units in odd.items():
        facts = {
            "asn": asn.number, "supplier": asn.supplier, "sku": count.sku.code, "units": units,
            "lot": count.lot, "photo": count.photo, "by": actor,
        }  # fmt: skip
        report(
            session, asn.site_id, derive(count.cause, "odd", why), code=f"inbound.{why}",
            source="inbound", facts=facts, at=at, priority=3,
        )  # fmt: skip
