"""Post: the books are made what was found, by movements, once.

    missing    place -> UNKNOWN     with the holds that had them, in the order of `give_up.choose`
    too many   UNKNOWN -> place     what was missed before has been found again
               another place ->     a serial that the books have elsewhere at the site
               ADJUST -> place      the rest was never in the books

A difference is what was found against the books of that moment: what moved since stays moved. All
of a count is one transaction; when somebody takes the goods in between it is tried again later
(`ACCEPTED` until then). Its commands are derived from the count, so nothing is posted twice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.counting.again import count_anew
from wms.counting.give_up import Gone, give_up, want_elsewhere
from wms.counting.model import CountAdjustment, CountLine, StockCount
from wms.counting.policy import values_of
from wms.errors import WmsError
from wms.ids import CommandId, HandlingUnitId, LocationId, OwnerId, SiteId, SkuId, derive
from wms.sites import Location, virtual_location
from wms.stock import ledger
from wms.stock.at_places import (
    Lying,
    StandingSerial,
    books_at,
    quants_at,
    serials_named,
)
from wms.stock.posting import NIL

log = structlog.get_logger(__name__)


def post_count(session: Session, count: StockCount, *, actor: str, now: datetime) -> bool:
    """Post an accepted count; False if that must wait: goods are just being moved."""
    assert count.state == "ACCEPTED"
    try:
        with session.begin_nested():
            _Posting(session, count, actor, now).post()
    except WmsError as error:
        log.warning("count.waits", count=str(count.id), problem=error.code)
        return False
    count.state, count.ended_at, count.ended_by = "POSTED", now, actor
    session.flush()
    count_anew(session, count, now=now)
    return True


class _Posting:
    """The adjustments of one count."""

    def __init__(self, session: Session, count: StockCount, actor: str, now: datetime) -> None:
        self._session, self._count, self._actor, self._now = session, count, actor, now
        self._site = SiteId(count.site_id)
        self._moves: list[tuple[str, int, ledger.Move]] = []
        self._number = 0
        self._gone: list[Gone] = []
        self._skus: dict[UUID, Sku] = {}
        self._notes: list[CountAdjustment] = []

    def post(self) -> None:
        """All of it."""
        query = (
            select(CountLine)
            .where(CountLine.site_id == self._count.site_id, CountLine.count_id == self._count.id)
            .where(CountLine.round_no == self._count.rounds, CountLine.sku_id.is_not(None))
            .order_by(CountLine.sku_id, CountLine.no)
        )
        lines = [
            line
            for line in self._session.scalars(query)
            if line.difference or line.missing or line.unexpected
        ]
        found = self._session.scalars(
            select(Sku).where(Sku.id.in_({line.sku_id for line in lines}))
        )
        self._skus = {sku.id: sku for sku in found}
        for line in lines:
            if line.difference < 0 or line.missing:
                self._missing(line)
        for line in lines:
            if line.difference > 0 or line.unexpected:
                self._too_many(line)
        self._carry_out()
        want_elsewhere(self._session, self._count.id, self._gone, self._now)
        values = values_of(self._session, self._skus)
        for row in self._notes:
            row.value_minor = row.units * values[row.sku_id]
        self._session.flush()

    def _carry_out(self) -> None:
        """Post what has been gathered."""
        if self._moves:
            ledger.move(self._session, [move for _, _, move in self._moves])
        for kind, sign, move in self._moves:
            self._note(kind, move.sku_id, move.lot, sign * move.units, move.command_id)
        self._moves = []

    # -------------------------------------------------------------------------------- missing
    def _missing(self, line: CountLine) -> None:
        assert line.sku_id is not None
        assert line.owner_id is not None
        left = len(line.missing) if line.missing else -line.difference
        serials = self._standing(line.sku_id, line.missing)
        for row in self._rows(line):
            if not left:
                break
            mine = [each for each in serials if _is_at(each, row)]
            units = min(left, row.units) if not line.missing else len(mine)
            if not units:
                continue
            left -= units
            gone = self._give_up(line, row, units, [each.serial for each in mine])
            for state, back in gone.posted:
                self._note("SHORT", row.sku_id, row.lot, -state.units, state.command_id)
                if back:
                    self._back(row, back, state.extra)
            rest = units - gone.wanted
            if rest:
                kept = tuple(each.serial for each in mine)[-rest:] if mine else ()
                self._away(row, rest, kept)
            self._gone.append(gone)
            self._carry_out()  # before the next row asks what is free

    def _give_up(self, line: CountLine, row: Lying, units: int, serials: list[str]) -> Gone:
        assert line.owner_id is not None
        if row.condition != "A":
            return Gone()
        at = (self._session, self._count.id, self._site)
        return give_up(*at, row, units, serials, actor=self._actor, now=self._now)

    def _back(self, row: Lying, units: int, serials: Sequence[str]) -> None:
        """A hold was given up whole, and more than was missing: the rest lies there still."""
        move = self._make(
            row.owner_id, row.sku_id, units, virtual_location(self._site, "UNKNOWN"), row.place_id
        )
        move |= {"to_unit_id": _unit(row.handling_unit_id), "lot": row.lot}
        self._moves.append(("FOUND", 1, ledger.Move(**move, serials=tuple(serials))))

    def _rows(self, line: CountLine) -> list[Lying]:
        """Where the books have goods of a line, sound ones first, the fullest place first."""
        books = books_at(self._session, self._site, self._places())
        swept = self._count.kind == "SWEEP"
        rows = [
            row
            for row in books.rows
            if row.sku_id == line.sku_id
            and row.lot == line.lot
            and (swept or row.handling_unit_id == line.handling_unit_id)
        ]
        return sorted(rows, key=lambda row: (row.condition, row.pinned > 0, -row.units))

    # ------------------------------------------------------------------------------- too many
    def _too_many(self, line: CountLine) -> None:
        assert line.sku_id is not None
        assert line.owner_id is not None
        unit = None if line.handling_unit_id == NIL else line.handling_unit_id
        place = self._place_for(line)
        unknown = virtual_location(self._site, "UNKNOWN")
        if self._skus[line.sku_id].tracking in {"SERIAL", "BOTH"}:
            self._found_serials(line, place)
            return
        left = line.difference
        for held_in, lot, condition, units, _, _ in quants_at(
            self._session, self._site, unknown, line.owner_id, line.sku_id
        ):
            take = min(left, units)
            if lot != line.lot or not take:
                continue
            left -= take
            move = self._make(line.owner_id, line.sku_id, take, unknown, place)
            move |= {"from_unit_id": _unit(held_in), "to_unit_id": _unit(unit), "lot": lot}
            self._moves.append(("FOUND", 1, ledger.Move(**move, condition=condition)))
        if left:
            self._surplus(line, left, place)

    def _surplus(self, line: CountLine, units: int, place: UUID) -> None:
        assert line.sku_id is not None
        assert line.owner_id is not None
        sku = self._skus[line.sku_id]
        adjust = virtual_location(self._site, "ADJUST")
        move = self._make(line.owner_id, line.sku_id, units, adjust, place)
        move |= {"to_unit_id": _unit(line.handling_unit_id), "lot": line.lot}
        if sku.catch_weight:
            move["weight_g"] = units * max(1, self._grams_each(line) or sku.weight_g)
        self._moves.append(("SURPLUS", 1, ledger.Move(**move)))

    def _grams_each(self, line: CountLine) -> int:
        rows = [row for row in self._rows(line) if row.units]
        units = sum(row.units for row in rows)
        return sum(row.weight_g for row in rows) // units if units else 0

    def _found_serials(self, line: CountLine, place: UUID) -> None:
        assert line.sku_id is not None
        assert line.owner_id is not None
        known = {each.serial: each for each in self._standing(line.sku_id, line.unexpected)}
        for serial in line.unexpected:
            each = known.get(serial)
            adjust = virtual_location(self._site, "ADJUST")
            start = adjust if each is None else each.location_id
            move = self._make(line.owner_id, line.sku_id, 1, start, place)
            move |= {"to_unit_id": _unit(line.handling_unit_id), "serials": (serial,)}
            if each is None:
                move["lot"] = line.lot
            else:
                move |= {"from_unit_id": _unit(each.handling_unit_id), "lot": each.lot}
                move["condition"] = each.condition
            self._moves.append(("SURPLUS" if each is None else "FOUND", 1, ledger.Move(**move)))

    def _standing(self, sku: UUID, serials: Sequence[str]) -> list[StandingSerial]:
        if not serials:
            return []
        found = serials_named(self._session, [sku], list(serials))
        return [each for each in found if each.site_id == self._site]

    # ------------------------------------------------------------------------------ what both do
    def _away(self, row: Lying, units: int, serials: tuple[str, ...]) -> None:
        to = virtual_location(self._site, "UNKNOWN")
        move = self._make(row.owner_id, row.sku_id, units, row.place_id, to)
        move |= {"from_unit_id": _unit(row.handling_unit_id), "lot": row.lot}
        move |= {"condition": row.condition, "serials": serials}
        self._moves.append(("MISSING", -1, ledger.Move(**move)))

    def _make(self, owner: UUID, sku: UUID, units: int, start: UUID, to: UUID) -> dict[str, Any]:
        self._number += 1
        return {
            "command_id": CommandId(derive(self._count.id, "adjust", self._number)),
            "site_id": self._site,
            "owner_id": OwnerId(owner),
            "sku_id": SkuId(sku),
            "units": units,
            "from_location_id": LocationId(start),
            "to_location_id": LocationId(to),
            "cause_kind": "COUNT",
            "cause_id": self._count.id,
            "actor": self._actor,
            "reason": self._count.reason or self._count.why,
            "occurred_at": self._now,
        }

    def _note(self, kind: str, sku: UUID, lot: str, units: int, command: UUID) -> None:
        row = CountAdjustment(
            site_id=self._site, count_id=self._count.id, command_id=command, kind=kind,
            sku_id=sku, lot=lot, units=units, value_minor=0, at=self._now,
        )  # fmt: skip
        self._notes.append(row)
        self._session.add(row)

    def _places(self) -> list[UUID]:
        if self._count.location_id is not None:
            return [self._count.location_id]
        query = select(Location.id).where(
            Location.site_id == self._site,
            Location.zone == self._count.zone,
            Location.counter == "sellable",
        )
        return list(self._session.scalars(query.order_by(Location.code)))

    def _place_for(self, line: CountLine) -> UUID:
        """Where too many are put: at the place; of a zone, where most of it lies."""
        if self._count.location_id is not None:
            return self._count.location_id
        rows = [row for row in self._rows(line) if row.handling_unit_id == NIL]
        return max(rows, key=lambda row: row.units).place_id if rows else self._places()[0]


def _is_at(serial: StandingSerial, row: Lying) -> bool:
    return (serial.location_id, serial.handling_unit_id, serial.lot, serial.condition) == (
        row.location_id, row.handling_unit_id, row.lot, row.condition,
    )  # fmt: skip


def _unit(unit: UUID | None) -> HandlingUnitId | None:
    return None if unit is None or unit == NIL else HandlingUnitId(unit)
