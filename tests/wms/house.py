"""A small network behind its public doors: what the flow tests drive.

house = House(database)             a hub TYO1 with totes and shelves, a spoke OSA1, two stores
house.put_order(...)                through the HTTP application
house.tick()                        the worker's jobs, until none has anything to do
house.work_off("TYO1", "pick")      a person with a handheld, doing all packets there are
house.hear(TransportReport(...))    what the WCS says, through the inbox
house.said()                        what the WMS has told the WCS since the last time
"""

import itertools
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from starlette.datastructures import State

from edge.stream import Ack, Batch
from tests.builders import NOW, an_id
from wcs.messages import FromWcs, ToWcs, TransportOrder, TransportReport, from_wcs, to_wcs
from wms import inbox
from wms.api.dependencies import Services
from wms.app import create_app
from wms.books import ALL_LAWS
from wms.database import Database
from wms.errors import Unavailable
from wms.jobs import Jobs
from wms.outbound import stream
from wms.outbound.floor import Floor
from wms.outbound.model import Parcel
from wms.partners.webhook import WebhookRefused
from wms.ports import Booked, Booking, Tracking, TrackingEvent, WebhookEvent
from wms.settings import Settings
from wms.stock.verify import verify

HUB, SPOKE, GINZA, UMEDA = "TYO1", "OSA1", "S-GNZ", "S-UMD"
STORES = (GINZA, UMEDA)
TOKYO = {"prefecture": "東京都", "postal_code": "100-0001", "latitude": 35.7, "longitude": 139.8}
OSAKA = {"prefecture": "大阪府", "postal_code": "530-0001", "latitude": 34.7, "longitude": 135.5}
SITES = [
    {"code": HUB, "kind": "DC", "name_en": "Tokyo", "latitude": 35.6, "longitude": 139.8},
    {"code": SPOKE, "kind": "FC", "name_en": "Osaka", "latitude": 34.7, "longitude": 135.5},
    {"code": GINZA, "kind": "STORE", "name_en": "Ginza", "latitude": 35.67, "longitude": 139.76},
    {"code": UMEDA, "kind": "STORE", "name_en": "Umeda", "latitude": 34.70, "longitude": 135.50},
]


class Hand:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        """The present moment; a millisecond later each time, as events need an order."""
        self.at += timedelta(milliseconds=1)
        return self.at

    def real_s(self, virtual_s: float) -> float:
        """The same."""
        return virtual_s

    async def sleep(self, virtual_s: float) -> None:
        """Move on."""
        self.at += timedelta(seconds=virtual_s)


class PaperCarrier:
    """A carrier whose answers a test writes: a second implementation of the port."""

    def __init__(self) -> None:
        self.booked: dict[UUID, Booking] = {}
        self.events: list[TrackingEvent] = []
        self.is_down = False

    def book(self, booking: Booking) -> Booked:
        """Take note."""
        if self.is_down:
            raise Unavailable("no answer")
        self.booked[booking.parcel_id] = booking
        return Booked(tracking_number=f"TN-{booking.sscc}")

    def cancel(self, parcel_id: UUID) -> None:
        """Cross it out."""
        if self.is_down:
            raise Unavailable("no answer")
        self.booked.pop(parcel_id, None)

    def tracking(self, cursor: int) -> Tracking:
        """What the test has written."""
        if self.is_down:
            raise Unavailable("no answer")
        return Tracking(cursor=len(self.events), events=tuple(self.events[cursor:]))


class PaperWebhooks:
    """Keeps what it is given, unless it is told to refuse."""

    def __init__(self) -> None:
        self.events: list[WebhookEvent] = []
        self.refuses = 0

    def deliver(self, event: WebhookEvent) -> int:
        """Keep it."""
        if self.refuses:
            self.refuses -= 1
            raise WebhookRefused("answered 503", 503)
        self.events.append(event)
        return 200


_APPS: list[FastAPI] = []


def _app_of(services: Services) -> FastAPI:
    """The web application with these services; putting its routes together takes a while."""
    if not _APPS:
        _APPS.append(create_app(services.settings, services))
    app = _APPS[0]
    app.state = State({"services": services})  # nothing of another's loop, and no counts of theirs
    app.middleware_stack = None
    return app


class House:
    """The network and everything that a test does to it."""

    def __init__(self, database: Database, **floor: Any) -> None:
        self.database = database
        self.clock = Hand()
        self.floor = Floor(**floor)
        self.carrier = PaperCarrier()
        self.webhooks = PaperWebhooks()
        self.jobs = Jobs(
            database=database,
            clock=self.clock,
            floor=self.floor,
            carrier=self.carrier,
            webhooks=self.webhooks,
        )
        services = Services(
            settings=Settings(contact_key=Path(tempfile.mkdtemp()) / "contact.key"),
            database=database,
            clock=self.clock,
            floor=self.floor,
        )
        self.http = TestClient(_app_of(services))
        self.http.__enter__()  # one event loop for all requests
        self.packs = True  # the worker plans packing while people pick
        self._seq = itertools.count(1)
        self._event_seq = itertools.count(1)
        self._told = 0
        self._masters()

    def close(self) -> None:
        """Let go of everything; what the books say must be right."""
        self.http.__exit__(None, None, None)
        report = self.database.run(lambda session: verify(session, ALL_LAWS))
        assert report.clean, report

    def _masters(self) -> None:
        self.ok(self.http.put("/master/v1/sites", json=SITES))
        places = [
            {"site": HUB, "code": f"A{aisle:02d}-01-1", "kind": "RESERVE", "zone": "ROBOT",
             "aisle": aisle, "bay": 1}
            for aisle in range(1, 5)
        ]  # fmt: skip
        places += [
            {"site": site, "code": f"S{aisle:02d}-{bay:02d}", "kind": "PICK_FACE", "zone": "SHELF",
             "aisle": aisle, "bay": bay}
            for site in (HUB, SPOKE) for aisle in (1, 2, 3) for bay in (1, 2, 3)
        ]  # fmt: skip
        places += [
            {"site": site, "code": code, "kind": kind, "zone": "SHELF", "aisle": 1, "bay": bay}
            for site in STORES
            for bay, (code, kind) in enumerate([
                ("FLOOR-1", "SALES_FLOOR"), ("BACK-1", "BACKROOM"), ("P-01", "PICKUP_SHELF"),
                ("P-02", "PICKUP_SHELF"), ("P-03", "PICKUP_SHELF"),
            ], start=1)
        ]  # fmt: skip
        self.ok(self.http.put("/master/v1/locations", json=places))

    def sku(self, code: str, *, weight_g: int = 100) -> None:
        """Make a SKU."""
        body = [{"code": code, "name_en": code, "weight_g": weight_g}]
        self.ok(self.http.put("/master/v1/skus", json=body))

    def stock(
        self, code: str, units: int, at: str, *, site: str = HUB, tote: str | None = None
    ) -> None:
        """Put stock somewhere."""
        line = {"site": site, "location": at, "sku": code, "units": units, "tote": tote}
        self.ok(self.http.post("/master/v1/receipts", json={"id": str(an_id()), "lines": [line]}))

    @staticmethod
    def ok(answer: httpx2.Response) -> Any:
        """The body of an answer that must be a good one."""
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    # ------------------------------------------------------------------------------- orders
    def order_body(self, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
        """An order for Tokyo."""
        return {
            "number": f"N{next(self._seq)}",
            "channel": "web",
            "placed_at": NOW.isoformat(),
            "customer": None,
            "ship_to": TOKYO,
            "lines": [
                {"line_no": number, "sku": sku, "units": units}
                for number, (sku, units) in enumerate(lines, start=1)
            ],
        } | more

    def put_order(self, *lines: tuple[str, int], **more: Any) -> UUID:
        """Place an order; its id."""
        order_id = an_id()
        body = self.order_body(*lines, **more)
        self.ok(self.http.put(f"/oms/v1/orders/{order_id}", json=body))
        return order_id

    def order(self, order_id: UUID) -> dict[str, Any]:
        """An order as it stands."""
        body: dict[str, Any] = self.ok(self.http.get(f"/oms/v1/orders/{order_id}"))
        return body

    def line(self, order_id: UUID, line_no: int = 1) -> dict[str, Any]:
        """A line as it stands."""
        lines: list[dict[str, Any]] = self.order(order_id)["lines"]
        return next(line for line in lines if line["line_no"] == line_no)

    def summary(self) -> dict[str, Any]:
        """The day's counters."""
        body: dict[str, Any] = self.ok(self.http.get("/console/v1/summary"))
        return body

    def stock_row(self, sku: str, site: str = HUB) -> dict[str, Any]:
        """All states of a SKU at a site."""
        body = self.ok(self.http.get("/v1/availability", params={"sku": sku, "site": site}))
        units: dict[str, Any] = body["skus"][0]["sites"][site]["units"]
        return units

    def parcels(self) -> list[Parcel]:
        """All parcels, in the order they were made."""
        query = select(Parcel).order_by(Parcel.made_at, Parcel.sscc)
        return self.database.run(lambda s: list(s.scalars(query)))

    # ------------------------------------------------------------------------------- worker
    def tick(self) -> None:
        """The worker's jobs until there is nothing left to do."""
        self.tick_sources()
        while self.job("pack"):
            self.tick_sources()

    def tick_sources(self) -> None:
        """The jobs before anybody picks."""
        while self.jobs.source() + self.jobs.release():
            pass

    def after_hours(self) -> None:
        """Booking, tracking, telling."""
        while self.jobs.book() + self.jobs.track() + self.job("tell"):
            pass

    def job(self, name: str) -> int:
        """A job of that name, once; how much it did."""
        return next(job for job in self.jobs.all() if job.name == name).run()

    # ---------------------------------------------------------------------------------- WCS
    def said(self) -> list[ToWcs]:
        """What the WMS has told the hub's WCS since the last time."""
        numbering = self.database.run(lambda s: stream.number(s, HUB, "wms-epoch"))
        numbers = range(self._told + 1, numbering.last + 1)
        bodies = self.database.run(lambda s: stream.read(s, HUB, numbers))
        self._told = numbering.last
        return [to_wcs.validate_json(body) for body in bodies]

    def hear(self, *messages: FromWcs, seq: int | None = None) -> Ack:
        """What the WCS says, through the inbox."""
        raw = tuple(from_wcs.dump_python(message, mode="json") for message in messages)
        if seq is None:
            seq = self.heard + 1
        batch = Batch("wcs-epoch", seq, raw)
        return self.database.run(
            lambda s: inbox.take_batch(s, self.floor, HUB, batch, now=self.clock.now())
        )

    @property
    def heard(self) -> int:
        """How far the inbox has come."""
        acks = self.database.run(lambda s: inbox.positions(s, HUB))
        return acks[0].seq if acks else 0

    def transports(self, state: str = "FINISHED", **more: Any) -> list[TransportOrder]:
        """Robots carry out what they were told; or fail."""
        orders = [each for each in self.said() if isinstance(each, TransportOrder)]
        for order in orders:
            facts: dict[str, Any] = {"metres": 10.0} | more
            self.hear(TransportReport(at=self.clock.now(), id=order.id, state=state, **facts))  # type: ignore[arg-type]
        return orders

    # ------------------------------------------------------------------------------- people
    def next_packet(
        self, site: str, kind: str, *, station: str | None = None, device: str = "hh-1"
    ) -> dict[str, Any] | None:
        """What a handheld is given."""
        query = {"site": site, "kinds": kind} | ({"station": station} if station else {})
        answer = self.http.get("/api/v1/work/next", params=query, headers={"X-Soko-Device": device})
        assert answer.status_code in {200, 204}, answer.text
        packet: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return packet

    def event(self, packet: dict[str, Any], kind: str, value: Any, **more: Any) -> dict[str, Any]:
        """An event at the packet's present step."""
        return {
            "id": str(an_id()),
            "packet": packet["id"],
            "rev": packet["rev"],
            "step": packet["step"],
            "type": kind,
            "value": value,
            "at": self.clock.now().isoformat(),
            "seq": next(self._event_seq),
            "device": "hh-1",
        } | more

    def send(self, *events: dict[str, Any], device: str = "hh-1") -> dict[str, Any]:
        """Send events; the answer."""
        body: dict[str, Any] = self.ok(
            self.http.post(
                "/api/v1/work/events",
                json={"events": list(events)},
                headers={"X-Soko-Device": device},
            )
        )
        if self.packs:
            self.job("pack")
        return body

    def do(self, packet: dict[str, Any], *, short: dict[str, int] | None = None) -> None:
        """Do a packet to its end; `short` says what is found of a SKU."""
        now: dict[str, Any] | None = packet
        while now is not None:
            step = next(step for step in now["steps"] if step["id"] == now["step"])
            now = self.send(*self._deeds(now, step, short or {}))["packet"]

    def _deeds(
        self, packet: dict[str, Any], step: dict[str, Any], short: dict[str, int]
    ) -> list[dict[str, Any]]:
        codes = [code for expect in step["expect"] for code in expect["codes"]]
        if step["op"] not in {"scan", "count"}:
            return [self.event(packet, "choice", codes[0] if codes else "ok")]
        found = next((short[code] for code in codes if code in short), None)
        if found is not None:
            return [self.event(packet, "exception", {"code": "short", "found": found})]
        deeds = [self.event(packet, "scan", codes[0])] if codes else []
        qty = step["qty"]
        if qty and (qty["target"] > 1 or not codes):
            deeds.append(self.event(packet, "qty", qty["target"]))
        return [*deeds, self.event(packet, "choice", "done")] if qty and qty["open"] else deeds

    def work_off(
        self, site: str, kind: str, *, station: str | None = None, **more: Any
    ) -> list[dict[str, Any]]:
        """Do all packets of a kind; the packets as they were handed out."""
        done = []
        while (packet := self.next_packet(site, kind, station=station)) is not None:
            self.do(packet, **more)
            done.append(packet)
        return done
