"""Goods on their way back: from the customer to the bench, and from there to where they stay.

    announced     CUSTOMER -> EXPECTED_RETURN            the stock view shows what comes back
    with carrier  EXPECTED_RETURN -> LANE_RETURN
    received      -> RETURNS_BENCH; what was not in the box goes back to CUSTOMER
    disposed      RETURNS_BENCH -> a shelf, QUARANTINE, REFURBISH, SCRAP, the lane to a warehouse

Each step of a line has its effect once: its command is derived from the return and the line. Who
brings to a counter what was expected elsewhere has it moved out of the books there. Goods that are
told apart one by one (lots, serials, weights) come into the books when somebody sees which they
are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.catalog import Owner, Sku, owner_of
from wms.errors import NotFound
from wms.ids import CommandId, LocationId, SiteId, SkuId, derive
from wms.returns.model import COMING, Return, ReturnLine
from wms.returns.rules import Disposition, Facts, Policy, dispose
from wms.sites import Location, Site, Virtual, virtual_location
from wms.stock import ledger

OUTLET_CONDITION = "B"  # a segment of its own: never sold as new
_PLACES: Mapping[Disposition, Virtual] = {
    "QUARANTINE": "QUARANTINE",
    "REFURBISH": "REFURBISH",
    "SCRAP": "SCRAP",
    "TO_DC": "LANE_STORE_DC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was found of a line, and how it looks. Lot and serials where the goods have them."""

    units: int
    grade: str | None = None
    photo: str = ""
    lot: str = ""
    serials: tuple[str, ...] = ()
    shelf: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where somebody looks at what came back, who, and when."""

    site: SiteId
    actor: str
    at: datetime


def lines_of(session: Session, return_id: UUID) -> Sequence[ReturnLine]:
    """The lines of a return that are goods, locked."""
    query = select(ReturnLine).where(
        ReturnLine.return_id == return_id, ReturnLine.sku_id.is_not(None)
    )
    return session.scalars(
        query.order_by(ReturnLine.line_no).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()


def expect(session: Session, back: Return, lines: Sequence[ReturnLine], now: datetime) -> None:
    """The goods are announced to a site."""
    _shift(session, back, lines, ("CUSTOMER", "EXPECTED_RETURN"), "announce", now)


def collect(session: Session, back: Return, lines: Sequence[ReturnLine], now: datetime) -> None:
    """A carrier has them."""
    _shift(session, back, lines, ("EXPECTED_RETURN", "LANE_RETURN"), "collect", now)


def forget(session: Session, back: Return, lines: Sequence[ReturnLine], now: datetime) -> None:
    """They do not come."""
    _shift(session, back, lines, (_whereabouts(back), "CUSTOMER"), "forget", now)


def receive(
    session: Session, back: Return, found: Mapping[ReturnLine, Taken], bench: Bench
) -> None:
    """They are on the bench of a site, as far as they came."""
    site, actor, now = bench.site, bench.actor, bench.at
    expected = back.site_id if back.state in COMING and back.site_id else None
    moves = []
    singly = _kept_singly(session, list(found))
    for line, taken in found.items():
        here = _Step(session, back, line, site, actor, now)
        if expected is None or line.sku_id in singly:
            moves += here.move(taken.units, ("CUSTOMER", "RETURNS_BENCH"), "receive", taken)
            continue
        there = _Step(session, back, line, SiteId(expected), actor, now)
        came = taken.units if expected == site else 0
        moves += there.move(line.units - came, (_whereabouts(back), "CUSTOMER"), "missing")
        if expected == site:
            moves += here.move(came, (_whereabouts(back), "RETURNS_BENCH"), "receive", taken)
        else:
            moves += here.move(taken.units, ("CUSTOMER", "RETURNS_BENCH"), "receive", taken)
    if moves:
        ledger.move(session, moves)


def put_away(
    session: Session,
    back: Return,
    found: Mapping[ReturnLine, Taken],
    policy: Policy,
    bench: Bench,
) -> None:
    """Each line goes where the rules say; what was decided stands in its row."""
    site, actor, now = bench.site, bench.actor, bench.at
    kind = session.scalar(select(Site.kind).where(Site.id == site)) or "DC"
    moves = []
    for line, taken in found.items():
        if not taken.units or line.grade is None:
            continue
        facts = facts_of_line(session, line, kind)
        disposition, _ = dispose(policy.dispositions, facts)
        if disposition == "TO_DC" and kind != "STORE":
            disposition = "RESTOCK"  # it is there
        line.disposition = disposition
        step = _Step(session, back, line, site, actor, now)
        moves.append(step.away(taken, disposition, _place(session, site, line, taken)))
    if moves:
        ledger.move(session, moves)


def facts_of_line(
    session: Session, line: ReturnLine, site_kind: str, grade: str | None = None
) -> Facts:
    """What the rules may ask of a line; of one that has no grade yet, as if it had that one."""
    sku, owner = session.execute(
        select(Sku, Owner.code).join(Owner, Owner.id == Sku.owner_id).where(Sku.id == line.sku_id)
    ).one()
    grade = grade or line.grade
    assert grade is not None
    return Facts(
        owner=owner,
        sku=sku.code,
        grade=grade,
        reason=line.reason,
        site_kind=site_kind,
        cool=sku.temperature != "AMBIENT",
    )


def shelf_for(session: Session, site: SiteId, sku_id: UUID) -> Location:
    """A shelf, always the same for one SKU, so that returns of it lie together.

    In a store it is in the back room, if there is one.

    Raises:
        NotFound: the site has none.
    """
    shelves = (
        select(Location)
        .where(Location.site_id == site, Location.zone != "ROBOT", Location.counter == "sellable")
        .where(~Location.code.startswith("@"))
    )
    behind = shelves.where(Location.kind == "BACKROOM")
    for some in (behind, shelves):
        count = session.scalar(select(func.count()).select_from(some.subquery())) or 0
        if count:
            query = some.order_by(Location.code).offset(sku_id.int % count).limit(1)
            return session.scalars(query).one()
    raise NotFound(f"site {site} has no shelves")


def _place(session: Session, site: SiteId, line: ReturnLine, taken: Taken) -> LocationId:
    assert line.sku_id is not None
    shelf = taken.shelf or shelf_for(session, site, line.sku_id).id
    return LocationId(shelf)


def _kept_singly(session: Session, lines: Sequence[ReturnLine]) -> set[UUID]:
    """Goods with lots, serials or weights: which ones come back nobody knows before they do."""
    query = select(Sku.id).where(
        Sku.id.in_({line.sku_id for line in lines}), (Sku.tracking != "NONE") | Sku.catch_weight
    )
    return set(session.scalars(query))


def _whereabouts(back: Return) -> Virtual:
    return "LANE_RETURN" if back.state == "IN_TRANSIT" else "EXPECTED_RETURN"


def _shift(
    session: Session,
    back: Return,
    lines: Sequence[ReturnLine],
    way: tuple[Virtual, Virtual],
    step: str,
    now: datetime,
) -> None:
    assert back.site_id is not None
    moves = []
    singly = _kept_singly(session, lines)
    for line in lines:
        if line.sku_id in singly:
            continue
        here = _Step(session, back, line, SiteId(back.site_id), "rule:return", now)
        moves += here.move(line.units, way, step)
    if moves:
        ledger.move(session, moves)


@dataclass(frozen=True, slots=True)
class _Step:
    """What all moves of one line have in common."""

    session: Session
    back: Return
    line: ReturnLine
    site: SiteId
    actor: str
    now: datetime

    def move(
        self, units: int, way: tuple[Virtual, Virtual], step: str, taken: Taken | None = None
    ) -> list[ledger.Move]:
        """Units from one virtual place to another; none for none."""
        if not units:
            return []
        move = self._make(
            step,
            units,
            virtual_location(self.site, way[0]),
            virtual_location(self.site, way[1]),
            taken or Taken(units=units),
        )
        return [move]

    def away(self, taken: Taken, disposition: Disposition, shelf: LocationId) -> ledger.Move:
        """From the bench to where it stays."""
        place = _PLACES.get(disposition)
        to = shelf if place is None else virtual_location(self.site, place)
        condition = OUTLET_CONDITION if disposition == "OUTLET" else None
        bench = virtual_location(self.site, "RETURNS_BENCH")
        return self._make("put_away", taken.units, bench, to, taken, condition)

    def _make(
        self,
        step: str,
        units: int,
        from_: LocationId,
        to: LocationId,
        taken: Taken,
        to_condition: str | None = None,
    ) -> ledger.Move:
        assert self.line.sku_id is not None
        return ledger.Move(
            command_id=CommandId(derive(self.back.id, step, self.line.line_no)),
            site_id=self.site,
            owner_id=owner_of(self.session, self.line.sku_id),
            sku_id=SkuId(self.line.sku_id),
            units=units,
            from_location_id=from_,
            to_location_id=to,
            lot=taken.lot,
            serials=taken.serials,
            to_condition=to_condition,
            cause_kind="RETURN",
            cause_id=self.back.id,
            actor=self.actor,
            reason=f"grade {self.line.grade}" if step == "put_away" else self.line.reason,
            occurred_at=self.now,
        )
