"""Packing over HTTP: cartons, benches, printers, what is printed, and lists for carriers."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Svc, Who
from wms.api.packing_shapes import (
    CartonIn,
    CartonOut,
    ClosedOut,
    ExtraOut,
    JobActIn,
    LabelIn,
    ManifestOut,
    PackRuleIn,
    PickStationIn,
    PickStationOut,
    PrinterIn,
    PrinterOut,
    PrintJobIn,
    PrintJobOut,
    ScaleOut,
    SlotOut,
    StationIn,
    StationOut,
)
from wms.api.shapes import Text
from wms.errors import IdReused, NotFound
from wms.orders.model import ENDED, Allocation, Order
from wms.outbound import manifests, printers, slots, station
from wms.outbound.cartons import CartonRecord, cartons_of, save_cartons
from wms.outbound.pack_rules import extras_of, rules_of, save_rules
from wms.outbound.packing_tables import Printer, PrintJob
from wms.outbound.prints import drawings_of, labels_pdf_of, spec_of
from wms.printing.papers import paper
from wms.printing.render import to_pdf
from wms.sites import sites_by_code

router = APIRouter(prefix="/console/v1", tags=["packing"])
CARTONS_MAX = 100
RULES_MAX = 500
PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {}}, "description": "on paper"}
}


@router.get("/cartons/{site}")
def get_cartons(site: Text, services: Svc) -> list[CartonOut]:
    """The cartons of a site; the usual ones if nobody has said."""
    found = services.database.run(lambda s: cartons_of(s, _site(s, site)))
    return [CartonOut.model_validate(each) for each in found]


@router.put("/cartons/{site}")
def put_cartons(
    site: Text, body: Annotated[list[CartonIn], Body(max_length=CARTONS_MAX)], services: Svc
) -> list[CartonOut]:
    """Let these be all the cartons of a site; none: the usual ones."""
    records = [CartonRecord(**each.model_dump()) for each in body]

    def work(session: Session) -> tuple[CartonRecord, ...]:
        site_id = _site(session, site)
        save_cartons(session, site_id, records)
        return cartons_of(session, site_id)

    return [CartonOut.model_validate(each) for each in services.database.run(work)]


@router.get("/pack-rules/{site}")
def get_rules(site: Text, services: Svc) -> list[PackRuleIn]:
    """What a site adds to its parcels, rule by rule."""
    rules = services.database.run(lambda s: rules_of(s, _site(s, site)))
    return [PackRuleIn.model_validate(asdict(each), strict=False) for each in rules]


@router.put("/pack-rules/{site}")
def put_rules(
    site: Text, body: Annotated[list[PackRuleIn], Body(max_length=RULES_MAX)], services: Svc
) -> list[PackRuleIn]:
    """Let these be all the rules of a site; the first that fits decides on noshi and wrap."""
    rules = {each.code: each.rule() for each in body}
    services.database.run(lambda s: save_rules(s, _site(s, site), list(rules.values())))
    return get_rules(site, services)


@router.get("/pack-rules/{site}/orders/{order_id}")
def get_extras(site: Text, order_id: UUID, services: Svc, now: Now) -> list[ExtraOut]:
    """Try the rules: what an order's first parcel would get if it were packed there today."""

    def work(session: Session) -> list[ExtraOut]:
        order = session.get(Order, order_id)
        if order is None:
            raise NotFound(f"order {order_id}")
        here = select(Allocation).where(Allocation.order_id == order_id)
        goods = session.scalars(here.where(Allocation.state.not_in(ENDED))).all()
        extras = extras_of(session, _site(session, site), order, goods, first=True, now=now)
        return [
            ExtraOut(rule=e.rule.code, kind=e.rule.kind, name=e.rule.name, wish=e.wish)
            for e in extras
        ]

    return services.database.run(work)


@router.get("/pick-stations/{site}")
def get_pick_stations(site: Text, services: Svc) -> list[PickStationOut]:
    """The goods-to-person stations that have slots, and the orders that stand there."""

    def work(session: Session) -> list[PickStationOut]:
        at = _site(session, site)
        taken = slots.taken_slots(session, at)
        return [
            PickStationOut(
                name=name, slots=n,
                taken=[SlotOut.model_validate(each) for each in taken if each.station == name],
            )
            for name, n in sorted(slots.slots_of(session, at).items())
        ]  # fmt: skip

    return services.database.run(work)


@router.put("/pick-stations/{site}/{name}")
def put_pick_station(
    site: Text, name: Text, body: PickStationIn, services: Svc
) -> list[PickStationOut]:
    """Say how many orders' totes stand at a station."""
    services.database.run(lambda s: slots.save_station_slots(s, _site(s, site), name, body.slots))
    return get_pick_stations(site, services)


@router.get("/pack-stations/{site}")
def get_stations(site: Text, services: Svc) -> list[StationOut]:
    """The packing benches of a site."""
    found = services.database.run(lambda s: station.stations_of(s, _site(s, site)))
    return [StationOut.model_validate(each) for each in found]


@router.put("/pack-stations/{site}/{name}")
def put_station(site: Text, name: Text, body: StationIn, services: Svc) -> StationOut:
    """Make or change a bench."""
    said = body.model_dump() | {"devices": tuple(body.devices)}
    record = station.StationRecord(name=name, **said)
    services.database.run(lambda s: station.save_station(s, _site(s, site), record))
    return StationOut.model_validate(record)


@router.get("/scales/{site}")
def get_scales(site: Text, services: Svc) -> list[ScaleOut]:
    """What the scales of a site said last."""
    return services.database.run(
        lambda s: [ScaleOut.model_validate(each) for each in station.scales_of(s, _site(s, site))]
    )


@router.get("/printers/{site}")
def get_printers(site: Text, services: Svc) -> list[PrinterOut]:
    """The label printers of a site."""

    def work(session: Session) -> list[PrinterOut]:
        query = select(Printer).where(Printer.site_id == _site(session, site))
        rows = session.scalars(query.order_by(Printer.name))
        return [PrinterOut.model_validate(row) for row in rows]

    return services.database.run(work)


@router.put("/printers/{site}/{name}")
def put_printer(site: Text, name: Text, body: PrinterIn, services: Svc) -> PrinterOut:
    """Make or change a printer; what waits for it is tried at once."""
    record = printers.PrinterRecord(name=name, **body.model_dump())

    def work(session: Session) -> PrinterOut:
        site_id = _site(session, site)
        printers.save_printer(session, site_id, record)
        return PrinterOut.model_validate(session.get_one(Printer, (site_id, name)))

    return services.database.run(work)


@router.put("/print-jobs/{job_id}", responses={201: {"model": PrintJobOut}})
def put_job(
    job_id: UUID, body: PrintJobIn, services: Svc, now: Now, actor: Who, response: Response
) -> PrintJobOut:
    """Have labels printed. The id is yours: the same again is the same job."""
    labels = [_label(each) for each in body.labels]

    def work(session: Session) -> tuple[PrintJobOut, bool]:
        site_id = _site(session, body.site)
        query = select(PrintJob).where(PrintJob.id == job_id)
        known = session.scalars(query).first()
        if known is not None:
            same = (known.site_id, known.printer, known.labels) == (site_id, body.printer, labels)
            if not same:
                raise IdReused(job_id)
            return PrintJobOut.model_validate(known), False
        new = printers.NewJob(
            id=job_id, site_id=site_id, printer=body.printer, labels=labels, by=str(actor)
        )
        return PrintJobOut.model_validate(printers.want_labels(session, new, now=now)), True

    job, is_new = services.database.run(work)
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return job


@router.get("/print-jobs")
def get_jobs(
    services: Svc,
    site: Annotated[Text, Query()],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[PrintJobOut]:
    """The jobs of a site, the newest first."""

    def work(session: Session) -> list[PrintJobOut]:
        query = select(PrintJob).where(PrintJob.site_id == _site(session, site))
        rows = session.scalars(query.order_by(PrintJob.made_at.desc(), PrintJob.id).limit(limit))
        return [PrintJobOut.model_validate(row) for row in rows]

    return services.database.run(work)


@router.get("/print-jobs/{job_id}")
def get_job(job_id: UUID, services: Svc) -> PrintJobOut:
    """How far a job is."""
    return services.database.run(lambda s: PrintJobOut.model_validate(printers.job_of(s, job_id)))


@router.get("/print-jobs/{job_id}/document", response_class=Response, responses=PDF)
def get_document(job_id: UUID, services: Svc) -> Response:
    """The PDF of a job without a printer, once it is done."""
    document = services.database.run(lambda s: printers.job_of(s, job_id).document)
    if document is None:
        raise NotFound(f"a document of print job {job_id}")
    return Response(document, media_type="application/pdf")


@router.post("/print-jobs/{job_id}:cancel")
def post_cancel(job_id: UUID, body: JobActIn, services: Svc) -> PrintJobOut:
    """Print no more of it. What a printer has, it prints."""
    del body  # cancelled twice is cancelled
    return services.database.run(
        lambda s: PrintJobOut.model_validate(printers.cancel_job(s, job_id))
    )


@router.post("/print-jobs/{job_id}:resume")
def post_resume(job_id: UUID, body: JobActIn, services: Svc) -> PrintJobOut:
    """Print what is left of it."""
    del body  # wanted twice is wanted
    return services.database.run(
        lambda s: PrintJobOut.model_validate(printers.resume_job(s, job_id))
    )


@router.get("/manifests/{site}")
def get_manifests(
    site: Text, services: Svc, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[ManifestOut]:
    """What carriers take from a site, the newest list first."""

    def work(session: Session) -> list[ManifestOut]:
        found = manifests.manifests_of(session, _site(session, site), limit=limit)
        return [
            ManifestOut(
                id=row.id,
                carrier=row.carrier,
                ship_on=row.ship_on,
                number=row.number,
                parcels=parcels,
                closed_at=row.closed_at,
                closed_by=row.closed_by,
            )
            for row, parcels in found
        ]

    return services.database.run(work)


@router.post("/manifests/{site}/{manifest_id}:close")
def post_close(
    site: Text, manifest_id: UUID, body: JobActIn, services: Svc, now: Now, actor: Who
) -> ClosedOut:
    """Close a list: no parcel comes onto it after, what has not left goes to the next one."""
    del body  # closed twice is closed

    def work(session: Session) -> manifests.Closed:
        site_id = _site(session, site)
        return manifests.close_manifest(session, site_id, manifest_id, by=str(actor), now=now)

    closed = services.database.run(work)
    return ClosedOut(parcels=closed.parcels, moved=closed.moved)


@router.get("/manifests/{site}/{manifest_id}/paper", response_class=Response, responses=PDF)
def get_paper(site: Text, manifest_id: UUID, services: Svc) -> Response:
    """The list, for the driver to sign."""

    def work(session: Session) -> bytes:
        what = manifests.manifest_paper(session, _site(session, site), manifest_id)
        return to_pdf(paper(what))

    return Response(services.database.run(work), media_type="application/pdf")


@router.get("/manifests/{site}/{manifest_id}/labels", response_class=Response, responses=PDF)
def get_labels(site: Text, manifest_id: UUID, services: Svc) -> Response:
    """The labels of all its parcels in one PDF; made for whoever asks, and kept nowhere."""

    def work(session: Session) -> bytes:
        manifests.manifest_of(session, _site(session, site), manifest_id)
        parcels = manifests.parcels_on(session, manifest_id)
        return to_pdf(labels_pdf_of(session, services.contacts_keys, parcels))

    return Response(services.database.run(work), media_type="application/pdf")


@router.post("/labels", response_class=Response, responses=PDF)
def post_labels(body: PrintJobIn, services: Svc) -> Response:
    """A few labels as a PDF, at once."""

    def work(session: Session) -> bytes:
        site_id, keys = _site(session, body.site), services.contacts_keys
        return to_pdf(
            drawing
            for each in body.labels
            for drawing in drawings_of(session, keys, site_id, _label(each))
        )

    return Response(services.database.run(work), media_type="application/pdf")


def _label(said: LabelIn) -> dict[str, Any]:
    """As a job keeps it.

    Raises:
        LabelRefused: what is on it cannot be printed.
    """
    if said.kind != "LABEL":
        if said.id is None:
            raise printers.LabelRefused(f"{said.kind} of what? id is missing")
        return {"kind": said.kind, "id": str(said.id)}
    kept = said.model_dump(mode="json", exclude={"id"}, exclude_none=True)
    try:
        printers.check_label(spec_of(kept))
    except ValueError as error:
        raise printers.LabelRefused(str(error)) from error
    return kept


def _site(session: Session, code: str) -> UUID:
    found = sites_by_code(session, [code])
    if code not in found:
        raise NotFound(f"site {code}")
    return found[code].id
