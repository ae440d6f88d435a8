"""A kind of master data: its columns, what is there of it, how it is checked and saved.

A row of a file is known by its keys. Columns that the file does not have stay as they are; a cell
that is there and empty is empty. So

    will = defaults | what is there | what the file says

and a row is new, changed or unchanged. `plan` says so of all rows; nothing is written by it.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wms.masters.columns import BadCell, Cell, Column, Fault, header_form, plain
from wms.masters.sheet import Sheet

Key: TypeAlias = tuple[Any, ...]
Values: TypeAlias = dict[str, Any]
Tell: TypeAlias = Callable[[int, int], None]  # rows done, of how many

CHUNK = 2_000
CUT = 80  # letters of a cell in a fault


@dataclass(slots=True)
class Row:
    """A row of a file: what it says, what there was (None: nothing), what there will be."""

    number: int
    key: Key
    given: Values
    was: Values | None = None
    will: Values = field(default_factory=dict)

    @property
    def state(self) -> str:
        """new, changed or unchanged."""
        if self.was is None:
            return "new"
        return "unchanged" if self.was == self.will else "changed"

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """By column: what was and what will be."""
        was = self.was or {}
        return {
            name: (was.get(name), value)
            for name, value in self.will.items()
            if was.get(name) != value
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Whose import it is: its id makes ids, so that it is done once."""

    id: UUID
    by: str
    now: datetime


Known: TypeAlias = Callable[[Session, Sequence[Key]], Mapping[Key, Values]]
Check: TypeAlias = Callable[[Session, Sequence[Row]], Iterable[Fault]]
Save: TypeAlias = Callable[[Session, Sequence[Row], Context], Iterable[Fault]]
Export: TypeAlias = Callable[[Session, str | None], Iterator[Values]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of master data.

    `whole`: the file is all there is, what it does not name is gone. `tries`: only saving shows
    whether it can be (the ledger's word), so a dry run saves and takes it back. `gone`: what a row
    says that is no longer wanted, by column; without it a row cannot be taken out singly. `area`:
    whose it is; what is not everybody's at a desk has a door of its own.
    """

    name: str
    ja: str
    columns: tuple[Column, ...]
    known: Known
    check: Check
    save: Save
    export: Export
    whole: bool = False
    tries: bool = False
    gone: tuple[str, Any] | None = None
    area: Literal["masters", "billing"] = "masters"

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that a row is known by."""
        return tuple(column.name for column in self.columns if column.key)


@dataclass(slots=True)
class Plan:
    """What a file would do; `faults` come in the order of rows."""

    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    gone: int = 0


def heads(kind: Kind, header: Sequence[str]) -> tuple[dict[int, Column], list[Fault]]:
    """Which column stands at which place, and what is wrong with the header."""
    by_name = {header_form(name): c for c in kind.columns for name in (c.name, c.ja)}
    places: dict[int, Column] = {}
    faults: list[Fault] = []
    for place, name in enumerate(header):
        column = by_name.get(header_form(name))
        if column is None:
            if name:
                near = difflib.get_close_matches(header_form(name), by_name, n=1)
                meant = by_name[near[0]].name if near else ", ".join(c.name for c in kind.columns)
                faults.append(_fault(1, name, "unknown_column", name, meant))
        elif column in places.values():
            faults.append(_fault(1, column.name, "column_twice", name))
        else:
            places[place] = column
    needed = [c for c in kind.columns if c.needed and c not in places.values()]
    faults += [_fault(1, c.name, "column_missing", "", f"{c.name} / {c.ja}") for c in needed]
    return places, faults


def fits(kind: Kind, header: Sequence[str]) -> float:
    """How much of a header that kind knows, from 0 to 1: to guess what a file is."""
    places, faults = heads(kind, header)
    if any(fault.code == "column_missing" for fault in faults):
        return 0.0
    return len(places) / len(header) + len(places) / len(kind.columns) / 100


def plan(session: Session, kind: Kind, sheet: Sheet, tell: Tell) -> Plan:
    """What a sheet would do, and every fault in it."""
    places, faults = heads(kind, sheet.header)
    made = Plan(faults=faults)
    if any(fault.code == "column_missing" for fault in faults):
        return made  # nothing more to be said of rows without their keys
    rows = _rows(kind, places, sheet, made.faults)
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        known = kind.known(session, [row.key for row in part])
        given = {column.name for column in places.values()}
        blank = {c.name: c.default for c in kind.columns}
        for row in part:
            row.was = known.get(row.key)
            start_from = blank if row.was is None else row.was
            row.will = {**start_from, **{name: row.given[name] for name in given}}
        made.faults += kind.check(session, part)
        tell(start + len(part), len(rows))
    if kind.whole:
        there = set(kind.known(session, [row.key for row in rows]))
        made.gone = len(there - {row.key for row in rows})
    made.rows = rows
    made.faults.sort(key=lambda fault: fault.row)
    return made


def _rows(kind: Kind, places: Mapping[int, Column], sheet: Sheet, faults: list[Fault]) -> list[Row]:
    rows: list[Row] = []
    first: dict[Key, int] = {}
    for number, cells in sheet.rows:
        given: Values = {}
        bad: list[Fault] = []
        for place, column in places.items():
            cell = cells[place] if place < len(cells) else None
            try:
                given[column.name] = column.value(cell)
            except BadCell as error:
                said = plain(cell)
                bad.append(_fault(number, column.name, error.code, said, error.expected))
        faults += bad
        if bad:
            continue
        key = tuple(given.get(c.name, c.default) for c in kind.columns if c.key)
        if key in first:
            said = " ".join(map(str, key))
            faults.append(_fault(number, kind.keys[-1], "twice", said, str(first[key])))
            continue
        first[key] = number
        rows.append(Row(number, key, given))
    return rows


def _fault(row: int, column: str, code: str, given: str = "", expected: str = "") -> Fault:
    return Fault(row=row, column=column, code=code, given=given[:CUT], expected=expected)


def fault(row: Row, column: str, code: str, expected: Any = "") -> Fault:
    """A fault of a row's cell."""
    given: Cell = row.will.get(column)
    return _fault(row.number, column, code, plain(given), str(expected))
