"""Lines as columns: how thousands of them a second travel to the database.

A posting function takes arrays, one a column. Here they are written as PostgreSQL's own array
literals, which costs a fraction of a microsecond a value; handing over lists of UUIDs would cost
more than deciding the line does.

    {0193..,0193..}   {1,1,2}   {"ORDER","CART"}   {"2026-11-27T09:00:00+00:00",NULL}

A column in which no line says anything is None: nothing is sent and nothing unpacked.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID


def uuids(values: Iterable[UUID]) -> str:
    """An array of UUIDs."""
    return "{" + ",".join([f"{value.int:032x}" for value in values]) + "}"


def some_uuids(values: Iterable[UUID | None]) -> str | None:
    """An array of UUIDs with gaps; None if it is all gaps."""
    found = [None if value is None else f"{value.int:032x}" for value in values]
    return _gaps(found)


def integers(values: Iterable[int]) -> str:
    """An array of integers."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str]) -> str:
    """An array of texts, whatever is in them."""
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


def some_texts(values: Iterable[str]) -> str | None:
    """An array of texts; None if all are empty."""
    found = list(values)
    return texts(found) if any(found) else None


def some_times(values: Iterable[datetime | None]) -> str | None:
    """An array of times with gaps; None if it is all gaps."""
    return _gaps([None if value is None else f'"{value.isoformat()}"' for value in values])


def _gaps(values: list[str | None]) -> str | None:
    if not any(values):
        return None
    return "{" + ",".join(["NULL" if value is None else value for value in values]) + "}"


def _quoted(value: str) -> str:
    if value.isalnum() and value.upper() != "NULL":
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
