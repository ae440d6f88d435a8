"""For customers: follow an order by its token, change what can still be changed, without login.

    GET  /track/v1/{token}                    how it stands, what may be changed, and why not
    GET  /track/v1/{token}/qr.svg             the QR that the counter scans, once it is ready
    POST /track/v1/{token}/slot               other hours
         /track/v1/{token}/collection-point   another store
         /track/v1/{token}/cancellation       not at all
         /track/v1/{token}/returns            goods that shall go back
    GET  /t/{token}                           the page
    GET  /find/v1/stores                      which stores have it: for the shop's own pages
    GET  /find                                that as a page for a frame

128 random bits open an order, and each wrong token is answered with the same words; who asks too
often is told to wait. The address of the page says who may see it, so it is sent to nobody
(Referrer-Policy), kept by nobody, and found by no search engine.
"""

import hashlib
import io
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import segno
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import FileResponse

from wms.api.dependencies import Now, Services, Svc
from wms.api.limits import visitor
from wms.api.stock import scope_of, skus_of
from wms.api.stock_shapes import NearIn
from wms.api.track_shapes import (
    CommandIn,
    PointIn,
    ReturnStartIn,
    SlotIn,
    StoreOut,
    StoresOut,
    TrackingOut,
)
from wms.api.track_view import TOKEN_MAX, order_of, slots, tracking_out
from wms.errors import NotFound, Rejected
from wms.ids import derive
from wms.notices.brand import brand_of
from wms.orders.cancel import cancel_order
from wms.orders.change import change_collection_point, change_slot, once
from wms.orders.kits import kits_of
from wms.orders.model import Order, OrderLine
from wms.returns.accept import AnnouncedLine, AnnounceReturn, announce_return
from wms.stock.near import find_in_store

router = APIRouter(tags=["track"])
WEB = Path(__file__).parents[1] / "web_dist"
CACHE = "private, no-cache"  # asked anew each time; the ETag makes that cheap
_POLICY = (
    "default-src 'self'; img-src 'self' https: data:; style-src 'self' 'unsafe-inline';"
    " object-src 'none'; base-uri 'none'; form-action 'self'"
)
_PAGE = {
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "x-content-type-options": "nosniff",
}


class UnknownSlot(Rejected):
    """No carrier knows these hours.

    Attributes:
        slot: what was asked for.
    """

    code = "unknown_slot"

    def __init__(self, slot: str) -> None:
        super().__init__(f"there are no hours {slot}")
        self.slot = slot


@router.get(
    "/track/v1/{token}",
    response_model=TrackingOut,
    responses={304: {"description": "It is as you have it"}},
)
def get_tracking(token: str, request: Request, services: Svc, now: Now) -> Response:
    """How an order stands. Ask again with `If-None-Match`."""
    out = _read(services, request, token, now)
    body = out.model_dump_json(by_alias=True).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": CACHE, "referrer-policy": "no-referrer"}
    known = {each.strip() for each in request.headers.get("if-none-match", "").split(",")}
    if etag in known:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@router.get("/track/v1/{token}/qr.svg", response_class=Response,
            responses={200: {"content": {"image/svg+xml": {}}}})  # fmt: skip
def get_qr(token: str, request: Request, services: Svc, now: Now) -> Response:
    """The QR of the pickup code, as a picture; 404 before it is ready."""
    out = _read(services, request, token, now)
    if out.pickup is None or out.pickup.qr is None:
        raise NotFound("there is nothing to collect")
    picture = io.BytesIO()
    segno.make(out.pickup.qr, error="m", micro=False).save(
        picture, kind="svg", scale=8, border=4, xmldecl=False
    )
    headers = {"cache-control": CACHE, "x-content-type-options": "nosniff"}
    return Response(picture.getvalue(), media_type="image/svg+xml", headers=headers)


@router.post("/track/v1/{token}/slot")
def post_slot(token: str, body: SlotIn, request: Request, services: Svc, now: Now) -> TrackingOut:
    """Deliver it at other hours."""

    def work(session: Session, order: Order) -> None:
        if body.slot and body.slot not in slots(session):
            raise UnknownSlot(body.slot)
        change_slot(
            session,
            order.id,
            delivery_on=body.delivery_on or order.delivery_on,
            slot=body.slot,
            leave_at=order.leave_at,
            now=now,
        )

    return _do(services, request, token, body, work, now)


@router.post("/track/v1/{token}/collection-point")
def post_point(token: str, body: PointIn, request: Request, services: Svc, now: Now) -> TrackingOut:
    """Collect it elsewhere."""

    def work(session: Session, order: Order) -> None:
        change_collection_point(session, order.id, body.site, now=now)

    return _do(services, request, token, body, work, now)


@router.post("/track/v1/{token}/cancellation")
def post_cancellation(
    token: str, body: CommandIn, request: Request, services: Svc, now: Now
) -> TrackingOut:
    """Take it back; what was paid goes back to where it came from."""

    def work(session: Session, order: Order) -> None:
        cancel_order(session, order.id, now=now)

    return _do(services, request, token, body, work, now)


@router.post("/track/v1/{token}/returns", status_code=HTTPStatus.CREATED)
def post_return(
    token: str, body: ReturnStartIn, request: Request, services: Svc, now: Now
) -> TrackingOut:
    """Send goods back: a label follows, and the counter of a store takes them, too."""

    def work(session: Session, order: Order) -> None:
        query = select(OrderLine).where(OrderLine.order_id == order.id)
        named = {line.line_no: line.sku for line in session.scalars(query)}
        for kit in kits_of(session, [order.id]).get(order.id, {}).values():
            named[kit.kit.line_no] = kit.kit.sku
        return_id = derive(order.id, "return", str(body.command_id))
        lines = tuple(
            AnnouncedLine(
                line_no=line.line_no,
                sku=named.get(line.line_no, ""),
                units=line.units,
                reason=line.reason,
            )
            for line in body.lines
        )
        announced = AnnounceReturn(
            id=return_id,
            number=f"R-{return_id.hex[:8].upper()}",
            order_id=order.id,
            lines=lines,
            way="PARCEL",
            origin="CUSTOMER",
        )
        announce_return(session, services.floor, announced, now=now)

    return _do(services, request, token, body, work, now)


@router.get("/find/v1/stores")
def get_stores(
    request: Request,
    response: Response,
    services: Svc,
    now: Now,
    wish: Annotated[NearIn, Query()],
) -> StoresOut:
    """The nearest stores that have it, in words: for pages of any shop, from any browser."""
    who = visitor(request, behind_proxy=services.settings.behind_proxy)
    services.limits.finds.take(who, now)

    def work(session: Session) -> StoresOut:
        scope = scope_of(session, None, wish.owner, wish.channel)
        (sku,) = skus_of(session, [wish.sku], scope.owner_id)
        places = find_in_store(session, wish.near(sku), scope, now=now, limit=wish.limit)
        return StoresOut(
            sku=sku.code,
            name_en=sku.name_en,
            name_ja=sku.name_ja or sku.name_en,
            units=wish.units,
            places=[StoreOut.model_validate(place) for place in places],
        )

    response.headers["access-control-allow-origin"] = "*"
    response.headers["cache-control"] = "public, max-age=30"
    return services.database.run(work)


@router.get("/t/{token}", include_in_schema=False)
def get_page(token: str) -> FileResponse:
    """The page: the same for every token; it asks for what it shows."""
    assert token  # the route has one
    frames = {"content-security-policy": f"{_POLICY}; frame-ancestors 'none'"}
    return _page("track.html", frames)


@router.get("/find", include_in_schema=False)
def get_find() -> FileResponse:
    """Find in store, for a frame in any shop's page."""
    return _page("find.html", {"content-security-policy": f"{_POLICY}; frame-ancestors *"})


def _page(name: str, headers: dict[str, str]) -> FileResponse:
    if not (WEB / name).is_file():
        raise NotFound("the screens are not built: python hatch_build.py")
    return FileResponse(WEB / name, media_type="text/html", headers=_PAGE | headers)


def _read(services: Services, request: Request, token: str, now: datetime) -> TrackingOut:
    services.limits.reads.take(token[:TOKEN_MAX], now)
    return _guarded(services, request, now, lambda session: _out(services, session, token, now))


def _out(services: Services, session: Session, token: str, now: datetime) -> TrackingOut:
    order = order_of(session, token)
    brand = brand_of(services.settings)
    return tracking_out(session, services.contacts_keys, brand, order, now=now)


def _do(
    services: Services,
    request: Request,
    token: str,
    body: CommandIn,
    work: Callable[[Session, Order], None],
    now: datetime,
) -> TrackingOut:
    """Carry it out, once for its id; how the order stands then."""
    services.limits.deeds.take(token[:TOKEN_MAX], now)
    kind = request.url.path.rpartition("/")[2]

    def change(session: Session) -> TrackingOut:
        order = order_of(session, token)
        if once(session, order.id, body.command_id, kind, body.model_dump_json(), now=now):
            work(session, order)
            session.flush()
        return _out(services, session, token, now)

    return _guarded(services, request, now, change)


def _guarded(
    services: Services,
    request: Request,
    now: datetime,
    work: Callable[[Session], TrackingOut],
) -> TrackingOut:
    """Who has tried wrong tokens is told to wait: also with a right one, or guessing would pay."""
    who = visitor(request, behind_proxy=services.settings.behind_proxy)
    services.limits.misses.look(who, now)
    try:
        return services.database.run(work)
    except NotFound:
        services.limits.misses.take(who, now)
        raise
