"""Billing over HTTP, for the systems of bookkeepers: tariffs, invoices and what is behind them."""

from datetime import date
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.orm import Session

from wms.api.billing_shapes import (
    DraftIn,
    FinalIn,
    InvoiceLineOut,
    InvoiceOut,
    InvoicesOut,
    InvoicesQuery,
    IssuerShape,
    LinkOut,
    LinksOut,
    RerateIn,
    RerateOut,
    TariffIn,
    TariffOut,
)
from wms.api.cursors import MalformedCursor, pack, unpack
from wms.api.dependencies import Now, Svc, Who
from wms.api.imports import UPLOAD, ImportOut, KindOut, SentQuery, Upload, taken
from wms.api.shapes import Text
from wms.billing import invoices, read
from wms.billing.model import Invoice, InvoiceLine
from wms.billing.paper import invoice_csv, invoice_pdf
from wms.billing.tariffs import issuer, owner_named, save_issuer, save_tariff, tariffs_of
from wms.masters import take
from wms.masters.tariffs import TARIFFS

router = APIRouter(prefix="/billing/v1", tags=["billing"])
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/issuer")
def get_issuer(services: Svc) -> dict[str, str]:
    """Who bills."""
    return services.database.run(issuer)


@router.put("/issuer")
def put_issuer(body: IssuerShape, services: Svc, now: Now) -> IssuerShape:
    """Who bills from now on: name, registration number (T and 13 digits), address."""
    services.database.run(
        lambda s: save_issuer(
            s, name=body.name, registration=body.registration, address=body.address, now=now
        )
    )
    return body


@router.put(
    "/tariffs/{owner}/{version}",
    status_code=HTTPStatus.CREATED,
    responses={200: {"model": TariffOut}},
)
def put_tariff(
    owner: Text, version: Version, body: TariffIn, response: Response, services: Svc, now: Now
) -> TariffOut:
    """A version of what an owner pays; it is never changed. 200: it was known."""
    tariff = body.tariff(version)

    def work(session: Session) -> bool:
        return save_tariff(session, owner_named(session, owner), tariff, now=now)

    if not services.database.run(work):
        response.status_code = HTTPStatus.OK
    return TariffOut.of(owner, tariff)


@router.get("/tariffs:columns")
def get_columns() -> KindOut:
    """The columns of a file of tariffs."""
    return KindOut.of(TARIFFS)


@router.post("/tariffs:import", openapi_extra=UPLOAD)
def post_tariffs(
    said: Annotated[SentQuery, Query()], content: Upload, services: Svc, now: Now, who: Who
) -> ImportOut:
    """Tariffs as a file (CSV or XLSX), looked through or taken. The same id is the same import."""
    sent = take.Sent(kind=TARIFFS.name, content=content, by=who.operator, **said.model_dump())
    return taken(services, sent, now)


@router.get("/tariffs/{owner}")
def get_tariffs(owner: Text, services: Svc) -> list[TariffOut]:
    """All versions of an owner's tariff."""
    found = services.database.run(lambda s: tariffs_of(s, owner_named(s, owner)))
    return [TariffOut.of(owner, tariff) for tariff in found]


@router.get("/invoices")
def get_invoices(services: Svc, query: Annotated[InvoicesQuery, Query()]) -> InvoicesOut:
    """Invoices, the latest month first; `next` goes on behind them."""
    behind = None
    if query.after is not None:
        day, id_ = unpack("invoices", query.after, int, UUID)
        if not 1 <= day <= date.max.toordinal():
            raise MalformedCursor(query.after)
        behind = (date.fromordinal(day), id_)
    wanted = read.Wanted(
        owner=query.owner,
        month=None if query.month is None else _month(query.month),
        state=query.state,
        kind=query.kind,
        after=behind,
        limit=query.limit,
    )
    found = services.database.run(lambda s: read.invoices(s, wanted))
    last = found[-1][0] if len(found) == query.limit else None
    return InvoicesOut(
        invoices=[InvoiceOut.of(invoice, owner) for invoice, owner in found],
        next=None if last is None else pack("invoices", last.month.toordinal(), last.id),
    )


@router.get("/invoices/{invoice_id}")
def get_invoice(invoice_id: UUID, services: Svc) -> InvoiceOut:
    """An invoice as it stands."""
    return InvoiceOut.of(*services.database.run(lambda s: read.one_invoice(s, invoice_id)))


@router.get("/invoices/{invoice_id}/lines")
def get_lines(invoice_id: UUID, services: Svc) -> list[InvoiceLineOut]:
    """Its lines."""
    _, lines = _whole(services, invoice_id)
    return [InvoiceLineOut.model_validate(line) for line in lines]


@router.get("/invoices/{invoice_id}/lines/{line_no}/movements")
def get_links(
    invoice_id: UUID,
    line_no: Version,
    services: Svc,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> LinksOut:
    """The movements behind a line and what each is charged: they add up to it."""
    found = services.database.run(
        lambda s: read.links_of(s, invoice_id, line_no, after=after, limit=limit)
    )
    links = [LinkOut.of(link) for link in found]
    return LinksOut(links=links, next=links[-1].no if len(links) == limit else None)


@router.get("/invoices/{invoice_id}/pdf", response_class=Response)
def get_pdf(invoice_id: UUID, services: Svc) -> Response:
    """As paper."""
    return Response(invoice_pdf(*_whole(services, invoice_id)), media_type="application/pdf")


@router.get("/invoices/{invoice_id}/csv", response_class=Response)
def get_csv(invoice_id: UUID, services: Svc) -> Response:
    """As a table."""
    said = invoice_csv(*_whole(services, invoice_id))
    return Response(said.encode("utf-8-sig"), media_type="text/csv; charset=utf-8")


@router.post("/invoices:draft")
def post_draft(body: DraftIn, services: Svc, now: Now) -> InvoiceOut:
    """What a month costs by what is known now; drafted again it is made anew."""

    def work(session: Session) -> InvoiceOut:
        made = invoices.draft(session, body.owner, _month(body.month), now=now)
        return InvoiceOut.of(made, body.owner)

    return services.database.run(work)


@router.post("/invoices/{invoice_id}:finalise")
def post_final(invoice_id: UUID, body: FinalIn, services: Svc, now: Now, actor: Who) -> InvoiceOut:
    """Number and date it: from now on it is never changed."""
    wish = invoices.Finalise(command_id=body.command_id, issued_on=body.issued_on, actor=str(actor))

    def work(session: Session) -> InvoiceOut:
        invoices.finalise(session, invoice_id, wish, now=now)
        session.flush()
        return InvoiceOut.of(*read.one_invoice(session, invoice_id))

    return services.database.run(work)


@router.post("/invoices:rerate")
def post_rerate(body: RerateIn, services: Svc, now: Now) -> RerateOut:
    """What a month costs now more or less than was billed: a correction, or nothing."""

    def work(session: Session) -> RerateOut:
        made = invoices.rerate(session, body.command_id, body.owner, _month(body.month), now=now)
        return RerateOut(invoice=None if made is None else InvoiceOut.of(made, body.owner))

    return services.database.run(work)


def _whole(services: Svc, invoice_id: UUID) -> tuple[Invoice, list[InvoiceLine]]:
    def work(session: Session) -> tuple[Invoice, list[InvoiceLine]]:
        invoice, _ = read.one_invoice(session, invoice_id)
        lines = list(read.lines_of(session, invoice_id))
        session.expunge_all()
        return invoice, lines

    return services.database.run(work)


def _month(said: str) -> date:
    year, month = said.split("-")
    return date(int(year), int(month), 1)
