"""Booking: the worker's side of carriers. Calls are made here, between transactions.

    desk.book()    wishes, then one call for each booking that is due
    desk.track()   each carrier's events, from its own cursor

A carrier that does not answer stops its own parcels and nobody else's. People are named to a
carrier at the moment of the call and nowhere else: a booking knows a contact's id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.contacts.keep import read_contact
from wms.contacts.keys import Keys
from wms.database import Database
from wms.errors import Rejected, Unavailable
from wms.outbound import carrier
from wms.outbound.floor import Floor
from wms.ports import Booked, Booking, Carrier, Party
from wms.shipping import bookings
from wms.shipping.tables import carrier_facts

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Who talks to carriers.

    Attributes:
        otherwise: the carrier for all codes that `carriers` does not have.
        keys: what contacts are sealed with; without them nobody is named.
    """

    database: Database
    clock: Clock
    floor: Floor
    otherwise: Carrier
    carriers: Mapping[str, Carrier] = field(default_factory=dict)
    keys: Keys | None = None

    def book(self) -> int:
        """Announce what is packed; how much was done. Who is silent is asked again later."""
        now = self.clock.now()
        done = self.database.run(partial(carrier.wish, now=now))
        done += self.database.run(partial(carrier.forget, now=now))
        done += self.database.run(partial(carrier.fall_back, floor=self.floor, now=now))
        silent: set[str] = set()
        for key in self.database.run(partial(bookings.due, now=now)):
            if key.carrier in silent:
                continue
            if self._ask(key):
                done += 1
            else:
                silent.add(key.carrier)
        return done

    def track(self) -> int:
        """Ask every carrier what it has done; how much was said.

        Raises:
            Unavailable: one did not answer, and the others had nothing to say.
        """
        said, problem = 0, None
        for code, one in (("", self.otherwise), *sorted(self.carriers.items())):
            try:
                said += self._track(code, one)
            except Unavailable as error:
                problem = error
        if problem is not None and not said:
            raise problem
        return said

    def _track(self, code: str, one: Carrier) -> int:
        known = self.database.run(partial(carrier.cursor, carrier=code))
        tracking = one.tracking(known)
        if tracking.cursor == known:
            return 0
        now = self.clock.now()
        self.database.run(
            lambda s: carrier.hear(s, self.floor, known, tracking, carrier=code, now=now)
        )
        return len(tracking.events)

    def _ask(self, key: bookings.Key) -> bool:
        """One call; False if there was no answer."""
        asked = self.database.run(lambda s: self._prepare(s, key, self.clock.now()))
        if asked is None:
            return True
        one = self.carriers.get(key.carrier, self.otherwise)
        try:
            if asked.cancel:
                one.cancel(key.parcel_id)
                self.database.run(partial(bookings.forgotten, key=key))
            else:
                booked = one.book(asked.booking)
                self.database.run(lambda s: self._keep(s, key, booked))
        except Unavailable as error:
            problem = str(error)
            log.warning("carrier.silent", carrier=key.carrier, problem=problem[:200])
            now = self.clock.now()
            self.database.run(partial(bookings.failed, key=key, problem=problem, now=now))
            return False
        except Rejected as error:
            reason = str(error)
            log.warning("carrier.refused", carrier=key.carrier, reason=reason[:200])
            self.database.run(lambda s: self._refused(s, key, reason))
        return True

    def _keep(self, session: Session, key: bookings.Key, booked: Booked) -> None:
        tracking = bookings.keep(session, key, booked, now=self.clock.now())
        if tracking is not None:
            carrier.note(session, key.site_id, key.parcel_id, tracking)

    def _refused(self, session: Session, key: bookings.Key, reason: str) -> None:
        now = self.clock.now()
        bookings.refused(session, key, reason, now=now)
        carrier.report_refused(session, key, reason, now=now)

    def _prepare(self, session: Session, key: bookings.Key, now: datetime) -> bookings.Asked | None:
        asked = bookings.ask(session, key, now=now)
        if asked is None:
            return None
        person = None if self.keys is None else party(session, self.keys, asked.contact_id)
        house = carrier_facts(session, key.carrier).sender
        return replace(asked, booking=with_parties(asked.booking, person, house))


def party(session: Session, keys: Keys, contact_id: UUID | None) -> Party | None:
    """Who a contact is; None if nobody has said, or it was erased."""
    contact = read_contact(session, keys, contact_id)
    if contact is None:
        return None
    return Party(
        name=contact.name,
        kana=contact.kana,
        phone=contact.phone,
        email=contact.email,
        postal_code=contact.postal_code,
        address_lines=contact.address_lines,
    )


def with_parties(booking: Booking, person: Party | None, house: Party | None) -> Booking:
    """The booking with its people: to the customer, or from the customer to us."""
    if person is not None:
        person = replace(
            person,
            postal_code=person.postal_code or booking.postal_code,
            prefecture=person.prefecture or booking.prefecture,
        )
    if booking.direction == "RETURN":
        return replace(booking, sender=person, recipient=house)
    return replace(booking, sender=house, recipient=person)
