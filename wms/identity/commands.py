"""`soko admin`: the first administrator, who there is, and shutting somebody out.

Who may type this has the server; so it asks nobody, and writes into the audit log.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

Result = TypeVar("Result")
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
