"""What tests of inbound say to a house: deliveries announced, received, inspected, put away.

dock = Dock(house)
asn = dock.announce(("TEA", 24), ...)           through the suppliers' door
person = dock.receive(asn)                      a handheld at the truck
person.take("TEA", 20); person.finish(CLOSE)    scan by scan
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from tests.builders import NOW, an_id
from tests.wms.house import HUB, House
from wms.sites import site_id

LATER, CLOSE = "LATER", "CLOSE"


class Dock:
    """The dock of a house, as suppliers, people and screens see it."""

    def __init__(self, house: House) -> None:
        self.house = house

    def sku(self, code: str, **facts: Any) -> None:
        """Make goods."""
        body = {"code": code, "name_en": code, "weight_g": 100} | facts
        self.house.ok(self.house.http.put("/master/v1/skus", json=[body]))

    def places(self, *places: dict[str, Any], site: str = HUB) -> None:
        """Make places."""
        body = [{"site": site, "kind": "RESERVE", "zone": "BULK"} | each for each in places]
        self.house.ok(self.house.http.put("/master/v1/locations", json=body))

    def rules(self, *rules: dict[str, Any], site: str = HUB) -> None:
        """Say where goods go."""
        body = {"rules": list(rules)}
        self.house.ok(self.house.http.put(f"/console/v1/putaway/rules/{site}", json=body))

    def body(self, *lines: tuple[str, int] | dict[str, Any], **more: Any) -> dict[str, Any]:
        """A delivery for the hub."""
        whole = [
            line if isinstance(line, dict) else {"sku": line[0], "units": line[1]} for line in lines
        ]
        return {
            "site": HUB,
            "number": f"A-{an_id().hex[-8:]}",
            "supplier": "ACME",
            "purchase_order": "PO-1",
            "eta_p50": (NOW + timedelta(days=1)).isoformat(),
            "eta_p90": (NOW + timedelta(days=2)).isoformat(),
            "lines": [{"line_no": no} | line for no, line in enumerate(whole, start=1)],
        } | more

    def announce(self, *lines: tuple[str, int] | dict[str, Any], **more: Any) -> UUID:
        """Announce a delivery; its id."""
        asn_id = an_id()
        body = self.body(*lines, **more)
        answer = self.house.http.put(f"/inbound/v1/asns/{asn_id}", json=body)
        assert answer.status_code == 201, answer.text
        return asn_id

    @staticmethod
    def new_id() -> UUID:
        """Some id."""
        return an_id()

    def asn(self, asn_id: UUID) -> dict[str, Any]:
        """A delivery as it stands."""
        found: dict[str, Any] = self.house.ok(self.house.http.get(f"/inbound/v1/asns/{asn_id}"))
        return found

    def line(self, asn_id: UUID, line_no: int = 1) -> dict[str, Any]:
        """A line of it."""
        lines: list[dict[str, Any]] = self.asn(asn_id)["lines"]
        return next(line for line in lines if line["line_no"] == line_no)

    def start(
        self, kind: str, scanned: str, *, device: str = "hh-1", site: str = HUB
    ) -> dict[str, Any]:
        """Begin something with a scan; the packet."""
        answer = self.house.http.post(
            "/api/v1/work/start",
            json={"site": site, "kind": kind, "scanned": scanned},
            headers={"X-Soko-Device": device},
        )
        packet: dict[str, Any] = self.house.ok(answer)
        return packet

    def receive(self, asn_id: UUID, *, device: str = "hh-1") -> "Person":
        """Somebody at the truck."""
        packet = self.start("inbound", self.asn(asn_id)["number"], device=device)
        return Person(self.house, packet, device)

    def putaways(self, state: str | None = "OPEN") -> list[dict[str, Any]]:
        """Goods that are put away."""
        query = {"site": HUB} | ({"state": state} if state else {})
        answer = self.house.ok(self.house.http.get("/console/v1/putaways", params=query))
        rows: list[dict[str, Any]] = answer["putaways"]
        return rows

    def at(self, place: str, sku: str | None = None) -> int:
        """Units at a place of the hub, in units that stand there too."""
        query = text(
            "SELECT coalesce(sum(q.units), 0) FROM quant q JOIN sku k ON k.id = q.sku_id"
            " JOIN location l ON l.site_id = q.site_id AND l.id = coalesce((SELECT u.location_id"
            "   FROM handling_unit u WHERE u.site_id = q.site_id AND u.id = q.handling_unit_id),"
            "   q.location_id)"
            " WHERE l.code = :place AND q.site_id = :site"
            "   AND (cast(:sku AS text) IS NULL OR k.code = :sku)"
        )
        facts = {"place": place, "sku": sku, "site": site_id(HUB)}
        return self.house.database.run(lambda s: int(s.scalar(query, facts) or 0))


class Person:
    """Somebody with a handheld and a packet."""

    def __init__(self, house: House, packet: dict[str, Any], device: str = "hh-1") -> None:
        self.house, self.packet, self.device = house, packet, device
        self.sent: list[dict[str, Any]] = []

    @property
    def step(self) -> dict[str, Any]:
        """The step to do now."""
        return next(each for each in self.packet["steps"] if each["id"] == self.packet["step"])

    def do(self, kind: str, value: Any) -> dict[str, Any] | None:
        """One event; the problem, if it was refused."""
        event = self.house.event(self.packet, kind, value, device=self.device)
        self.sent.append(event)
        said = self.house.send(event, device=self.device)
        (result,) = said["results"]
        self.packet = said["packet"] or {"step": None, "steps": []}
        problem: dict[str, Any] | None = result["problem"]
        return problem

    def well(self, kind: str, value: Any) -> None:
        """One event that is taken."""
        problem = self.do(kind, value)
        assert problem is None, problem

    def scan(self, code: str) -> None:
        """A scan that is taken."""
        self.well("scan", code)

    def odd(self, code: str, found: int = 0) -> None:
        """An exception that is taken."""
        self.well("exception", {"code": code, "found": found})

    def count(self, units: int) -> None:
        """Type how many, where it must be so after a scan of one."""
        expect = self.step["expect"]
        if expect:
            self.scan(expect[0]["codes"][0])
        if units > 1 or not expect:
            self.well("qty", units)
        self.well("choice", "done")

    def take(self, code: str, units: int, state: str = "OK", *, photo: str = "") -> None:
        """A whole round: scan the goods, count them, say how they are."""
        self.scan(code)
        self.count(units)
        self.say(state, photo=photo)

    def say(self, state: str, *, photo: str = "") -> None:
        """How the goods are."""
        self.well("choice", state)
        if state != "OK":
            self.well("choice", photo)

    def finish(self, how: str) -> None:
        """Go on another day, or close the delivery."""
        self.odd("finish")
        self.well("choice", how)
        assert self.packet["step"] is None
