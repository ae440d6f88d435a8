"""Photos: sent by handhelds when they can, shown to whoever looks into it."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy.orm import Session

from wms.api.dependencies import Svc, Who, signed_in
from wms.api.shapes import Shape, Text
from wms.errors import NotFound
from wms.sites import site_id, sites_by_code
from wms.work.evidence import BYTES_MAX, NoPicture, Photo, keep_photo, photo_of

router = APIRouter(prefix="/api/v1", tags=["handheld"], dependencies=[signed_in])
Kind = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]{0,49}$")]
PICTURES = ("image/jpeg", "image/png", "image/webp")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
KEPT = {
    "cache-control": "private, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
}


class PhotoIn(Shape):
    """Where it was taken, of what, and what it belongs to."""

    site: Text
    kind: Kind = "photo"
    cause: UUID | None = None


class EvidenceOut(BaseModel):
    """A photo is kept."""

    id: UUID
    bytes: int


@router.put(
    "/evidence/{evidence_id}",
    response_model=EvidenceOut,
    responses={201: {"model": EvidenceOut, "description": "it is new"}},
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(PICTURES, _BINARY)}},
)
async def put_evidence(
    evidence_id: UUID,
    request: Request,
    services: Svc,
    who: Who,
    of: Annotated[PhotoIn, Query()],
) -> Response:
    """Keep a photo: a JPEG, PNG or WebP of at most 2 MB. 201 when it is new; it never changes."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > BYTES_MAX:
            raise NoPicture("a JPEG, PNG or WebP of at most 2 MB, please")
    photo = Photo(id=evidence_id, kind=of.kind, content=bytes(content), cause=of.cause)
    now = services.clock.now()

    def work(session: Session) -> bool:
        if of.site not in sites_by_code(session, [of.site]):
            raise NotFound(f"site {of.site}")
        return keep_photo(session, site_id(of.site), photo, who, now=now)

    is_new = await run_sync(services.database.run, work)
    status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    kept = EvidenceOut(id=evidence_id, bytes=len(content))
    return Response(kept.model_dump_json(), status, media_type="application/json")


@router.get(
    "/evidence/{evidence_id}",
    response_class=Response,
    responses={200: {"content": dict.fromkeys(PICTURES, _BINARY)}},
)
def get_evidence(evidence_id: UUID, services: Svc) -> Response:
    """A photo as it was taken; 404 while the device has not sent it yet."""
    found = services.database.run(lambda s: photo_of(s, evidence_id))
    return Response(found.content, media_type=found.mime, headers=KEPT)
