"""What tests of goods between sites say to a house: transfers placed, sent, received."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from tests.builders import an_id
from tests.wms.house import House
from wms.outbound.model import ExceptionRow
from wms.outbox import OutboxEvent


def put_transfer(
    house: House, source: str, destination: str, *lines: tuple[str, int], **more: Any
) -> UUID:
    """Place a transfer; its id."""
    transfer_id = an_id()
    body = {
        "from": source,
        "to": destination,
        "lines": [
            {"line_no": number, "sku": sku, "units": units}
            for number, (sku, units) in enumerate(lines, start=1)
        ],
        "why": "a test",
    } | more
    house.ok(house.http.put(f"/oms/v1/transfers/{transfer_id}", json=body))
    return transfer_id


def transfer(house: House, transfer_id: UUID) -> dict[str, Any]:
    """A transfer as it stands."""
    body: dict[str, Any] = house.ok(house.http.get(f"/oms/v1/transfers/{transfer_id}"))
    return body


def line(house: House, transfer_id: UUID, line_no: int = 1) -> dict[str, Any]:
    """A line of it."""
    lines: list[dict[str, Any]] = transfer(house, transfer_id)["lines"]
    return next(each for each in lines if each["line_no"] == line_no)


def send(house: House, site: str, **more: Any) -> None:
    """Pick, pack and load all there is at a site."""
    house.tick()
    house.work_off(site, "pick", **more)
    house.work_off(site, "pack")
    house.work_off(site, "load")


def jobs(house: House, *names: str) -> int:
    """Run these jobs of the worker, each until it has nothing to do."""
    done = 0
    for job in house.jobs.all():
        if job.name in names:
            while did := job.run():
                done += did
    return done


def arrivals(house: House, site: str, state: str = "EXPECTED") -> list[dict[str, Any]]:
    """Parcels on their way to a site, or that were."""
    query = {"site": site, "state": state}
    found: list[dict[str, Any]] = house.ok(house.http.get("/console/v1/arrivals", params=query))
    return found


def walk(
    house: House, packet: dict[str, Any], answers: dict[str, tuple[str, Any]] | None = None
) -> None:
    """Do a packet; `answers` says, by step id, which event is sent instead of the obvious one."""
    now: dict[str, Any] | None = packet
    while now is not None:
        step = next(each for each in now["steps"] if each["id"] == now["step"])
        if step["id"] in (answers or {}):
            kind, value = (answers or {})[step["id"]]
            deeds = []
            if kind == "qty":
                deeds.append(house.event(now, "scan", step["expect"][0]["codes"][0]))
            deeds.append(house.event(now, kind, value))
        else:
            deeds = house._deeds(now, step, {})
        said = house.send(*deeds)
        assert all(each["result"] == "accepted" for each in said["results"]), said
        now = said["packet"]


def exceptions(house: House) -> dict[str, dict[str, Any]]:
    """What people are asked to look at, by code."""
    rows = house.database.run(lambda s: s.scalars(select(ExceptionRow)).all())
    return {row.code: row.facts for row in rows if row.active}


def events(house: House, kind: str) -> list[dict[str, Any]]:
    """The bodies of all events of that type."""
    query = select(OutboxEvent.body).where(OutboxEvent.type == kind).order_by(OutboxEvent.id)
    return list(house.database.run(lambda s: s.scalars(query).all()))
