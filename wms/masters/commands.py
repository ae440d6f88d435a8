"""`soko import`, `soko export`, `soko label`: master data as files, and labels of places.

Everything heavy is imported when a command is called.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wms.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from wms.database import Database
    from wms.masters.model import MasterImport

SHOWN = 50  # faults on a terminal
label = typer.Typer(help="Labels to print: of places.", no_args_is_help=True)


def import_(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX.", exists=True, dir_okay=False)],
    *,
    kind: Annotated[
        str | None, typer.Option(help="sites, locations, skus, ...; by its header without.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is wrong and what would change.")
    ] = False,
    id_: Annotated[str | None, typer.Option("--id", help="A UUID: the import's own.")] = None,
) -> None:
    """Take master data from a file, whole or not at all; status 1 if there is a fault in it.

    With an id the import is done once, however often it is told. One that dies in the middle has
    changed nothing; the worker does it.
    """
    from uuid import UUID

    from edge.clock import clock_from_environment
    from wms.ids import new_id
    from wms.masters import take
    from wms.masters.kinds import guess
    from wms.masters.sheet import read

    content = file.read_bytes()
    named = kind or guess(read(content).header).name
    clock = clock_from_environment()
    sent = take.Sent(
        id=UUID(id_) if id_ else new_id(clock.now()),
        kind=named,
        name=file.name,
        content=content,
        dry_run=dry_run,
        by="soko import",
    )

    def work(database: "Database") -> "MasterImport":
        now = clock.now()
        database.run(lambda s: take.take(s, sent, now=now))
        with _progress("rows") as told:
            take.work_off(database, sent.id, now=now, tell=told)
        return database.run(lambda s: take.find(s, sent.id))

    found = _with_database(work)
    _show(found)
    raise typer.Exit(1 if found.state == "FAULTY" else 0)


def export(
    kind: Annotated[str, typer.Argument(help="sites, locations, skus, packs, lots, stock, ...")],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Ends in .csv or .xlsx.")],
    site: Annotated[str | None, typer.Option(help="Only what is of that site.")] = None,
    lang: Annotated[str, typer.Option(help="Headers: en or ja.")] = "en",
) -> None:
    """Write master data to a file that `soko import` takes back."""
    from wms.masters.export import Form
    from wms.masters.export import export as exported
    from wms.masters.kinds import kind_named

    if output.suffix not in {".csv", ".xlsx"} or lang not in {"en", "ja"}:
        raise typer.BadParameter("a file ends in .csv or .xlsx, and headers are en or ja")
    wanted = kind_named(kind)
    form: Form = "csv" if output.suffix == ".csv" else "xlsx"
    content = _with_database(
        lambda d: d.run(
            lambda s: exported(s, wanted, form, site=site, language="ja" if lang == "ja" else "en")
        )
    )
    output.write_bytes(content)
    typer.echo(f"{kind}: {len(content)} bytes in {output}")


@label.callback()
def _label() -> None:
    """Labels to print."""


@label.command("locations")
def label_locations(
    *,
    site: Annotated[str, typer.Option(help="The site's code.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Ends in .pdf or .zpl.")],
    code: Annotated[
        list[str] | None, typer.Option("--code", help="A place; several times.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Only that zone.")] = None,
    reprint: Annotated[
        bool, typer.Option("--reprint", help="With other check digits than before.")
    ] = False,
) -> None:
    """Labels of places, with the code to scan and the check digits to say."""
    from edge.clock import clock_from_environment
    from wms.ids import new_id
    from wms.masters.labels import Form, Printed, Wanted, as_file, print_labels

    if output.suffix not in {".pdf", ".zpl"}:
        raise typer.BadParameter("a file of labels ends in .pdf or .zpl")

    def work(database: "Database") -> list[Printed]:
        now = clock_from_environment().now()
        wanted = Wanted(
            id=new_id(now), site=site, codes=tuple(code or ()), zone=zone, reprint=reprint,
            by="soko label",
        )  # fmt: skip
        return database.run(lambda s: print_labels(s, wanted, now=now))

    printed = _with_database(work)
    with _progress("labels") as told:
        form: Form = "pdf" if output.suffix == ".pdf" else "zpl"
        content = as_file(printed, form, told=lambda done: told(done, len(printed)))
    output.write_bytes(content)
    typer.echo(f"{len(printed)} labels in {output}")


class _progress:  # noqa: N801 - it is used as a function
    """A bar on the terminal; nothing where nobody looks."""

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar = Progress(console=console, disable=not console.is_terminal, transient=True)
        self._task = self._bar.add_task(what, total=None)

    def __enter__(self) -> "Callable[[int, int], None]":
        """What is told how far it is."""
        self._bar.start()
        return lambda done, steps: self._bar.update(self._task, completed=done, total=steps)

    def __exit__(self, *_: object) -> None:
        """It is over."""
        self._bar.stop()


def _show(found: "MasterImport") -> None:
    for fault in found.faults[:SHOWN]:
        said = f" {fault['given']!r}" if fault["given"] else ""
        expected = f"; expected: {fault['expected']}" if fault["expected"] else ""
        typer.echo(
            f"row {fault['row']}, {fault['column'] or 'file'}: {fault['code']}{said}{expected}",
            err=True,
        )
    if found.faults_found > SHOWN:
        typer.echo(f"... and {found.faults_found - SHOWN} more", err=True)
    typer.echo(
        f"{found.kind}: {found.state.lower()}, {found.rows} rows: {found.rows_new} new,"
        f" {found.rows_changed} changed, {found.rows_unchanged} unchanged, {found.rows_gone} gone,"
        f" {found.faults_found} faults"
    )


if TYPE_CHECKING:
    from typing import TypeVar

    Result = TypeVar("Result")


def _with_database(work: "Callable[[Database], Result]") -> "Result":
    from wms.database import Database

    settings = Settings()
    database = Database(settings.database_url, pool_size=2, given_clock=settings.clock is not None)
    try:
        return work(database)
    finally:
        database.close()
