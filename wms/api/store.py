"""For store staff: the queue, collections, deliveries out of the store, orders taken there.

Acts are POST with a `command_id`: sent again they are not done again, and are answered with how
things stand now.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from wms.api import oms
from wms.api.dependencies import Now, Services, Svc, Who, signed_in
from wms.api.shapes import OrderIn, OrderLineIn, OrderOut, ShipToIn, Text
from wms.api.store_shapes import (
    ActIn,
    CounterOrderIn,
    HandOverIn,
    PrepareOut,
    QueueItemOut,
    QueueOut,
    RejectIn,
    SalesOrderIn,
    StorePolicyIn,
)
from wms.collect.answer import accept, reject
from wms.collect.handover import Shown, hand_over
from wms.collect.over import give_up
from wms.collect.policy import Policy, begin, policy_of, save_policy, store
from wms.collect.prepare import prepare
from wms.collect.queue import Item, collection_item, queue_of
from wms.collect.ship import accept_ship, reject_ship
from wms.errors import NotFound
from wms.ids import CommandId, SiteId
from wms.orders.model import Order
from wms.returns.expected import Expected, expected_at
from wms.shipping.prefectures import nearest, prefecture
from wms.sites import Site
from wms.work.tasks import lease

router = APIRouter(prefix="/store/v1", tags=["store"], dependencies=[signed_in])
CREATED, NO_CONTENT = HTTPStatus.CREATED, HTTPStatus.NO_CONTENT


@router.get("/{site}/queue")
def get_queue(site: Text, services: Svc, now: Now) -> QueueOut:
    """What the store has to do, what is promised first on top; then what is to come back."""

    def work(session: Session) -> list[QueueItemOut]:
        at = store(session, site)
        items = [_item(each) for each in queue_of(session, at, now=now)]
        return items + [_return(each) for each in expected_at(session, at)]

    return QueueOut(site=site, at=now, items=services.database.run(work))


@router.get("/{site}/collections/{collection_id}")
def get_collection(site: Text, collection_id: UUID, services: Svc, now: Now) -> QueueItemOut:
    """A collection as it stands."""
    return _item(
        services.database.run(lambda s: collection_item(s, store(s, site), collection_id, now=now))
    )


@router.post("/{site}/collections/{collection_id}:accept")
def post_accept(
    site: Text, collection_id: UUID, body: ActIn, services: Svc, now: Now
) -> QueueItemOut:
    """The store will prepare it."""
    _once(
        services,
        site,
        body,
        ("accept", collection_id, now),
        lambda s, at: accept(s, at, collection_id),
    )
    return get_collection(site, collection_id, services, now)


@router.post("/{site}/collections/{collection_id}:reject")
def post_reject(
    site: Text, collection_id: UUID, body: RejectIn, services: Svc, now: Now
) -> QueueItemOut:
    """The store cannot give some of it: that is found elsewhere, or ends."""

    def act(session: Session, at: SiteId) -> None:
        reject(session, at, collection_id, body.lines, reason=body.reason, now=now)

    _once(services, site, body, ("reject", collection_id, now), act)
    return get_collection(site, collection_id, services, now)


@router.post("/{site}/collections/{collection_id}:prepare")
def post_prepare(
    site: Text, collection_id: UUID, body: ActIn, services: Svc, now: Now, actor: Who
) -> PrepareOut:
    """Fetch it: the packet, for this device. Asked again it is the same packet."""

    def act(session: Session) -> PrepareOut:
        at = store(session, site)
        begin(
            session, at, CommandId(body.command_id), _asked("prepare", collection_id, body), now=now
        )
        task = prepare(session, at, collection_id, actor=str(actor), now=now)
        session.flush()
        return PrepareOut(packet_id=task, packet=lease(session, site, task, actor, now=now))

    return services.database.run(act)


@router.post("/{site}/collections/{collection_id}:hand-over")
def post_hand_over(
    site: Text, collection_id: UUID, body: HandOverIn, services: Svc, now: Now, actor: Who
) -> QueueItemOut:
    """The customer has it. Wrong codes are counted; five, and it is shut for a while."""
    shown = Shown(
        command_id=CommandId(body.command_id), code=body.code, till_reference=body.till_reference
    )
    problem = services.database.run(
        lambda s: hand_over(s, store(s, site), collection_id, shown, actor=actor, now=now)
    )
    if problem is not None:
        raise problem
    return get_collection(site, collection_id, services, now)


@router.post("/{site}/collections/{collection_id}:return-to-floor")
def post_return_to_floor(
    site: Text, collection_id: UUID, body: ActIn, services: Svc, now: Now
) -> QueueItemOut:
    """Nobody comes for it: the order ends, and its goods go back to the floor."""

    def act(session: Session, at: SiteId) -> None:
        give_up(session, at, collection_id, now=now, early=True)

    _once(services, site, body, ("return", collection_id, now), act)
    return get_collection(site, collection_id, services, now)


@router.post("/{site}/ships/{order_id}:accept", status_code=NO_CONTENT)
def post_accept_ship(site: Text, order_id: UUID, body: ActIn, services: Svc, now: Now) -> None:
    """The store will send that order."""

    def act(session: Session, at: SiteId) -> None:
        accept_ship(session, at, order_id, now=now)

    _once(services, site, body, ("accept ship", order_id, now), act)


@router.post("/{site}/ships/{order_id}:reject", status_code=NO_CONTENT)
def post_reject_ship(site: Text, order_id: UUID, body: RejectIn, services: Svc, now: Now) -> None:
    """The store cannot send that order (all of it that was to go from here): another site will."""

    def act(session: Session, at: SiteId) -> None:
        reject_ship(session, at, order_id, reason=body.reason, now=now)

    _once(services, site, body, ("reject ship", order_id, now), act)


@router.get("/{site}/policy")
def get_policy(site: Text, services: Svc) -> StorePolicyIn:
    """How the store answers."""
    policy = services.database.run(lambda s: policy_of(s, store(s, site)))
    return StorePolicyIn(**asdict(policy))


@router.put("/{site}/policy")
def put_policy(site: Text, body: StorePolicyIn, services: Svc) -> StorePolicyIn:
    """From now on it answers like that."""
    policy = Policy(**body.model_dump())
    services.database.run(lambda s: save_policy(s, store(s, site), policy))
    return body


@router.post("/{site}/sales-orders", status_code=CREATED, responses={200: {"model": OrderOut}})
def post_sales_order(
    site: Text, body: SalesOrderIn, response: Response, services: Svc, now: Now
) -> OrderOut:
    """An order taken in the store, to be delivered home or collected. The same id is the same."""
    services.database.run(lambda s: store(s, site))
    order = body.order.model_copy(update={"channel": "store"})
    return oms.put_order(body.id, order, response, services, now)


@router.post("/{site}/counter-orders", status_code=CREATED, responses={200: {"model": OrderOut}})
def post_counter_order(
    site: Text, body: CounterOrderIn, response: Response, services: Svc, now: Now
) -> OrderOut:
    """What the store has not: sent to the customer, or fetched here. The same id is the same."""

    def work(session: Session) -> tuple[datetime, ShipToIn]:
        at = session.get_one(Site, store(session, site))
        known = session.get(Order, body.id)
        return now if known is None else known.placed_at, _ship_to(at, body)

    placed_at, ship_to = services.database.run(work)
    order = OrderIn(
        number=body.number,
        channel="store",
        placed_at=placed_at,
        ship_to=ship_to,
        fulfilment="DELIVERY" if body.to == "HOME" else "COLLECT",
        to_site=None if body.to == "HOME" else site,
        contact=body.contact,
        lines=[
            OrderLineIn(line_no=number, **line.model_dump())
            for number, line in enumerate(body.lines, start=1)
        ],
    )
    return oms.put_order(body.id, order, response, services, now)


def _ship_to(site: Site, body: CounterOrderIn) -> ShipToIn:
    """Where it goes: the customer's prefecture, by its capital; or the store.

    Raises:
        NotFound: there is no such prefecture.
    """
    if body.to == "HERE":
        place = (site.latitude, site.longitude)
        return ShipToIn(
            prefecture=nearest(*place), postal_code=body.postal_code or "-",
            latitude=place[0], longitude=place[1],
        )  # fmt: skip
    found = prefecture(body.prefecture)
    if found is None or not body.postal_code:
        raise NotFound(f"prefecture {body.prefecture}")
    return ShipToIn(
        prefecture=found.name, postal_code=body.postal_code, latitude=found.latitude,
        longitude=found.longitude,
    )  # fmt: skip


def _return(back: Expected) -> QueueItemOut:
    """A return that somebody may bring; nobody has been promised anything of it."""
    nothing = dict.fromkeys(QueueItemOut.model_fields) | {"reason": "", "till_reference": ""}
    lines = [asdict(line) | {"place": None, "state": back.state, "image": None}
             for line in back.lines]  # fmt: skip
    facts = {"id": back.id, "kind": "RETURN", "number": back.number, "order_id": back.order_id,
             "state": back.state, "keep_until": back.expires_at, "lines": lines}  # fmt: skip
    return QueueItemOut.model_validate(nothing | facts)


def _item(item: Item) -> QueueItemOut:
    return QueueItemOut.model_validate(asdict(item))


def _asked(act: str, id_: UUID, body: ActIn) -> str:
    said = f"{act} {id_} {body.model_dump_json()}"
    return hashlib.sha256(said.encode()).hexdigest()


def _once(
    services: Services,
    site: str,
    body: ActIn,
    what: tuple[str, UUID, Now],
    act: Callable[[Session, SiteId], None],
) -> None:
    """Do it, unless that command has done it."""
    name, id_, now = what

    def work(session: Session) -> None:
        at = store(session, site)
        asked = _asked(name, id_, body)
        if begin(session, at, CommandId(body.command_id), asked, now=now):
            act(session, at)

    services.database.run(work)
