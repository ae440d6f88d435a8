"""Transfers over HTTP: placed and read by order systems, arrivals looked after by supervisors."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from wms.api.dependencies import Now, Svc, Who
from wms.api.shapes import AnyText, LineNo, Shape, Text
from wms.errors import NotFound
from wms.sites import site_id
from wms.transfers import read
from wms.transfers.lost import close_lost
from wms.transfers.place import PlaceTransfer, TransferLine, cancel_transfer, place_transfer

router = APIRouter()
CREATED = HTTPStatus.CREATED
UNITS_MAX = 2**31 - 1

Units = Annotated[StrictInt, Field(ge=1, le=UNITS_MAX, examples=[24])]


class TransferLineIn(Shape):
    """Goods that are to go."""

    line_no: LineNo
    sku: Text
    units: Units


class TransferIn(Shape):
    """A transfer from one of our sites to another."""

    from_: Annotated[Text, Field(alias="from", examples=["TYO1"])]
    to: Annotated[Text, Field(examples=["S-GNZ"])]
    lines: Annotated[list[TransferLineIn], Field(min_length=1, max_length=1000)]
    why: AnyText = ""
    number: AnyText = ""
    priority: Annotated[StrictInt, Field(ge=-1000, le=1000)] = 0

    def request(self, transfer_id: UUID) -> PlaceTransfer:
        """As transfers take it."""
        return PlaceTransfer(
            id=transfer_id,
            from_site=self.from_,
            to_site=self.to,
            lines=tuple(TransferLine(**line.model_dump()) for line in self.lines),
            why=self.why,
            number=self.number,
            priority=self.priority,
        )


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


class TransferLineOut(_View):
    """A line: units wanted, still on their way, and what became of the others."""

    line_no: int
    sku: str
    units: int
    on_the_way: int
    received: int
    damaged: int
    short: int
    cancelled: int


class ContentOut(_View):
    """Units in a parcel, and what was found when it came; `surplus` was never sent."""

    line_no: int
    sku: str
    units: int
    received: int
    damaged: int
    short: int
    surplus: int


class ArrivalOut(_View):
    """A parcel that left for a site of ours; overdue when past the age limit of its lane."""

    id: UUID
    site: Annotated[str, Field(examples=["S-GNZ"])]
    from_site: Annotated[str, Field(examples=["TYO1"])]
    order_id: UUID
    number: str
    sscc: str
    state: Literal["EXPECTED", "ARRIVED", "LOST"]
    shipped_at: datetime
    due_at: datetime
    overdue: bool
    ended_at: datetime | None
    ended_by: str
    reason: str
    lines: list[ContentOut]


class TransferOut(_View):
    """A transfer as it stands; ENDED when nothing of it is on its way any more."""

    id: UUID
    number: str
    from_site: Annotated[str, Field(serialization_alias="from")]
    to_site: Annotated[str, Field(serialization_alias="to")]
    why: str
    state: Literal["PLACED", "SHIPPED", "ENDED"]
    eta_p50: datetime
    eta_p90: datetime
    made_at: datetime
    proposal_id: UUID | None
    lines: list[TransferLineOut]
    parcels: list[ArrivalOut]


class LostIn(Shape):
    """Why a parcel is given up."""

    command_id: UUID
    reason: Text


@router.put(
    "/oms/v1/transfers/{transfer_id}",
    status_code=CREATED,
    responses={200: {"model": TransferOut}},
    tags=["oms"],
)
def put_transfer(
    transfer_id: UUID, body: TransferIn, response: Response, services: Svc, now: Now
) -> TransferOut:
    """Move stock from one of our sites to another: held there at once, or short."""
    request = body.request(transfer_id)
    if not services.database.run(lambda s: place_transfer(s, request, now=now)):
        response.status_code = HTTPStatus.OK
    return get_transfer(transfer_id, services)


@router.get("/oms/v1/transfers/{transfer_id}", tags=["oms"])
def get_transfer(transfer_id: UUID, services: Svc) -> TransferOut:
    """A transfer as it stands."""
    view = services.database.run(lambda s: read.one_transfer(s, transfer_id))
    return TransferOut.model_validate(view)


@router.post("/oms/v1/transfers/{transfer_id}/cancellation", tags=["oms"])
def post_transfer_cancellation(transfer_id: UUID, services: Svc, now: Now) -> TransferOut:
    """Take a transfer back, while its goods are still at their site."""
    services.database.run(lambda s: read.one_transfer(s, transfer_id))
    services.database.run(lambda s: cancel_transfer(s, transfer_id, now=now, reason="supervisor"))
    return get_transfer(transfer_id, services)


@router.get("/console/v1/arrivals", tags=["console"])
def get_arrivals(
    services: Svc,
    site: Annotated[Text | None, Query()] = None,
    state: Annotated[Literal["EXPECTED", "ARRIVED", "LOST"] | None, Query()] = "EXPECTED",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[ArrivalOut]:
    """Parcels on their way to sites of ours, the longest on its way first."""
    views = services.database.run(
        lambda s: read.arrivals(s, site=site, state=state, limit=limit)
    )  # fmt: skip
    return [ArrivalOut.model_validate(view) for view in views]


@router.post("/console/v1/arrivals/{site}/{arrival_id}:lost", tags=["console"])
def post_arrival_lost(
    site: Text, arrival_id: UUID, body: LostIn, services: Svc, now: Now, actor: Who
) -> ArrivalOut:
    """Give a parcel up that never came; what was in it is lost, and wanted again."""
    services.database.run(
        lambda s: close_lost(
            s, site_id(site), arrival_id, actor=str(actor), reason=body.reason, now=now
        )
    )
    views = services.database.run(lambda s: read.arrivals(s, site=site, arrival_id=arrival_id))
    if not views:
        raise NotFound(f"parcel {arrival_id}")
    return ArrivalOut.model_validate(views[0])
