"""Pictures over HTTP: sent as they are, kept under what they are, looked at by anybody."""

from http import HTTPStatus
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from wms.api.dependencies import Services, Svc
from wms.masters.pictures import BYTES_MAX, keep_picture, picture_of
from wms.work.evidence import NoPicture

PICTURES = ("image/jpeg", "image/png", "image/webp")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY = {"requestBody": {"required": True, "content": dict.fromkeys(PICTURES, _BINARY)}}
KEPT = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}

router = APIRouter(tags=["masters"])  # under /master/v1, with a key
desk = APIRouter(tags=["masters"])  # under /console/v1/masters, for people
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class PictureOut(BaseModel):
    """Where a picture stands: the address that goods and rules name it by."""

    address: str


@router.post("/pictures", status_code=HTTPStatus.CREATED, openapi_extra=BODY)
async def post_picture(request: Request, services: Svc) -> PictureOut:
    """Keep a JPEG, PNG or WebP of at most 512 kB. The same again has the same address."""
    return await _keep(request, services)


@desk.post("/pictures", status_code=HTTPStatus.CREATED, openapi_extra=BODY)
async def post_desk_picture(request: Request, services: Svc) -> PictureOut:
    """Keep a picture of at most 512 kB, as people at a desk do."""
    return await _keep(request, services)


@router.get(
    "/pictures/{picture_id}",
    response_class=Response,
    responses={200: {"content": dict.fromkeys(PICTURES, _BINARY)}},
)
def get_picture(picture_id: Id, services: Svc) -> Response:
    """A picture."""
    found = services.database.run(lambda s: picture_of(s, picture_id))
    return Response(found.content, media_type=found.mime, headers=KEPT)


async def _keep(request: Request, services: Services) -> PictureOut:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > BYTES_MAX:
            raise NoPicture("a JPEG, PNG or WebP of at most 512 kB, please")
    id_ = await run_sync(services.database.run, lambda s: keep_picture(s, bytes(content)))
    return PictureOut(address=f"/master/v1/pictures/{id_}")
