"""The stream to a site's WCS, as its sender keeps it (edge.stream says how streams work).

Messages are written without a number by whoever has something to say (wms.outbound.tell). The
one sender of a site gives the numbers, in the order in which the messages have become visible,
so that nobody who writes waits for anybody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.outbound.model import StreamOut, StreamSender

NUMBERED_AT_ONCE_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """What has been numbered and what has been acknowledged, of an epoch."""

    epoch: str
    last: int
    acked: int


def number(session: Session, site: str, new_epoch: str) -> Numbering:
    """Give numbers to what is new. `new_epoch` names the numbering if there is none yet."""
    sender = _lock(session, site, new_epoch)
    query = (
        select(StreamOut)
        .where(StreamOut.site == site, StreamOut.seq.is_(None))
        .order_by(StreamOut.id)
        .limit(NUMBERED_AT_ONCE_MAX)
    )
    for message in session.scalars(query):
        sender.last += 1
        message.seq = sender.last
    return Numbering(epoch=sender.epoch, last=sender.last, acked=sender.acked)


def read(session: Session, site: str, numbers: range) -> Sequence[bytes]:
    """The bodies of those messages."""
    query = (
        select(StreamOut.body)
        .where(StreamOut.site == site, StreamOut.seq.between(numbers.start, numbers.stop - 1))
        .order_by(StreamOut.seq)
    )
    return [body.encode() for body in session.scalars(query)]


def acknowledged(session: Session, site: str, seq: int) -> None:
    """The WCS has done everything through that number: forget it."""
    sender = session.get_one(StreamSender, site, with_for_update=True)
    sender.acked = max(sender.acked, seq)
    session.execute(delete(StreamOut).where(StreamOut.site == site, StreamOut.seq <= seq))


def start_over(session: Session, site: str, new_epoch: str) -> None:
    """Number what is left from 1 again: the WCS knows more than we, so our books were put back."""
    sender = _lock(session, site, new_epoch)
    sender.epoch, sender.last, sender.acked = new_epoch, 0, 0
    query = select(StreamOut).where(StreamOut.site == site).order_by(StreamOut.seq, StreamOut.id)
    for message in session.scalars(query):
        message.seq = None


def _lock(session: Session, site: str, new_epoch: str) -> StreamSender:
    row = {"site": site, "epoch": new_epoch, "last": 0, "acked": 0}
    session.execute(insert(StreamSender).values(row).on_conflict_do_nothing())
    return session.get_one(StreamSender, site, with_for_update=True, populate_existing=True)
