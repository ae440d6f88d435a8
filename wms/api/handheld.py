"""For handhelds: the next piece of work, what was done, and what any code means."""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import asdict, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field, StrictInt
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Services, Svc, Who, signed_in
from wms.api.flows import ALL_KINDS, STARTERS, finishers, growers
from wms.api.lookup import look_up
from wms.api.quick import QuickRoute
from wms.api.shapes import AnyText, EventsIn, EventsOut, ResultOut, Shape, Text
from wms.errors import NotFound
from wms.outbound.calls import call_supervisor, calls_of
from wms.outbound.floor import Floor
from wms.people.devices import Life, seen
from wms.sites import site_id, sites_by_code
from wms.work.actor import Actor
from wms.work.model import Task
from wms.work.packet import Event, Packet, packet_json
from wms.work.pool import keep_leases
from wms.work.tasks import PacketTaken, lease, lease_next, take_events

router = APIRouter(prefix="/api/v1", tags=["handheld"], dependencies=[signed_in])
quick = APIRouter(prefix="/api/v1", tags=["handheld"], route_class=QuickRoute)
LOOK_S = 1.0
KEEP_S = 30.0  # an open stream is a sign of life


@router.get("/work/next", responses={204: {"description": "nothing to do"}}, response_model=Packet)
def get_next(
    services: Svc,
    now: Now,
    actor: Who,
    site: Annotated[Text, Query()],
    kinds: Annotated[Text, Query()] = ALL_KINDS,
    station: Annotated[Text | None, Query()] = None,
) -> Packet | Response:
    """The packet that they have in hand, or the next one for them; 204 if there is none.

    What they have in hand on another device comes with them. `recover` comes first, always.
    """
    wanted = kinds.split(",")

    def work(session: Session) -> Packet | None:
        packet = lease_next(session, site, wanted, actor, now=now, station=station)
        if packet is None and site not in sites_by_code(session, [site]):
            raise NotFound(f"site {site}")
        return packet

    packet = services.database.run(work)
    if packet is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return Response(packet_json.dump_json(packet), media_type="application/json")


class StartIn(Shape):
    """What somebody wants to do, and what was scanned for it."""

    site: Text
    kind: Text
    scanned: AnyText = ""


@router.post("/work/start")
def post_start(body: StartIn, services: Svc, now: Now, actor: Who) -> Packet:
    """The packet for what was scanned: made, or found where it is made already.

    409 `packet_taken`: somebody else has it in hand.
    """

    def work(session: Session) -> Packet:
        if body.site not in sites_by_code(session, [body.site]):
            raise NotFound(f"site {body.site}")
        if body.kind not in STARTERS:
            raise NotFound(f"work of kind {body.kind} that is begun with a scan")
        start = STARTERS[body.kind]
        task_id = start(session, services.floor, site_id(body.site), body.scanned, actor, now)
        packet = lease(session, body.site, task_id, actor, now=now)
        if packet is None:
            raise PacketTaken(body.scanned)
        return packet

    return services.database.run(work)


@quick.post("/work/events", response_model=EventsOut)
async def post_events(request: Request, body: EventsIn, actor: Who) -> Response:
    """What was done, in order. Sent again, it is answered as the first time and done no more.

    Where it was done in vain (`stale_packet`, `packet_cancelled`), the packet of the answer is
    another one, of kind `recover`: what to do with what they hold now.
    """
    services: Services = request.app.state.services
    now = services.clock.now()
    # a device's clock may be ahead: what it says was done has been done by now
    events = [each if each.at <= now else replace(each, at=now) for each in body.events]
    answer = await run_sync(_answer, services, events, actor, now)
    return Response(answer, media_type="application/json")


class HeartbeatIn(Shape):
    """A device is alive."""

    battery: Annotated[StrictInt, Field(ge=0, le=100)] | None = None


class HeldOut(BaseModel):
    """A packet that the device has in hand."""

    id: UUID
    rev: int
    lease_until: datetime | None
    note: str


class HeartbeatOut(BaseModel):
    """All that the device has in hand; what is not there any more was taken away."""

    tasks: list[HeldOut]


@router.post("/work/heartbeat")
def post_heartbeat(body: HeartbeatIn, services: Svc, now: Now, actor: Who) -> HeartbeatOut:
    """A sign of life, at least every few minutes: the lease of what is in hand goes on."""

    def work(session: Session) -> HeartbeatOut:
        seen(session, actor.device, Life(battery=body.battery), now=now)
        keep_leases(session, actor, now=now)
        return HeartbeatOut(tasks=_held(session, actor))

    return services.database.run(work)


class CallIn(Shape):
    """Somebody should come: where, and why."""

    command_id: UUID
    site: Text
    packet: UUID | None = None
    step: AnyText = ""
    note: AnyText = ""


@router.post("/work/call", status_code=HTTPStatus.NO_CONTENT)
def post_call(body: CallIn, services: Svc, now: Now, actor: Who) -> None:
    """Call a supervisor; they see the packet, the step and the place."""

    def work(session: Session) -> None:
        if body.site not in sites_by_code(session, [body.site]):
            raise NotFound(f"site {body.site}")
        site = site_id(body.site)
        task = session.get(Task, (site, body.packet)) if body.packet else None
        call_supervisor(
            session, site, task, body.command_id, actor, step=body.step, note=body.note, now=now
        )

    services.database.run(work)


@router.get("/work/stream", response_class=EventSourceResponse)
async def get_stream(
    services: Svc,
    actor: Who,
    site: Annotated[Text, Query()],
    device: Annotated[Text | None, Query()] = None,
) -> AsyncIterable[ServerSentEvent]:
    """Tells a device what it should know, and keeps what it has in hand its own.

    task.offered   the open tasks of each kind
    message        a supervisor's words for a packet: {packet, note}
    packet.revoked somebody has taken a packet away: {packet}; ask for the next

    A browser's EventSource sends no headers: where handhelds are open, `device` says who it is.
    """
    who = actor if actor.signed_in or device is None else Actor(device=device, operator="")
    told: dict[str, int] | None = None
    held: dict[UUID, str] = {}
    loop, kept_at = asyncio.get_running_loop(), 0.0
    while not services.ending.is_set():
        counts = await asyncio.to_thread(_open_tasks, services, site)
        if counts != told:
            told = counts
            yield ServerSentEvent(event="task.offered", data=counts)
        if loop.time() - kept_at >= KEEP_S:
            kept_at = loop.time()
            await asyncio.to_thread(_keep, services, who)
        now_held, ended = await asyncio.to_thread(_look, services, who, held)
        for each in ended:
            yield ServerSentEvent(event="packet.revoked", data={"packet": str(each)})
        for id_, note in now_held.items():
            if note and held.get(id_) != note:
                yield ServerSentEvent(event="message", data={"packet": str(id_), "note": note})
        held = now_held
        await asyncio.sleep(LOOK_S)


@router.get("/lookup/{code:path}")
def get_lookup(
    code: str, services: Svc, site: Annotated[Text | None, Query()] = None
) -> dict[str, Any]:
    """What a code means: a parcel, a tote, a place, a SKU, an order; and how it stands.

    With `site` also what begins with it there (`begins`: kinds of work for `/work/start`).
    """
    return services.database.run(lambda s: look_up(s, code, site))


def _answer(services: Services, events: list[Event], actor: Actor, now: datetime) -> str:
    """What is asked every second by everybody: a scan of somebody who goes on is one statement."""
    if len(events) == 1:
        packet = services.at_hand.take(services.database, events[0], actor, now=now)
        if packet is not None:
            result = ResultOut(id=events[0].id, result="accepted").model_dump_json()
            return f'{{"results":[{result}],"packet":{packet}}}'
    results, left = services.database.run(
        lambda s: take_work(s, services.floor, events, actor, now)
    )
    return EventsOut(results=results, packet=left).model_dump_json()


def take_work(
    session: Session, floor: Floor, events: list[Event], actor: Actor, now: datetime
) -> tuple[list[ResultOut], Packet | None]:
    """Take events and carry out what they finish; tell of what people call for."""
    results, packet = take_events(session, events, actor, finishers(floor), growers(floor), now=now)
    accepted = {each.id for each in results if each.result == "accepted"}
    calls_of(session, [event for event in events if event.id in accepted], actor, now=now)
    answers = [
        ResultOut(
            id=each.id,
            result=each.result,
            problem=asdict(each.problem) if each.problem else None,
        )
        for each in results
    ]
    return answers, packet


def _open_tasks(services: Services, site: str) -> dict[str, int]:
    query = (
        select(Task.kind, func.count())
        .where(Task.site_id == site_id(site), Task.state == "OPEN")
        .group_by(Task.kind)
    )
    return services.database.run(lambda s: dict(s.execute(query).all()))


def _keep(services: Services, actor: Actor) -> None:
    now = services.clock.now()

    def work(session: Session) -> None:
        seen(session, actor.device, now=now)
        keep_leases(session, actor, now=now)

    services.database.run(work)


def _held(session: Session, actor: Actor) -> list[HeldOut]:
    note = Task.packet["note"].astext
    query = select(Task.id, Task.fence, Task.lease_until, note).where(
        Task.state == "LEASED", Task.device == actor.device
    )
    return [
        HeldOut(id=id_, rev=rev, lease_until=until, note=said or "")
        for id_, rev, until, said in session.execute(query.order_by(Task.id))
    ]


def _look(
    services: Services, actor: Actor, before: dict[UUID, str]
) -> tuple[dict[UUID, str], list[UUID]]:
    """What the device has in hand with its message, and what was taken from it since."""

    def work(session: Session) -> tuple[dict[UUID, str], list[UUID]]:
        held = {each.id: each.note for each in _held(session, actor)}
        gone = before.keys() - held.keys()
        lost = select(Task.id).where(Task.id.in_(gone), Task.state != "DONE")
        return held, list(session.scalars(lost)) if gone else []

    return services.database.run(work)
