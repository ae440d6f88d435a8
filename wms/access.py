"""Access: the keys that other systems come with, and what each may do.

    soko_K7Q2M9XA_2b6c…      `soko_`, the key's id, and a secret of 256 random bits

A key is shown once, when it is made. Kept is a hash of its secret; a quick hash is enough, since
nobody guesses 256 bits. What a key may do is said in scopes, for which sites and whose goods in
codes ('*': all). It can end, be revoked, and have a successor while both live. With `per_minute`
it is kept to so many requests.

Keys are looked up with every request, so they are kept in memory for a few seconds: a revoked key
is refused at the latest `KEPT_S` after.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import LargeBinary, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from wms.database import Base, Database
from wms.errors import Forbidden, NotFound, Rejected, WmsError
from wms.reach import ALL

# What a key may be allowed, and what it means.
SCOPES = {
    "orders:read": "see orders, shipments, returns and their decisions",
    "orders:write": "place, change and cancel orders, announce returns, transfers",
    "stock:read": "see stock, availability, the feed of changes",
    "stock:write": "hold stock, announce supply",
    "masters:write": "make and change sites, places, goods",
    "inbound": "announce deliveries and dock appointments, see what was received",
    "billing": "see tariffs and invoices of owners",
    "epcis": "send and read EPCIS events",
    "shop": "carts, reservations and waiting lists of a shop",
    "privacy": "see, export and erase personal data",
    "webhooks": "subscribe to events, see what was sent",
    "work": "tasks, scans and stores, as at a device",
    "floor:read": "see the control room, the floor, masters and tables",
    "floor:write": "direct work, decide on exceptions and counts, print",
    "machines": "stop machines, let them go on",
    "rules": "change rules, policies and masters of the office",
    "people": "badges and devices",
    "planner": "plan: snapshots, scenarios, activation",
    "admin": "accounts, rights and keys",
    "audit": "read what was done by whom",
}
# Never in a key: who may do this sits at a desk.
NOT_FOR_KEYS = frozenset({"admin", "people"})
ID_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another
ID_LENGTH = 8
KEPT_S = 5.0
_PREFIX = "soko"


class KeyMissing(WmsError):  # noqa: N818 - reads as a situation
    """This door asks for a key: `Authorization: Bearer soko_...`."""

    code: ClassVar[str] = "key_missing"


class KeyUnknown(KeyMissing):
    """There is no such key, or it has ended."""

    code: ClassVar[str] = "key_unknown"


class ScopeMissing(Forbidden):
    """The key is good, but not for this.

    Attributes:
        scope: what it lacks.
    """

    code: ClassVar[str] = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this key lacks the scope {scope}")
        self.scope = scope


class UnknownScope(Rejected):
    """There is no such scope."""

    code: ClassVar[str] = "unknown_scope"


class ApiKey(Base):
    """A key of another system. `hash` is SHA-256 of its secret."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    sites: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{*}")
    owners: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{*}")
    per_minute: Mapped[int] = mapped_column(server_default="0")
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A key that is good at this moment."""

    id: str
    hash: bytes
    scopes: frozenset[str]
    sites: frozenset[str]
    owners: frozenset[str]
    per_minute: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a key reaches, by the codes of sites and owners; and how often it may come."""

    sites: tuple[str, ...] = (ALL,)
    owners: tuple[str, ...] = (ALL,)
    per_minute: int = 0  # 0: as often as it likes


UNBOUND = Bounds()


def make_key(
    session: Session,
    name: str,
    scopes: Sequence[str],
    *,
    now: datetime,
    lasts: timedelta | None = None,
    bounds: Bounds = UNBOUND,
) -> str:
    """A new key, whole: it is never seen again.

    Raises:
        UnknownScope: nothing was made.
    """
    for scope in scopes:
        if scope not in SCOPES or scope in NOT_FOR_KEYS:
            fit = ", ".join(each for each in SCOPES if each not in NOT_FOR_KEYS)
            raise UnknownScope(f"there is no scope {scope} for keys; there are {fit}")
    id_ = "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))
    secret = secrets.token_hex(32)
    session.add(
        ApiKey(
            id=id_,
            name=name,
            hash=_hash(secret),
            scopes=sorted(set(scopes)),
            sites=sorted(set(bounds.sites)),
            owners=sorted(set(bounds.owners)),
            per_minute=bounds.per_minute,
            made_at=now,
            expires_at=None if lasts is None else now + lasts,
        )
    )
    session.flush()
    return f"{_PREFIX}_{id_}_{secret}"


def succeed_key(
    session: Session, id_: str, *, now: datetime, overlap: timedelta | None = None
) -> str:
    """A key that may do the same; the one before lives on beside it, `overlap` long or as it was.

    Raises:
        NotFound: there is no such key, or it has ended.
    """
    old = session.get(ApiKey, id_, with_for_update=True)
    if old is None or old.revoked_at or (old.expires_at is not None and old.expires_at <= now):
        raise NotFound(f"key {id_}")
    bounds = Bounds(sites=tuple(old.sites), owners=tuple(old.owners), per_minute=old.per_minute)
    lasts = None if old.expires_at is None else old.expires_at - old.made_at
    if overlap is not None:
        ends = now + overlap
        old.expires_at = ends if old.expires_at is None else min(ends, old.expires_at)
    return make_key(session, old.name, old.scopes, now=now, lasts=lasts, bounds=bounds)


def revoke_key(session: Session, id_: str, *, now: datetime) -> None:
    """It is good no more.

    Raises:
        NotFound: there is no such key.
    """
    key = session.get(ApiKey, id_)
    if key is None:
        raise NotFound(f"key {id_}")
    key.revoked_at = key.revoked_at or now


def all_keys(session: Session) -> Sequence[ApiKey]:
    """Every key, the newest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.made_at.desc(), ApiKey.id)).all()


class Keys:
    """The keys that are good, as of a few seconds ago. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Known] = {}
        self._used: set[str] = set()
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    @property
    def is_fresh(self) -> bool:
        """Whether what is in memory may be gone by."""
        return time.monotonic() - self._read_at < KEPT_S

    def refresh(self, *, now: datetime) -> None:
        """Read the keys, unless that was done just now; note which were used since."""
        with self._lock:
            if self.is_fresh:
                return
            used, self._used = self._used, set()
            self._known = self._database.run(lambda s: _read(s, used, now))
            self._read_at = time.monotonic()

    def forget(self) -> None:
        """Read them again: one was made or revoked here."""
        self._read_at = float("-inf")

    def judge(self, authorization: str | None, scope: str, *, now: datetime) -> Known:
        """Whether who comes with that header may do that; the key.

        Raises:
            KeyMissing, KeyUnknown, ScopeMissing: they may not.
        """
        if authorization is None:
            raise KeyMissing("this door asks for a key: Authorization: Bearer soko_...")
        scheme, _, value = authorization.partition(" ")
        prefix, _, rest = value.strip().partition("_")
        id_, _, secret = rest.partition("_")
        known = self._known.get(id_)
        # compared even if there is no such key: it takes as long
        is_right = hmac.compare_digest(known.hash if known else bytes(32), _hash(secret))
        if known is None or not is_right or scheme.lower() != "bearer" or prefix != _PREFIX:
            raise KeyUnknown("there is no such key, or it has ended")
        if known.expires_at is not None and known.expires_at <= now:
            raise KeyUnknown("there is no such key, or it has ended")
        if scope not in known.scopes:
            raise ScopeMissing(scope)
        self._used.add(id_)
        return known


def _read(session: Session, used: set[str], now: datetime) -> dict[str, Known]:
    if used:
        session.execute(update(ApiKey).where(ApiKey.id.in_(used)).values(last_used_at=now))
    alive = (ApiKey.expires_at.is_(None)) | (ApiKey.expires_at > now)
    query = select(ApiKey).where(ApiKey.revoked_at.is_(None), alive)
    return {
        key.id: Known(
            id=key.id,
            hash=key.hash,
            scopes=frozenset(key.scopes),
            sites=frozenset(key.sites),
            owners=frozenset(key.owners),
            per_minute=key.per_minute,
            expires_at=key.expires_at,
        )
        for key in session.scalars(query)
    }


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
