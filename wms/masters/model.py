"""Tables: imports (a file, what was wrong in it, what became of it), and labels of places."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base


class MasterImport(Base):
    """A file that somebody sent. `content` is kept until it has been applied.

    WAITING until somebody has looked at it; then FAULTY, or CHECKED (a dry run), or APPLIED.
    `faults` and `changes` are the first of them, `faults_found` and the counts are all.
    """

    __tablename__ = "master_import"
    __table_args__ = (
        CheckConstraint("wanted IN ('CHECK', 'APPLY')", name="wanted"),
        CheckConstraint("state IN ('WAITING', 'FAULTY', 'CHECKED', 'APPLIED')", name="state"),
        CheckConstraint("content IS NOT NULL OR state = 'APPLIED'", name="file"),
        Index("ix_master_import_waiting", "made_at", postgresql_where=text("state = 'WAITING'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    file_name: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    wanted: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="WAITING")
    rows: Mapped[int] = mapped_column(server_default="0")
    done: Mapped[int] = mapped_column(server_default="0")
    rows_new: Mapped[int] = mapped_column(server_default="0")
    rows_changed: Mapped[int] = mapped_column(server_default="0")
    rows_unchanged: Mapped[int] = mapped_column(server_default="0")
    rows_gone: Mapped[int] = mapped_column(server_default="0")
    faults_found: Mapped[int] = mapped_column(server_default="0")
    faults: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class LocationPrint(Base):
    """Labels of places that were printed: `places` is their codes, ids and epochs."""

    __tablename__ = "location_print"

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    places: Mapped[list[list[Any]]] = mapped_column(JSONB)
    printed_by: Mapped[str]
    printed_at: Mapped[datetime]
