"""The caller: who comes with a request, how far they reach, and what is noted of them.

key      another system                 account  somebody of the office
badge    somebody at a device           open     whoever they say they are (SOKO_HANDHELD=open)
public   anybody
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy.orm import Session

from wms.identity.audit import Deed, Kind, record, record_if_written
from wms.reach import ATTENDANT, EVERYTHING, Reach

CallerKind: TypeAlias = Literal["key", "account", "badge", "open", "public"]


@dataclass(slots=True, kw_only=True)
class Caller:
    """Goes along with one request.

    Attributes:
        note_as: as what the request is noted, if it changes anything; "export": also if not.
        two_persons: whether this house wants a second person for some deeds.
    """

    kind: CallerKind
    name: str
    now: Callable[[], datetime]
    scopes: frozenset[str] = frozenset()
    reach: Reach = EVERYTHING
    note_as: Kind | None = None
    what: str = ""
    subject: str = ""
    address: str = ""
    two_persons: bool = False
    is_noted: bool = False

    @property
    def who(self) -> str:
        """As the log says it."""
        return f"{self.kind}:{self.name}"

    def note(self, session: Session) -> None:
        """Write what is asked for into the log, once, in the transaction that does it."""
        if self.note_as is None or self.is_noted:
            return
        deed = Deed(
            kind=self.note_as, who=self.who, what=self.what, subject=self.subject,
            address=self.address,
        )  # fmt: skip
        if self.note_as == "export":
            record(session, deed, now=self.now())
            self.is_noted = True
            return
        # each transaction of the request that writes is noted: what is not committed is undone
        record_if_written(session, deed, now=self.now())


def caller() -> Caller | None:
    """Who is served now; None: the house itself."""
    attendant = ATTENDANT.get()
    return attendant if isinstance(attendant, Caller) else None
