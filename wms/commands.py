"""`soko serve`, `soko worker`, `soko db`, `soko verify`, `soko seal`.

Everything heavy is imported when a command is called.
"""

import json
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from wms.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from wms.database import Database
    from wms.observe import Measures
    from wms.stock.verify import Judged, Report

Result = TypeVar("Result")
db = typer.Typer(help="The database: run the embedded one, create, upgrade.", no_args_is_help=True)


def serve(
    tls_cert: Annotated[
        Path | None, typer.Option(help="A certificate with its chain, PEM (SOKO_TLS_CERT).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM (SOKO_TLS_KEY).")] = None,
) -> None:
    """The WMS over HTTP, or HTTPS: for shops, handhelds and the control room."""
    import asyncio
    from urllib.parse import urlsplit

    from edge.logs import configure
    from edge.ports import check_port_is_free, is_loopback
    from wms.app import create_app, server_of
    from wms.observe import measured

    settings = Settings()
    settings = settings.model_copy(
        update={
            "tls_cert": tls_cert or settings.tls_cert,
            "tls_key": tls_key or settings.tls_key,
        }
    )
    _check_certificate(settings)
    configure("serve", level=settings.log_level)
    address = urlsplit(settings.http)
    is_open = settings.access == "open" or settings.handheld == "open"
    if is_open and not is_loopback(address.hostname or ""):
        raise typer.BadParameter(
            f"SOKO_HTTP={settings.http} can be reached from elsewhere, and nobody is asked who they"
            " are: set SOKO_ACCESS=keys and SOKO_HANDHELD=paired; `soko admin set-up`, `soko key`."
        )
    port = address.port or (443 if settings.tls_cert else 80)
    check_port_is_free(port, use=f"SOKO_HTTP=http://127.0.0.1:{port + 1} soko serve")

    async def run(measures: "Measures | None") -> None:
        app = create_app(settings, measures=measures)
        server = server_of(
            app, address.hostname or "127.0.0.1", port,
            cert=settings.tls_cert, key=settings.tls_key,
        )  # fmt: skip
        services = app.state.services
        loop = asyncio.get_running_loop()

        def end() -> None:
            services.ending.set()
            server.stop()  # type: ignore[no-untyped-call]

        def drain() -> None:
            """Whoever looks hears that we are not ready; who says it twice is in a hurry."""
            is_asked_again = services.draining.is_set()
            services.draining.set()
            loop.call_later(0 if is_asked_again else settings.drain_s, end)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, drain)
        await server.serve()

    with measured("serve", settings) as measures:
        asyncio.run(run(measures))


def _check_certificate(settings: Settings) -> None:
    """Neither or both, and they belong together: told now, not to the first who comes."""
    import ssl

    cert, key = settings.tls_cert, settings.tls_key
    if cert is None and key is None:
        return
    if cert is None or key is None:
        raise typer.BadParameter(
            "a certificate and its key go together: --tls-cert, --tls-key (SOKO_TLS_CERT, …_KEY)"
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except OSError as error:  # an SSLError is one
        raise typer.BadParameter(f"--tls-cert {cert} --tls-key {key}: {error}") from error


def api(
    folder: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("docs/api"),
) -> None:
    """Write the description of the API: OpenAPI, every event, every problem."""
    from wms.api.printed import write
    from wms.app import create_app

    write(create_app(Settings()), folder)


def worker() -> None:
    """What goes on behind the doors: sourcing, release, carriers, webhooks, messages of sites."""
    from edge.logs import configure
    from wms.worker import run

    settings = Settings()
    configure("worker", level=settings.log_level)
    run(settings)


def verify(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="From the beginning, and the checkpoints too.")
    ] = False,
) -> None:
    """Prove that the books are right; status 1 and the first difference if they are not."""
    from time import monotonic

    from wms.books import ALL_LAWS, LAWS
    from wms.database import Database
    from wms.stock.prove import CONNECTIONS, prove

    settings = Settings()
    laws = ALL_LAWS if settings.cells is None else LAWS
    if settings.cells is not None:

        def judge(database: Database) -> "Report":
            return prove(database, laws, key=settings.seal_key_file, full=full)

        raise typer.Exit(_verify_cells(settings, judge, as_json=as_json))
    database = Database(settings.database_url, pool_size=CONNECTIONS)
    started_s = monotonic()
    report = prove(database, laws, key=settings.seal_key_file, full=full, told=_progress())
    seconds = monotonic() - started_s
    database.close()
    if as_json:
        facts = asdict(report) | {"clean": report.clean, "seconds": round(seconds, 2)}
        typer.echo(json.dumps(facts, default=str))
    else:
        _show(report, seconds)
    raise typer.Exit(0 if report.clean else 1)


def _verify_cells(
    settings: Settings, judge: "Callable[[Database], Report]", *, as_json: bool
) -> int:
    """Each cell, and what was decided over cells; what to end with."""
    from time import monotonic

    from edge.clock import clock_from_environment
    from wms.cells import open_cells
    from wms.stock.verify_cells import verify_cells

    cells = open_cells(settings)
    started_s = monotonic()
    report = verify_cells(cells, now=clock_from_environment().now(), judge=judge)
    seconds = monotonic() - started_s
    cells.close()
    if as_json:
        facts = asdict(report) | {"clean": report.clean, "seconds": round(seconds, 2)}
        typer.echo(json.dumps(facts, default=str))
        return 0 if report.clean else 1
    for name, found in report.cells.items():
        typer.echo(f"cell {name}")
        if isinstance(found, str):
            typer.echo(f"NOT PROVEN: {found}")
        else:
            _show(found, seconds)
    for law in report.laws:
        typer.echo(f"{law.code:<5} {law.says:<45} {'DIFFERENCE' if law.differences else 'ok'}")
        if law.differences:
            typer.echo(f"      {law.differences} in all; the first: {law.first}")
    found = "clean" if report.clean else "NOT CLEAN"
    typer.echo(f"{report.sagas} sagas, {report.open} of them open: all cells {found}")
    return 0 if report.clean else 1


def _progress() -> "Callable[[Judged, int, int], None]":
    """A line on the terminal that says how far the proof is; none where nobody looks."""
    shown = sys.stderr.isatty()

    def told(judged: "Judged", done: int, parts: int) -> None:
        if shown:
            end = "\n" if done == parts else ""
            typer.echo(f"\r{done}/{parts} {judged.code:<5}{end}", err=True, nl=False)

    return told


def _show(report: "Report", seconds: float) -> None:
    for law in report.laws:
        mark = "DIFFERENCE" if law.differences else f"({law.note})" if law.note else "ok"
        typer.echo(f"{law.code:<5} {law.says:<45} {mark}")
        if law.differences:
            typer.echo(f"      {law.differences} in all; the first: {law.first}")
    since = f" (from the checkpoint of {report.checkpoint:%Y-%m} on)" if report.checkpoint else ""
    found = "clean" if report.clean else "NOT CLEAN"
    typer.echo(
        f"{report.movements} movements{since}, {report.quants} quants, {report.holds} holds,"
        f" {report.balances} balances in {seconds:.1f} s: {found}"
    )


def seal(
    *,
    make: Annotated[bool, typer.Option("--make", help="Seal what has moved since.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The last seal as JSON.")] = False,
) -> None:
    """Say the public key and the last seal of the books, to be kept where nobody rewrites it."""
    from wms.database import Database
    from wms.stock import seal as seals

    settings = Settings()
    database = Database(settings.database_url, pool_size=1)
    if make:
        sealer = seals.Sealer(settings.seal_key_file)
        while (made := database.run(sealer.seal)) is not None:
            sealer.remember(made)
    known = database.run(seals.last)
    database.close()
    trusted = seals.trust(settings.seal_key_file)
    keys = sorted(key.hex() for key in trusted.keys) if trusted else []
    if as_json:
        typer.echo(json.dumps({"public_keys": keys, "last": known and seals.told(known)}))
        return
    for key in keys or ["none: there is no key file here"]:
        typer.echo(f"public key  {key}")
    if known is None:
        typer.echo("no seal has been made")
        return
    typer.echo(f"last seal   {known.number}, {known.made_at:%Y-%m-%d %H:%M:%S %Z}")
    typer.echo(
        f"covers      {known.rows} rows, transactions {known.from_xid} to {known.to_xid - 1}"
    )
    typer.echo(f"hash        {known.hash.hex()}")
    typer.echo(f"signature   {known.signature.hex()}")


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
    """Make the database that SOKO_DATABASE_URL names (or each of SOKO_CELLS), and upgrade it."""
    from wms.cells import addresses
    from wms.migrations import create, upgrade

    for url in addresses(Settings()).values():
        create(url, fresh=fresh)
        upgrade(url)
    typer.echo("the database is there and up to date")


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the schema up to the newest version, in every cell."""
    from wms.cells import addresses
    from wms.migrations import current_revisions, upgrade

    for url in addresses(Settings()).values():
        upgrade(url)
        typer.echo(f"the schema is at {', '.join(sorted(current_revisions(url)))}")


@db.command("checkpoint")
def db_checkpoint(
    *, month: Annotated[str | None, typer.Option(help="2026-10; by default the last.")] = None
) -> None:
    """Fold a month that is over, so that `soko verify` starts from there; status 1: not yet."""
    from datetime import date
    from functools import partial

    from wms.database import Database
    from wms.stock import checkpoint

    wanted = None if month is None else date.fromisoformat(f"{month}-01")
    database = Database(Settings().database_url, pool_size=1)
    try:
        for site, due in database.run(partial(checkpoint.due, month=wanted)):
            database.run(partial(checkpoint.make, site=site, month=due))
        left = database.run(partial(checkpoint.due, month=wanted))
        known = database.run(checkpoint.last)
    finally:
        database.close()
    typer.echo(f"the last checkpoint of all sites is {f'{known:%Y-%m}' if known else 'none'}")
    if left:
        typer.echo(
            f"{len(left)} sites are still to do: the month is not over, or a transaction that began"
            " in it still runs",
            err=True,
        )
        raise typer.Exit(1)


def sheet(
    output: Annotated[Path, typer.Argument(help="A file that ends in .pdf.")] = Path("sheet.pdf"),
    *,
    site: Annotated[str, typer.Option(help="Whose places and goods.")] = "TYO1",
    cards: Annotated[
        bool, typer.Option("--cards", help="Only the commands, a card each, to be worn.")
    ] = False,
    built_in: Annotated[
        bool, typer.Option("--built-in", help="Without a database: commands and cartons.")
    ] = False,
) -> None:
    """Barcodes to scan from paper or screen: commands, places, goods, orders, parcels."""
    from wms.outbound.sheets import command_cards, demo_sheet
    from wms.printing.render import to_pdf

    if output.suffix != ".pdf":
        raise typer.BadParameter("a sheet is a PDF: choose a name that ends in .pdf")
    if cards:
        pages = command_cards()
    elif built_in:
        pages = demo_sheet(None, site)
    else:
        pages = _with_database(lambda session, _now: demo_sheet(session, site))
    output.write_bytes(to_pdf(pages))
    typer.echo(f"{len(pages)} pages in {output}")


def _with_database(work: "Callable[[Session, datetime], Result]") -> Result:
    from edge.clock import clock_from_environment
    from wms.database import Database

    settings, clock = Settings(), clock_from_environment()
    database = Database(settings.database_url, pool_size=1)
    try:
        return database.run(lambda s: work(s, clock.now()))
    finally:
        database.close()
