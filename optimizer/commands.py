"""`soko plan`: what would be best, and what if.

`solve` reads a problem from a file and prints the best plan found. Other packages add commands of
their own to `plan` (the planner's desk does).
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

plan = typer.Typer(help="Plans: solve a problem from a file.", no_args_is_help=True)
GOOD, BAD = 0, 1


@plan.callback()
def _plan() -> None:
    """Plans: solve a problem from a file."""


@plan.command("solve")
def solve(
    file: Annotated[Path, typer.Argument(help='A JSON file: {"kind": "sourcing", ...}.')],
    *,
    seconds: Annotated[float, typer.Option(min=0, help="How long to look.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
    svg: Annotated[Path | None, typer.Option(help="Draw the plan into this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as JSON.")] = False,
) -> None:
    """Solve a problem of any kind; best and bound are shown while it looks."""
    from optimizer.problems import kind_of
    from optimizer.result import Limits, Status

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        kind = kind_of(content)
        problem = kind.read(content)
    except (OSError, ValueError) as error:
        sys.exit(f"{file}: {error}")
    shows = sys.stderr.isatty() and not as_json

    def progress(best: float, bound: float | None) -> None:
        if shows:
            proven = "" if bound is None else f"  bound {bound:,.2f}  gap {gap(best, bound):.2%}"
            sys.stderr.write(f"\r\x1b[Kbest {best:,.2f}{proven}")

    found = kind.solve(problem, Limits(seconds=seconds), seed, progress)
    if shows:
        sys.stderr.write("\n")
    if svg is not None and kind.drawn is not None:
        svg.write_text(kind.drawn(problem, found.plan), encoding="utf-8")
    answer = {
        "status": found.status,
        "objective": found.objective,
        "bound": found.bound,
        "gap": found.gap,
        "seconds": round(found.runtime_s, 3),
        "seed": found.seed,
        "terms": dict(found.terms),
        "stages": dict(found.stages),
        "why": list(found.why),
        "plan": kind.told(problem, found.plan),
    }
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        for name in ("status", "objective", "bound", "gap", "seconds", "terms", "why"):
            typer.echo(f"{name:<10} {answer[name]}")
    sys.exit(BAD if found.status is Status.INFEASIBLE else GOOD)


def gap(best: float, bound: float) -> float:
    """The share of a cost that is not proven necessary."""
    return max(0.0, best - bound) / abs(best) if best else 0.0
