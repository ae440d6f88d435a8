"""Tables: counts, the rounds in which people counted, what they found, and what was made of it.

    stock_count        one place, or all places of a zone (a sweep), to be counted
    count_round        one person's counting; a count has several when they do not agree
    count_line         what was found in a round, and what the books had at that moment
    count_adjustment   what was posted for it, a row a movement's command; once
    count_act          what a supervisor did, under the id of the command
    count_policy       how a site counts; count_class: what its goods are (A, B, C)
    sku_value          what a unit is worth, for tolerances and approvals

A line's difference is judged against `book_lo` and `book_hi`: the least and the most that the
books had while the person counted. They differ where goods moved meanwhile.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from wms.database import Base

# OPEN: somebody is to count. REVIEW: a supervisor decides. ACCEPTED: to be posted. The rest ended.
COUNT_STATES = ("OPEN", "REVIEW", "ACCEPTED", "POSTED", "AGREED", "REJECTED", "CANCELLED")
LIVE = ("OPEN", "REVIEW", "ACCEPTED")
_ONE_OF = ", ".join(f"'{state}'" for state in COUNT_STATES)


class StockCount(Base):
    """A count (棚卸): of a place, of one SKU there, or of a zone by its tags (SWEEP).

    `group_id` is what it was asked for together with; `abc` the class it was counted for. `rounds`
    is how many have been begun. `value_minor` is what its differences are worth, added up.
    """

    __tablename__ = "stock_count"
    __table_args__ = (
        CheckConstraint(f"state IN ({_ONE_OF})", name="state"),
        CheckConstraint("kind IN ('CYCLE', 'WANTED', 'DEMAND', 'ZONE', 'SWEEP')", name="kind"),
        CheckConstraint("(location_id IS NULL) = (kind = 'SWEEP')", name="place"),
        Index("ix_stock_count_listed", "site_id", "made_at", "id"),
        Index("ix_stock_count_place", "site_id", "location_id", "ended_at"),
        Index(
            "ix_stock_count_live",
            "site_id",
            "state",
            postgresql_where=text("state IN ('OPEN', 'REVIEW', 'ACCEPTED')"),
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="OPEN")
    location_id: Mapped[UUID | None]
    zone: Mapped[str] = mapped_column(server_default="")
    sku_id: Mapped[UUID | None]
    why: Mapped[str] = mapped_column(server_default="")
    abc: Mapped[str] = mapped_column(server_default="")
    group_id: Mapped[UUID | None]
    rounds: Mapped[int] = mapped_column(server_default="0")
    units_off: Mapped[int] = mapped_column(server_default="0")
    units_book: Mapped[int] = mapped_column(server_default="0")
    value_minor: Mapped[int] = mapped_column(server_default="0")
    approved_by: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(server_default="")


class CountRound(Base):
    """One person's counting. `snapshot` says which movements the books had when it began."""

    __tablename__ = "count_round"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "count_id"], ["stock_count.site_id", "stock_count.id"]),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    count_id: Mapped[UUID] = mapped_column(primary_key=True)
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    task_id: Mapped[UUID]
    operator: Mapped[str] = mapped_column(server_default="")
    device: Mapped[str] = mapped_column(server_default="")
    began_at: Mapped[datetime | None]
    snapshot: Mapped[str] = mapped_column(server_default="")
    books: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    done_at: Mapped[datetime | None]
    verdict: Mapped[str] = mapped_column(server_default="")


class CountLine(Base):
    """What was found of one SKU and lot, loose or in a unit; or a code that means nothing here."""

    __tablename__ = "count_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["site_id", "count_id", "round_no"],
            ["count_round.site_id", "count_round.count_id", "count_round.no"],
        ),
        CheckConstraint("counted >= 0", name="counted"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    count_id: Mapped[UUID] = mapped_column(primary_key=True)
    round_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sku_id: Mapped[UUID | None]
    owner_id: Mapped[UUID | None]
    handling_unit_id: Mapped[UUID]
    lot: Mapped[str] = mapped_column(server_default="")
    code: Mapped[str] = mapped_column(server_default="")
    counted: Mapped[int]
    book_lo: Mapped[int] = mapped_column(server_default="0")
    book_hi: Mapped[int] = mapped_column(server_default="0")
    difference: Mapped[int] = mapped_column(server_default="0")
    serials: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    missing: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    unexpected: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))


class CountAdjustment(Base):
    """What a count changed: units (signed) that came to its place or left it, by which command.

    FOUND from UNKNOWN or elsewhere at the site, SURPLUS from nowhere, MISSING to UNKNOWN; SHORT
    is missing too, with the hold that had it pinned.
    """

    __tablename__ = "count_adjustment"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "count_id"], ["stock_count.site_id", "stock_count.id"]),
        CheckConstraint("kind IN ('FOUND', 'SURPLUS', 'MISSING', 'SHORT')", name="kind"),
        CheckConstraint("(units > 0) = (kind IN ('FOUND', 'SURPLUS'))", name="units"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    count_id: Mapped[UUID] = mapped_column(primary_key=True)
    command_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    sku_id: Mapped[UUID]
    lot: Mapped[str]
    units: Mapped[int]
    value_minor: Mapped[int]
    at: Mapped[datetime]


class CountAct(Base):
    """What a supervisor did with a count; `id` is the command's, so it is done once."""

    __tablename__ = "count_act"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    count_id: Mapped[UUID]
    act: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]


class CountPolicyRow(Base):
    """How a site counts (wms.counting.rules.Policy)."""

    __tablename__ = "count_policy"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    saved_at: Mapped[datetime]


class CountClass(Base):
    """The class of a SKU at a site, by what went out of it: A little of many, C much of few."""

    __tablename__ = "count_class"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    abc: Mapped[str]
    value_minor: Mapped[int]
    times: Mapped[int]
    at: Mapped[datetime]


class SkuValue(Base):
    """What a unit of a SKU is worth to its owner; without, what it was last sold for."""

    __tablename__ = "sku_value"

    sku_id: Mapped[UUID] = mapped_column(primary_key=True)
    value_minor: Mapped[int]
    saved_at: Mapped[datetime]
