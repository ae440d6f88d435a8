"""People who count, with a handheld, through the public doors."""

from typing import Any
from uuid import UUID

import httpx2

from tests.builders import an_id
from tests.wms.house import HUB, House


def as_who(operator: str) -> dict[str, str]:
    """The headers of somebody with a device."""
    return {"X-Soko-Device": f"hh-{operator}", "X-Soko-Operator": operator}


def begin(house: House, operator: str, place: str, *, site: str = HUB) -> dict[str, Any] | None:
    """Scan a place to count it; the packet."""
    body = {"site": site, "kind": "count", "scanned": place}
    answer = house.http.post("/api/v1/work/start", json=body, headers=as_who(operator))
    packet: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
    return packet


def given(
    house: House, operator: str, *, site: str = HUB, kind: str = "count"
) -> dict[str, Any] | None:
    """What the pool gives to them."""
    answer = house.http.get(
        "/api/v1/work/next", params={"site": site, "kinds": kind}, headers=as_who(operator)
    )
    assert answer.status_code in {200, 204}, answer.text
    packet: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
    return packet


def say(
    house: House, operator: str, packet: dict[str, Any], kind: str, value: Any
) -> dict[str, Any]:
    """One event; its answer with the packet as it is then."""
    event = house.event(packet, kind, value, device=f"hh-{operator}")
    body: dict[str, Any] = house.ok(
        house.http.post("/api/v1/work/events", json={"events": [event]}, headers=as_who(operator))
    )
    return body


def scan_place(house: House, operator: str, packet: dict[str, Any]) -> dict[str, Any]:
    """Stand there and scan it."""
    after = say(house, operator, packet, "scan", packet["title"])
    assert after["results"][0]["result"] == "accepted", after
    body: dict[str, Any] = after["packet"]
    return body


def scan_items(
    house: House, operator: str, packet: dict[str, Any], *what: str | tuple[str, int]
) -> dict[str, Any]:
    """Scan goods one by one, or scan one and type how many."""
    for each in what:
        code, units = (each, None) if isinstance(each, str) else each
        packet = say(house, operator, packet, "scan", code)["packet"]
        if units is not None:
            packet = say(house, operator, packet, "qty", units)["packet"]
    return packet


def end(house: House, operator: str, packet: dict[str, Any]) -> dict[str, Any]:
    """That is all; the answer to the last event."""
    packet = say(house, operator, packet, "choice", "done")["packet"]
    return say(house, operator, packet, "choice", "ok")


def count(
    house: House, operator: str, packet: dict[str, Any] | None, *what: str | tuple[str, int]
) -> None:
    """Do a whole count."""
    assert packet is not None
    packet = scan_items(house, operator, scan_place(house, operator, packet), *what)
    answer = end(house, operator, packet)
    assert answer["results"][0]["result"] == "accepted", answer


def counts(house: House, **query: Any) -> list[dict[str, Any]]:
    """Counts as supervisors see them."""
    rows: list[dict[str, Any]] = house.ok(house.http.get("/console/v1/counts", params=query))[
        "counts"
    ]
    return rows


def one(house: House, count_id: str, site: str = HUB) -> dict[str, Any]:
    """A count with all that belongs to it."""
    body: dict[str, Any] = house.ok(house.http.get(f"/console/v1/counts/{site}/{count_id}"))
    return body


def decide(
    house: House, operator: str, count_id: str, act: str, *, command: UUID | None = None
) -> httpx2.Response:
    """A supervisor decides."""
    body = {"command_id": str(command or an_id()), "reason": "looked at it"}
    return house.http.post(
        f"/console/v1/counts/{HUB}/{count_id}:{act}", json=body, headers=as_who(operator)
    )


def unknown(house: House, sku: str) -> int:
    """How many units of it are missed."""
    return int(house.stock_row(sku)["unknown"])


def free(house: House, sku: str) -> int:
    """How many may be sold."""
    return int(house.stock_row(sku)["free"])
