"""Tables: order, its lines, allocations, promises and changes; decision; cart; waiting list.

An allocation is a demand's hold at one site, under the hold's own id; its state is the hold's,
as far as the floor is concerned. I8: for each line, what is on its way and what was sent, short
units, cancelled units and those that wait add up to what was ordered.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.catalog import HOUSE_OWNER_ID
from wms.database import Base

LINE_OPEN = "OPEN"
ORDER_KINDS = ("CUSTOMER", "EXCHANGE", "TRANSFER")
FULFILMENTS = ("DELIVERY", "COLLECT", "RESERVE", "TRANSFER")
SPLITS = ("ANY", "WHOLE_LINES", "ONE_SITE")
BACKORDERS = ("END", "WAIT")
LINE_STATES = ("OPEN", "SHIPPED", "BACKORDERED", "CANCELLED", "RETURNED", "SERVICE")
ALLOCATION_STATES = (
    "HELD",
    "ALLOCATED",
    "PINNED",
    "PICKED",
    "PACKED",
    "SHIPPED",
    "DELIVERED",
    "SHORT",
    "RELEASED",
    "EXPIRED",
    "SWAPPED",
)
CART_STATES = ("OPEN", "ORDERED", "ENDED")
WAIT_STATES = ("WAITING", "OFFERED", "TAKEN", "LAPSED", "CANCELLED")
# these units are no longer on their way to the customer
ENDED = ("SHORT", "RELEASED", "EXPIRED", "SWAPPED")


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """The constraint that a text column holds one of these words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


class Order(Base):
    """What somebody wants. `body_hash` tells a repetition from another order with the same id.

    fulfilment    DELIVERY  to an address
                  COLLECT   paid, handed over at `to_site_id`
                  RESERVE   not paid, kept at `to_site_id` until `expires_at`
                  TRANSFER  to a site of ours (kind TRANSFER)
    split         ANY lines and units may come from several sites; WHOLE_LINES lines may, each
                  whole; ONE_SITE all from one
    backorders    what cannot be had: END, or WAIT until it can
    promised_by   what the customer was told; changed by wms.orders.promise alone (I15)
    token         the unguessable name that the customer follows it by
    from_site_id  the one site that it may be filled from (kind TRANSFER)
    owner_id      whose goods its lines are (荷主)
    """

    __tablename__ = "customer_order"
    __table_args__ = (
        Index("ix_customer_order_unsourced", "placed_at", postgresql_where=text("NOT sourced")),
        Index("ix_customer_order_recorded_at", "recorded_at"),
        Index("ix_customer_order_token", "token"),
        Index(
            "ix_customer_order_to_site_id",
            "to_site_id",
            "placed_at",
            postgresql_where=text("to_site_id IS NOT NULL"),
        ),
        Index(
            "ix_customer_order_expires_at",
            "expires_at",
            postgresql_where=text("expires_at IS NOT NULL AND NOT closed"),
        ),
        one_of("kind", ORDER_KINDS),
        one_of("fulfilment", FULFILMENTS),
        one_of("split", SPLITS),
        one_of("backorders", BACKORDERS),
        CheckConstraint("(fulfilment = 'DELIVERY') = (to_site_id IS NULL)", name="to_site"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(server_default=str(HOUSE_OWNER_ID))
    number: Mapped[str]
    channel: Mapped[str]
    customer: Mapped[str | None]
    prefecture: Mapped[str]
    postal_code: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]
    placed_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    body_hash: Mapped[str]
    sourced: Mapped[bool] = mapped_column(default=False)
    closed: Mapped[bool] = mapped_column(default=False)
    shipped_at: Mapped[datetime | None]
    kind: Mapped[str] = mapped_column(server_default="CUSTOMER")
    fulfilment: Mapped[str] = mapped_column(server_default="DELIVERY")
    to_site_id: Mapped[UUID | None]
    priority: Mapped[int] = mapped_column(server_default="0")
    promised_from: Mapped[datetime | None]
    promised_by: Mapped[datetime | None]
    split: Mapped[str] = mapped_column(server_default="ANY")
    backorders: Mapped[str] = mapped_column(server_default="END")
    delivery_on: Mapped[date | None]
    slot: Mapped[str] = mapped_column(server_default="")
    leave_at: Mapped[str] = mapped_column(server_default="")
    currency: Mapped[str] = mapped_column(server_default="JPY")
    language: Mapped[str] = mapped_column(server_default="ja")
    contact_id: Mapped[UUID | None]
    expires_at: Mapped[datetime | None]
    token: Mapped[str] = mapped_column(server_default="")
    from_site_id: Mapped[UUID | None]
    reminded_at: Mapped[datetime | None]
    extended_at: Mapped[datetime | None]


class OrderLine(Base):
    """One line of an order; `sku_id` is None for a service, which is no goods.

    units = on their way + sent + short + cancelled + waiting (back-ordered, nothing held): I8.
    `price_minor` is what one unit was sold for, all taxes in it. `gift` is a wrapping's code.
    A line with `kit_no` is a part of the kit on that line (wms.orders.kits), `kit_units` in each.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        one_of("state", LINE_STATES),
        CheckConstraint(
            "units_short >= 0 AND units_cancelled >= 0 AND units_waiting >= 0"
            " AND units_short + units_cancelled + units_waiting <= units",
            name="units",
        ),
        CheckConstraint("kit_no IS NULL OR kit_units > 0", name="kit_units"),
        Index(
            "ix_order_line_waiting",
            "sku_id",
            "order_id",
            postgresql_where=text("units_waiting > 0"),
        ),
    )

    order_id: Mapped[UUID] = mapped_column(ForeignKey("customer_order.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sku_id: Mapped[UUID | None]
    sku: Mapped[str]
    units: Mapped[int]
    units_short: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default=LINE_OPEN)
    units_cancelled: Mapped[int] = mapped_column(server_default="0")
    units_waiting: Mapped[int] = mapped_column(server_default="0")
    price_minor: Mapped[int] = mapped_column(server_default="0")
    gift: Mapped[str] = mapped_column(server_default="")
    supply_id: Mapped[UUID | None]
    kit_no: Mapped[int | None]
    kit_units: Mapped[int] = mapped_column(server_default="0")


class Allocation(Base):
    """A hold of the ledger that stands for units of one order line at one site.

    With `onward_id` its goods went to another site of ours for that order: DELIVERED there, they
    go on as that allocation, and count there. With `supply_id` it holds what is still to come.
    `cancelling`: it has been taken back, but its goods are not yet back on their shelf. `releases`
    counts how often it was pinned; `to_sort`: picked for several orders together (put wall).
    """

    __tablename__ = "allocation"
    __table_args__ = (
        one_of("state", ALLOCATION_STATES),
        Index("ix_allocation_order_id_line_no", "order_id", "line_no"),
        Index(
            "ix_allocation_to_release",
            "site_id",
            "ordered_at",
            postgresql_where=text("state = 'ALLOCATED'"),
        ),
        Index(
            "ix_allocation_on_supply",
            "site_id",
            "supply_id",
            postgresql_where=text("state = 'HELD' AND supply_id IS NOT NULL"),
        ),
        Index("ix_allocation_cancelling", "site_id", postgresql_where=text("cancelling")),
        Index("ix_allocation_to_sort", "site_id", postgresql_where=text("to_sort")),
        Index(
            "ix_allocation_to_pack",
            "order_id",
            postgresql_where=text("state = 'PICKED' AND NOT to_pack AND NOT to_sort"),
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    line_no: Mapped[int]
    sku_id: Mapped[UUID]
    units: Mapped[int]
    state: Mapped[str]
    ordered_at: Mapped[datetime]
    location_id: Mapped[UUID | None]
    tote: Mapped[str | None]
    by_robot: Mapped[bool] = mapped_column(default=False)
    task_id: Mapped[UUID | None]
    to_pack: Mapped[bool] = mapped_column(default=False)
    onward_id: Mapped[UUID | None]
    supply_id: Mapped[UUID | None]
    cancelling: Mapped[bool] = mapped_column(server_default="false", default=False)
    releases: Mapped[int] = mapped_column(server_default="0", default=0)
    to_sort: Mapped[bool] = mapped_column(server_default="false", default=False)


class OrderPromise(Base):
    """What a customer was told about when, each time that it changed: I15."""

    __tablename__ = "order_promise"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("customer_order.id"), primary_key=True)
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    promised_from: Mapped[datetime | None]
    promised_by: Mapped[datetime | None]
    reason: Mapped[str]
    at: Mapped[datetime]


class OrderChange(Base):
    """A change that somebody asked for, under the id that they chose: it has its effect once."""

    __tablename__ = "order_change"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("customer_order.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    asked: Mapped[str]
    at: Mapped[datetime]


class Decision(Base):
    """Why an order was given to these sites: what was weighed, chosen, and how sure we are.

    kind SOURCED: by `wms.orders.source`; SWAPPED: units went from one order to another (引当振替).
    `objective`, `bound` and `gap` are those of the batch, `terms` the cost of this order's plan.
    """

    __tablename__ = "decision"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    decided_at: Mapped[datetime]
    status: Mapped[str]
    objective: Mapped[float]
    bound: Mapped[float | None]
    gap: Mapped[float | None]
    runtime_s: Mapped[float]
    seed: Mapped[int]
    inputs_hash: Mapped[str]
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    chosen: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    runner_up: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    kind: Mapped[str] = mapped_column(server_default="SOURCED")
    policy: Mapped[str] = mapped_column(server_default="")
    policy_version: Mapped[int] = mapped_column(server_default="0")
    terms: Mapped[dict[str, float]] = mapped_column(JSONB, server_default=text("'{}'"))
    why: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))


class Cart(Base):
    """What somebody is about to buy, held for them until `expires_at`.

    OPEN -> ORDERED (its holds became those of `order_id`) | ENDED (given up, or time ran out).
    `rev` counts the client's versions of it.
    """

    __tablename__ = "cart"
    __table_args__ = (
        one_of("state", CART_STATES),
        Index("ix_cart_expires_at", "expires_at", postgresql_where=text("state = 'OPEN'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    rev: Mapped[int]
    asked: Mapped[str]
    channel: Mapped[str]
    fulfilment: Mapped[str]
    to_site_id: Mapped[UUID | None]
    latitude: Mapped[float]
    longitude: Mapped[float]
    state: Mapped[str] = mapped_column(server_default="OPEN")
    order_id: Mapped[UUID | None]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class CartLine(Base):
    """A line of a cart: how many units are wanted, and how many are held."""

    __tablename__ = "cart_line"

    cart_id: Mapped[UUID] = mapped_column(ForeignKey("cart.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sku_id: Mapped[UUID]
    sku: Mapped[str]
    units: Mapped[int]


class CartHold(Base):
    """A hold of the ledger that stands for units of a cart's line."""

    __tablename__ = "cart_hold"

    cart_id: Mapped[UUID] = mapped_column(ForeignKey("cart.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    site_id: Mapped[UUID]
    line_no: Mapped[int]
    units: Mapped[int]


class Wait(Base):
    """Somebody who waits for units of a SKU at a site: who came first is offered them first.

    WAITING -> OFFERED (a hold keeps them until `offered_until`) -> TAKEN (it became `order_id`)
    | LAPSED (nobody came; the next is asked) | CANCELLED.
    """

    __tablename__ = "wait"
    __table_args__ = (
        one_of("state", WAIT_STATES),
        UniqueConstraint("site_id", "hold_id"),
        Index("ix_wait_id", "id"),
        Index("ix_wait_queue", "site_id", "sku_id", "made_at", "id",
              postgresql_where=text("state = 'WAITING'")),
        Index("ix_wait_offered", "offered_until", postgresql_where=text("state = 'OFFERED'")),
    )  # fmt: skip

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID]
    sku: Mapped[str]
    units: Mapped[int]
    channel: Mapped[str]
    customer: Mapped[str | None]
    language: Mapped[str] = mapped_column(server_default="ja")
    asked: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="WAITING")
    made_at: Mapped[datetime]
    hold_id: Mapped[UUID | None]
    offered_until: Mapped[datetime | None]
    order_id: Mapped[UUID | None]
