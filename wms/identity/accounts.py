"""Accounts: people of the office and their rights. PUT under the caller's id: made or changed.

    set-up link -> the first administrator      once, soon over, made by who has the server
    save_account                                by an administrator; rights count from that moment

Whoever loses a right, or is shut out, loses it with their next request: rights are read anew each
time. Somebody who is not active any more has no session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from wms.errors import NotFound, Rejected
from wms.identity.model import Account, AccountRight, AccountSession, OneTime
from wms.identity.passwords import password_hash
from wms.identity.roles import Right, check_rights
from wms.ids import new_id
from wms.people.secrets import hash_of, new_secret
from wms.reach import ALL

SET_UP_LASTS = timedelta(minutes=30)
SET_UP = "soko_u_"


class AccountTaken(Rejected):
    """Another account has that code."""

    code: ClassVar[str] = "account_taken"


class SetUpOver(Rejected):
    """There is no such set-up link, it was used, or its time is over."""

    code: ClassVar[str] = "set_up_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """Somebody of the office as an administrator has them."""

    code: str
    name: str
    active: bool = True
    rights: tuple[Right, ...] = ()


def save_account(session: Session, id_: UUID, record: AccountRecord, *, now: datetime) -> bool:
    """Make or change somebody and all their rights; whether they are new.

    Raises:
        AccountTaken, UnknownRole: nothing was changed.
    """
    check_rights(record.rights)
    account = session.get(Account, id_, with_for_update=True)
    is_new = account is None
    if session.scalars(
        select(Account.id).where(Account.id != id_, Account.code == record.code)
    ).first():
        raise AccountTaken(f"another account is called {record.code}")
    if account is None:
        account = Account(id=id_, made_at=now)
        session.add(account)
    account.code, account.name, account.active = record.code, record.name, record.active
    session.flush()
    session.execute(delete(AccountRight).where(AccountRight.account_id == id_))
    for right in {right.role: right for right in record.rights}.values():
        session.add(
            AccountRight(
                account_id=id_, role=right.role, sites=list(right.sites), owners=list(right.owners)
            )
        )
    session.flush()
    if not record.active:
        end_sessions(session, id_, now=now)
    return is_new


def end_sessions(session: Session, id_: UUID, *, now: datetime) -> int:
    """Whoever sits there with that account does so no more; how many sessions ended.

    Raises:
        NotFound: there is no such account.
    """
    if session.get(Account, id_) is None:
        raise NotFound(f"account {id_}")
    alive = (AccountSession.account_id == id_) & AccountSession.ended_at.is_(None)
    ended = update(AccountSession).where(alive).values(ended_at=now)
    return len(session.scalars(ended.returning(AccountSession.id)).all())


def all_accounts(session: Session) -> Sequence[Account]:
    """Everybody, in the order of their codes."""
    return session.scalars(select(Account).order_by(Account.code)).all()


def rights_of(session: Session, id_: UUID) -> list[Right]:
    """What they may do, and where."""
    rows = select(AccountRight).where(AccountRight.account_id == id_).order_by(AccountRight.role)
    return [
        Right(role=row.role, sites=tuple(row.sites), owners=tuple(row.owners))
        for row in session.scalars(rows)
    ]


def begin_set_up(session: Session, *, now: datetime) -> str:
    """A link's secret that makes one administrator, soon."""
    secret = new_secret(SET_UP)
    session.add(OneTime(hash=hash_of(secret), purpose="SET_UP", until_at=now + SET_UP_LASTS))
    return secret


def set_up(
    session: Session, secret: str, code: str, name: str, password: str, *, now: datetime
) -> Account:
    """Make an administrator of everything; the link is used up.

    Raises:
        SetUpOver, AccountTaken: nobody was made, and the link is as good as it was.
    """
    found = take_once(session, secret, "SET_UP", now=now)
    if found is None:
        raise SetUpOver("this link is no good any more: soko admin set-up")
    id_ = new_id(now)
    every = Right(role="administrator", sites=(ALL,), owners=(ALL,))
    save_account(session, id_, AccountRecord(code=code, name=name, rights=(every,)), now=now)
    account = session.get_one(Account, id_)
    account.password_hash = password_hash(password)
    return account


def take_once(session: Session, secret: str, purpose: str, *, now: datetime) -> OneTime | None:
    """What was kept under that secret, if it is good; it is used up."""
    row = session.get(OneTime, hash_of(secret), with_for_update=True)
    if row is None or row.purpose != purpose:
        return None
    session.delete(row)
    session.flush()
    return row if row.until_at > now else None


def forget_once(session: Session, *, now: datetime) -> None:
    """What is over goes."""
    session.execute(delete(OneTime).where(OneTime.until_at <= now))
