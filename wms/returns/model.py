"""Tables: return and return line."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base


class Return(Base):
    """Goods that a customer sends back."""

    __tablename__ = "customer_return"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("customer_order.id"))
    body_hash: Mapped[str]
    recorded_at: Mapped[datetime]
    closed: Mapped[bool] = mapped_column(default=False)


class ReturnLine(Base):
    """One line of a return. `grade` is A (as new), B (opened) or C (broken)."""

    __tablename__ = "return_line"
    __table_args__ = (CheckConstraint("state IN ('OPEN', 'RETURNED', 'SERVICE')", name="state"),)

    return_id: Mapped[UUID] = mapped_column(ForeignKey("customer_return.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sku_id: Mapped[UUID | None]
    sku: Mapped[str]
    units: Mapped[int]
    units_received: Mapped[int] = mapped_column(default=0)
    grade: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="OPEN")
