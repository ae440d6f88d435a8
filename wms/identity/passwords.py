"""Passwords: the way in of a house without a provider of identities, and of the first hour.

Wrong ones are counted by name, whether or not anybody is called so, and it takes as long: nobody
learns here who has an account.

Source: RFC 9106; OWASP ASVS 5.0, 6.2 and 6.3.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.access import KeyMissing
from wms.errors import Rejected, Unavailable, WmsError
from wms.identity.model import Account, AccountTry
from wms.people.secrets import hash_of, is_pin, pin_hash

LENGTH_MIN, LENGTH_MAX = 12, 128
TRIES_MAX = 5
SHUT = timedelta(minutes=15)


class PasswordWrong(KeyMissing):
    """Name or password is wrong."""

    code: ClassVar[str] = "password_wrong"


class PasswordWeak(Rejected):
    """A password is too short, or is the name."""

    code: ClassVar[str] = "password_weak"


class AccountShut(Unavailable):
    """Too many wrong passwords for that name.

    Attributes:
        retry_after_s: when the next one is listened to.
    """

    code: ClassVar[str] = "account_shut"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many wrong passwords: wait")
        self.retry_after_s = retry_after_s


def check_password(code: str, password: str) -> None:
    """Whether it is fit to be one.

    Raises:
        PasswordWeak: it is not.
    """
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX or code.casefold() in password.casefold():
        raise PasswordWeak(f"at least {LENGTH_MIN} letters, and not the name")


def password_hash(password: str) -> str:
    """What is kept of it (argon2id)."""
    return pin_hash(password)


def enter(session: Session, code: str, password: str, *, now: datetime) -> Account | WmsError:
    """Who it is; or why not: to be raised after the commit, which counts it."""
    hashed = hash_of(code)
    new = insert(AccountTry).values(code_hash=hashed, failed=0, at=now)
    session.execute(new.on_conflict_do_nothing())  # two may guess at the same time
    tried = session.get_one(AccountTry, hashed, with_for_update=True)
    if now >= tried.at + SHUT:
        tried.failed = 0
    if tried.failed >= TRIES_MAX:
        return AccountShut(int((tried.at + SHUT - now).total_seconds()) + 1)
    account = session.scalars(select(Account).where(Account.code == code)).first()
    is_right = is_pin(account.password_hash if account else "", password)
    if account is None or not is_right or not account.active:
        tried.failed, tried.at = tried.failed + 1, now
        return PasswordWrong("name or password is wrong")
    tried.failed = 0
    return account
