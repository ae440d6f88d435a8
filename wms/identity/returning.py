"""Returning from a provider of identities: the same browser, and whose account it is."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.access import KeyMissing
from wms.errors import Unavailable
from wms.identity.accounts import take_once
from wms.identity.model import Account
from wms.ids import new_id

LASTS = timedelta(minutes=10)


class SignInRefused(KeyMissing):
    """The provider of identities, or what came from it, does not let them in."""

    code: ClassVar[str] = "sign_in_refused"


class ProviderAway(Unavailable):
    """The provider of identities does not answer."""

    code: ClassVar[str] = "provider_away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that is under way: where to send the browser, and what it keeps meanwhile."""

    address: str
    binding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What the browser brought back."""

    code: str
    state: str
    binding: str


def take_back(session: Session, returned: Returned, *, now: datetime) -> dict[str, Any]:
    """What was kept for this browser's sign-in; it is used up.

    Raises:
        SignInRefused: nothing, or for another browser.
    """
    found = take_once(session, returned.state, "SIGN_IN", now=now)
    binding = sha256(returned.binding.encode()).hexdigest()
    if found is None or not secrets.compare_digest(found.facts["binding"], binding):
        raise SignInRefused("this sign-in was not begun here, or it took too long")
    return found.facts


def account_of(session: Session, issuer: str, claims: dict[str, Any], *, now: datetime) -> Account:
    """Whose account it is. Who comes for the first time has one, and no right yet.

    An account that an administrator has made under their address, which the provider has
    verified, becomes theirs.

    Raises:
        SignInRefused: they were shut out.
    """
    subject = claims["sub"][:255]
    query = select(Account).where(Account.issuer == issuer, Account.subject == subject)
    account = session.scalars(query.with_for_update()).first()
    mail = str(claims.get("email", ""))[:200] if claims.get("email_verified") is True else ""
    if account is None and mail:
        made = select(Account).where(
            Account.code == mail, Account.subject == "", Account.password_hash == ""
        )
        account = session.scalars(made.with_for_update()).first()
    if account is None:
        id_ = new_id(now)
        code = f"u-{id_.hex[-12:]}"  # the books name no person
        name = str(claims.get("name") or mail or code)[:100]
        account = Account(id=id_, code=code, name=name, made_at=now, active=True)
        session.add(account)
    account.issuer, account.subject = issuer, subject
    session.flush()
    if not account.active:
        raise SignInRefused("this account is shut")
    return account
