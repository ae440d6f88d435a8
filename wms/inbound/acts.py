"""Acts of people at screens on what comes in, each once under the id that they chose.

    said = once(session, site, command_id, "close <asn>", do)

Sent again, an act has no effect and the same answer as the first time, whatever has happened since;
another act under a known id is refused.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.database import Base
from wms.errors import IdReused


class InboundAct(Base):
    """An act, and what was answered."""

    __tablename__ = "inbound_act"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    what: Mapped[str]
    said: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]


def once(
    session: Session,
    site: UUID,
    command_id: UUID,
    what: str,
    do: Callable[[], dict[str, Any]],
    *,
    now: datetime,
) -> dict[str, Any]:
    """Do it, or answer as when it was done; `do` says its answer as JSON.

    Raises:
        IdReused: another act has that id.
    """
    row = {"site_id": site, "id": command_id, "what": what, "said": {}, "at": now}
    new = insert(InboundAct).values(row).on_conflict_do_nothing().returning(InboundAct.id)
    is_new = session.scalar(new) is not None
    act = session.get_one(InboundAct, (site, command_id), with_for_update=True)
    if act.what != what:
        raise IdReused(command_id)
    if is_new:
        act.said = do()
    return act.said
