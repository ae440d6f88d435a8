"""Accept: a return is announced, received at the bench, graded and put away.

PUT            CUSTOMER -> EXPECTED_RETURN               the stock view shows what comes back
RETURN task    EXPECTED_RETURN -> RETURNS_BENCH -> shelf (A, B) or quarantine (C)
               what was not in the box goes back to CUSTOMER
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import HOUSE_OWNER_ID, skus_by_code
from wms.errors import IdReused, NotFound
from wms.ids import CommandId, LocationId, SiteId, SkuId, derive
from wms.orders.model import Order
from wms.orders.place import LINES_MAX, UNITS_MAX, MalformedOrder, UnknownSku
from wms.outbound.floor import Floor
from wms.outbound.steps import facts_of, item_step, items_of
from wms.returns.model import Return, ReturnLine
from wms.sites import Location, Virtual, virtual_location
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Expect, Packet, Say, Step
from wms.work.tasks import Actor, NewTask, add_task

GRADES = ("A", "B", "C")
QUARANTINED = "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedLine:
    """A line as a channel sends it."""

    line_no: int
    sku: str
    units: int
    service: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceReturn:
    """A return as a channel sends it."""

    id: UUID
    number: str
    order_id: UUID | None
    lines: tuple[AnnouncedLine, ...]

    def body_hash(self) -> str:
        """Tells two returns with one id apart."""
        return hashlib.sha256(_AS_JSON.dump_json(self)).hexdigest()


_AS_JSON: TypeAdapter[AnnounceReturn] = TypeAdapter(AnnounceReturn)


def announce_return(
    session: Session, floor: Floor, request: AnnounceReturn, *, now: datetime
) -> bool:
    """Take a return; False if it had been taken before.

    Raises:
        MalformedOrder, UnknownSku: nothing has been done.
        NotFound: it names an order that does not exist.
        IdReused: another return has that id.
    """
    _check(request)
    skus = skus_by_code(session, {line.sku for line in request.lines if not line.service})
    for line in request.lines:
        if not line.service and line.sku not in skus:
            raise UnknownSku(line.line_no, line.sku)
    if request.order_id is not None and session.get(Order, request.order_id) is None:
        raise NotFound(f"order {request.order_id}")
    row = {"id": request.id, "number": request.number, "order_id": request.order_id,
           "body_hash": request.body_hash(), "recorded_at": now, "closed": False}  # fmt: skip
    statement = insert(Return).values(row).on_conflict_do_nothing().returning(Return.id)
    if session.scalar(statement) is None:
        if session.get_one(Return, request.id).body_hash != request.body_hash():
            raise IdReused(request.id)
        return False
    lines = [
        ReturnLine(
            return_id=request.id,
            line_no=line.line_no,
            sku_id=None if line.service else skus[line.sku].id,
            sku=line.sku,
            units=line.units,
            units_received=0,
            state="SERVICE" if line.service else "OPEN",
        )
        for line in request.lines
    ]
    session.add_all(lines)
    goods = [line for line in lines if line.sku_id is not None]
    if goods:
        moves = [_move(floor, line, line.units, ("CUSTOMER", "EXPECTED_RETURN"), "announce", now)
                 for line in goods]  # fmt: skip
        ledger.move(session, moves)
        _make_task(session, floor, request, goods, now)
    else:
        session.get_one(Return, request.id).closed = True
    return True


def finish_return(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished RETURN packet."""
    return_id = UUID(task.plan["return"])
    query = select(ReturnLine).where(
        ReturnLine.return_id == return_id, ReturnLine.sku_id.is_not(None)
    )
    lines = session.scalars(query.order_by(ReturnLine.line_no).with_for_update()).all()
    to_bench, onwards = [], []
    for line in lines:
        found = packet.counts.get(f"{line.line_no}.item", 0)
        line.units_received = found
        line.grade = packet.choices.get(f"{line.line_no}.grade")
        line.state = "RETURNED"
        if missing := line.units - found:
            way: tuple[Virtual, Virtual] = ("EXPECTED_RETURN", "CUSTOMER")
            to_bench.append(_move(floor, line, missing, way, "missing", now))
        if not found:
            continue
        way = ("EXPECTED_RETURN", "RETURNS_BENCH")
        to_bench.append(_move(floor, line, found, way, "receive", now))
        shelf = UUID(task.plan["shelves"][str(line.line_no)])
        onwards.append(_put_away(floor, line, shelf, actor, now))
    ledger.move(session, to_bench)
    ledger.move(session, onwards)
    back = session.get_one(Return, return_id)
    back.closed = True
    body = {
        "id": str(return_id),
        "number": back.number,
        "lines": [
            {"line_no": line.line_no, "units": line.units_received, "grade": line.grade}
            for line in lines
        ],
    }
    outbox.record(session, topic="order", key=return_id, type="ReturnReceived", body=body, now=now)


def _check(request: AnnounceReturn) -> None:
    if not request.lines:
        raise MalformedOrder("no_lines")
    if len(request.lines) > LINES_MAX:
        raise MalformedOrder("too_many_lines")
    numbers = [line.line_no for line in request.lines]
    for line in request.lines:
        if numbers.count(line.line_no) > 1:
            raise MalformedOrder("line_no_repeated", line.line_no)
        if not 1 <= line.units <= UNITS_MAX:
            raise MalformedOrder("units_out_of_range", line.line_no)


def _make_task(
    session: Session,
    floor: Floor,
    request: AnnounceReturn,
    goods: Sequence[ReturnLine],
    now: datetime,
) -> None:
    items = items_of(session, [line.sku_id for line in goods if line.sku_id])
    steps: list[Step] = []
    shelves: dict[str, str] = {}
    for line in goods:
        assert line.sku_id is not None
        shelf = _shelf_for(session, floor.hub, line.sku_id)
        shelves[str(line.line_no)] = str(shelf.id)
        number = line.line_no
        facts = facts_of(request.number)
        steps += [
            item_step(f"{number}.item", items[line.sku_id], line.units,
                      say="return.scan_item", facts=facts),
            Step(
                id=f"{number}.grade",
                op="choose",
                say=Say(code="return.choose_grade"),
                big=" / ".join(GRADES),
                expect=(Expect(kind="grade", codes=GRADES),),
            ),
            Step(
                id=f"{number}.shelf",
                op="scan",
                say=Say(code="return.scan_shelf"),
                big=shelf.code,
                expect=(Expect(kind="location", codes=(shelf.code, "QUARANTINE")),),
            ),
        ]  # fmt: skip
    new = NewTask(
        id=derive(request.id, "return"),
        site_id=floor.hub,
        kind="return",
        title=request.number,
        steps=tuple(steps),
        plan={"return": str(request.id), "shelves": shelves},
    )
    add_task(session, new, now=now)


def _shelf_for(session: Session, site: SiteId, sku_id: UUID) -> Location:
    """A shelf, always the same for one SKU, so that returns of it lie together."""
    shelves = (
        select(Location)
        .where(Location.site_id == site, Location.zone != "ROBOT", Location.counter == "sellable")
        .where(~Location.code.startswith("@"))
    )
    count = session.scalar(select(func.count()).select_from(shelves.subquery())) or 0
    if not count:
        raise NotFound(f"site {site} has no shelves")
    query = shelves.order_by(Location.code).offset(sku_id.int % count).limit(1)
    return session.scalars(query).one()


def _move(
    floor: Floor,
    line: ReturnLine,
    units: int,
    way: tuple[Virtual, Virtual],
    step: str,
    now: datetime,
) -> ledger.Move:
    assert line.sku_id is not None
    return ledger.Move(
        command_id=CommandId(derive(line.return_id, step, line.line_no)),
        site_id=floor.hub,
        owner_id=HOUSE_OWNER_ID,
        sku_id=SkuId(line.sku_id),
        units=units,
        from_location_id=virtual_location(floor.hub, way[0]),
        to_location_id=virtual_location(floor.hub, way[1]),
        cause_kind="RETURN",
        cause_id=line.return_id,
        actor="rule:return",
        occurred_at=now,
    )


def _put_away(
    floor: Floor, line: ReturnLine, shelf: UUID, actor: Actor, now: datetime
) -> ledger.Move:
    assert line.sku_id is not None
    broken = line.grade == QUARANTINED
    return ledger.Move(
        command_id=CommandId(derive(line.return_id, "put_away", line.line_no)),
        site_id=floor.hub,
        owner_id=HOUSE_OWNER_ID,
        sku_id=SkuId(line.sku_id),
        units=line.units_received,
        from_location_id=virtual_location(floor.hub, "RETURNS_BENCH"),
        to_location_id=(virtual_location(floor.hub, "QUARANTINE") if broken else LocationId(shelf)),
        cause_kind="RETURN",
        cause_id=line.return_id,
        actor=str(actor),
        reason=f"grade {line.grade}",
        occurred_at=now,
    )
