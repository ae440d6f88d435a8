"""Printers: what is to be printed is written down, printed by the worker, and printed once.

    want_labels(session, ...)     a job: on a printer, or (no printer) as one PDF
    print_parcel(session, ...)    label and slip of a parcel, on the printer of the packer's bench
    PrintDesk(...).run()          the worker's side: calls stand between transactions

A printer acknowledges a part of a job before it is given the next. What it was given and did not
acknowledge may be on paper: printed again it says so (再発行). A printer that is down stops its own
jobs only, and is put before people until it answers. A job that cannot be drawn is put aside
(FAILED) with its reason, before people until it is resumed or cancelled; those behind it go on.
Whoever works for a printer has it to himself for a while (`due_at`).

What a job prints it names (`kind`, `id`); who it is sent to is looked up when it is printed. Only
labels that name nobody are kept as a PDF.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, ClassVar
from uuid import UUID

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.contacts.keys import Keys
from wms.database import Database
from wms.errors import Conflict, NotFound, Rejected, Unavailable
from wms.ids import derive
from wms.outbound.model import ExceptionRow, Parcel
from wms.outbound.packing_tables import Printer, PrintJob
from wms.outbound.prints import ANONYMOUS, Unprintable, drawings_of, rendered
from wms.outbound.station import station_of
from wms.outbound.tell import report
from wms.partners.label_printer import LabelPrinter
from wms.printing.codes import LINEAR, bars_text, matrix
from wms.printing.drawing import Drawing, marked
from wms.printing.labels import LabelSpec
from wms.printing.render import to_pdf, to_zpl
from wms.work.tasks import Actor

log = structlog.get_logger(__name__)

AGAIN = "再発行"
LEASE = timedelta(seconds=90)
PAUSE = timedelta(seconds=10)
TOGETHER_MAX = 20  # labels that a printer acknowledges together, of a long job
PARTS = 50
PDF_PART = 200  # labels between two looks at whether the job still stands
LABELS_MAX = 5_000


class PrinterUnknown(Rejected):
    """There is no such printer at that site.

    Attributes:
        printer: its name.
    """

    code: ClassVar[str] = "printer_unknown"

    def __init__(self, printer: str) -> None:
        super().__init__(f"no printer {printer} at this site")
        self.printer = printer


class NamesSomebody(Rejected):
    """Labels with names and addresses are printed, never kept as a file."""

    code: ClassVar[str] = "names_somebody"


class LabelRefused(Rejected):
    """What shall stand on a label cannot be printed."""

    code: ClassVar[str] = "label_refused"


class JobOver(Conflict):
    """The job is done, or was cancelled."""

    code: ClassVar[str] = "print_job_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterRecord:
    """A printer as master data bring it."""

    name: str
    host: str
    port: int = 9100
    dpi: int = 203


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """Labels to print, under an id that makes them once."""

    id: UUID
    site_id: UUID
    printer: str
    labels: Sequence[Mapping[str, Any]]
    by: str


def save_printer(session: Session, site: UUID, record: PrinterRecord) -> None:
    """Make or change a printer, known by name; it is tried at once."""
    row = asdict(record) | {"site_id": site, "state": "NEW", "problem": "", "due_at": None}
    changes = {name: value for name, value in row.items() if name not in {"site_id", "name"}}
    statement = insert(Printer).values(row)
    session.execute(
        statement.on_conflict_do_update(index_elements=["site_id", "name"], set_=changes)
    )


def want_labels(session: Session, new: NewJob, *, now: datetime) -> PrintJob:
    """Have labels printed. The same id again is the same job.

    Raises:
        PrinterUnknown: there is no such printer.
        NamesSomebody: there is no printer, and a label says who somebody is.
    """
    if new.printer and session.get(Printer, (new.site_id, new.printer)) is None:
        raise PrinterUnknown(new.printer)
    if not new.printer and any(label["kind"] not in ANONYMOUS for label in new.labels):
        raise NamesSomebody("choose a printer for labels of parcels")
    row = {"site_id": new.site_id, "id": new.id, "printer": new.printer, "made_by": new.by,
           "total": len(new.labels), "labels": [dict(each) for each in new.labels],
           "made_at": now}  # fmt: skip
    session.execute(insert(PrintJob).values(row).on_conflict_do_nothing())
    return session.get_one(PrintJob, (new.site_id, new.id), populate_existing=True)


def print_parcel(
    session: Session, parcel: Parcel, actor: Actor, *, job_id: UUID, again: bool, now: datetime
) -> None:
    """Have a parcel's label and slip printed at the packer's bench, if that has a printer."""
    bench = station_of(session, parcel.site_id, actor.device)
    if bench is None or not bench.printer:
        return
    labels = [{"kind": kind, "id": str(parcel.id), "again": again} for kind in ("PARCEL", "SLIP")]
    new = NewJob(
        id=job_id, site_id=parcel.site_id, printer=bench.printer, labels=labels, by=str(actor)
    )
    try:
        want_labels(session, new, now=now)
    except PrinterUnknown:
        log.warning("printer.unknown", printer=bench.printer)


def check_label(spec: LabelSpec) -> None:
    """See whether its codes can be drawn, so that a job cannot stop at it.

    Raises:
        ValueError: why one cannot.
    """
    for code in spec.codes:
        if code.symbology in LINEAR:
            bars_text(code)
        else:
            matrix(code)


def job_of(session: Session, job_id: UUID, *, lock: bool = False) -> PrintJob:
    """That job.

    Raises:
        NotFound: there is none.
    """
    query = select(PrintJob).where(PrintJob.id == job_id)
    if lock:
        query = query.with_for_update()
    job = session.scalars(query, execution_options={"populate_existing": True}).first()
    if job is None:
        raise NotFound(f"print job {job_id}")
    return job


def cancel_job(session: Session, job_id: UUID) -> PrintJob:
    """Print no more of it.

    Raises:
        NotFound: there is none.
        JobOver: it is done.
    """
    job = job_of(session, job_id, lock=True)
    if job.state == "DONE":
        raise JobOver(f"print job {job_id} is done")
    job.state = "CANCELLED"
    _seen(session, job)
    return job


def resume_job(session: Session, job_id: UUID) -> PrintJob:
    """Print what is left of it.

    Raises:
        NotFound: there is none.
        JobOver: it is done.
    """
    job = job_of(session, job_id, lock=True)
    if job.state == "DONE":
        raise JobOver(f"print job {job_id} is done")
    job.state, job.problem = "WANTED", ""
    _seen(session, job)
    return job


def _seen(session: Session, job: PrintJob) -> None:
    """Nobody need look at it any more."""
    session.execute(
        update(ExceptionRow)
        .where(ExceptionRow.site_id == job.site_id)
        .where(ExceptionRow.id == derive(job.id, "failed"))
        .values(active=False)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Labels that a printer is given together."""

    address: LabelPrinter
    dpi: int
    drawings: Sequence[Drawing]
    upto: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintDesk:
    """Who prints."""

    database: Database
    clock: Clock
    keys: Keys | None = None

    def run(self) -> int:
        """Print what is wanted; how many labels."""
        printed = 0
        for site, job_id, printer in self.database.run(partial(_due, now=self.clock.now())):
            work = self._on_paper if printer else self._as_pdf
            try:
                printed += work(site, job_id)
            except Unprintable as problem:
                log.warning("print.failed", job=str(job_id), problem=str(problem))
                aside = partial(_put_aside, site=site, job_id=job_id, problem=str(problem))
                self.database.run(partial(aside, now=self.clock.now()))
        return printed

    def _on_paper(self, site: UUID, job_id: UUID) -> int:
        printed = 0
        while (part := self.database.run(lambda s: self._next(s, site, job_id))) is not None:
            zpl = rendered(partial(to_zpl, part.drawings, dpi=part.dpi))
            try:
                part.address.print_labels(zpl)
            except Unavailable as error:
                problem, now = str(error), self.clock.now()
                log.warning("printer.down", problem=problem[:200])
                self.database.run(
                    partial(_down, site=site, job_id=job_id, problem=problem, now=now)
                )
                break
            printed += len(part.drawings)
            acknowledge = partial(_acknowledged, site=site, job_id=job_id, upto=part.upto)
            self.database.run(partial(acknowledge, now=self.clock.now()))
        return printed

    def _next(self, session: Session, site: UUID, job_id: UUID) -> _Part | None:
        """The next labels of a job, said to be given to the printer before they are."""
        job = session.get_one(PrintJob, (site, job_id), with_for_update=True)
        printer = session.get(Printer, (site, job.printer), with_for_update=True)
        if job.state != "WANTED" or printer is None or job.done >= job.total:
            return None
        printer.due_at = self.clock.now() + LEASE
        many = max(1, min(TOGETHER_MAX, job.total // PARTS))
        upto = min(job.total, max(job.sent, job.done + many))
        drawings: list[Drawing] = []
        for number in range(job.done, upto):
            label = job.labels[number]
            again = number < job.sent or label.get("again", False)
            made = rendered(partial(drawings_of, session, self.keys, site, label))
            drawings += [marked(drawing, AGAIN) for drawing in made] if again else made
        job.sent = upto
        address = LabelPrinter(host=printer.host, port=printer.port)
        return _Part(address=address, dpi=printer.dpi, drawings=drawings, upto=upto)

    def _as_pdf(self, site: UUID, job_id: UUID) -> int:
        """All of a job in one file; begun again from the start if it was cut off."""
        drawings: list[Drawing] = []
        for at in count(0, PDF_PART):
            draw = partial(self._drawn, site=site, job_id=job_id, at=at)
            more = self.database.run(draw)
            if more is None:
                break
            drawings += more
        document = rendered(partial(to_pdf, drawings))
        return self.database.run(lambda s: _made(s, site, job_id, document, now=self.clock.now()))

    def _drawn(self, session: Session, site: UUID, job_id: UUID, at: int) -> list[Drawing] | None:
        """The drawings of the next part of a job; None: there is no more, or it was cancelled."""
        job = session.get_one(PrintJob, (site, job_id), with_for_update=True)
        if job.state != "WANTED" or at >= job.total:
            return None
        job.done = 0 if at == 0 else job.done
        part = job.labels[at : at + PDF_PART]
        drawings = [
            drawing
            for label in part
            for drawing in rendered(partial(drawings_of, session, self.keys, site, label))
        ]
        job.done = min(job.total, at + len(part))
        job.sent = max(job.sent, job.done)
        return drawings


def _put_aside(session: Session, *, site: UUID, job_id: UUID, problem: str, now: datetime) -> None:
    """Print no more of it until somebody has looked; its printer is free."""
    job = session.get_one(PrintJob, (site, job_id), with_for_update=True)
    if job.state != "WANTED":
        return
    job.state, job.problem = "FAILED", problem
    printer = session.get(Printer, (site, job.printer), with_for_update=True)
    if printer is not None:
        printer.due_at = None
    facts = {"job": str(job_id), "printer": job.printer, "reason": problem}
    report(session, site, derive(job_id, "failed"), code="print.failed",
           source=job.printer or "printing", facts=facts, at=now)  # fmt: skip


def _due(session: Session, *, now: datetime) -> list[tuple[UUID, UUID, str]]:
    """The oldest job of each printer that is free, and of those without one."""
    free = select(Printer.name).where(
        Printer.site_id == PrintJob.site_id,
        Printer.name == PrintJob.printer,
        or_(Printer.due_at.is_(None), Printer.due_at <= now),
    )
    query = (
        select(PrintJob.site_id, PrintJob.id, PrintJob.printer)
        .where(PrintJob.state == "WANTED", or_(PrintJob.printer == "", free.exists()))
        .order_by(PrintJob.site_id, PrintJob.printer, PrintJob.made_at, PrintJob.id)
        .ext(distinct_on(PrintJob.site_id, PrintJob.printer))
    )
    return [(site, job, printer) for site, job, printer in session.execute(query)]


def _down(session: Session, *, site: UUID, job_id: UUID, problem: str, now: datetime) -> None:
    job = session.get_one(PrintJob, (site, job_id), with_for_update=True)
    printer = session.get_one(Printer, (site, job.printer), with_for_update=True)
    printer.state, printer.problem, printer.due_at = "DOWN", problem[:500], now + PAUSE
    _tell(session, printer, now, active=True)


def _acknowledged(session: Session, *, site: UUID, job_id: UUID, upto: int, now: datetime) -> None:
    job = session.get_one(PrintJob, (site, job_id), with_for_update=True)
    printer = session.get_one(Printer, (site, job.printer), with_for_update=True)
    job.done = max(job.done, upto)
    if job.done == job.total:
        job.done_at = now
        job.state, printer.due_at = "DONE", None
    if printer.state == "DOWN":
        _tell(session, printer, now, active=False)
    printer.state, printer.problem = "UP", ""


def _tell(session: Session, printer: Printer, now: datetime, *, active: bool) -> None:
    facts = {"printer": printer.name, "reason": printer.problem}
    report(
        session, printer.site_id, derive(printer.site_id, "printer", printer.name),
        code="printer.down", source=printer.name, facts=facts, at=now, active=active,
    )  # fmt: skip


def _made(session: Session, site: UUID, job_id: UUID, document: bytes, *, now: datetime) -> int:
    job = session.get_one(PrintJob, (site, job_id), with_for_update=True)
    if job.state != "WANTED":
        return 0
    job.document, job.state, job.done_at = document, "DONE", now
    return job.total
