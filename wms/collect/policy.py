"""Policy: how a store answers what it is asked, and how long it keeps what is ready.

A store of which nothing is said accepts collections by hand and ships by itself, is given half an
hour to answer, and keeps a bag for a week.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.collect.model import ShipRequest, StoreCommand, StorePolicy
from wms.errors import IdReused, NotFound, Rejected
from wms.ids import CommandId, SiteId
from wms.orders.model import Allocation, Order
from wms.sites import Site, site_id

How: TypeAlias = Literal["BY_HAND", "AUTO"]
Unanswered: TypeAlias = Literal["ESCALATE", "RESOURCE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a store answers.

    `accept` collections, `accept_ship` deliveries; RESOURCE: what it has not answered when twice
    the time is over is taken away from it.
    """

    accept: How = "BY_HAND"
    accept_ship: How = "AUTO"
    answer_within_min: int = 30
    unanswered: Unanswered = "ESCALATE"
    keep_days: int = 7
    remind_before_h: int = 24

    @property
    def answer_within(self) -> timedelta:
        """How long it may think."""
        return timedelta(minutes=self.answer_within_min)

    @property
    def keep(self) -> timedelta:
        """How long a bag lies ready."""
        return timedelta(days=self.keep_days)

    @property
    def remind_before(self) -> timedelta:
        """How long before the end the customer hears of it once more."""
        return timedelta(hours=self.remind_before_h)


class NoStore(Rejected):
    """That site is no store.

    Attributes:
        site: its code.
    """

    code: ClassVar[str] = "no_store"

    def __init__(self, site: str) -> None:
        super().__init__(f"{site} is no store")
        self.site = site


def store(session: Session, code: str) -> SiteId:
    """The id of the store with that code.

    Raises:
        NotFound: there is no such site.
        NoStore: it is one, but no store.
    """
    site = session.get(Site, site_id(code))
    if site is None:
        raise NotFound(f"site {code}")
    if site.kind not in {"STORE", "LOCKER"}:
        raise NoStore(code)
    return SiteId(site.id)


def policy_of(session: Session, site: UUID) -> Policy:
    """How that store answers."""
    row = session.get(StorePolicy, site)
    if row is None:
        return Policy()
    return Policy(**{name: getattr(row, name) for name in Policy.__slots__})


def save_policy(session: Session, site: SiteId, policy: Policy) -> None:
    """From now on it answers like that."""
    row = {"site_id": site, **asdict(policy)}
    statement = insert(StorePolicy).values(row)
    session.execute(statement.on_conflict_do_update(index_elements=["site_id"], set_=row))
    session.expire_all()


def begin(session: Session, site: SiteId, command: CommandId, asked: str, *, now: datetime) -> bool:
    """Whether this act is new; False: it was done, and is not done again.

    Raises:
        IdReused: that command was something else.
    """
    row = {"site_id": site, "id": command, "asked": asked, "at": now}
    statement = insert(StoreCommand).values(row).on_conflict_do_nothing()
    if session.scalar(statement.returning(StoreCommand.id)) is not None:
        return True
    known = session.get_one(StoreCommand, (site, command))
    if known.asked != asked:
        raise IdReused(command)
    return False


def is_for_release() -> ColumnElement[bool]:
    """What an allocation is like that the floor may be given without asking a store first.

    Not what is collected at that site: that is prepared, not shipped. And of a store that answers
    by hand only what it has accepted.
    """
    collected = exists().where(
        Order.id == Allocation.order_id, Order.to_site_id == Allocation.site_id
    )
    asks = exists().where(
        StorePolicy.site_id == Allocation.site_id, StorePolicy.accept_ship == "BY_HAND"
    )
    accepted = exists().where(
        ShipRequest.site_id == Allocation.site_id,
        ShipRequest.id == Allocation.order_id,
        ShipRequest.state == "ACCEPTED",
    )
    return ~collected & or_(~asks, accepted)


def stores_by_id(session: Session) -> dict[UUID, str]:
    """The codes of all stores."""
    query = select(Site.id, Site.code).where(Site.kind.in_(("STORE", "LOCKER")))
    return {row.id: row.code for row in session.execute(query)}
