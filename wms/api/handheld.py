"""For handhelds: the next piece of work, what was done, and what any code means."""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Services, Svc, Who
from wms.api.flows import ALL_KINDS, STARTERS, finishers, growers
from wms.api.lookup import look_up
from wms.api.shapes import AnyText, EventsIn, EventsOut, ResultOut, Shape, Text
from wms.errors import NotFound
from wms.outbound.floor import Floor
from wms.sites import site_id, sites_by_code
from wms.work.model import Task
from wms.work.packet import Event, Packet
from wms.work.tasks import Actor, PacketTaken, lease, lease_next, take_events

router = APIRouter(prefix="/api/v1", tags=["handheld"])
LOOK_S = 1.0


@router.get("/work/next", responses={204: {"description": "nothing to do"}}, response_model=Packet)
def get_next(
    services: Svc,
    now: Now,
    actor: Who,
    site: Annotated[Text, Query()],
    kinds: Annotated[Text, Query()] = ALL_KINDS,
    station: Annotated[Text | None, Query()] = None,
) -> Packet | Response:
    """The packet that this device has in hand, or the next one; 204 if there is none."""
    wanted = kinds.split(",")

    def work(session: Session) -> Packet | None:
        if site not in sites_by_code(session, [site]):
            raise NotFound(f"site {site}")
        return lease_next(session, site, wanted, actor, now=now, station=station)

    packet = services.database.run(work)
    return packet if packet is not None else Response(status_code=HTTPStatus.NO_CONTENT)


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


@router.post("/work/events")
def post_events(body: EventsIn, services: Svc, now: Now, actor: Who) -> EventsOut:
    """What was done, in order. Sent again, it is answered as the first time and done no more."""
    results, packet = services.database.run(
        lambda s: take_work(s, services.floor, body.events, actor, now)
    )
    return EventsOut(results=results, packet=packet)


@router.get("/work/stream", response_class=EventSourceResponse)
async def get_stream(
    services: Svc, site: Annotated[Text, Query()]
) -> AsyncIterable[ServerSentEvent]:
    """Tells a device that there is work: task.offered with the open tasks of each kind."""
    told: dict[str, int] | None = None
    while True:
        counts = await asyncio.to_thread(_open_tasks, services, site)
        if counts != told:
            told = counts
            yield ServerSentEvent(event="task.offered", data=counts)
        await asyncio.sleep(LOOK_S)


@router.get("/lookup/{code}")
def get_lookup(code: str, services: Svc) -> dict[str, Any]:
    """What a code means: a parcel, a tote, a place, a SKU, an order; and how it stands."""
    return services.database.run(lambda s: look_up(s, code))


def take_work(
    session: Session, floor: Floor, events: list[Event], actor: Actor, now: Now
) -> tuple[list[ResultOut], Packet | None]:
    """Take events and carry out what they finish."""
    results, packet = take_events(session, events, actor, finishers(floor), growers(floor), now=now)
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
