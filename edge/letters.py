"""`soko edge dead`: look at the messages that nobody understood, and have them tried again."""

from pathlib import Path
from typing import Annotated

import typer

from edge.dead import ask_again, read_letters

dead = typer.Typer(
    help="Messages that arrived and were not understood: set aside, never lost.",
    no_args_is_help=True,
)

StateDir = Annotated[
    Path, typer.Option("--dir", help="Where journals lie.", envvar="SOKO_STATE_DIR")
]


@dead.command("list")
def list_letters(*, folder: StateDir = Path("var")) -> None:
    """Show every letter: its number, where it came from, and what was wrong with it."""
    for file in _files(folder):
        found = read_letters(file)
        typer.echo(f"{file}: {len(found)} letters")
        for letter in found:
            kind = letter.body.get("type", "?")
            typer.echo(f"  {letter.id:>5}  {letter.at:%Y-%m-%d %H:%M:%S}  {letter.stream}  {kind}")
            for line in letter.problem.splitlines()[:3]:
                typer.echo(f"         {line}")
            typer.echo(f"         {dict(letter.body)}")


@dead.command("retry")
def retry(
    numbers: Annotated[list[int] | None, typer.Argument(help="Letters; without: all.")] = None,
    *,
    folder: StateDir = Path("var"),
) -> None:
    """Have letters tried again by the process that set them aside, now or when it starts."""
    asked = sum(ask_again(file, numbers) for file in _files(folder))
    typer.echo(f"{asked} letters will be tried again")
    if numbers and asked < len(numbers):
        typer.echo("some of these numbers are no letters: soko edge dead list", err=True)
        raise typer.Exit(1)


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.journal"))
    if not files:
        typer.echo(f"no journal lies in {folder}: name the folder with --dir", err=True)
        raise typer.Exit(2)
    return files
