"""What is expected back at a site: returns of orders whose goods are not here yet."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.returns.model import COMING, Return, ReturnLine

RETURNS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLine:
    """Units of a line that shall come back."""

    line_no: int
    sku: str
    name_en: str
    name_ja: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A return that somebody may bring any time, until it expires."""

    id: UUID
    number: str
    order_id: UUID
    state: str
    expires_at: datetime | None
    lines: tuple[ExpectedLine, ...]


def expected_at(session: Session, site: UUID) -> list[Expected]:
    """The returns that a site waits for."""
    query = (
        select(Return)
        .where(Return.site_id == site, Return.state.in_(COMING), Return.order_id.is_not(None))
        .order_by(Return.expires_at, Return.id)
        .limit(RETURNS_MAX)
    )
    coming = session.scalars(query).all()
    lines = _lines(session, [each.id for each in coming])
    return [
        Expected(
            id=each.id, number=each.number, order_id=each.order_id, state=each.state,
            expires_at=each.expires_at, lines=tuple(lines[each.id]),
        )
        for each in coming if each.order_id is not None
    ]  # fmt: skip


def _lines(session: Session, returns: Sequence[UUID]) -> dict[UUID, list[ExpectedLine]]:
    query = (
        select(ReturnLine, Sku.name_en, Sku.name_ja)
        .join(Sku, Sku.id == ReturnLine.sku_id)
        .where(ReturnLine.return_id.in_(returns))
        .order_by(ReturnLine.return_id, ReturnLine.line_no)
    )
    found: dict[UUID, list[ExpectedLine]] = defaultdict(list)
    for line, name_en, name_ja in session.execute(query):
        found[line.return_id].append(
            ExpectedLine(
                line_no=line.line_no, sku=line.sku, name_en=name_en, name_ja=name_ja,
                units=line.units,
            )
        )  # fmt: skip
    return found
