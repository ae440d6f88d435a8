"""Policies: by which weights orders are sourced, who says so, and since when.

    save_policy    a new version of a policy; the ones before stay, to be read in old decisions
    live_policy    the one that decides; without any saved, DEFAULT
    shadow_policies those that decide the same batches without effect (wms.orders.shadow)

    COST      the cheapest by the named terms of wms.orders.costs
    NEAREST   the nearest site that has all, else the sites that have most
    PRIORITY  warehouses before stores, then the nearest

At most one policy is LIVE: making another LIVE turns the one before OFF. Amounts are minor units.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import CheckConstraint, Index, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.database import Base

Method: TypeAlias = Literal["COST", "NEAREST", "PRIORITY"]
State: TypeAlias = Literal["LIVE", "SHADOW", "OFF"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much each term of the cost counts.

    The defaults are those of the first version, estimates with these reasons. Labour costs 1,500
    yen an hour (the mean minimum wage of 2024, 1,055 yen, with what comes on top): packing takes
    about 2.5 minutes in a warehouse, 3 in a fulfilment centre, 7 in a store between customers; a
    pick 25, 35 and 85 seconds. A day late (1,500) is dearer than the longest way (1,300 in
    wms/shipping/rates.toml), so that a promise is not broken to save freight. CO2 costs what a
    tonne does in European emissions trading (about 10,000 yen). A second parcel, a day under way
    and a store's last unit are preferences; each is far below the price of a parcel. A last unit
    counts little: what it is worth to later orders is the price of scarcity already, and counted
    twice it parts orders; what remains is that a shelf should not look empty. Scarcity is money
    of the same kind as freight, so it counts in full.

    Attributes:
        split_minor: each site of an order beyond the first.
        carton_minor: each carton.
        packing_minor: packing a parcel: in a warehouse (DC), a fulfilment centre (FC), a store.
        unit_minor: picking a unit there.
        late_day_minor: a parcel that arrives after the promise, each day begun.
        day_minor: each day under way, promise or none.
        co2_minor_per_kg: the price of CO2.
        keep_units: what a store's shelf should not go below, and
        balance_minor: what the last of these units is worth more than its price.
        markdown: which share of the loss that a sale now saves counts (stock_value).
        scarcity: which share of what a unit is worth to later orders counts (stock_value).
        rank_percent: by how much each level of priority makes lateness dearer.
        backorder_minor: a line that is not sent; never cheaper than sending it from anywhere.
    """

    split_minor: int = 150
    carton_minor: int = 60
    packing_minor: tuple[int, int, int] = (60, 80, 180)
    unit_minor: tuple[int, int, int] = (10, 14, 35)
    late_day_minor: int = 1_500
    day_minor: int = 20
    co2_minor_per_kg: int = 10
    keep_units: int = 2
    balance_minor: int = 50
    markdown: float = 1.0
    scarcity: float = 1.0
    rank_percent: int = 50
    backorder_minor: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A set of rules with a name and a version."""

    name: str = "default"
    version: int = 0
    method: Method = "COST"
    state: State = "LIVE"
    weights: Weights = field(default_factory=Weights)


DEFAULT = Policy()


class SourcingPolicy(Base):
    """A version of a policy. All but the last of a name are OFF."""

    __tablename__ = "sourcing_policy"
    __table_args__ = (
        CheckConstraint("state IN ('LIVE', 'SHADOW', 'OFF')", name="state"),
        CheckConstraint("method IN ('COST', 'NEAREST', 'PRIORITY')", name="method"),
        Index(
            "ix_sourcing_policy_live",
            "state",
            unique=True,
            postgresql_where=text("state = 'LIVE'"),
        ),
        Index(
            "ix_sourcing_policy_shadow",
            "name",
            unique=True,
            postgresql_where=text("state <> 'OFF'"),
        ),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    method: Mapped[str]
    state: Mapped[str]
    weights: Mapped[dict[str, Any]] = mapped_column(JSONB)
    saved_at: Mapped[datetime]


def save_policy(
    session: Session, name: str, weights: Weights, *, method: Method, state: State, now: datetime
) -> tuple[Policy, bool]:
    """Make a new version of a policy, or change the state of the last if all else is as it was.

    Returns:
        the policy as it stands, and whether it is a new version.
    """
    session.execute(text("LOCK TABLE sourcing_policy IN SHARE ROW EXCLUSIVE MODE"))
    newest = select(SourcingPolicy).where(SourcingPolicy.name == name)
    last = session.scalar(newest.order_by(SourcingPolicy.version.desc()).limit(1))
    same = last is not None and (last.method, last.weights) == (method, _plain(weights))
    if state == "LIVE":
        _turn_off(session, SourcingPolicy.state == "LIVE")
    _turn_off(session, SourcingPolicy.name == name)
    if last is not None and same:
        last.state = state
        session.flush()
        return _policy(last), False
    row = SourcingPolicy(
        name=name,
        version=last.version + 1 if last is not None else 1,
        method=method,
        state=state,
        weights=_plain(weights),
        saved_at=now,
    )
    session.add(row)
    session.flush()
    return _policy(row), True


def live_policy(session: Session) -> Policy:
    """The policy that decides."""
    row = session.scalar(select(SourcingPolicy).where(SourcingPolicy.state == "LIVE"))
    return DEFAULT if row is None else _policy(row)


def shadow_policies(session: Session) -> list[Policy]:
    """The policies that decide without effect, by name."""
    query = select(SourcingPolicy).where(SourcingPolicy.state == "SHADOW")
    return [_policy(row) for row in session.scalars(query.order_by(SourcingPolicy.name))]


def policies(session: Session) -> list[Policy]:
    """The last version of each policy, by name; with DEFAULT when none is LIVE."""
    query = select(SourcingPolicy).order_by(SourcingPolicy.name, SourcingPolicy.version)
    last = {row.name: row for row in session.scalars(query)}
    saved = [_policy(row) for row in last.values()]
    return saved if any(each.state == "LIVE" for each in saved) else [DEFAULT, *saved]


def _turn_off(session: Session, which: Any) -> None:
    session.execute(update(SourcingPolicy).where(which).values(state="OFF"))


def _plain(weights: Weights) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(weights).items()}


def _policy(row: SourcingPolicy) -> Policy:
    facts: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in row.weights.items()
    }
    return Policy(
        name=row.name,
        version=row.version,
        method=row.method,  # type: ignore[arg-type]
        state=row.state,  # type: ignore[arg-type]
        weights=Weights(**facts),
    )
