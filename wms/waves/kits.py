"""Kits: goods that are put together from others, for stock (セット組み).

    new_order   so many are to be made: their parts are held and pinned, a packet tells the way
    finish_kit  the parts leave the books, the kits come into them, at the place they were put down

    parts at their places -> ADJUST      ADJUST -> kits at their place

In the books parts go to the outside and kits come from there, under one cause: each SKU still adds
up to nothing. What was taken and not used goes back where it came from; a count looks after that.
Kits and parts are goods without serials: nobody would know which they got. Kits that are kept by
lot get one lot an order to make them; it may be sold as long as the part that ends first.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from wms.catalog import Lot, LotRecord, Sku, save_lots
from wms.errors import Conflict, IdReused
from wms.ids import CommandId, HoldId, LocationId, OwnerId, SiteId, SkuId, derive
from wms.orders.kits import KitComponent
from wms.outbound.bind import DEFAULT, Choice, choose
from wms.outbound.floor import Floor
from wms.outbound.places import places_for, scanned_at
from wms.outbound.release import Stock, stock_for
from wms.outbound.steps import item_step, items_of, place_step
from wms.sites import location_id, virtual_location
from wms.stock import ledger, promises
from wms.waves.channel import known_site
from wms.waves.kit_parts import UnfitKit, known_sku, made_of, parts_of
from wms.waves.model import KitOrder
from wms.work.codes import bare
from wms.work.model import Task
from wms.work.packet import Expect, Packet, Say, Step
from wms.work.tasks import Actor, NewTask, add_task
from wms.work.wanted import Wish, want_count


class PartsMissing(Conflict):
    """There are not enough parts for so many kits, or no place to put them."""

    code: ClassVar[str] = "parts_missing"


def new_order(
    session: Session, order_id: UUID, site: str, kit: str, units: int, *, now: datetime
) -> bool:
    """Have kits put together; whether it is new.

    Raises:
        NotFound: there is no such site or kit.
        PartsMissing: there are not enough parts.
        IdReused: the id is that of another order.
    """
    at, asked = known_site(session, site), f"{site} {kit} {units}"
    known = session.get(KitOrder, (at, order_id))
    if known is not None:
        if known.asked != asked:
            raise IdReused(order_id)
        return False
    sku = known_sku(session, kit)
    if made_of(session, kit) != "STOCK":
        raise UnfitKit(kit)
    wanted = {
        known_sku(session, part.sku, sku.owner_id): part.units * units
        for part in parts_of(session, kit)
    }
    stock = stock_for(session, at, {part.id for part in wanted}, DEFAULT, now)
    picks = [(part, one) for part, n in wanted.items() for one in _bind(stock, part, n)]
    _hold(session, at, order_id, picks, stock, now)
    session.add(
        KitOrder(
            site_id=at, id=order_id, sku_id=sku.id, units=units, made=0, state="OPEN",
            asked=asked, made_at=now,
        )
    )  # fmt: skip
    _add_task(session, at, order_id, sku, units, picks, now)
    return True


def finish_kit(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished KIT packet."""
    del floor
    site = SiteId(task.site_id)
    order = session.get_one(KitOrder, (site, task.id), with_for_update=True)
    kit = session.get_one(Sku, order.sku_id)
    at = max((event.at for event in packet.history), default=now)
    parts = {
        row.sku_id: row.units
        for row in session.scalars(select(KitComponent).where(KitComponent.kit_sku_id == kit.id))
    }
    picks = [pick | {"counted": packet.counts.get(step, 0)}
             for step, pick in task.plan["parts"].items()]  # fmt: skip
    made = _made(parts, picks, packet.counts.get("kit", 0))
    ledger.advance(session, [_released(site, pick, str(actor), at) for pick in picks])
    moves = _used(site, task, parts, picks, made, actor, at)
    if made:
        to = location_id(site, bare(scanned_at(packet, "place") or ""))
        lot = _lot(session, task, kit, picks, at)
        moves.append(_into(site, task, kit, made, (to, lot), actor, at))
    if moves:
        ledger.move(session, moves)
    for pick in picks:
        if made < order.units or pick["counted"] < pick["units"]:
            wish = Wish(
                site_id=site, location_id=LocationId(location_id(site, pick["place"])),
                why="SHORT", cause=task.id, sku_id=SkuId(UUID(pick["sku"])),
            )  # fmt: skip
            want_count(session, wish, now=now)
    order.made, order.state, order.ended_at = made, "DONE", now


def _bind(stock: Stock, part: Sku, wanted: int) -> list[Choice]:
    """Where that many units of a part are taken from."""
    choices = []
    while wanted:
        one = choose(wanted, stock.spots.get(part.id, ()), stock.left, DEFAULT, stock.today)
        if one is None or one.spot.key[2] is not None:
            raise PartsMissing(f"{wanted} more of {part.code}")
        stock.left[one.spot.key] -= one.units
        wanted -= one.units
        choices.append(one)
    return choices


def _hold(
    session: Session,
    site: SiteId,
    order_id: UUID,
    picks: Sequence[tuple[Sku, Choice]],
    stock: Stock,
    now: datetime,
) -> None:
    lines = [
        promises.Reserve(
            hold_id=_hold_id(order_id, number),
            site_id=site,
            owner_id=OwnerId(part.owner_id),
            sku_id=SkuId(part.id),
            units=one.units,
            kind="TRANSFER",
            state="ALLOCATED",
            demand_id=order_id,
            group_id=order_id,
        )
        for number, (part, one) in enumerate(picks)
    ]
    if not all(answer.granted for answer in promises.reserve(session, lines, now=now)):
        raise PartsMissing("what there is has been promised")
    pins = [
        ledger.Advance(
            command_id=CommandId(derive(order_id, "pin", number)),
            site_id=site,
            hold_id=_hold_id(order_id, number),
            to="PINNED",
            location_id=stock.places[one.spot.key].location_id,
            lot=one.spot.key[3],
            actor="rule:kit",
            occurred_at=now,
        )
        for number, (_, one) in enumerate(picks)
    ]
    ledger.advance(session, pins)


def _hold_id(order_id: UUID, number: int) -> HoldId:
    return HoldId(derive(order_id, "part", number))


def _add_task(  # noqa: PLR0913, PLR0917 - a task has that many facts
    session: Session,
    site: SiteId,
    order_id: UUID,
    kit: Sku,
    units: int,
    picks: Sequence[tuple[Sku, Choice]],
    now: datetime,
) -> None:
    items = items_of(session, [kit.id, *(part.id for part, _ in picks)])
    places = places_for(session, site, [kit.id])[kit.id]
    if not places:
        raise PartsMissing("there is no place for the kits")
    steps: list[Step] = []
    plan: dict[str, dict[str, str | int]] = {}
    for number, (part, one) in enumerate(picks):
        step = item_step(f"{number}.item", items[part.id], one.units, say="kit.scan_part", facts=())
        steps += [place_step(f"{number}.place", one.spot.code), step]
        plan[step.id] = {
            "hold": str(_hold_id(order_id, number)), "sku": str(part.id),
            "owner": str(part.owner_id), "units": one.units, "place": one.spot.code,
            "lot": one.spot.key[3],
        }  # fmt: skip
    steps += [
        item_step("kit", items[kit.id], units, say="kit.scan_kit", facts=()),
        Step(
            id="place",
            op="scan",
            say=Say(code="kit.scan_place"),
            big=places[0],
            expect=(Expect(kind="location", codes=tuple(places)),),
        ),
    ]
    new = NewTask(
        id=order_id, site_id=site, kind="kit", title=f"{kit.code} × {units}",
        steps=tuple(steps), plan={"parts": plan},
    )  # fmt: skip
    add_task(session, new, now=now)


def _made(parts: Mapping[UUID, int], picks: Sequence[dict[str, int | str]], said: int) -> int:
    """How many kits there can be of what was taken."""
    taken: dict[UUID, int] = defaultdict(int)
    for pick in picks:
        taken[UUID(str(pick["sku"]))] += int(pick["counted"])
    return min([said, *(taken[sku] // units for sku, units in parts.items())])


def _released(
    site: SiteId, pick: Mapping[str, int | str], actor: str, at: datetime
) -> ledger.Advance:
    hold = HoldId(UUID(str(pick["hold"])))
    return ledger.Advance(
        command_id=CommandId(derive(hold, "used")),
        site_id=site,
        hold_id=hold,
        to="RELEASED",
        actor=actor,
        reason="kit",
        occurred_at=at,
    )


def _used(  # noqa: PLR0913, PLR0917 - what was taken, for what, by whom
    site: SiteId,
    task: Task,
    parts: Mapping[UUID, int],
    picks: Sequence[dict[str, int | str]],
    made: int,
    actor: Actor,
    at: datetime,
) -> list[ledger.Move]:
    """The parts that are in the kits now leave the places that they were taken from."""
    left = {sku: units * made for sku, units in parts.items()}
    moves = []
    for pick in picks:
        sku = UUID(str(pick["sku"]))
        units = min(left[sku], int(pick["counted"]))
        left[sku] -= units
        if units:
            moves.append(
                ledger.Move(
                    command_id=CommandId(derive(UUID(str(pick["hold"])), "into the kit")),
                    site_id=site,
                    owner_id=OwnerId(UUID(str(pick["owner"]))),
                    sku_id=SkuId(sku),
                    units=units,
                    from_location_id=location_id(site, str(pick["place"])),
                    to_location_id=virtual_location(site, "ADJUST"),
                    lot=str(pick["lot"]),
                    cause_kind="KIT",
                    cause_id=task.id,
                    actor=str(actor),
                    reason="kit",
                    occurred_at=at,
                )
            )
    return moves


def _lot(
    session: Session,
    task: Task,
    kit: Sku,
    picks: Sequence[Mapping[str, int | str]],
    at: datetime,
) -> str:
    """The lot of kits made together, if they are kept so: good as long as their parts are."""
    if kit.tracking != "LOT":
        return ""
    of = [(UUID(str(pick["sku"])), str(pick["lot"])) for pick in picks if pick["counted"]]
    ends = session.scalar(
        select(func.min(Lot.expires_on)).where(tuple_(Lot.sku_id, Lot.code).in_(of))
    )
    code = f"K{task.id.hex[-10:].upper()}"
    save_lots(
        session, [LotRecord(sku_id=SkuId(kit.id), code=code, expires_on=ends, made_on=at.date())]
    )
    return code


def _into(  # noqa: PLR0913, PLR0917 - what comes where, by whom
    site: SiteId,
    task: Task,
    kit: Sku,
    made: int,
    to: tuple[LocationId, str],
    actor: Actor,
    at: datetime,
) -> ledger.Move:
    return ledger.Move(
        command_id=CommandId(derive(task.id, "made")),
        site_id=site,
        owner_id=OwnerId(kit.owner_id),
        sku_id=SkuId(kit.id),
        units=made,
        from_location_id=virtual_location(site, "ADJUST"),
        to_location_id=to[0],
        lot=to[1],
        cause_kind="KIT",
        cause_id=task.id,
        actor=str(actor),
        reason="kit",
        occurred_at=at,
    )
