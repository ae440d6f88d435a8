"""For whoever ships: rules and their test box, services, calendars, carriers, files, labels."""

from base64 import b64encode
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Svc, Who
from wms.api.shipping_shapes import (
    BookingOut,
    CalendarOut,
    CalendarShape,
    CarrierIn,
    CarrierOut,
    ChoiceOut,
    FileIn,
    FileOut,
    ProblemOut,
    RulesIn,
    RulesOut,
    SenderShape,
    ServiceOut,
    SizeOut,
    TakenOut,
    TestIn,
)
from wms.errors import NotFound
from wms.outbound.booking import party, with_parties
from wms.outbound.carrier_files import make_file, take_file
from wms.partners.carrier_files import Answer
from wms.partners.carrier_layouts import FORMATS
from wms.ports import Party
from wms.shipping import bookings, tables
from wms.shipping.calendar import NeverOpen, SiteCalendar, ships_on
from wms.shipping.labels import label_pdf
from wms.shipping.model import BookingRow, CarrierHealth
from wms.shipping.rules import choose
from wms.shipping.tables import RULES, CarrierFacts
from wms.sites import Site, sites_by_code

router = APIRouter(prefix="/console/v1", tags=["console"])
CarrierCode = Annotated[str, Path(pattern=r"^[A-Z0-9][A-Z0-9-]{0,39}$")]
SiteCode = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/]+$")]
Named = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9-]+$")]
VersionNo = Annotated[int | None, Query(ge=0, le=2**31)]
BookingState = Literal["WANTED", "BOOKED", "REFUSED", "CANCELLING", "CANCELLED"]
FILE_BYTES_MAX = 5_000_000


# ------------------------------------------------------------------------------------ rules
@router.get("/shipping/rules")
def get_rules(services: Svc, version: VersionNo = None) -> RulesOut:
    """The rules in force, or those of a version; 0 is the default that comes with the program."""
    return services.database.run(lambda s: _rules(s, version))


@router.put("/shipping/rules")
def put_rules(body: RulesIn, services: Svc, now: Now, who: Who) -> RulesOut:
    """Save a version of the rules. Refused if another has been saved since `based_on`."""
    said = body.model_dump(exclude={"based_on"})

    def work(session: Session) -> RulesOut:
        tables.save(session, RULES, said, based_on=body.based_on, by=who.operator, now=now)
        return _rules(session, None)

    return services.database.run(work)


@router.post("/shipping/rules:test")
def test_rules(body: TestIn, services: Svc) -> ChoiceOut:
    """Which service a parcel would get, and what every rule says; also of rules not yet saved."""

    def work(session: Session) -> ChoiceOut:
        table = tables.rules_in_force(session) if body.draft is None else body.draft.table()
        return ChoiceOut.of(choose(table, body.facts.facts(), tables.card_in_force(session)))

    return services.database.run(work)


@router.get("/shipping/services")
def get_services(services: Svc) -> list[ServiceOut]:
    """The services of all carriers: what they take and what that costs next door."""
    card = services.database.run(tables.card_in_force)
    return [
        ServiceOut(
            code=one.code,
            carrier=one.carrier,
            name_ja=one.name_ja,
            name_en=one.name_en,
            cool=one.cool,
            leave_at=one.leave_at,
            dangerous=one.dangerous,
            weight_max_g=one.weight_max_g,
            cod_max_minor=one.cod_max_minor,
            slots=list(one.slots),
            sizes=[
                SizeOut(
                    size_cm=size.size_cm,
                    weight_max_g=size.weight_max_g,
                    price_minor=size.price_minor,
                )
                for size in one.sizes
            ],
        )
        for one in card.all_services.values()
    ]


# -------------------------------------------------------------------------------- calendars
@router.get("/shipping/calendars")
def get_calendars(services: Svc, now: Now) -> list[CalendarOut]:
    """The calendar of every site, and the day on which it would ship what is ready now."""
    found = services.database.run(tables.calendars)
    return [CalendarOut.of(code, each, _ships_on(each, now)) for code, each in found.items()]


@router.get("/shipping/calendars/{site}")
def get_calendar(site: SiteCode, services: Svc, now: Now) -> CalendarOut:
    """A site's calendar."""
    calendar = services.database.run(lambda s: tables.calendar_of(s, _site(s, site).id))
    return CalendarOut.of(site, calendar, _ships_on(calendar, now))


@router.put("/shipping/calendars/{site}")
def put_calendar(site: SiteCode, body: CalendarShape, services: Svc, now: Now) -> CalendarOut:
    """Keep a site's calendar, in place of what it had."""

    def work(session: Session) -> SiteCalendar:
        found = _site(session, site)
        calendar = body.calendar(found.time_zone)
        tables.save_calendar(session, found.id, calendar, now=now)
        return calendar

    calendar = services.database.run(work)
    return CalendarOut.of(site, calendar, _ships_on(calendar, now))


# --------------------------------------------------------------------------------- carriers
@router.get("/carriers")
def get_carriers(services: Svc) -> list[CarrierOut]:
    """All carriers: how we talk to them, whether they answer, and what waits for them."""
    return services.database.run(_carriers)


@router.put("/carriers/{carrier}")
def put_carrier(carrier: CarrierCode, body: CarrierIn, services: Svc) -> CarrierOut:
    """Say how we talk to a carrier: over its API, or by files for its program."""
    sender = None
    if body.sender is not None:
        said = body.sender.model_dump()
        sender = Party(**{**said, "address_lines": tuple(body.sender.address_lines)})
    facts = CarrierFacts(code=carrier, mode=body.mode, sender=sender, codes=dict(body.codes))

    def work(session: Session) -> CarrierOut:
        tables.save_carrier(session, facts)
        return next(each for each in _carriers(session) if each.code == carrier)

    return services.database.run(work)


@router.post("/carriers/{carrier}/files")
def post_file(carrier: CarrierCode, body: FileIn, services: Svc, now: Now) -> FileOut:
    """Make a file of the parcels that wait for a carrier; the same id is the same file.

    Parcels that cannot be written (no address, too long for the columns) go on waiting and are
    told; so are characters that Shift_JIS does not have, of parcels that were written.
    """
    keys = services.contacts_keys
    made = services.database.run(lambda s: make_file(s, carrier, body.file_id, keys, now=now))
    told = [
        (p.written, ProblemOut(parcel_id=p.parcel_id, code=p.code, detail=p.detail))
        for p in made.problems
    ]
    return FileOut(
        file_id=body.file_id,
        carrier=carrier,
        name=f"{carrier}-{body.file_id}.csv",
        parcels=len(made.parcels),
        not_written=[problem for written, problem in told if not written],
        characters_lost=[problem for written, problem in told if written],
        content=b64encode(made.content).decode(),
    )


@router.post("/carriers/{carrier}/tracking")
def post_tracking(
    carrier: CarrierCode,
    body: Annotated[bytes, Body(media_type="text/csv", max_length=FILE_BYTES_MAX)],
    services: Svc,
    now: Now,
) -> TakenOut:
    """Take the tracking numbers that a carrier's program has given; again changes nothing."""
    taken = services.database.run(lambda s: take_file(s, carrier, body, now=now))
    return TakenOut(
        booked=taken.booked,
        known=taken.known,
        unknown=[_line(each, "unknown") for each in taken.unknown],
        wrong=[_line(each, each.problem) for each in taken.wrong],
    )


@router.get("/bookings")
def get_bookings(
    services: Svc,
    state: Annotated[BookingState, Query()] = "WANTED",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[BookingOut]:
    """Parcels and their carriers, the oldest wish first."""
    return services.database.run(lambda s: _bookings(s, state, limit))


@router.get(
    "/parcels/{code}/label",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}, "description": "the label"}},
)
def get_label(code: Named, services: Svc) -> Response:
    """The label of a parcel, by SSCC, reference or tracking number: the carrier's, else ours."""

    def work(session: Session) -> bytes:
        row = bookings.find(session, code)
        if row is None:
            raise NotFound(f"parcel {code}")
        if row.label_pdf is not None:
            return row.label_pdf
        known = tables.card_in_force(session).all_services.get(row.service)
        person = party(session, services.contacts_keys, row.contact_id)
        sender = tables.carrier_facts(session, row.carrier).sender
        booking = with_parties(bookings.as_booking(row), person, sender)
        name = "" if known is None else known.name_ja
        return label_pdf(booking, service_name=name, tracking=row.tracking or "")

    return Response(services.database.run(work), media_type="application/pdf")


# ---------------------------------------------------------------------------------- reading
def _rules(session: Session, version: int | None) -> RulesOut:
    saved = tables.latest(session, RULES, version)
    body: dict[str, Any] = dict(saved.body)
    return RulesOut(version=saved.version, saved_at=saved.saved_at, saved_by=saved.saved_by, **body)


def _site(session: Session, code: str) -> Site:
    found = sites_by_code(session, [code])
    if code not in found:
        raise NotFound(f"site {code}")
    return found[code]


def _ships_on(calendar: SiteCalendar, now: datetime) -> date | None:
    try:
        return ships_on(calendar, now)
    except NeverOpen:
        return None


def _carriers(session: Session) -> list[CarrierOut]:
    facts = tables.all_carrier_facts(session)
    health = {row.carrier: row for row in session.scalars(select(CarrierHealth))}
    counted = select(BookingRow.carrier, BookingRow.state, func.count())
    counted = counted.where(BookingRow.state.in_(("WANTED", "REFUSED")))
    rows = session.execute(counted.group_by(BookingRow.carrier, BookingRow.state))
    counts = {(carrier, state): count for carrier, state, count in rows}
    known = {one.carrier for one in tables.card_in_force(session).all_services.values()}
    codes = sorted(known | set(facts) | set(health) | {carrier for carrier, _ in counts})
    return [
        _carrier(
            facts.get(code, CarrierFacts(code=code)),
            health.get(code),
            waiting=counts.get((code, "WANTED"), 0),
            refused=counts.get((code, "REFUSED"), 0),
        )
        for code in codes
    ]


def _carrier(
    facts: CarrierFacts, health: CarrierHealth | None, *, waiting: int, refused: int
) -> CarrierOut:
    silent = health is not None and health.failures > 0
    sender = None
    if (house := facts.sender) is not None:
        sender = SenderShape(
            name=house.name,
            kana=house.kana,
            phone=house.phone,
            postal_code=house.postal_code,
            address_lines=list(house.address_lines),
        )
    return CarrierOut(
        code=facts.code,
        mode=facts.mode,
        has_files=facts.code in FORMATS,
        sender=sender,
        codes=dict(facts.codes),
        failures=health.failures if health is not None else 0,
        down_since=health.down_since if health is not None else None,
        asked_again_at=health.due_at if health is not None and silent else None,
        problem=health.problem if health is not None else "",
        waiting=waiting,
        refused=refused,
    )


def _line(answer: Answer, code: str) -> ProblemOut:
    return ProblemOut(
        line=answer.line, reference=answer.reference, tracking=answer.tracking, code=code
    )


def _bookings(session: Session, state: str, limit: int) -> list[BookingOut]:
    query = (
        select(BookingRow, Site.code)
        .join(Site, Site.id == BookingRow.site_id)
        .where(BookingRow.state == state)
        .order_by(BookingRow.wanted_at, BookingRow.id)
        .limit(limit)
    )
    return [
        BookingOut(
            parcel_id=row.id,
            site=site,
            **{name: getattr(row, name) for name in BookingOut.model_fields if name not in _OURS},
        )
        for row, site in session.execute(query)
    ]


_OURS = frozenset({"parcel_id", "site"})
