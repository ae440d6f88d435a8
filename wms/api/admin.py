"""For administrators: accounts and their rights, keys of other systems, the audit log.

And, for those who direct work, what waits for the word of a second person.
"""

from collections import Counter
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import access
from wms.api.dependencies import Boss, Now, Svc
from wms.api.identity_shapes import (
    AccountIn,
    AccountOut,
    AuditOut,
    AuditPageOut,
    KeyIn,
    KeyMadeOut,
    KeyOut,
    RightOut,
    RolesOut,
    SecondOut,
    SucceedIn,
)
from wms.api.shapes import CommandIn
from wms.errors import NotFound
from wms.identity import audit, seconds
from wms.identity.accounts import all_accounts, end_sessions, rights_of, save_account
from wms.identity.caller import caller
from wms.identity.model import Account, AccountSession, AuditEvent, SecondPerson
from wms.identity.roles import ROLES
from wms.identity.sessions import IDLE

router = APIRouter(tags=["admin"])


@router.get("/admin/v1/roles")
def get_roles() -> RolesOut:
    """What each role may do."""
    roles = {name: sorted(scopes) for name, scopes in ROLES.items()}
    return RolesOut(roles=roles, scopes=access.SCOPES)


# ---------------------------------------------------------------------------------- accounts
@router.get("/admin/v1/accounts")
def get_accounts(services: Svc, now: Now) -> list[AccountOut]:
    """Everybody of the office, with their rights."""

    def work(session: Session) -> list[AccountOut]:
        seen = select(AccountSession.account_id).where(
            AccountSession.ended_at.is_(None), AccountSession.seen_at > now - IDLE
        )
        there = Counter(session.scalars(seen))
        return [_account_out(session, each, there[each.id]) for each in all_accounts(session)]

    return services.database.run(work)


@router.put(
    "/admin/v1/accounts/{account_id}",
    responses={201: {"model": AccountOut, "description": "it is new"}},
)
def put_account(
    account_id: UUID, body: AccountIn, response: Response, services: Svc, now: Now
) -> AccountOut:
    """Make or change an account and all its rights; they count with the next request."""

    def work(session: Session) -> tuple[bool, AccountOut]:
        is_new = save_account(session, account_id, body.record(), now=now)
        return is_new, _account_out(session, session.get_one(Account, account_id))

    is_new, answer = services.database.run(work)
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return answer


@router.post("/admin/v1/accounts/{account_id}:sign-out")
def post_end_sessions(account_id: UUID, body: CommandIn, services: Svc, now: Now) -> dict[str, int]:
    """Whoever sits somewhere with that account does so no more."""
    del body  # done twice, it is done
    ended = services.database.run(lambda s: end_sessions(s, account_id, now=now))
    return {"ended": ended}


# -------------------------------------------------------------------------------------- keys
@router.get("/admin/v1/keys")
def get_keys(services: Svc) -> list[KeyOut]:
    """Every key, without its secret."""
    return services.database.run(lambda s: [_key_out(each) for each in access.all_keys(s)])


@router.post("/admin/v1/keys", status_code=HTTPStatus.CREATED)
def post_key(body: KeyIn, services: Svc, now: Now) -> KeyMadeOut:
    """A new key: shown now and never again. Asked again, it is another one: revoke the first."""
    lasts = None if body.days is None else timedelta(days=body.days)
    bounds = access.Bounds(sites=body.sites, owners=body.owners, per_minute=body.per_minute)
    key = services.database.run(
        lambda s: access.make_key(s, body.name, body.scopes, now=now, lasts=lasts, bounds=bounds)
    )
    services.api_keys.forget()
    return KeyMadeOut(key=key, id=key.split("_")[1])


@router.post("/admin/v1/keys/{key_id}:succeed", status_code=HTTPStatus.CREATED)
def post_succeed(key_id: str, body: SucceedIn, services: Svc, now: Now) -> KeyMadeOut:
    """A key that may do the same; both live until the first ends or is revoked."""
    overlap = None if body.overlap_days is None else timedelta(days=body.overlap_days)
    key = services.database.run(
        lambda s: access.succeed_key(s, _id(key_id), now=now, overlap=overlap)
    )
    services.api_keys.forget()
    return KeyMadeOut(key=key, id=key.split("_")[1])


@router.post("/admin/v1/keys/{key_id}:revoke")
def post_revoke_key(key_id: str, body: CommandIn, services: Svc, now: Now) -> KeyOut:
    """It is good no more: here at once, in other processes a few seconds later."""
    del body  # done twice, it is done

    def work(session: Session) -> KeyOut:
        access.revoke_key(session, _id(key_id), now=now)
        session.flush()
        return _key_out(session.get_one(access.ApiKey, key_id))

    answer = services.database.run(work)
    services.api_keys.forget()
    return answer


# ------------------------------------------------------------------------------------- audit
@router.get("/admin/v1/audit")
def get_audit(
    services: Svc,
    before: UUID | None = None,
    kind: audit.Kind | None = None,
    who: Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f]*$")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditPageOut:
    """What was done that is no movement, the newest first."""

    def work(session: Session) -> AuditPageOut:
        last = None if before is None else session.get(AuditEvent, before)
        if before is not None and last is None:
            raise NotFound(f"audit event {before}")
        found = audit.read(session, before=last, kind=kind or "", who=who, limit=limit)
        events = [
            AuditOut(**{name: getattr(each, name) for name in AuditOut.model_fields})
            for each in found
        ]
        return AuditPageOut(events=events, next=events[-1].id if len(events) == limit else None)

    return services.database.run(work)


# -------------------------------------------------------------------------- second persons
@router.get("/console/v1/second-persons")
def get_seconds(services: Svc, now: Now, _boss: Boss) -> list[SecondOut]:
    """What waits for somebody else to agree."""
    return services.database.run(lambda s: [_second_out(e) for e in seconds.waiting(s, now=now)])


@router.post("/console/v1/second-persons/{second_id}:approve")
def post_agree(second_id: UUID, body: CommandIn, services: Svc, now: Now, boss: Boss) -> SecondOut:
    """Agree: who asked sends the same again, and it is done."""
    del body  # said twice, it is said
    return _decided(services, second_id, yes=True, boss=boss, now=now)


@router.post("/console/v1/second-persons/{second_id}:reject")
def post_disagree(
    second_id: UUID, body: CommandIn, services: Svc, now: Now, boss: Boss
) -> SecondOut:
    """Say no: it is not done."""
    del body
    return _decided(services, second_id, yes=False, boss=boss, now=now)


def _decided(services: Svc, id_: UUID, *, yes: bool, boss: str, now: datetime) -> SecondOut:
    found = caller()
    by = f"open:{boss}" if found is None else found.who
    return services.database.run(
        lambda s: _second_out(seconds.decide(s, id_, yes=yes, by=by, now=now))
    )


def _account_out(session: Session, account: Account, there: int = 0) -> AccountOut:
    return AccountOut(
        id=account.id,
        code=account.code,
        name=account.name,
        active=account.active,
        by="provider" if account.subject else "password" if account.password_hash else "none",
        made_at=account.made_at,
        rights=[
            RightOut(role=each.role, sites=list(each.sites), owners=list(each.owners))
            for each in rights_of(session, account.id)
        ],
        sessions=there,
    )


def _key_out(key: access.ApiKey) -> KeyOut:
    return KeyOut(**{name: getattr(key, name) for name in KeyOut.model_fields})


def _second_out(row: SecondPerson) -> SecondOut:
    return SecondOut(**{name: getattr(row, name) for name in SecondOut.model_fields})


def _id(key_id: str) -> str:
    if "\x00" in key_id:
        raise NotFound("no such key")
    return key_id
