"""A store on the stage: a queue in every state, a bag to prepare, codes that are right and wrong.

The shapes are those of wms/api/store_shapes.py; steps of a packet are judged by the WMS's reducer.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from tests.web.stage_stock import GOODS
from wms.api.return_shapes import ReturnOut
from wms.api.store_shapes import CounterOrderIn, QueueOut
from wms.work.packet import Expect, Fact, Packet, Quantity, Say, Step, new_packet

NOW = datetime(2026, 11, 27, 0, 30, tzinfo=UTC)
SITE = "S-GINZA"
CODE, QR = "482913", "SOKO-C-q2Zs4o9B0mXc1Rk7TtYw3A"
PLACES = ("F-02-1", "F-04-3", "B-01-2", "F-07-1")


def _id(number: int) -> str:
    return f"0198f000-0000-7000-8000-{number:012}"


def _line(line_no: int, sku: str, units: int, state: str = "ALLOCATED") -> dict[str, Any]:
    name_en, name_ja = GOODS[sku]
    here = state != "ON_ITS_WAY"
    return {
        "line_no": line_no, "sku": sku, "name_en": name_en, "name_ja": name_ja, "units": units,
        "place": PLACES[line_no % len(PLACES)] if here else None, "state": state, "image": None,
    }  # fmt: skip


def _item(number: int, kind: str, state: str, minutes: int | None, **more: Any) -> dict[str, Any]:
    promised = None if minutes is None else NOW + timedelta(minutes=minutes)
    return {
        "id": _id(number), "kind": kind, "number": f"N-{10400 + number}", "state": state,
        "order_id": _id(1000 + number), "late_in_s": None if minutes is None else minutes * 60,
        "promised_by": promised.isoformat() if promised else None, "answer_by": None,
        "bag": f"BAG-{number:03}", "shelf": None, "ready_at": None, "keep_until": None,
        "ended_at": None, "packet_id": None, "reason": "", "till_reference": "",
        "lines": [_line(1, "SN-WHT-26", 1)], **more,
    }  # fmt: skip


def _first() -> list[dict[str, Any]]:
    kept = (NOW + timedelta(days=6)).isoformat()
    return [
        _item(1, "COLLECT", "TO_ACCEPT", -4,
              lines=[_line(1, "MUG-350", 2), _line(2, "TOWEL-BLU", 1)]),
        _item(2, "COLLECT", "ACCEPTED", 18),
        _item(3, "RESERVE", "TO_ACCEPT", 95, lines=[_line(3, "TEAPOT-01", 1)]),
        _item(4, "SHIP", "TO_ACCEPT", 210, bag=None, lines=[_line(2, "UMBR-65", 1)]),
        _item(5, "COLLECT", "READY", -900, shelf="P-02", keep_until=kept),
        _item(6, "RESERVE", "READY", None, shelf="P-01", keep_until=kept,
              lines=[_line(1, "TEAPOT-01", 1)]),
        _item(7, "COLLECT", "WAITING", 1500, lines=[_line(1, "RICE-5KG", 2, "ON_ITS_WAY")]),
        _item(8, "RETURN", "REQUESTED", None, bag=None,
              lines=[_line(1, "MUG-350", 2) | {"place": None}]),
    ]  # fmt: skip


class Shop:
    """What there is to do."""

    def __init__(self) -> None:
        self.items = {each["id"]: each for each in _first()}
        self.tries_left = 5
        self.taken_back: dict[str, Any] = {}
        self.ordered: dict[str, Any] = {}

    def open(self) -> list[dict[str, Any]]:
        """What has not ended."""
        ended = {"HANDED_OVER", "REJECTED", "RETURNED_TO_FLOOR"}
        return [each for each in self.items.values() if each["state"] not in ended]

    def bagged(self, packet: Packet) -> None:
        """Its packet is done: it lies in its slot."""
        for each in self.items.values():
            if each["packet_id"] == str(packet.id):
                each |= {"state": "READY", "shelf": "P-03"}


router = APIRouter()
shop = Shop()
made: dict[str, Packet] = {}  # packets by id, for the stage to play


def problem(status: int, code: str, **facts: Any) -> JSONResponse:
    """As the WMS says no."""
    body = {"type": code, "title": code, "status": status, "code": code, **facts}
    return JSONResponse(body, status, media_type="application/problem+json")


@router.get("/store/v1/{site}/queue", response_model=None)
def queue(site: str) -> dict[str, Any] | JSONResponse:
    """All of it, as it comes: the page sorts."""
    if site != SITE:
        return problem(404, "not_found")
    told = QueueOut.model_validate({"site": site, "at": NOW, "items": shop.open()})
    return told.model_dump(mode="json")


@router.get("/store/v1/{site}/collections/{id_}")
def collection(site: str, id_: str) -> dict[str, Any]:  # noqa: ARG001
    """One of them."""
    found: dict[str, Any] = shop.items[id_]
    return found


@router.post("/store/v1/{site}/ships/{order_id}:{act}")
async def ship(site: str, order_id: str, act: str, request: Request) -> Response:  # noqa: ARG001
    """Accepted, or found elsewhere."""
    assert (await request.json())["command_id"]
    item = next(each for each in shop.items.values() if each["order_id"] == order_id)
    item["state"] = "ACCEPTED" if act == "accept" else "REJECTED"
    return Response(status_code=204)


@router.post("/store/v1/{site}/collections/{id_}:{act}", response_model=None)
async def deed(site: str, id_: str, act: str, request: Request) -> Any:  # noqa: ARG001
    """What staff does."""
    body = await request.json()
    assert body["command_id"]
    item = shop.items[id_]
    if act == "prepare":
        item |= {"state": "PREPARING", "packet_id": _id(5000 + int(id_[-3:]))}
        packet = made.setdefault(item["packet_id"], _packet(item))
        return {"packet_id": item["packet_id"], "packet": packet}
    if act == "hand-over":
        if item["kind"] == "RESERVE" and not body["till_reference"]:
            return problem(422, "till_reference_missing")
        if body["code"] not in {CODE, QR}:
            shop.tries_left -= 1
            return problem(422, "wrong_pickup_code", tries_left=shop.tries_left)
    item["state"] = {
        "accept": "ACCEPTED", "reject": "REJECTED", "hand-over": "HANDED_OVER",
        "return-to-floor": "RETURNING",
    }[act]  # fmt: skip
    item["reason"] = body.get("reason", "")
    return item


def _packet(item: dict[str, Any]) -> Packet:
    (line,) = item["lines"]
    facts = (Fact(label="order", value=item["number"]),)
    place, sku, bag = line["place"], line["sku"], item["bag"]
    steps = (
        Step(id="1.place", op="scan", say=Say(code="pick.scan_location"), big=place,
             expect=(Expect(kind="location", codes=(place,)),), next="1.item"),
        Step(id="1.item", op="scan", say=Say(code="pick.scan_item"), big="1",
             facts=(Fact(label="sku", value=sku), *facts),
             expect=(Expect(kind="item", codes=(sku,)),),
             qty=Quantity(target=1, max=1), next="label", allow=("short", "damaged", "undo")),
        Step(id="label", op="print", say=Say(code="collect.print_label"), big=bag, facts=facts,
             next="bag"),
        Step(id="bag", op="scan", say=Say(code="collect.scan_bag"), big=bag,
             expect=(Expect(kind="slot", codes=(bag,)),), next="shelf"),
        Step(id="shelf", op="scan", say=Say(code="collect.scan_shelf"), big="P-03",
             expect=(Expect(kind="location", codes=("P-03",)),)),
    )  # fmt: skip
    return new_packet(UUID(item["packet_id"]), "collect", item["number"], steps, NOW)


RETURNED = "0198f000-0000-7000-8000-0000000009d0"
TENDER = {"id": _id(700), "kind": "CARD"}


@router.get("/oms/v1/orders/{order_id}/returns")
def returnable(order_id: str) -> dict[str, Any]:
    """What may still come back of an order."""
    assert order_id == RETURNED
    lines = [("MUG-350", 2), ("TEAPOT-01", 1), ("UMBR-65", 0)]
    return {
        "until": NOW.isoformat(), "returns": [],
        "lines": [
            {"line_no": n, "sku": sku, "units_left": left, "price_minor": 1980}
            for n, (sku, left) in enumerate(lines, start=1)
        ],
    }  # fmt: skip


@router.post("/store/v1/{site}/returns", status_code=201)
async def take_back(site: str, request: Request) -> dict[str, Any]:
    """The rules say what becomes of it, and what goes back."""
    body = await request.json()
    ways = {"A": "RESTOCK", "B": "OUTLET", "C": "QUARANTINE", "D": "SCRAP"}
    lines = [
        {
            "line_no": line["line_no"], "sku": "MUG-350", "units": line["units"],
            "units_received": line["units"], "status": "RETURNED", "site": site,
            "reason": line["reason"], "grade": line["grade"], "photo": "",
            "disposition": ways[line["grade"]], "refund_minor": 1980 * line["units"],
        }
        for line in body["lines"]
    ]  # fmt: skip
    shop.taken_back = body
    told = {
        "id": body["return_id"], "number": "N-10450-R", "order_id": RETURNED,
        "status": "RETURNED", "state": "DISPOSED", "way": "COUNTER", "site": site, "lines": lines,
        "refund_minor": sum(line["refund_minor"] for line in lines), "currency": "JPY",
    }  # fmt: skip
    missing = ("tracking", "label", "expires_at", "received_at", "exchange_id")
    if body["exchange"]:
        told |= {"exchange_id": body["exchange"]["order_id"], "state": "EXCHANGED",
                 "refund_minor": 0}  # fmt: skip
    return ReturnOut.model_validate(dict.fromkeys(missing) | told).model_dump(mode="json")


@router.get("/oms/v1/returns/{id_}")
def announced(id_: str) -> dict[str, Any]:
    """What a customer has said that they would bring."""
    item = shop.items[id_]
    lines = [
        {"line_no": 1, "sku": "MUG-350", "units": 2, "units_received": 0, "status": "REQUESTED",
         "site": SITE, "reason": "SIZE", "grade": None, "photo": "", "disposition": None,
         "refund_minor": 0}
    ]  # fmt: skip
    told = {
        "id": id_, "number": item["number"], "order_id": RETURNED, "status": "REQUESTED",
        "state": "REQUESTED", "way": "COUNTER", "site": SITE, "lines": lines, "refund_minor": 0,
        "currency": "JPY",
    }  # fmt: skip
    missing = ("tracking", "label", "expires_at", "received_at", "exchange_id")
    return ReturnOut.model_validate(dict.fromkeys(missing) | told).model_dump(mode="json")


@router.post("/store/v1/{site}/counter-orders", status_code=201)
async def counter_order(site: str, request: Request) -> dict[str, Any]:
    """Taken, if it can be meant."""
    body = CounterOrderIn.model_validate(await request.json())
    assert site == SITE
    shop.ordered = body.model_dump(mode="json")
    lines = [{"status": "RESERVED", "units": line.units, "units_short": 0} for line in body.lines]
    return {"number": body.number, "promised_by": None, "lines": lines}


@router.get("/oms/v1/orders/{order_id}/refunds")
def refunds(order_id: str) -> dict[str, Any]:
    """To the card that it was paid with."""
    assert order_id == RETURNED
    units = sum(line["units"] for line in shop.taken_back["lines"])
    refund = {
        "id": _id(701), "tender_id": TENDER["id"], "amount_minor": 1980 * units,
        "cause_id": shop.taken_back["return_id"], "state": "ASKED",
    }  # fmt: skip
    return {"tenders": [TENDER], "refunds": [] if shop.taken_back["exchange"] else [refund]}


@router.get("/stage/shop")
def what_was_sent() -> dict[str, Any]:
    """What the counter sent last, for tests to look at."""
    return {"taken_back": shop.taken_back, "ordered": shop.ordered}


def looked_up(code: str) -> dict[str, Any] | None:
    """A customer's QR, the label of a bag, or an order's number."""
    if code == "N-10450":
        return {"kind": "order", "code": code, "status": "DELIVERED", "id": RETURNED}
    for each in shop.items.values():
        is_its = code == each["bag"] or (code == QR and each["id"] == _id(5))
        if is_its and each["bag"]:
            return {
                "kind": "collection", "code": each["bag"], "status": each["state"],
                "id": each["id"], "site": SITE, "order": each["number"], "location": each["shelf"],
            }  # fmt: skip
    return None
