"""`soko serve`, `soko worker`, `soko db`, `soko verify`.

Everything heavy is imported when a command is called.
"""

import json
import signal
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from wms.settings import Settings

db = typer.Typer(help="The database: run the embedded one, create, upgrade.", no_args_is_help=True)


def serve() -> None:
    """The WMS over HTTP: for shops, handhelds and the control room."""
    import asyncio
    from urllib.parse import urlsplit

    from granian.constants import Interfaces
    from granian.server.embed import Server

    from edge.logs import configure
    from edge.ports import check_port_is_free
    from wms.app import create_app

    settings = Settings()
    configure("serve", level=settings.log_level)
    address = urlsplit(settings.http)
    port = address.port or 80
    check_port_is_free(port, use=f"SOKO_HTTP=http://127.0.0.1:{port + 1} soko serve")

    async def run() -> None:
        server = Server(
            create_app(settings),
            address=address.hostname or "127.0.0.1",
            port=port,
            interface=Interfaces.ASGI,
            log_access=False,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        await server.serve()

    asyncio.run(run())


def worker() -> None:
    """What goes on behind the doors: sourcing, release, carriers, webhooks, messages of sites."""
    from edge.logs import configure
    from wms.worker import run

    settings = Settings()
    configure("worker", level=settings.log_level)
    run(settings)


def verify(
    *, as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False
) -> None:
    """Prove that the books are right; status 1 and the first difference if they are not."""
    from wms.database import Database
    from wms.orders import laws
    from wms.stock import verify as books

    database = Database(Settings().database_url, pool_size=1)
    report = database.run(lambda session: books.verify(session, (*books.LAWS, *laws.LAWS)))
    database.close()
    if as_json:
        typer.echo(json.dumps(asdict(report) | {"clean": report.clean}))
    else:
        for law in report.laws:
            mark = "DIFFERENCE" if law.differences else "ok"
            typer.echo(f"{law.code:<5} {law.says:<45} {mark}")
            if law.differences:
                typer.echo(f"      {law.differences} in all; the first: {law.first}")
        typer.echo(
            f"{report.movements} movements, {report.quants} quants, {report.holds} holds,"
            f" {report.balances} balances: {'clean' if report.clean else 'NOT CLEAN'}"
        )
    raise typer.Exit(0 if report.clean else 1)


@db.command("run")
def db_run(
    *,
    data: Annotated[
        Path, typer.Option(envvar="SOKO_DATABASE_DIR", help="Where the data live.")
    ] = Path("var/postgres"),
    port: Annotated[
        int, typer.Option(envvar="SOKO_DATABASE_PORT", help="Where to listen, on 127.0.0.1.")
    ] = 15432,
) -> None:
    """Run the embedded PostgreSQL until stopped; if it dies it is started again."""
    from wms.postgres import EmbeddedPostgres

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with EmbeddedPostgres(data, port=port, keep=True):
        typer.echo(f"PostgreSQL is ready on 127.0.0.1:{port}, data in {data}")
        stop.wait()


@db.command("ping")
def db_ping() -> None:
    """Say whether the database answers; status 1 if it does not."""
    import psycopg
    from sqlalchemy import make_url

    address = make_url(Settings().database_url).set(drivername="postgresql")
    try:
        psycopg.connect(address.render_as_string(hide_password=False), connect_timeout=2).close()
    except psycopg.OperationalError as error:
        typer.echo(str(error).strip(), err=True)
        raise typer.Exit(1) from None
    typer.echo("the database answers")


@db.command("create")
def db_create(
    *, fresh: Annotated[bool, typer.Option("--fresh", help="Delete what is in it first.")] = False
) -> None:
    """Make the database that SOKO_DATABASE_URL names, if there is none, and upgrade it."""
    from wms.migrations import create, upgrade

    url = Settings().database_url
    create(url, fresh=fresh)
    upgrade(url)
    typer.echo("the database is there and up to date")


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the schema up to the newest version."""
    from wms.migrations import current_revisions, upgrade

    url = Settings().database_url
    upgrade(url)
    typer.echo(f"the schema is at {', '.join(sorted(current_revisions(url)))}")
