"""What a customer sees, on the stage: an order to a door, one to a counter, one that is there.

The shapes are the WMS's own (wms/api/track_shapes.py), so what is played here is what is told.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse

from tests.web.stage_stock import GOODS, SITES, find_in_store
from tests.web.stage_store import CODE, QR, problem
from wms.api.track_shapes import StoresOut, TrackingOut

BUILT = Path(__file__).parents[2] / "wms/web_dist"
NOW = datetime(2026, 11, 27, 0, 30, tzinfo=UTC)
LOGO = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Cpath d='M16 2l14 28H2z' fill='%23fff'/%3E%3C/svg%3E"
)


def _at(hours: float) -> str:
    return (NOW + timedelta(hours=hours)).isoformat()


def _goods(**skus: int) -> list[dict[str, Any]]:
    return [
        {
            "line_no": n, "sku": sku.replace("_", "-"), "name_en": GOODS[sku.replace("_", "-")][0],
            "name_ja": GOODS[sku.replace("_", "-")][1], "units": units, "returnable": 0,
        }
        for n, (sku, units) in enumerate(skus.items(), start=1)
    ]  # fmt: skip


def _point(code: str) -> dict[str, Any]:
    _, latitude, longitude, name_en, name_ja = SITES[code]
    return {
        "site": code, "name_en": f"{name_en} store", "name_ja": f"{name_ja}店",
        "prefecture": "東京都", "latitude": latitude, "longitude": longitude,
    }  # fmt: skip


def _order(number: str, **more: Any) -> dict[str, Any]:
    return {
        "number": number,
        "brand": {"name": "青葉商店", "colour": "#2f6b4f", "logo": LOGO},
        "language": "ja", "time_zone": "Asia/Tokyo", "first_name": "花子", "eta": None,
        "promise_moved": None, "parcels": [], "pickup": None, "slots": [], "points": [],
        "returns": [], **more,
    }  # fmt: skip


def _steps(*codes: str, done: int) -> list[dict[str, Any]]:
    return [
        {"code": code, "at": _at(4 * n - 30) if n < done else None} for n, code in enumerate(codes)
    ]


def _first() -> dict[str, dict[str, Any]]:
    door, counter = ("SHIPPED", "DELIVERED"), ("READY", "COLLECTED")
    carrier = {"number": "4821-0037-1190", "carrier": "ヤマト運輸 宅急便"}
    return {
        "door": _order(
            "N-10521", status="PREPARING", steps=_steps("PLACED", "PREPARING", *door, done=2),
            eta={"from": _at(20), "by": _at(29), "slot": "14-16"},
            promise_moved={"was": _at(2), "reason": "short"},
            parcels=[carrier | {"number": None, "status": "PREPARING", "shipped_at": None,
                                "delivered_at": None}],
            lines=_goods(TEAPOT_01=1, MUG_350=2),
            allowed={"slot": None, "cancel": "in_work", "return": "not_delivered"},
            slots=["08-12", "14-16", "16-18", "18-20", "19-21"],
        ),
        "counter": _order(
            "N-10522", status="READY", steps=_steps("PLACED", "PREPARING", *counter, done=3),
            eta={"from": None, "by": _at(1), "slot": ""},
            pickup=_point("S-GINZA") | {"state": "READY", "code": CODE, "qr": QR,
                                        "keep_until": _at(150)},
            lines=_goods(SN_WHT_26=1),
            allowed={"collection_point": "packed", "cancel": None, "return": "not_collected"},
        ),
        "moving": _order(
            "N-10523", status="PLACED", steps=_steps("PLACED", "PREPARING", *counter, done=1),
            eta={"from": None, "by": _at(48), "slot": ""},
            pickup=_point("S-GINZA") | {"state": "WAITING", "code": None, "qr": None,
                                        "keep_until": None},
            lines=_goods(RICE_5KG=2),
            allowed={"collection_point": None, "cancel": None, "return": "not_collected"},
            points=[_point(code) for code in ("S-UENO", "S-YOKO", "S-UMEDA")],
        ),
        "there": _order(
            "N-10524", status="DELIVERED", steps=_steps("PLACED", "PREPARING", *door, done=4),
            parcels=[carrier | {"status": "DELIVERED", "shipped_at": _at(-22),
                                "delivered_at": _at(-3)}],
            lines=[line | {"returnable": line["units"]} for line in _goods(MUG_350=2, UMBR_65=1)],
            allowed={"slot": "shipped", "cancel": "shipped", "return": None},
        ),
    }  # fmt: skip


router = APIRouter()
orders = _first()


def reset() -> None:
    """As it was."""
    orders.clear()
    orders.update(_first())


@router.get("/track/v1/{token}", response_model=None)
def tracking(token: str) -> TrackingOut | JSONResponse:
    """An order."""
    if token not in orders:
        return problem(404, "not_found")
    return TrackingOut.model_validate(orders[token])


@router.post("/track/v1/{token}/{wish}", response_model=None)
async def change(token: str, wish: str, request: Request) -> TrackingOut | JSONResponse:
    """What can be changed is; a cancellation comes too late by a moment."""
    body = await request.json()
    assert body.pop("command_id")
    order = orders[token]
    if wish == "cancellation" and token == "counter":  # noqa: S105 - no password
        order["allowed"]["cancel"] = "closed"
        return problem(409, "too_late_to_cancel", reason="closed")
    if wish == "slot":
        order["eta"] |= {"slot": body["slot"]}
    if wish == "collection-point":
        order["pickup"] |= _point(body["site"])
    if wish == "cancellation":
        order |= {"status": "CANCELLED", "steps": _steps("PLACED", "CANCELLED", done=2)}
        order["allowed"] = dict.fromkeys(order["allowed"], "closed")
    if wish == "returns":
        for line in body["lines"]:
            order["lines"][line["line_no"] - 1]["returnable"] -= line["units"]
        order["returns"] = [
            {"id": "0198f000-0000-7000-8000-00000000aaaa", "number": "R-5510",
             "state": "REQUESTED", "tracking": None,
             "qr": "SOKO-R-0198f000-0000-7000-8000-00000000aaaa"}
        ]  # fmt: skip
    return TrackingOut.model_validate(order)


@router.get("/find/v1/stores")
def stores(sku: str, latitude: float, longitude: float) -> StoresOut:
    """The nearest stores, in words."""
    found = find_in_store(sku, latitude, longitude)["places"]
    name_en, name_ja = GOODS[sku]
    told = {"sku": sku, "name_en": name_en, "name_ja": name_ja, "units": 1}
    places = [place | {"as_of": NOW, "age_s": 240} for place in found]
    return StoresOut.model_validate(told | {"places": places})


@router.get("/t/{token}")
def page(token: str) -> FileResponse:
    """The page, the same for all."""
    assert token
    return FileResponse(BUILT / "track.html", media_type="text/html")


@router.get("/find")
def find() -> FileResponse:
    """For a frame."""
    return FileResponse(BUILT / "find.html", media_type="text/html")
