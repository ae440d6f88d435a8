"""Entry: badge and PIN make an operator's session at a device.

    badge + PIN   a session; whoever was there before is away
    badge alone   enough for an hour after they were last seen at this device, if they gave their
                  PIN there within the last 12 h and have not signed out: so that a device is
                  passed round, or woken up, with one scan
    15 min idle   the session is locked; a badge opens it again
    5 wrong PINs  of a badge at a device: shut for 15 min; likewise 10 unknown badges at a device

Operators of the books are codes; names stay on the screens. What went wrong is answered alike for
a badge that nobody has and for a wrong PIN, and takes as long.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.access import KeyMissing
from wms.errors import Unavailable, WmsError
from wms.ids import new_id
from wms.people.devices import DeviceUnknown
from wms.people.model import Device, Operator, SignIn, SignInTry
from wms.people.secrets import SESSION, hash_of, is_pin, new_secret
from wms.sites import Site

IDLE = timedelta(minutes=15)
BADGE_ALONE = timedelta(hours=1)
PIN_LASTS = timedelta(hours=12)
SHUT = timedelta(minutes=15)
PINS_MAX, BADGES_MAX = 5, 10
SEEN_EVERY = timedelta(seconds=30)
_NOBODY = b""


class SignInNeeded(KeyMissing):
    """Nobody has signed in at this device, or not any more: scan a badge."""

    code: ClassVar[str] = "sign_in_needed"


class SessionLocked(KeyMissing):
    """It was left alone for a while: scan the badge."""

    code: ClassVar[str] = "session_locked"


class SignInFailed(KeyMissing):
    """The badge or the PIN is wrong."""

    code: ClassVar[str] = "sign_in_failed"


class PinNeeded(KeyMissing):
    """The badge alone is not enough now."""

    code: ClassVar[str] = "pin_needed"


class EntryShut(Unavailable):
    """Too many wrong PINs.

    Attributes:
        retry_after_s: when the next one is listened to.
    """

    code: ClassVar[str] = "entry_shut"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many wrong PINs: wait, or ask a supervisor")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Somebody at a device, as the session says."""

    session_id: UUID
    device_id: UUID
    device: str
    site: str
    operator: str
    name: str
    supervisor: bool
    kinds: frozenset[str]
    zones: frozenset[str]
    equipment: frozenset[str]
    languages: tuple[str, ...]


def sign_in(
    session: Session, device: Device, badge: str, pin: str | None, *, now: datetime
) -> tuple[str, Known] | WmsError:
    """A session's token, whole, and who it is; or why not: to be raised after the commit."""
    hashed = hash_of(badge)
    operator = session.scalars(select(Operator).where(Operator.badge_hash == hashed)).first()
    tried = _tries(session, device, hashed if operator else _NOBODY, now)
    most = PINS_MAX if operator else BADGES_MAX
    if tried.failed >= most and now < tried.at + SHUT:
        return EntryShut(int((tried.at + SHUT - now).total_seconds()) + 1)
    before = _before(session, device, operator)
    if pin is None and operator is not None and operator.active:
        if not _is_badge_enough(before, now):
            return PinNeeded("give your PIN")
    elif not is_pin(operator.pin_hash if operator else "", pin or "") or not operator:
        tried.failed, tried.at = tried.failed + 1, now
        return SignInFailed("badge or PIN is wrong")
    if not operator.active:
        return SignInFailed("badge or PIN is wrong")
    tried.failed = 0
    pin_at = now if pin is not None or before is None else before.pin_at
    return _begin(session, device, operator, pin_at, now)


def sign_out(session: Session, token: str, *, now: datetime) -> str:
    """The session is over; next time the PIN is needed. Whose it was, "" if nobody's."""
    found = session.scalars(select(SignIn).where(SignIn.token_hash == hash_of(token))).first()
    if found is None or found.ended_at is not None:
        return ""
    found.ended_at = now
    return session.get_one(Operator, found.operator_id).code


def who(session: Session, token: str, *, now: datetime, is_there: bool = True) -> Known:
    """Whose session it is; they are seen now, unless it is only their device that asks.

    Raises:
        SignInNeeded, SessionLocked, DeviceUnknown: nobody's, or not now.
    """
    found = session.scalars(select(SignIn).where(SignIn.token_hash == hash_of(token))).first()
    if found is None or found.ended_at is not None:
        raise SignInNeeded("scan a badge")
    device = session.get_one(Device, found.device_id)
    operator = session.get_one(Operator, found.operator_id)
    if device.revoked_at is not None:
        raise DeviceUnknown("this device was revoked")
    if not operator.active:
        raise SignInNeeded("scan a badge")
    if found.away_at is not None or found.seen_at < now - IDLE:
        raise SessionLocked("scan your badge")
    if is_there and found.seen_at < now - SEEN_EVERY:
        found.seen_at = device.last_seen_at = now
    return _known(session, found, device, operator)


def has_supervisor(session: Session) -> bool:
    """Whether a supervisor has ever signed in: until then the house is being set up."""
    query = select(SignIn.id).join(Operator, Operator.id == SignIn.operator_id)
    return session.scalars(query.where(Operator.supervisor).limit(1)).first() is not None


def _begin(
    session: Session, device: Device, operator: Operator, pin_at: datetime, now: datetime
) -> tuple[str, Known]:
    here = select(SignIn).where(SignIn.device_id == device.id, SignIn.ended_at.is_(None))
    for each in session.scalars(here.with_for_update()):
        if each.operator_id == operator.id:
            each.ended_at = now
        else:
            each.away_at = each.away_at or now
    token = new_secret(SESSION)
    made = SignIn(
        id=new_id(now),
        token_hash=hash_of(token),
        operator_id=operator.id,
        device_id=device.id,
        began_at=now,
        pin_at=pin_at,
        seen_at=now,
    )
    session.add(made)
    device.last_seen_at = now
    session.flush()
    return token, _known(session, made, device, operator)


def _before(session: Session, device: Device, operator: Operator | None) -> SignIn | None:
    """Their last session at this device, if they have not signed out of it."""
    if operator is None:
        return None
    query = select(SignIn).where(
        SignIn.device_id == device.id,
        SignIn.operator_id == operator.id,
        SignIn.ended_at.is_(None),
    )
    return session.scalars(query.order_by(SignIn.began_at.desc()).limit(1)).first()


def _is_badge_enough(before: SignIn | None, now: datetime) -> bool:
    return (
        before is not None
        and now - before.seen_at <= BADGE_ALONE
        and now - before.pin_at < PIN_LASTS
    )


def _tries(session: Session, device: Device, hashed: bytes, now: datetime) -> SignInTry:
    """How often it went wrong; locked, so that guesses come one after the other."""
    tried = session.get(SignInTry, (device.id, hashed), with_for_update=True)
    if tried is None:
        tried = SignInTry(device_id=device.id, badge_hash=hashed, failed=0, at=now)
        session.add(tried)
        session.flush()
    if now >= tried.at + SHUT:
        tried.failed = 0
    return tried


def _known(session: Session, found: SignIn, device: Device, operator: Operator) -> Known:
    equipment = frozenset(operator.equipment)
    if device.equipment:
        equipment &= frozenset(device.equipment)
    return Known(
        session_id=found.id,
        device_id=device.id,
        device=device.name,
        site=session.get_one(Site, device.site_id).code,
        operator=operator.code,
        name=operator.name,
        supervisor=operator.supervisor,
        kinds=frozenset(operator.kinds),
        zones=frozenset(operator.zones),
        equipment=equipment,
        languages=tuple(operator.languages),
    )
