"""Sessions of the office: a cookie whose hash is kept here, and what it opens.

    30 min idle, 12 h in all      the session is over
    sign-out, shut out, ended     at once, everywhere: each request asks

The cookie is HttpOnly, SameSite=Strict, and Secure wherever the house is found by https. Whoever
signs in gets a new one. A request that changes something must come from our own pages: browsers
say in `Origin` from where (`is_own`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.access import KeyMissing
from wms.errors import Forbidden
from wms.identity.accounts import rights_of
from wms.identity.model import Account, AccountSession
from wms.identity.roles import Right
from wms.ids import new_id
from wms.people.secrets import hash_of, new_secret

IDLE, LASTS = timedelta(minutes=30), timedelta(hours=12)
SEEN_EVERY = timedelta(seconds=30)
TOKEN = "soko_a_"  # noqa: S105 - a prefix


class SignInOver(KeyMissing):
    """Nobody has signed in, or not any more."""

    code: ClassVar[str] = "sign_in_over"


class WrongOrigin(Forbidden):
    """A page of somebody else's asked for it."""

    code: ClassVar[str] = "wrong_origin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seated:
    """Somebody at a screen, and what they may do."""

    session_id: UUID
    account_id: UUID
    code: str
    name: str
    rights: tuple[Right, ...]


def cookie_name(public_url: str) -> str:
    """What the cookie is called; with https, so that no other host or path can set it."""
    return "__Host-soko" if urlsplit(public_url).scheme == "https" else "soko_session"


def begin(session: Session, account: Account, *, now: datetime) -> str:
    """A session's token, whole: it goes into the cookie and is never seen again."""
    token = new_secret(TOKEN)
    session.add(
        AccountSession(
            id=new_id(now), token_hash=hash_of(token), account_id=account.id, began_at=now,
            seen_at=now,
        )
    )  # fmt: skip
    session.flush()
    return token


def end(session: Session, token: str, *, now: datetime) -> str:
    """It opens nothing any more; whose it was, "" if nobody's."""
    found = _found(session, token)
    if found is None:
        return ""
    found.ended_at = found.ended_at or now
    return session.get_one(Account, found.account_id).code


def seated(session: Session, token: str, *, now: datetime) -> Seated:
    """Who it is, and what they may do at this moment.

    Raises:
        SignInOver: nobody, or not any more.
    """
    found = _found(session, token)
    if found is None or found.ended_at is not None:
        raise SignInOver("sign in")
    account = session.get_one(Account, found.account_id)
    is_over = now - found.seen_at >= IDLE or now - found.began_at >= LASTS
    if is_over or not account.active:
        raise SignInOver("sign in")
    if now - found.seen_at >= SEEN_EVERY:
        found.seen_at = now
    return Seated(
        session_id=found.id,
        account_id=account.id,
        code=account.code,
        name=account.name,
        rights=tuple(rights_of(session, account.id)),
    )


def check_origin(headers: Mapping[str, str], public_url: str) -> None:
    """Whether a request that came with our cookie came from our own pages.

    Raises:
        WrongOrigin: it did not, or does not say so.
    """
    origin = headers.get("origin", "")
    own = {urlsplit(public_url).netloc, headers.get("host", "")}
    if not origin or urlsplit(origin).netloc not in own:
        raise WrongOrigin("this came from another page")


def _found(session: Session, token: str) -> AccountSession | None:
    if not token.startswith(TOKEN):
        return None
    query = select(AccountSession).where(AccountSession.token_hash == hash_of(token))
    return session.scalars(query).first()
