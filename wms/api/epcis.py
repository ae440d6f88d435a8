"""EPCIS 2.0 over REST: documents of events in, events out.

    POST /epcis/v2/capture      a document: 202, and where to ask what became of it
    POST /epcis/v2/events       one event: 201, or 409 if it is known
    GET  /epcis/v2/events       what was asked for, a page at a time (Link: rel="next")
    GET  /epcis/v2/bizSteps …   what there is to ask for, and the events of each

Our own movements and gates are in it, beside what partners send. Addresses, parameters and bodies
are those of the standard; what of it we leave out is refused with a problem, not ignored:
subscriptions and named queries, sensor queries, XML.

Source: GS1 EPCIS 2.0, section 12 (REST bindings).
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select
from starlette.requests import ClientDisconnect

from wms.api.cursors import MalformedCursor, pack, unpack
from wms.api.dependencies import Now, Svc
from wms.api.epcis_shapes import (
    CaptureOut,
    EventsQuery,
    MembersOut,
    Name,
    PageQuery,
    query_document,
)
from wms.epcis import query
from wms.epcis.capture import capture, capture_one
from wms.epcis.document import BYTES_MAX, MalformedDocument, read_document
from wms.epcis.model import EpcisCapture
from wms.errors import NotFound
from wms.ids import new_id

router = APIRouter(prefix="/epcis/v2", tags=["epcis"])

VERSIONS = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0", "GS1-Extensions": ""}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
What = Literal["eventTypes", "bizSteps", "dispositions", "readPoints", "bizLocations", "epcs"]
_COLUMN: dict[str, query.Dimension] = {
    "eventTypes": "type", "bizSteps": "biz_step", "dispositions": "disposition",
    "readPoints": "read_point", "bizLocations": "biz_location", "epcs": "epcs",
}  # fmt: skip
_PARAMETER = {
    "eventTypes": "eventType", "bizSteps": "EQ_bizStep", "dispositions": "EQ_disposition",
    "readPoints": "EQ_readPoint", "bizLocations": "EQ_bizLocation", "epcs": "MATCH_anyEPC",
}  # fmt: skip


@router.post(
    "/capture",
    status_code=HTTPStatus.ACCEPTED,
    response_class=Response,
    responses={202: {"description": "Location says where to ask what became of it"}},
    openapi_extra=_BODY,
)
async def post_capture(
    request: Request,
    services: Svc,
    now: Now,
    behaviour: Annotated[
        Literal["rollback", "proceed"], Header(alias="GS1-Capture-Error-Behaviour")
    ] = "rollback",
) -> Response:
    """Take a document of events, whole (`rollback`) or what of it can be taken (`proceed`)."""
    document = read_document(await _raw(request))
    id_ = new_id(now)
    way: Literal["ROLLBACK", "PROCEED"] = "ROLLBACK" if behaviour == "rollback" else "PROCEED"

    def work() -> None:
        services.database.run(lambda s: capture(s, document, id_=id_, behaviour=way, now=now))

    await run_sync(work)
    headers = {**VERSIONS, "Location": f"/epcis/v2/capture/{id_}"}
    return Response(status_code=HTTPStatus.ACCEPTED, headers=headers)


@router.get("/capture")
def get_captures(services: Svc, asked: Annotated[PageQuery, Query()]) -> list[CaptureOut]:
    """What became of documents, the latest first."""
    before = unpack("captures", asked.nextPageToken, UUID)[0] if asked.nextPageToken else None
    wanted = select(EpcisCapture).order_by(EpcisCapture.id.desc()).limit(asked.perPage)
    if before is not None:
        wanted = wanted.where(EpcisCapture.id < before)
    found = services.database.run(lambda s: list(s.scalars(wanted)))
    return [_capture(each) for each in found]


@router.get("/capture/{capture_id}")
def get_capture(capture_id: UUID, services: Svc) -> CaptureOut:
    """What became of a document."""
    found = services.database.run(lambda s: s.get(EpcisCapture, capture_id))
    if found is None:
        raise NotFound(f"capture {capture_id}")
    return _capture(found)


@router.post(
    "/events",
    status_code=HTTPStatus.CREATED,
    response_class=Response,
    responses={201: {"description": "Location is its own"}},
    openapi_extra=_BODY,
)
async def post_event(request: Request, services: Svc, now: Now) -> Response:
    """Take one event."""
    event = read_document(await _raw(request))

    def work() -> str:
        return services.database.run(lambda s: capture_one(s, event, now=now))

    id_ = await run_sync(work)
    headers = {**VERSIONS, "Location": f"/epcis/v2/events/{quote(id_, safe='')}"}
    return Response(status_code=HTTPStatus.CREATED, headers=headers)


@router.get("/events", response_model=dict[str, Any])
def get_events(services: Svc, now: Now, asked: Annotated[EventsQuery, Query()]) -> Response:
    """The events that were asked for, in the order of recording."""
    return _events(services, asked, "/epcis/v2/events", now)


@router.get("/events/{event_id:path}", response_model=dict[str, Any])
def get_event(event_id: Annotated[str, Path(max_length=1000)], services: Svc) -> Response:
    """One event."""
    found = (
        None if "\x00" in event_id else services.database.run(lambda s: query.event(s, event_id))
    )
    if found is None:
        raise NotFound(f"event {event_id}")
    return JSONResponse(found, headers=VERSIONS)


@router.get("/{what}", response_model=MembersOut)
def get_values(what: What, services: Svc, asked: Annotated[PageQuery, Query()]) -> Response:
    """What there is to ask for: steps, dispositions, places, kinds of events, things."""
    after = unpack(what, asked.nextPageToken, str)[0] if asked.nextPageToken else ""
    limit = asked.perPage
    found = services.database.run(
        lambda s: query.values(s, _COLUMN[what], after=after, limit=limit + 1)
    )
    headers = dict(VERSIONS)
    if len(found) > limit:
        token = pack(what, found[limit - 1])
        headers["Link"] = f'</epcis/v2/{what}?perPage={limit}&nextPageToken={token}>; rel="next"'
    return JSONResponse({"member": found[:limit]}, headers=headers)


@router.get("/{what}/{value:path}/events", response_model=dict[str, Any])
def get_events_of(
    what: What,
    value: Annotated[Name, Path()],
    services: Svc,
    now: Now,
    asked: Annotated[EventsQuery, Query()],
) -> Response:
    """The events of a step, a disposition, a place, a kind, a thing."""
    narrow = asked.model_copy(update={_PARAMETER[what]: [value]})
    path = f"/epcis/v2/{what}/{quote(value, safe='')}/events"
    return _events(services, narrow, path, now)


def _events(services: Svc, asked: EventsQuery, path: str, now: datetime) -> Response:
    after = None
    if asked.nextPageToken:
        at, id_ = unpack("epcis", asked.nextPageToken, str, str)
        after = _after(at, id_)
    page = services.database.run(
        lambda s: query.events(s, asked.asked(), after=after, limit=asked.perPage)
    )
    headers = dict(VERSIONS)
    if page.next is not None:
        token = pack("epcis", page.next[0].isoformat(), page.next[1])
        headers["Link"] = f'<{path}?nextPageToken={token}>; rel="next"'
    body = query_document(list(page.events), at=now.astimezone(UTC).isoformat())
    return JSONResponse(body, headers=headers)


def _after(at: str, id_: str) -> tuple[datetime, str]:
    try:
        return datetime.fromisoformat(at), id_
    except ValueError as error:
        raise MalformedCursor(at) from error


async def _raw(request: Request) -> bytes:
    content = bytearray()
    try:
        async for part in request.stream():
            content += part
            if len(content) > BYTES_MAX:
                break
    except ClientDisconnect:
        raise MalformedDocument("the sender went away") from None
    return bytes(content)


def _capture(row: EpcisCapture) -> CaptureOut:
    return CaptureOut(
        captureID=str(row.id),
        createdAt=row.made_at,
        finishedAt=row.done_at,
        success=row.success,
        captureErrorBehaviour="rollback" if row.behaviour == "ROLLBACK" else "proceed",
        taken=row.taken,
        known=row.known,
        errors=row.errors,
    )
