"""For integrators: webhooks, the log of what was sent, and what there is to hear of.

A subscription is made and changed by PUT. Events are signed as Standard Webhooks says; the log
shows each attempt with what was answered; any event can be sent again, and a test event tried.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Svc
from wms.api.shapes import Shape, Text
from wms.catalog import Owner
from wms.errors import WmsError
from wms.events import EVENTS
from wms.webhooks import subscribe
from wms.webhooks.model import Attempt, Delivery, Subscriber

router = APIRouter(prefix="/oms/v1", tags=["webhooks"])
catalog = APIRouter(prefix="/catalog", tags=["catalog"])


class WebhookIn(Shape):
    """Where to send events, which, and what to sign them with (Standard Webhooks)."""

    url: Annotated[
        str,
        StringConstraints(strict=True, pattern=r"^https?://[^\s/?#@]+([/?#]\S*)?$", max_length=500),
        Field(examples=["https://shop.example/soko"]),
    ]
    secret: Annotated[
        str,
        StringConstraints(strict=True, pattern=r"^(whsec_)?[A-Za-z0-9+/]+=*$", max_length=200),
        Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]),
    ]
    types: list[Text] = Field(
        default_factory=list, max_length=100, examples=[["OrderShipped", "ParcelDelivered"]]
    )
    owner: Text | None = Field(
        default=None, description="whose orders are told (荷主); null: everybody's"
    )


class WebhookOut(BaseModel):
    """A subscription; its secret is not told."""

    id: UUID
    url: str
    types: list[str]
    owner: str | None
    off_because: Literal["gone", "asked"] | None
    made_at: datetime


class CommandIn(Shape):
    """The caller's own id of what it wants done: sent again, it is done once."""

    command_id: UUID


class DeliveryOut(BaseModel):
    """The id of an event on its way."""

    delivery_id: UUID


class AttemptOut(BaseModel):
    """One try to deliver."""

    at: datetime
    took_ms: int
    status: int | None
    problem: str | None


class DeliveryLog(BaseModel):
    """An event that was, or is to be, delivered."""

    id: UUID
    type: str
    at: datetime
    state: str
    due_at: datetime
    attempts: list[AttemptOut]


class EventKindOut(BaseModel):
    """A type of event."""

    type: str
    says: str
    fields: dict[str, str]


class ProblemKindOut(BaseModel):
    """A kind of problem: its code, which never changes, and what it means."""

    code: str
    says: str


@router.get("/webhooks")
def get_webhooks(services: Svc) -> list[WebhookOut]:
    """Who is told."""
    query = select(Subscriber).order_by(Subscriber.made_at, Subscriber.id).limit(1000)
    return services.database.run(lambda s: [_out(s, each) for each in s.scalars(query)])


@router.put(
    "/webhooks/{webhook_id}",
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": WebhookOut}},
)
def put_webhook(
    webhook_id: UUID, body: WebhookIn, response: Response, services: Svc, now: Now
) -> WebhookOut:
    """Tell that address what happens to orders, from now on."""
    wanted = subscribe.Subscription(**body.model_dump())
    is_new = services.database.run(lambda s: subscribe.subscribe(s, webhook_id, wanted, now=now))
    if not is_new:
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: _out(s, subscribe.of(s, webhook_id)))


@router.delete("/webhooks/{webhook_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_webhook(webhook_id: UUID, services: Svc) -> None:
    """Tell that address no more."""
    services.database.run(lambda s: subscribe.unsubscribe(s, webhook_id))


@router.post("/webhooks/{webhook_id}:test", status_code=HTTPStatus.ACCEPTED)
def post_test(webhook_id: UUID, body: CommandIn, services: Svc, now: Now) -> DeliveryOut:
    """Send an event that means nothing; what came of it stands in the log."""
    id_ = services.database.run(
        lambda s: subscribe.try_out(s, webhook_id, body.command_id, now=now)
    )
    return DeliveryOut(delivery_id=id_)


@router.get("/webhooks/{webhook_id}/deliveries")
def get_deliveries(
    webhook_id: UUID,
    services: Svc,
    before: Annotated[AwareDatetime | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[DeliveryLog]:
    """What was sent there, newest first, with each attempt."""
    return services.database.run(
        lambda s: [
            _log(delivery, attempts)
            for delivery, attempts in subscribe.log_of(s, webhook_id, before=before, limit=limit)
        ]
    )


@router.post("/deliveries/{delivery_id}:redeliver", status_code=HTTPStatus.ACCEPTED)
def post_redeliver(delivery_id: UUID, services: Svc, now: Now) -> DeliveryOut:
    """Send an event once more, under the id that it always had."""
    services.database.run(lambda s: subscribe.send_again(s, delivery_id, now=now))
    return DeliveryOut(delivery_id=delivery_id)


@catalog.get("/events")
def get_events() -> list[EventKindOut]:
    """All types of events, and what each says."""
    return [
        EventKindOut(type=type_, says=kind.says, fields=dict(kind.fields))
        for type_, kind in EVENTS.items()
    ]


@catalog.get("/problems")
def get_problems() -> list[ProblemKindOut]:
    """All kinds of problems that an answer may name."""
    return [ProblemKindOut(code=code, says=says) for code, says in sorted(problem_kinds().items())]


def problem_kinds() -> dict[str, str]:
    """Each code that an error of ours has, and the first line of what is said of it."""
    kinds: dict[str, str] = {}
    waiting: list[type[WmsError]] = [WmsError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        code = getattr(kind, "code", None)
        if code and kind.__module__.startswith("wms."):
            kinds.setdefault(code, (kind.__doc__ or code).strip().splitlines()[0])
    return kinds


def _out(session: Session, subscriber: Subscriber) -> WebhookOut:
    owner = session.get_one(Owner, subscriber.owner_id).code if subscriber.owner_id else None
    return WebhookOut(
        id=subscriber.id,
        url=subscriber.url,
        types=subscriber.types,
        owner=owner,
        off_because=subscriber.off_because,  # type: ignore[arg-type]
        made_at=subscriber.made_at,
    )


def _log(delivery: Delivery, attempts: list[Attempt]) -> DeliveryLog:
    return DeliveryLog(
        id=delivery.id,
        type=delivery.type,
        at=delivery.at,
        state=delivery.state,
        due_at=delivery.due_at,
        attempts=[
            AttemptOut(at=one.at, took_ms=one.took_ms, status=one.status, problem=one.problem)
            for one in attempts
        ],
    )
