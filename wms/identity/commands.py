"""`soko key`: keys of other systems. `soko admin`: the first administrator, and shutting out.

Who may type this has the server; so it asks nobody, and writes into the audit log.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

Result = TypeVar("Result")
key = typer.Typer(help="Keys of other systems: make, list, revoke.", no_args_is_help=True)
admin = typer.Typer(help="Accounts: the first administrator, who there is.", no_args_is_help=True)


@admin.command("set-up")
def set_up() -> None:
    """A link that makes an administrator: good once, for half an hour."""
    from wms.identity.accounts import begin_set_up
    from wms.settings import Settings

    secret = _with_database(begin_set_up, "set-up link")
    typer.echo(f"{Settings().public_url}/ui/admin#set-up={secret}")


@admin.command("list")
def list_() -> None:
    """Every account and what it may do."""
    from wms.identity.accounts import all_accounts, rights_of

    def show(session: "Session", *, now: "datetime") -> list[str]:
        del now
        lines = []
        for each in all_accounts(session):
            rights = [
                f"{right.role}@{','.join(right.sites)}/{','.join(right.owners)}"
                for right in rights_of(session, each.id)
            ]
            state = "" if each.active else "  SHUT"
            lines.append(f"{each.code}  {each.name}  {' '.join(rights) or 'nothing'}{state}")
        return lines

    for line in _with_database(show):
        typer.echo(line)


@admin.command("sign-out")
def sign_out(code: Annotated[str, typer.Argument(help="The account's code.")]) -> None:
    """End every session of an account, now."""
    from sqlalchemy import select

    from wms.errors import NotFound
    from wms.identity.accounts import end_sessions
    from wms.identity.model import Account

    def end(session: "Session", *, now: "datetime") -> int:
        account = session.scalars(select(Account).where(Account.code == code)).first()
        if account is None:
            raise NotFound(f"account {code}")
        return end_sessions(session, account.id, now=now)

    typer.echo(f"{_with_database(end, f'sign-out {code}')} sessions ended")


@key.command("make")
def key_make(
    name: Annotated[str, typer.Argument(help="Whose it is: shop, erp, ...")],
    scope: Annotated[list[str], typer.Option("--scope", help="What it may do; several times.")],
    days: Annotated[int | None, typer.Option("--days", min=1, help="How long it is good.")] = None,
    site: Annotated[list[str] | None, typer.Option("--site", help="For which sites; all.")] = None,
    owner: Annotated[
        list[str] | None, typer.Option("--owner", help="For whose goods; all.")
    ] = None,
    per_minute: Annotated[int, typer.Option(min=0, help="How often it may come; 0: freely.")] = 0,
) -> None:
    """A new key. It is shown now and never again."""
    from datetime import timedelta

    from wms.access import Bounds, make_key

    lasts = None if days is None else timedelta(days=days)
    bounds = Bounds(sites=tuple(site or "*"), owners=tuple(owner or "*"), per_minute=per_minute)

    def make(session: "Session", now: "datetime") -> str:
        return make_key(session, name, scope, now=now, lasts=lasts, bounds=bounds)

    typer.echo(_with_keys(make))


@key.command("list")
def key_list() -> None:
    """Every key: whose it is, what it may do, when it was used last."""
    from wms.access import SCOPES, all_keys

    def show(session: "Session", _now: "datetime") -> list[str]:
        return [
            f"{each.id}  {each.name}  {' '.join(each.scopes)}"
            f"  used {each.last_used_at or 'never'}"
            + (f"  until {each.expires_at}" if each.expires_at else "")
            + (f"  REVOKED {each.revoked_at}" if each.revoked_at else "")
            for each in all_keys(session)
        ]

    for line in _with_keys(show):
        typer.echo(line)
    typer.echo("scopes: " + ", ".join(SCOPES), err=True)


@key.command("revoke")
def key_revoke(
    key_id: Annotated[str, typer.Argument(help="The eight letters after soko_.")],
) -> None:
    """A key is good no more, at the latest five seconds from now."""
    from wms.access import revoke_key

    _with_keys(lambda s, now: revoke_key(s, key_id, now=now))


def _with_keys(work: "Callable[[Session, datetime], Result]") -> Result:
    """Without the audit log: a key's name is its mark there."""
    from edge.clock import clock_from_environment
    from wms.database import Database
    from wms.settings import Settings

    clock, database = clock_from_environment(), Database(Settings().database_url, pool_size=1)
    try:
        return database.run(lambda s: work(s, clock.now()))
    finally:
        database.close()


def _with_database(work: "Callable[..., Result]", noted: str = "") -> Result:
    from edge.clock import clock_from_environment
    from wms.database import Database
    from wms.identity.audit import Deed, record
    from wms.settings import Settings

    now = clock_from_environment().now()
    database = Database(Settings().database_url, pool_size=1)

    def run(session: "Session") -> Result:
        done = work(session, now=now)
        if noted:
            record(session, Deed(kind="rights", who="server:soko admin", what=noted), now=now)
        return done

    try:
        return database.run(run)
    finally:
        database.close()
