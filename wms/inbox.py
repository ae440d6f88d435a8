"""Inbox: what the WCS of a site says, done once, in order.

A batch of its stream is one transaction: the effects of the messages and the position that they
were read to. So a batch that arrives again, or half again, does nothing twice; and nothing is
acknowledged that is not safe. A message that we cannot make sense of is put before people and
passed over: it must not hold up all that follow.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Mapped, Session, mapped_column

from edge.messages import CommandRefused, LightPressed, ShelfSeen, WeightRead
from edge.stream import Ack, Batch, receive
from wcs.messages import (
    Alarm,
    FromWcs,
    GatePassage,
    MissionCharged,
    ParcelScanned,
    ParcelSorted,
    TransportReport,
    from_wcs,
)
from wms.control.alarms import note
from wms.counting.shelf import compare_shelf
from wms.database import Base
from wms.epcis.tell import passed
from wms.errors import WmsError
from wms.ids import derive
from wms.inbound.gate import receive_passage
from wms.inbound.robot import take_putaway_report
from wms.outbound.floor import Floor
from wms.outbound.robot import take_report
from wms.outbound.ship import take_passage, take_scan, take_sort
from wms.outbound.station import take_weight
from wms.outbound.tell import count, report

log = structlog.get_logger(__name__)

_NAMES = UUID("00000000-0000-7000-8000-000000000003")  # the name space of what messages cause


class InboxPosition(Base):
    """How far the stream of a site has been done, by epoch."""

    __tablename__ = "inbox_position"

    site: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(server_default="0")


def take_batch(session: Session, floor: Floor, site: str, batch: Batch, *, now: datetime) -> Ack:
    """Do what is new in a batch; the acknowledgement to send once this is committed."""
    key = {"site": site, "epoch": batch.epoch}
    session.execute(insert(InboxPosition).values(**key, seq=0).on_conflict_do_nothing())
    position = session.get_one(
        InboxPosition, (site, batch.epoch), with_for_update=True, populate_existing=True
    )
    received = receive(position.seq, batch)
    first = received.ack.seq - len(received.new) + 1
    for seq, raw in enumerate(received.new, start=first):
        _take(session, floor, raw, derive(_NAMES, site, batch.epoch, seq), now)
    position.seq = received.ack.seq
    return received.ack


def positions(session: Session, site: str) -> list[Ack]:
    """What has been done, to say after a start or reconnect."""
    query = select(InboxPosition).where(InboxPosition.site == site)
    return [Ack(row.epoch, row.seq, again=True) for row in session.scalars(query)]


def _take(
    session: Session, floor: Floor, raw: Mapping[str, Any], message_id: UUID, now: datetime
) -> None:
    try:
        message = from_wcs.validate_python(dict(raw))
    except ValidationError as error:
        facts = {"message": _printable(str(raw)), "problem": _printable(str(error))}
        log.error("inbox.malformed", **facts)  # noqa: TRY400 - not our bug
        report(
            session, floor.hub, message_id, code="message.malformed", source="wcs",
            facts=facts, at=now,
        )  # fmt: skip
        return
    try:
        with session.begin_nested():
            _do(session, floor, message, message_id, now)
    except (WmsError, DataError, ValueError, OverflowError) as error:
        code = error.code if isinstance(error, WmsError) else type(error).__name__
        facts = {"message": _printable(str(raw)), "problem": _printable(f"{code}: {error}")}
        log.error("inbox.refused", **facts)  # noqa: TRY400 - it says what was wrong
        report(
            session, floor.hub, message_id, code="message.refused", source="wcs",
            facts=facts, at=now,
        )  # fmt: skip


def _printable(text: str) -> str:
    """What PostgreSQL and a log can keep of a text that may quote anything."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text[:1000])


def _do(session: Session, floor: Floor, message: FromWcs, message_id: UUID, now: datetime) -> None:
    match message:
        case TransportReport():
            take_report(session, floor, message, now=now)
            take_putaway_report(session, floor, message, now=now)
        case ParcelScanned():
            take_scan(session, floor, message)
        case ParcelSorted():
            take_sort(session, floor, message)
        case GatePassage():
            take_passage(session, floor, message, message_id, now=now)
            receive_passage(session, floor, message, message_id, now=now)
            passed(session, floor.hub_code, message, message_id, now=now)
        case WeightRead():
            take_weight(session, floor.hub, message)
        case ShelfSeen():
            compare_shelf(session, floor, message, now=now)
        case LightPressed() | CommandRefused():
            _told(session, floor, message)
        case MissionCharged():
            count(session, floor.hub, "missions_charged")
        case Alarm():
            count(session, floor.hub, "alarms", int(message.active))
            exception_id = derive(_NAMES, "alarm", message.id)
            report(
                session,
                floor.hub,
                exception_id,
                code=message.code,
                source=message.source,
                facts={"detail": message.detail},
                at=message.at,
                priority=message.priority,
                active=message.active,
            )
            note(session, floor.hub, exception_id, message, latching=floor.latched)
    session.flush()


def _told(session: Session, floor: Floor, message: LightPressed | CommandRefused) -> None:
    """What is counted; of refusals one exception an hour for each device and reason."""
    if isinstance(message, LightPressed):
        count(session, floor.hub, "lights_pressed")
        return
    hour = message.at.strftime("%Y-%m-%dT%H")
    report(
        session,
        floor.hub,
        derive(_NAMES, "refused", message.device, message.about, message.reason, hour),
        code="command.refused",
        source=message.device,
        facts={
            "detail": _printable(f"{message.about}: {message.reason}, {message.detail}"),
            "reason": message.reason,
            "command": str(message.command or ""),
        },
        at=message.at,
        priority=2 if message.command else 3,
    )
