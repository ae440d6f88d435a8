"""The handheld's server on the stage: any packet that a test hands in, and the WMS's own reducer.

A step that only the server can judge is answered as the real one does: a grower puts a step in
(`more`), or refuses ("NOBODY"). Calls, pictures and what was begun are kept for the test to see.
"""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from wms.work.packet import (
    Event,
    Expect,
    Packet,
    Problem,
    Say,
    Step,
    grown,
    new_packet,
    packet_json,
    reduce,
)

router = APIRouter()
LEASE = datetime(2026, 11, 27, 9, 10, tzinfo=UTC)


class Bench:
    """What the stage's server has in hand."""

    def __init__(self) -> None:
        self.packets: dict[UUID, Packet] = {}
        self.known: set[UUID] = set()
        self.photos: dict[str, int] = {}
        self.calls: list[dict[str, Any]] = []
        self.lost: set[UUID] = set()

    def judge(self, packet: Packet, event: Event) -> Packet | Problem:
        """What the server makes of an event."""
        if event.packet in self.lost:
            return Problem(code="stale_packet", facts={"rev": packet.rev + 1})
        after = reduce(packet, event)
        step = next(step for step in packet.steps if step.id == event.step)
        if not step.online or event.type == "undo" or isinstance(after, Problem):
            return after
        if event.value == "NOBODY":
            return Problem(code="unknown_goods", facts={"scanned": "NOBODY"})
        more = Step(
            id=f"{step.id}.more",
            op="scan",
            say=Say(code="inbound.scan_unit"),
            big="LPN",
            expect=(Expect(kind="lpn"),),
        )
        return grown(after, [more])


bench = Bench()


def packet_of(number: int, kind: str, steps: tuple[Step, ...], note: str = "") -> Packet:
    """A packet of these steps."""
    return replace(new_packet(UUID(int=number), kind, kind, steps, LEASE), note=note)


@router.post("/stage/packets", status_code=204)
async def put_packet(request: Request) -> None:
    """Hand a packet in; the first that is not done is the next work."""
    packet = packet_json.validate_json(await request.body())
    bench.packets[packet.id] = packet


@router.post("/stage/lost/{packet_id}", status_code=204)
def lose(packet_id: UUID) -> None:
    """Somebody else has that packet now."""
    bench.lost.add(packet_id)


@router.get("/stage/work")
def work() -> dict[str, Any]:
    """How it all stands."""
    return {
        "packets": {
            str(id_): packet_json.dump_python(packet, mode="json")
            for id_, packet in bench.packets.items()
        },
        "photos": bench.photos,
        "calls": bench.calls,
        "events": len(bench.known),
    }


def next_packet() -> Packet | None:
    """The first packet of the test's that is not done."""
    left = (each for each in bench.packets.values() if each.step and each.id not in bench.lost)
    return next(left, None)


def take(event: Event) -> tuple[dict[str, Any], Packet]:
    """The answer to one event of a packet of the test's."""
    packet = bench.packets[event.packet]
    if event.id in bench.known:
        return {"id": str(event.id), "result": "duplicate"}, packet
    after = bench.judge(packet, event)
    if isinstance(after, Problem):
        return {"id": str(event.id), "result": "rejected", "problem": asdict(after)}, packet
    bench.known.add(event.id)
    bench.packets[event.packet] = after
    return {"id": str(event.id), "result": "accepted"}, after


@router.post("/api/v1/work/start", response_model=None)
async def start(request: Request) -> Response:
    """A putaway of whatever was scanned."""
    told = await request.json()
    steps = (
        Step(
            id="place",
            op="scan",
            say=Say(code="putaway.scan_place"),
            big="A-01-01",
            expect=(Expect(kind="location", codes=("A-01-01",), check=("47",)),),
        ),
    )
    packet = packet_of(len(bench.packets) + 100, told["kind"], steps)
    bench.packets[packet.id] = packet
    return Response(packet_json.dump_json(packet), media_type="application/json")


@router.post("/api/v1/work/call", status_code=204)
async def call(request: Request) -> None:
    """Somebody calls."""
    bench.calls.append(await request.json())


@router.put("/api/v1/evidence/{evidence_id}", status_code=201)
async def evidence(evidence_id: str, request: Request) -> dict[str, Any]:
    """A picture comes."""
    bench.photos[evidence_id] = len(await request.body())
    return {"id": evidence_id, "bytes": bench.photos[evidence_id]}
