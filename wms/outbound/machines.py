"""People stop machines and let them go on: in two steps, with a reason, once.

    ask        what is wanted, of which machine, and why     nothing moves; it is put before people
    confirm    within `WITHIN`, as the act of an exception   the WCS is told, under that act's id;
               where two persons are wanted, by another than who asked, but for HOLD and CLOSE

    HOLD       a robot stands where it is and keeps its drive
    CANCEL     it stops at the next point, forgets its drive and gets no other until it may go on
    GO_ON      it goes on
    WITHDRAW   the order that it has and has not begun is taken back; what waited for it is told
    CLOSE      an area of the floor: who is in it stands, nobody goes in (wcs.areas); OPEN ends it
    SAFE       a safety circuit that was reset at the machine may go on (wcs.safety)

An ask is an exception, `machine.hold` and so on: who asked, who confirmed and why stays with it.
What the edge could not carry out comes back as the exception `command.refused`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wcs.messages import AreaHold, RobotHold, SafetyConfirmed
from wms.errors import Conflict
from wms.identity import seconds
from wms.outbound.attend import Act
from wms.outbound.floor import Floor
from wms.outbound.model import ExceptionRow
from wms.outbound.tell import report, tell_wcs

Deed: TypeAlias = Literal["HOLD", "CANCEL", "GO_ON", "WITHDRAW", "CLOSE", "OPEN", "SAFE"]
CODES: dict[Deed, str] = {
    "HOLD": "machine.hold", "CANCEL": "machine.cancel", "GO_ON": "machine.go_on",
    "WITHDRAW": "machine.withdraw", "CLOSE": "machine.close", "OPEN": "machine.open",
    "SAFE": "machine.safe",
}  # fmt: skip
WITHIN = timedelta(seconds=60)
_BY_ONE = (CODES["HOLD"], CODES["CLOSE"])  # they make nothing move


class AskedTooLongAgo(Conflict):
    """Nobody confirmed it in time: the world has moved on, ask again."""

    code: ClassVar[str] = "asked_too_long_ago"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What somebody wants done to a machine; `id` is the command's."""

    id: UUID
    deed: Deed
    machine: str  # a robot, an area or a safety circuit, by its name in the site file
    by: str
    reason: str


def ask(session: Session, floor: Floor, wanted: Ask, *, now: datetime) -> None:
    """Put it before people; nothing is told to the machine."""
    if session.get(ExceptionRow, (floor.hub, wanted.id)) is not None:
        return  # sent again
    facts = {
        "machine": wanted.machine, "by": wanted.by, "until": (now + WITHIN).isoformat(),
        "detail": wanted.reason,
    }  # fmt: skip
    code = CODES[wanted.deed]
    report(session, floor.hub, wanted.id, code=code, source=wanted.machine, facts=facts, at=now,
           priority=1)  # fmt: skip


def is_over(row: ExceptionRow, now: datetime) -> bool:
    """Whether it is an ask that nobody confirmed in time: nothing can be done about it any more."""
    return row.code in CODES.values() and now >= datetime.fromisoformat(row.facts["until"])


def confirm(session: Session, floor: Floor, row: ExceptionRow, act: Act, now: datetime) -> None:
    """Tell the WCS.

    Raises:
        AskedTooLongAgo: it was asked for more than a minute ago.
        SamePerson: what sets machines going needs a second person here (SOKO_TWO_PERSONS).
    """
    if row.code not in _BY_ONE and seconds.is_wanted() and row.facts["by"] == act.by:
        raise seconds.SamePerson("who asked cannot be the one who confirms")
    until = datetime.fromisoformat(row.facts["until"])
    if now >= until:
        raise AskedTooLongAgo(f"asked until {until:%H:%M:%S}: ask again")
    machine, reason = str(row.facts["machine"]), act.note or str(row.facts["detail"])
    if row.code == CODES["SAFE"]:
        said = SafetyConfirmed(id=str(act.id), circuit=machine, by=act.by, reason=reason)
        tell_wcs(session, floor.hub_code, said)
        return
    if row.code in (CODES["CLOSE"], CODES["OPEN"]):
        area = AreaHold(
            id=str(act.id), area=machine, held=row.code == CODES["CLOSE"], by=act.by,
            reason=reason, expires_at=now + WITHIN,
        )  # fmt: skip
        tell_wcs(session, floor.hub_code, area)
        return
    hold = RobotHold(
        id=str(act.id),
        robot=machine,
        held=row.code in (CODES["HOLD"], CODES["CANCEL"]),
        cancel=row.code == CODES["CANCEL"],
        withdraw=row.code == CODES["WITHDRAW"],
        by=act.by,
        reason=reason,
        expires_at=now + WITHIN,
    )
    tell_wcs(session, floor.hub_code, hold)
