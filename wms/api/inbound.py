"""Inbound over HTTP: suppliers announce and book doors; people at screens see the same.

Systems come to /inbound/v1 with a key, people to /console/v1 as to all that is theirs.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from sqlalchemy.orm import Session

from wms.api.cursors import MalformedCursor, pack, unpack
from wms.api.dependencies import Now, Svc, Who
from wms.api.inbound_shapes import (
    AppointmentIn,
    AppointmentOut,
    AsnChangeIn,
    AsnIn,
    AsnOut,
    AsnsOut,
    DoorIn,
    DoorOut,
    FileTakenOut,
    Time,
)
from wms.api.shapes import CommandIn, Text
from wms.errors import IdReused, NotFound
from wms.inbound import docks, read
from wms.inbound.acts import once
from wms.inbound.announce import announce_asn, cancel_asn, change_asn, close_asn
from wms.inbound.asn_file import take_file
from wms.inbound.docks import Book
from wms.inbound.short import tell_short
from wms.sites import site_id, sites_by_code

router = APIRouter()
SYSTEMS, PEOPLE = "/inbound/v1", "/console/v1"
CREATED = HTTPStatus.CREATED
FILE_BYTES_MAX = 4_000_000
DAYS_MAX = 31
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROS_MAX = 10**16  # the year 2286
States = Annotated[str, Query(max_length=60, pattern=r"^([A-Z]{1,12}(,[A-Z]{1,12}){0,3})?$")]


@router.put(
    f"{SYSTEMS}/asns/{{asn_id}}",
    status_code=CREATED,
    responses={200: {"model": AsnOut}},
    tags=["inbound"],
)
def put_asn(asn_id: UUID, body: AsnIn, response: Response, services: Svc, now: Now) -> AsnOut:
    """Announce a delivery: what of it is on its way may be promised from now on."""
    request = body.announcement(asn_id)
    if not services.database.run(lambda s: announce_asn(s, request, now=now)):
        response.status_code = HTTPStatus.OK
    return get_asn(asn_id, services)


@router.get(f"{SYSTEMS}/asns/{{asn_id}}", tags=["inbound"])
@router.get(f"{PEOPLE}/asns/{{asn_id}}", tags=["console"])
def get_asn(asn_id: UUID, services: Svc) -> AsnOut:
    """A delivery: what was announced, what came of it, receipt by receipt."""
    return AsnOut.model_validate(services.database.run(lambda s: read.one_asn(s, asn_id)))


@router.get(f"{SYSTEMS}/asns", tags=["inbound"])
@router.get(f"{PEOPLE}/asns", tags=["console"])
def get_asns(
    services: Svc,
    site: Annotated[Text | None, Query()] = None,
    state: States = "",
    supplier: Annotated[Text | None, Query()] = None,
    after: Annotated[Text | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AsnsOut:
    """Deliveries, the first to come first; `state` is one or several with commas."""
    which = read.AsnFilter(
        site=site,
        states=tuple(filter(None, state.split(","))),
        supplier=supplier,
        after=None if after is None else behind("asns", after),
        limit=limit,
    )
    rows = services.database.run(lambda s: read.asns(s, which))
    next_ = next_page("asns", rows, "eta_p50", limit)
    return AsnsOut.model_validate({"asns": rows, "next": next_})


@router.post(f"{SYSTEMS}/asns/{{asn_id}}:change", tags=["inbound"])
def post_asn_change(asn_id: UUID, body: AsnChangeIn, services: Svc, now: Now) -> AsnOut:
    """The delivery as it is now, the whole of it; said twice it is the same."""
    request = body.asn.announcement(asn_id)

    def work(session: Session) -> None:
        known = read.one_asn(session, asn_id)
        if (known["site"], known["supplier"], known["owner"]) != (
            request.site, request.supplier, request.owner,
        ):  # fmt: skip
            raise IdReused(asn_id)
        change_asn(session, request, now=now)

    services.database.run(work)
    return get_asn(asn_id, services)


@router.post(f"{SYSTEMS}/asns/{{asn_id}}:cancel", tags=["inbound"])
@router.post(f"{PEOPLE}/asns/{{asn_id}}:cancel", tags=["console"])
def post_asn_cancel(asn_id: UUID, body: CommandIn, services: Svc, now: Now, actor: Who) -> AsnOut:
    """A delivery does not come; promises on it end."""

    def work(session: Session) -> dict[str, Any]:
        cancel_asn(session, asn_id, actor=str(actor), now=now)
        return _asn(session, asn_id)

    said = services.database.run(
        lambda s: _act_on_asn(s, asn_id, body, "cancel", partial(work, s), now)
    )
    return AsnOut.model_validate(said)


@router.post(f"{PEOPLE}/asns/{{asn_id}}:close", tags=["console"])
def post_asn_close(asn_id: UUID, body: CommandIn, services: Svc, now: Now, actor: Who) -> AsnOut:
    """Nothing more comes of a delivery: what is short is told."""

    def work(session: Session) -> dict[str, Any]:
        asn = close_asn(session, asn_id, actor=str(actor), now=now)
        tell_short(session, asn, actor=str(actor), at=now)
        return _asn(session, asn_id)

    said = services.database.run(
        lambda s: _act_on_asn(s, asn_id, body, "close", partial(work, s), now)
    )
    return AsnOut.model_validate(said)


@router.post(f"{SYSTEMS}/asns:file", tags=["inbound"])
@router.post(f"{PEOPLE}/asns:file", tags=["console"])
def post_asn_file(
    body: Annotated[bytes, Body(media_type="text/csv", max_length=FILE_BYTES_MAX)],
    services: Svc,
    now: Now,
    site: Annotated[Text, Query()],
    supplier: Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = "",
    dry_run: Annotated[bool, Query()] = False,  # noqa: FBT002
) -> FileTakenOut:
    """Deliveries as CSV: all of them, or all faults by line and column (`faulty_announcement`)."""
    taken = services.database.run(
        lambda s: take_file(s, site, body, supplier=supplier, now=now, dry_run=dry_run)
    )
    return FileTakenOut(new=list(taken.new), known=list(taken.known))


# ------------------------------------------------------------------------------------ docks
@router.put(f"{SYSTEMS}/doors/{{site}}/{{door}}", tags=["inbound"])
@router.put(f"{PEOPLE}/doors/{{site}}/{{door}}", tags=["console"])
def put_door(site: Text, door: Text, body: DoorIn, services: Svc) -> DoorOut:
    """A door where trucks unload, and its hours."""
    opens, closes = body.hours()

    def work(session: Session) -> None:
        _known(session, site)
        docks.save_door(
            session, site_id(site), door, opens=opens, closes=closes, active=body.active
        )

    services.database.run(work)
    return DoorOut(site=site, code=door, opens=body.opens, closes=body.closes, active=body.active)


@router.get(f"{SYSTEMS}/doors", tags=["inbound"])
@router.get(f"{PEOPLE}/doors", tags=["console"])
def get_doors(services: Svc, site: Annotated[Text, Query()]) -> list[DoorOut]:
    """The doors of a site."""

    def work(session: Session) -> list[DoorOut]:
        return [
            DoorOut(
                site=site,
                code=door.code,
                opens=f"{door.opens:%H:%M}",
                closes=f"{door.closes:%H:%M}",
                active=door.active,
            )
            for door in docks.doors(session, site_id(site))
        ]

    return services.database.run(work)


@router.get(f"{SYSTEMS}/slots", tags=["inbound"])
def get_slots(
    services: Svc,
    site: Annotated[Text, Query()],
    start: Annotated[Time, Query()],
    days: Annotated[int, Query(ge=1, le=DAYS_MAX)] = 1,
) -> dict[str, list[datetime]]:
    """The quarters of an hour that nobody has, by door."""
    begin = start.replace(minute=start.minute - start.minute % 15, second=0, microsecond=0)

    def work(session: Session) -> dict[str, list[datetime]]:
        _known(session, site)
        until = begin + timedelta(days=days)
        return docks.free_slots(session, site_id(site), begin, until)

    return services.database.run(work)


@router.put(
    f"{SYSTEMS}/appointments/{{appointment_id}}",
    status_code=CREATED,
    responses={200: {"model": AppointmentOut}},
    tags=["inbound"],
)
def put_appointment(
    appointment_id: UUID, body: AppointmentIn, response: Response, services: Svc, now: Now
) -> AppointmentOut:
    """A door for a truck; 409 `door_taken`: another has it then."""
    wish = Book(
        id=appointment_id,
        site_id=site_id(body.site),
        **body.model_dump(exclude={"site"}),
    )

    def work(session: Session) -> bool:
        _known(session, body.site)
        return docks.book_door(session, wish, now=now)

    if not services.database.run(work):
        response.status_code = HTTPStatus.OK
    return _appointment(services, body.site, appointment_id)


@router.get(f"{SYSTEMS}/appointments", tags=["inbound"])
@router.get(f"{PEOPLE}/appointments", tags=["console"])
def get_appointments(
    services: Svc,
    now: Now,
    site: Annotated[Text, Query()],
    start: Annotated[Time | None, Query()] = None,
    days: Annotated[int, Query(ge=1, le=DAYS_MAX)] = 1,
) -> list[AppointmentOut]:
    """The trucks of some days from then on (else from half a day ago), by time."""
    begin = start or now - timedelta(hours=12)
    rows = services.database.run(
        lambda s: read.appointments(s, site, begin, begin + timedelta(days=days))
    )
    return [AppointmentOut.model_validate(row) for row in rows]


@router.post(f"{PEOPLE}/appointments/{{site}}/{{appointment_id}}:check-in", tags=["console"])
@router.post(f"{SYSTEMS}/appointments/{{site}}/{{appointment_id}}:check-in", tags=["inbound"])
def post_check_in(
    site: Text, appointment_id: UUID, body: CommandIn, services: Svc, now: Now
) -> AppointmentOut:
    """The truck is here, on time or late."""

    def work(session: Session) -> None:
        docks.check_in(session, site_id(site), appointment_id, now=now)

    return _act_on_truck(services, site, appointment_id, body, "check in", work, now)


@router.post(f"{PEOPLE}/appointments/{{site}}/{{appointment_id}}:done", tags=["console"])
def post_appointment_done(
    site: Text, appointment_id: UUID, body: CommandIn, services: Svc, now: Now
) -> AppointmentOut:
    """The truck has left; what is left of its time is free."""

    def work(session: Session) -> None:
        docks.end(session, site_id(site), appointment_id, "DONE", now=now)

    return _act_on_truck(services, site, appointment_id, body, "done", work, now)


@router.post(f"{PEOPLE}/appointments/{{site}}/{{appointment_id}}:cancel", tags=["console"])
@router.post(f"{SYSTEMS}/appointments/{{site}}/{{appointment_id}}:cancel", tags=["inbound"])
def post_appointment_cancel(
    site: Text, appointment_id: UUID, body: CommandIn, services: Svc, now: Now
) -> AppointmentOut:
    """The truck does not come."""

    def work(session: Session) -> None:
        docks.end(session, site_id(site), appointment_id, "CANCELLED", now=now)

    return _act_on_truck(services, site, appointment_id, body, "cancel", work, now)


def _act_on_asn(
    session: Session,
    asn_id: UUID,
    body: CommandIn,
    what: str,
    work: Callable[[], dict[str, Any]],
    now: datetime,
) -> dict[str, Any]:
    """Do it once under its id; the delivery as it stood then."""
    at = site_id(read.one_asn(session, asn_id)["site"])
    return once(session, at, body.command_id, f"{what} asn {asn_id}", work, now=now)


def _asn(session: Session, asn_id: UUID) -> dict[str, Any]:
    return AsnOut.model_validate(read.one_asn(session, asn_id)).model_dump(mode="json")


def _act_on_truck(  # noqa: PLR0913, PLR0917 - which act, on what, how and when
    services: Svc,
    site: str,
    appointment_id: UUID,
    body: CommandIn,
    what: str,
    do: Callable[[Session], None],
    now: datetime,
) -> AppointmentOut:
    """Do it once under its id; the appointment as it stood then."""

    def run(session: Session) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            do(session)
            row = read.one_appointment(session, site_id(site), appointment_id)
            return AppointmentOut.model_validate(row).model_dump(mode="json")

        _known(session, site)
        act = f"{what} truck {appointment_id}"
        return once(session, site_id(site), body.command_id, act, work, now=now)

    return AppointmentOut.model_validate(services.database.run(run))


def _appointment(services: Svc, site: str, appointment_id: UUID) -> AppointmentOut:
    row = services.database.run(lambda s: read.one_appointment(s, site_id(site), appointment_id))
    return AppointmentOut.model_validate(row)


def _known(session: Session, site: str) -> None:
    if site not in sites_by_code(session, [site]):
        raise NotFound(f"site {site}")


def behind(what: str, cursor: str) -> tuple[datetime, UUID]:
    """Where a list goes on.

    Raises:
        MalformedCursor: the word is none of that list's.
    """
    micros, id_ = unpack(what, cursor, int, UUID)
    if not 0 <= micros <= MICROS_MAX:
        raise MalformedCursor(cursor)
    return EPOCH + timedelta(microseconds=micros), id_


def next_page(what: str, rows: list[dict[str, Any]], column: str, limit: int) -> str | None:
    """The word by which a list goes on; None when that was all."""
    if len(rows) < limit:
        return None
    at = rows[-1][column] - EPOCH
    return pack(what, at // timedelta(microseconds=1), rows[-1]["id"])
