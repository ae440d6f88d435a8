"""Carrier files: parcels for carriers that have a program of their own, and its answer.

    make_file(session, "YAMATO", file_id)   all that is wanted and in no file yet; again: the same
    take_file(session, "YAMATO", content)   tracking numbers; again: nothing new

A file is made of the bookings that name it and is not kept: so the people in it are those of now,
and nobody who was erased. A parcel that cannot be written stays wanted, and its problem is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from wms.contacts.keys import Keys
from wms.errors import Conflict, IdReused, NotFound, Rejected
from wms.outbound.booking import party, with_parties
from wms.outbound.carrier import note
from wms.partners.carrier_files import Answer, NotTheirFile, Written, read_tracking, write
from wms.partners.carrier_layouts import FORMATS, Format
from wms.ports import Booked, Booking
from wms.shipping import bookings
from wms.shipping.model import BookingRow, CarrierFile
from wms.shipping.tables import CarrierFacts, carrier_facts

PARCELS_A_FILE = 1000


class CarrierByApi(Conflict):
    """The carrier is asked over its API: a file would buy its labels twice.

    Attributes:
        carrier: its code.
    """

    code = "carrier_by_api"

    def __init__(self, carrier: str) -> None:
        super().__init__(f"{carrier} is asked over its API; set its mode to FILE first")
        self.carrier = carrier


class NotACarriersFile(Rejected):
    """That is no file of this carrier's program."""

    code = "not_a_carriers_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of the lines of an answer.

    booked: are booked now; known: were, with that number; unknown: are none of ours; wrong: cannot
    be used, each with a problem.
    """

    booked: int
    known: int
    unknown: Sequence[Answer]
    wrong: Sequence[Answer]


def make_file(
    session: Session, code: str, file_id: UUID, keys: Keys | None, *, now: datetime
) -> Written:
    """The carrier's file of that id: made now, or made again.

    Raises:
        NotFound: no program of this carrier's is known.
        CarrierByApi: it does not work with files.
        IdReused: the file is another carrier's.
    """
    format_, facts = _format(code), carrier_facts(session, code)
    made = session.get(CarrierFile, file_id, with_for_update=True)
    if made is not None:
        if made.carrier != code:
            raise IdReused(file_id)
        query = select(BookingRow).where(BookingRow.file_id == file_id)
        return _write(session, format_, facts, _in_order(session, query), keys)[0]
    if facts.mode != "FILE":
        raise CarrierByApi(code)
    query = (
        select(BookingRow)
        .where(BookingRow.carrier == code, BookingRow.state == "WANTED")
        .where(BookingRow.file_id.is_(None), BookingRow.attempts == 0)
        .with_for_update(skip_locked=True)
        .limit(PARCELS_A_FILE)
    )
    rows = _in_order(session, query)
    written, by_id = _write(session, format_, facts, rows, keys)
    for id_ in written.parcels:
        by_id[id_].file_id, by_id[id_].attempts, by_id[id_].problem = file_id, 1, ""
    for problem in written.problems:
        by_id[problem.parcel_id].problem = f"{problem.code} {problem.detail}".strip()
    count = len(written.parcels)
    session.add(CarrierFile(id=file_id, carrier=code, made_at=now, parcels=count))
    return written


def take_file(session: Session, code: str, content: bytes, *, now: datetime) -> Taken:
    """Take the tracking numbers of an answer; what was taken before changes nothing.

    Raises:
        NotFound: no program of this carrier's is known.
        NotACarriersFile: the content is something else.
    """
    try:
        answers = read_tracking(_format(code), content)
    except NotTheirFile as error:
        raise NotACarriersFile(str(error)) from error
    usable = [each for each in answers if not each.problem]
    wrong = [each for each in answers if each.problem]
    query = (
        select(BookingRow)
        .where(BookingRow.reference.in_({each.reference for each in usable}))
        .where(BookingRow.carrier == code)
        .order_by(BookingRow.site_id, BookingRow.id)
        .with_for_update()
    )
    rows = {row.reference: row for row in session.scalars(query)}
    booked, known, unknown = 0, 0, []
    for each in usable:
        row = rows.get(each.reference)
        if row is None:
            unknown.append(each)
        elif row.tracking is not None:
            known += row.tracking == each.tracking
            if row.tracking != each.tracking:
                wrong.append(_wrong(each, "other_number"))
        elif row.state != "WANTED" or row.file_id is None:
            wrong.append(_wrong(each, "not_waiting"))
        else:
            _book(session, row, each, now)
            booked += 1
    return Taken(booked=booked, known=known, unknown=unknown, wrong=wrong)


def _book(session: Session, row: BookingRow, answer: Answer, now: datetime) -> None:
    key = bookings.Key(row.site_id, row.id, row.carrier)
    bookings.keep(session, key, Booked(tracking_number=answer.tracking), now=now)
    note(session, row.site_id, row.id, answer.tracking)


def _wrong(answer: Answer, problem: str) -> Answer:
    return Answer(
        line=answer.line, reference=answer.reference, tracking=answer.tracking, problem=problem
    )


def _format(code: str) -> Format:
    if code not in FORMATS:
        raise NotFound(f"no files of carrier {code} are known; of {', '.join(FORMATS)} they are")
    return FORMATS[code]


def _in_order(session: Session, query: Select[BookingRow]) -> Sequence[BookingRow]:
    return session.scalars(query.order_by(BookingRow.wanted_at, BookingRow.id)).all()


def _write(
    session: Session,
    format_: Format,
    facts: CarrierFacts,
    rows: Sequence[BookingRow],
    keys: Keys | None,
) -> tuple[Written, dict[UUID, BookingRow]]:
    def named(row: BookingRow) -> Booking:
        person = None if keys is None else party(session, keys, row.contact_id)
        return with_parties(bookings.as_booking(row), person, facts.sender)

    written = write(format_, map(named, rows), facts.codes)
    return written, {row.id: row for row in rows}
