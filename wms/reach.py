"""Reach: which sites and whose goods the request that is served now may see and touch.

Who stands at the door (wms.api.doors) sets the attendant of a request; every transaction of that
request (wms.database) is held by its reach, and told to it before it is committed. A worker's has
none: it serves the whole house.

    soko.sites, soko.owners     ids with commas between, or '*'; what the policies of the schema
                                ask for (migrations/posting/fence.sql)

Threads get the attendant with the context that asyncio copies into them. A task that outlives its
request must not be made in that request's context.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

ALL = "*"


@dataclass(frozen=True, slots=True)
class Reach:
    """Some sites, some owners; None: all of them."""

    sites: frozenset[UUID] | None = None
    owners: frozenset[UUID] | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is out of it."""
        return self.sites is None and self.owners is None

    def told(self) -> dict[str, str]:
        """As the database is told."""
        return {"sites": _words(self.sites), "owners": _words(self.owners)}


EVERYTHING = Reach()


class Attendant(Protocol):
    """Goes along with a request."""

    @property
    def reach(self) -> Reach:
        """What its transactions may see."""

    def note(self, session: Session) -> None:
        """Before one of them is committed: what is to be kept of it is written into it."""


ATTENDANT: ContextVar[Attendant | None] = ContextVar("soko_attendant", default=None)


def sees_owner(owner: UUID) -> bool:
    """Whether who is served now may know of that owner's goods: for what is not asked by ORM."""
    attendant = ATTENDANT.get()
    owners = None if attendant is None else attendant.reach.owners
    return owners is None or owner in owners


def sees_all_owners() -> bool:
    """Whether who is served now is limited to no owners."""
    attendant = ATTENDANT.get()
    return attendant is None or attendant.reach.owners is None


def _words(ids: frozenset[UUID] | None) -> str:
    return ALL if ids is None else ",".join(sorted(map(str, ids)))
