"""Tables that people save: rules, rates, calendars, and how we talk to each carrier.

Nothing has to be saved: without it the defaults hold (rules.DEFAULT, rates.toml, a site that works
every day until 15:00). Rules and rates are versions; the highest is in force, none is ever
changed, so that a choice of last month can be explained.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from wms.errors import Conflict, NotFound
from wms.ports import Party
from wms.shipping.calendar import SiteCalendar
from wms.shipping.model import CalendarRow, CarrierRow, SavedTable
from wms.shipping.rates import RateCard, default_card, read_card
from wms.shipping.rules import DEFAULT, RuleTable, read_rules
from wms.sites import Site

RULES, RATES = "rules", "rates"


class TableChanged(Conflict):
    """Somebody has saved another version meanwhile: read it, decide again.

    Attributes:
        version: the one in force.
    """

    code = "table_changed"

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} is in force")
        self.version = version


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A table's version: 0 is the default."""

    version: int
    saved_at: datetime | None
    saved_by: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierFacts:
    """How we talk to a carrier: mode API or FILE, who we are to it, and its codes for us."""

    code: str
    mode: str = "API"
    sender: Party | None = None
    codes: Mapping[str, str] = field(default_factory=dict)


def latest(session: Session, name: str, version: int | None = None) -> Saved:
    """The version in force, or another one.

    Raises:
        NotFound: there is no such version.
    """
    query = select(SavedTable).where(SavedTable.name == name)
    if version is not None:
        query = query.where(SavedTable.version == version)
    row = session.scalars(query.order_by(SavedTable.version.desc()).limit(1)).first()
    if row is not None:
        return Saved(
            version=row.version, saved_at=row.saved_at, saved_by=row.saved_by, body=row.body
        )
    if version:
        raise NotFound(f"{name} has no version {version}")
    body = asdict(DEFAULT) if name == RULES else {}
    return Saved(version=0, saved_at=None, saved_by="", body=body)


def save(
    session: Session,
    name: str,
    body: Mapping[str, Any],
    *,
    based_on: int,
    by: str,
    now: datetime,
) -> int:
    """Save a version, if the one that it was made from is still in force; its number.

    Raises:
        TableChanged: it is not. The same body saved twice in a row is saved once.
    """
    now_in_force = latest(session, name)
    if now_in_force.version != based_on:
        if dict(now_in_force.body) == dict(body) and now_in_force.version == based_on + 1:
            return now_in_force.version
        raise TableChanged(now_in_force.version)
    row = {
        "name": name, "version": based_on + 1, "saved_at": now, "saved_by": by, "body": dict(body),
    }  # fmt: skip
    made = session.execute(
        insert(SavedTable).values(row).on_conflict_do_nothing().returning(SavedTable.version)
    ).scalar()
    if made is None:
        raise TableChanged(based_on + 1)
    return based_on + 1


def rules_in_force(session: Session) -> RuleTable:
    """The rules."""
    saved = latest(session, RULES)
    return read_rules(saved.body) if saved.version else DEFAULT


def card_in_force(session: Session) -> RateCard:
    """The rates."""
    saved = latest(session, RATES)
    return read_card(saved.body) if saved.version else default_card()


def in_force(session: Session) -> tuple[RuleTable, RateCard]:
    """The rules and the rates, asked for together."""
    query = select(SavedTable.name, SavedTable.body).where(SavedTable.name.in_((RULES, RATES)))
    query = query.ext(distinct_on(SavedTable.name))
    query = query.order_by(SavedTable.name, SavedTable.version.desc())
    saved: dict[str, Any] = dict(session.execute(query).all())
    return (
        read_rules(saved[RULES]) if RULES in saved else DEFAULT,
        read_card(saved[RATES]) if RATES in saved else default_card(),
    )


# -------------------------------------------------------------------------------- calendars
def calendars(session: Session) -> dict[str, SiteCalendar]:
    """The calendar of every site, by its code; what nobody has saved is the default."""
    query = select(Site, CalendarRow.body).outerjoin(CalendarRow, CalendarRow.site_id == Site.id)
    return {
        site.code: _calendar(site, body)
        for site, body in session.execute(query.order_by(Site.code))
    }


def calendar_of(session: Session, site_id: UUID) -> SiteCalendar:
    """The calendar of one site."""
    site = session.get(Site, site_id)
    if site is None:
        return SiteCalendar()
    row = session.get(CalendarRow, site_id)
    return _calendar(site, None if row is None else row.body)


def save_calendar(
    session: Session, site_id: UUID, calendar: SiteCalendar, *, now: datetime
) -> None:
    """Keep a site's calendar, in place of what it had."""
    row = {"site_id": site_id, "body": as_json(calendar), "saved_at": now}
    statement = insert(CalendarRow).values(row)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["site_id"], set_={"body": row["body"], "saved_at": now}
        )
    )


def as_json(calendar: SiteCalendar) -> dict[str, Any]:
    """A calendar as it is saved; its zone is the site's and not part of it."""
    return {
        "hours": [
            None if hours is None else [hours[0].isoformat(), hours[1].isoformat()]
            for hours in calendar.hours
        ],
        "closed": sorted(day.isoformat() for day in calendar.closed),
        "opened": sorted(day.isoformat() for day in calendar.opened),
        "on_holidays": calendar.on_holidays,
        "cut_off": calendar.cut_off.isoformat(),
        "cut_offs": {code: at.isoformat() for code, at in sorted(calendar.cut_offs.items())},
    }


def _calendar(site: Site, body: Mapping[str, Any] | None) -> SiteCalendar:
    if body is None:
        return SiteCalendar(time_zone=site.time_zone)
    return SiteCalendar(
        time_zone=site.time_zone,
        hours=tuple(
            None if each is None else (time.fromisoformat(each[0]), time.fromisoformat(each[1]))
            for each in body["hours"]
        ),
        closed=frozenset(map(date.fromisoformat, body["closed"])),
        opened=frozenset(map(date.fromisoformat, body["opened"])),
        on_holidays=body["on_holidays"],
        cut_off=time.fromisoformat(body["cut_off"]),
        cut_offs={code: time.fromisoformat(at) for code, at in body["cut_offs"].items()},
    )


# --------------------------------------------------------------------------------- carriers
def carrier_facts(session: Session, code: str) -> CarrierFacts:
    """How we talk to a carrier; over its API until somebody says otherwise."""
    row = session.get(CarrierRow, code)
    return CarrierFacts(code=code) if row is None else _facts(row)


def all_carrier_facts(session: Session) -> dict[str, CarrierFacts]:
    """Of all carriers that somebody has said something of."""
    return {row.code: _facts(row) for row in session.scalars(select(CarrierRow))}


def save_carrier(session: Session, facts: CarrierFacts) -> None:
    """Keep how we talk to a carrier."""
    sender = None if facts.sender is None else asdict(facts.sender)
    body = {"sender": sender, "codes": dict(facts.codes)}
    statement = insert(CarrierRow).values(code=facts.code, mode=facts.mode, facts=body)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["code"], set_={"mode": facts.mode, "facts": body}
        )
    )


def _facts(row: CarrierRow) -> CarrierFacts:
    sender = row.facts.get("sender")
    if sender is not None:
        sender = Party(**{**sender, "address_lines": tuple(sender["address_lines"])})
    return CarrierFacts(
        code=row.code, mode=row.mode, sender=sender, codes=row.facts.get("codes", {})
    )
