"""For who answers for personal data: export a person, erase them, say how long data is kept.

    POST /privacy/v1/exports                all that is known of who has that mail or number
    POST /privacy/v1/erasures               destroy it; a receipt for each contact
    GET  /privacy/v1/erasures/{contact}     the receipt
    GET  /privacy/v1/retention/{channel}    for how many days contacts of a channel are kept
    PUT  /privacy/v1/retention/{channel}
    POST /privacy/v1/keys:rotate            a new master key; the worker moves all over to it

A person has a contact for each order; the export names them, the erasure takes their ids. Erasing
twice is answered with the receipts of the first time.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt
from sqlalchemy.orm import Session

from wms.api.contact_shapes import Email, Phone
from wms.api.contacts import TooLittle
from wms.api.dependencies import Now, Svc
from wms.api.shapes import Shape, Text
from wms.contacts.keep import find_contacts, keep_days, receipt, set_keep_days
from wms.notices.send import notices_of
from wms.privacy.erase import erase_person
from wms.privacy.export import export_person

router = APIRouter(prefix="/privacy/v1", tags=["privacy"])
CONTACTS_MAX = 1000


class ExportIn(Shape):
    """Whose data: by what a contact says, or by contacts."""

    email: Email = Field(default="", examples=["taro@example.jp"])
    phone: Phone = ""
    contact_ids: Annotated[list[UUID], Field(max_length=CONTACTS_MAX, default_factory=list)]


class ExportOut(BaseModel):
    """All that is known of a person."""

    exported_at: datetime
    contacts: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    notices: list[dict[str, Any]]


class EraseIn(Shape):
    """Which contacts, by whose order and why; `at_close`: of what is open, as soon as it is not."""

    contact_ids: Annotated[list[UUID], Field(min_length=1, max_length=CONTACTS_MAX)]
    by: Text = Field(examples=["privacy desk"])
    reason: Text = Field(examples=["asked by the person"])
    at_close: StrictBool = False


class ReceiptOut(BaseModel):
    """That a contact was erased: what, when, by whom; `digest` is the SHA-256 over that."""

    model_config = ConfigDict(from_attributes=True)

    contact_id: UUID
    at: datetime
    by: str
    reason: str
    destroyed: str
    digest: str


class ErasedOut(BaseModel):
    """What was erased, and what will be when its order has ended."""

    receipts: list[ReceiptOut]
    at_close: list[UUID]


class RetentionIn(Shape):
    """For how long."""

    keep_days: Annotated[StrictInt, Field(ge=1, le=3660)]


class RetentionOut(BaseModel):
    """For how long contacts of a channel are kept, from when they were saved."""

    channel: str
    keep_days: int


class RotatedOut(BaseModel):
    """The name of the master key that wraps from now on."""

    master: str


@router.post("/keys:rotate")
def post_rotation(services: Svc, now: Now) -> RotatedOut:
    """A new master key. The worker wraps all with it; a day later the older ones are forgotten."""
    return RotatedOut(master=services.contacts_keys.rotate(now))


@router.post("/exports")
def post_export(body: ExportIn, services: Svc, now: Now) -> ExportOut:
    """All that is known of a person."""
    if not (body.email or body.phone or body.contact_ids):
        raise TooLittle("email, phone or contact_ids")
    keys = services.contacts_keys

    def work(session: Session) -> ExportOut:
        ids = list(dict.fromkeys(body.contact_ids))
        for asked in ({"email": body.email}, {"phone": body.phone}):
            found = find_contacts(session, keys, **asked, limit=CONTACTS_MAX)
            ids += [each for each in found if each not in ids]
        told = [
            {
                "order_id": notice.order_id, "template": notice.template, "state": notice.state,
                "channel": notice.channel, "language": notice.language,
                "happened_at": notice.happened_at, "ended_at": notice.ended_at,
            }
            for notice in notices_of(session, ids)
        ]  # fmt: skip
        return ExportOut(exported_at=now, notices=told, **export_person(session, keys, ids))

    return services.database.run(work)


@router.post("/erasures")
def post_erasure(body: EraseIn, services: Svc, now: Now) -> ErasedOut:
    """Erase contacts: all of them or, where one is still needed, none."""

    def work(session: Session) -> ErasedOut:
        erased = erase_person(
            session,
            body.contact_ids,
            by=body.by,
            reason=body.reason,
            at_close=body.at_close,
            now=now,
        )
        return ErasedOut(
            receipts=[ReceiptOut.model_validate(each) for each in erased.receipts],
            at_close=list(erased.at_close),
        )

    return services.database.run(work)


@router.get("/erasures/{contact_id}")
def get_erasure(contact_id: UUID, services: Svc) -> ReceiptOut:
    """The receipt of an erasure."""
    return ReceiptOut.model_validate(services.database.run(lambda s: receipt(s, contact_id)))


@router.get("/retention/{channel}")
def get_retention(channel: Text, services: Svc) -> RetentionOut:
    """For how long contacts of a channel are kept."""
    days = services.database.run(lambda s: keep_days(s, channel))
    return RetentionOut(channel=channel, keep_days=days)


@router.put("/retention/{channel}")
def put_retention(channel: Text, body: RetentionIn, services: Svc) -> RetentionOut:
    """Keep them for so long: those that are there, too."""
    services.database.run(lambda s: set_keep_days(s, channel, body.keep_days))
    return RetentionOut(channel=channel, keep_days=body.keep_days)
