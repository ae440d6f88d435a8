"""The kinds of problems that can be read from a file: `soko plan solve FILE`.

A file is one JSON object. `kind` says what it is; the rest is read by the kind's own module, and
whatever is wrong with it is a ValueError that says what and where.

    {"kind": "sourcing", "stock": [[5, 0], [0, 5]], "orders": [...], ...}

A part of this package adds its kind with one line in `KINDS`: "module:attribute", the attribute
being a `Kind`. Nothing is imported before a file of that kind is read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from optimizer.result import Limits, Progress, Solution


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What can be done with problems of a kind.

    Attributes:
        read: a JSON object to a problem. Raises ValueError, saying what is wrong.
        solve: a problem, its limits, a seed and who hears of progress, to a solution.
        told: a problem and its plan to plain JSON values, for people and other programs.
        drawn: a problem and its plan to an SVG document; None where there is nothing to see.
    """

    read: Callable[[Mapping[str, Any]], Any]
    solve: Callable[[Any, Limits, int, Progress], Solution[Any]]
    told: Callable[[Any, Any], Any]
    drawn: Callable[[Any, Any], str] | None = None


KINDS: dict[str, str] = {
    "batching": "optimizer.picking_file:BATCHING",
    "cartons": "optimizer.files:CARTONS",
    "docks": "optimizer.files:DOCKS",
    "labour": "optimizer.files:LABOUR",
    "loading": "optimizer.files:LOADING",
    "pallets": "optimizer.files:PALLETS",
    "replenishment": "optimizer.files:REPLENISHMENT",
    "routes": "optimizer.files:ROUTES",
    "slotting": "optimizer.slotting_file:KIND",
    "sourcing": "optimizer.sourcing_file:KIND",
    "tours": "optimizer.picking_file:TOURS",
    "waves": "optimizer.waves_file:KIND",
}


def kind_of(file: Mapping[str, Any]) -> Kind:
    """The kind that a file says it is.

    Raises:
        ValueError: it says none, or one that nobody knows.
    """
    name = file.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        raise ValueError(f"kind is {name!r}, not one of {', '.join(sorted(KINDS))}")
    module, _, attribute = KINDS[name].partition(":")
    found = getattr(import_module(module), attribute)
    assert isinstance(found, Kind)
    return found
