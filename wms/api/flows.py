"""The flows of the handheld: who begins, continues and carries out a packet, by its kind.

    FINISHERS   carry a finished packet out
    STARTERS    make a packet, or find it, for what somebody has scanned
    GROWERS     look at a step that only the server can judge (`online`), and say what comes next

A new flow is a function that makes steps, and a line here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wms.collect.bag import finish_collect
from wms.collect.floor import finish_floor
from wms.counting.make import start_count
from wms.counting.rounds import finish_count, grow_count
from wms.ids import SiteId
from wms.inbound.inspect import finish_inspect
from wms.inbound.move import finish_move, grow_move, start_move
from wms.inbound.putaway import finish_putaway, grow_putaway, start_putaway
from wms.inbound.receive import finish_inbound, grow_inbound
from wms.inbound.receive_start import start_blind, start_inbound
from wms.outbound.dock import finish_ship, start_ship
from wms.outbound.floor import Floor
from wms.outbound.load import finish_handoff
from wms.outbound.packed import finish_pack, grow_pack
from wms.outbound.pick import finish_pick
from wms.outbound.putback import finish_putback
from wms.outbound.putwall import finish_putwall
from wms.outbound.totes import grow_pick
from wms.replenishment.faces import finish_replenish
from wms.returns.bench import finish_return, start_return
from wms.transfers.depart import finish_load
from wms.transfers.receive import finish_receive
from wms.waves.kits import finish_kit
from wms.work.begin import WITH_A_THING, task_begun_by
from wms.work.model import Task
from wms.work.packet import Packet, Problem
from wms.work.recover import finish_recover
from wms.work.tasks import Actor, Finish, Grow

FloorFinish: TypeAlias = Callable[[Session, Floor, Task, Packet, Actor, datetime], None]
FloorGrow: TypeAlias = Callable[[Session, Floor, Task, Packet, Actor, datetime], Packet | Problem]
FloorStart: TypeAlias = Callable[[Session, Floor, SiteId, str, Actor, datetime], UUID]

FINISHERS: dict[str, FloorFinish] = {
    "pick": finish_pick,
    "pack": finish_pack,
    "ship": finish_ship,
    "load": finish_load,
    "handoff": finish_handoff,
    "putback": finish_putback,
    "putwall": finish_putwall,
    "kit": finish_kit,
    "receive": finish_receive,
    "replenish": finish_replenish,
    "return": finish_return,
    "collect": finish_collect,
    "floor": finish_floor,
    "inbound": finish_inbound,
    "inspect": finish_inspect,
    "putaway": finish_putaway,
    "recover": finish_recover,
    "move": finish_move,
    "count": finish_count,
    "sweep": finish_count,
}


def _begin_with(kind: str) -> FloorStart:
    """Begins the task of that kind whose first scan it is."""

    def start(
        session: Session, floor: Floor, site: SiteId, scanned: str, actor: Actor, now: datetime
    ) -> UUID:
        del floor, actor, now
        return task_begun_by(session, site, kind, scanned)

    return start


STARTERS: dict[str, FloorStart] = {
    **{kind: _begin_with(kind) for kind in WITH_A_THING},
    "return": start_return,
    "ship": start_ship,
    "inbound": start_inbound,
    "blind": start_blind,
    "putaway": start_putaway,
    "move": start_move,
    "count": start_count,
}
GROWERS: dict[str, FloorGrow] = {
    "inbound": grow_inbound,
    "putaway": grow_putaway,
    "move": grow_move,
    "count": grow_count,
    "sweep": grow_count,
    "pick": grow_pick,
    "pack": grow_pack,
}
ALL_KINDS = ",".join(FINISHERS)


def finishers(floor: Floor) -> dict[str, Finish]:
    """Who carries out a finished packet on that floor, by its kind."""

    def on_this_floor(do: FloorFinish) -> Finish:
        def finish(
            session: Session, task: Task, packet: Packet, actor: Actor, now: datetime
        ) -> None:
            do(session, floor, task, packet, actor, now)

        return finish

    return {kind: on_this_floor(do) for kind, do in FINISHERS.items()}


def growers(floor: Floor) -> dict[str, Grow]:
    """Who judges the steps that need the server, by the kind of packet."""

    def on_this_floor(do: FloorGrow) -> Grow:
        def grow(
            session: Session, task: Task, packet: Packet, actor: Actor, now: datetime
        ) -> Packet | Problem:
            return do(session, floor, task, packet, actor, now)

        return grow

    return {kind: on_this_floor(do) for kind, do in GROWERS.items()}
