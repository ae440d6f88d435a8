"""Exports: master data as a file that an import takes back and finds nothing to change in."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from sqlalchemy.orm import Session

from wms.masters.columns import Cell, Written
from wms.masters.kind import Kind, Values
from wms.masters.sheet import write_csv, write_xlsx

Form: TypeAlias = Literal["csv", "xlsx"]
Language: TypeAlias = Literal["en", "ja"]
Encoding: TypeAlias = Literal["utf-8-sig", "utf-8", "cp932"]


def export(
    session: Session,
    kind: Kind,
    form: Form,
    *,
    site: str | None = None,
    language: Language = "en",
    encoding: Encoding = "utf-8-sig",
) -> bytes:
    """All of a kind, or that of a site, as a file.

    Raises:
        UnreadableFile: that encoding has no letter for something.
    """
    rows = _rows(session, kind, site, language)
    if form == "csv":
        return write_csv(rows, encoding=encoding)
    return write_xlsx(rows, name=kind.ja if language == "ja" else kind.name)


def template(kind: Kind, form: Form, *, language: Language = "en") -> bytes:
    """A file with the header alone, to be filled in."""
    rows = [header(kind, language)]
    return write_csv(rows) if form == "csv" else write_xlsx(rows, name=kind.name)


def header(kind: Kind, language: Language) -> list[Cell]:
    """The names of the columns."""
    return [column.ja if language == "ja" else column.name for column in kind.columns]


def _rows(
    session: Session, kind: Kind, site: str | None, language: Language
) -> Iterator[Sequence[Cell]]:
    yield header(kind, language)
    for values in kind.export(session, site):
        yield cells(kind, values)


def cells(kind: Kind, values: Values) -> list[Written]:
    """A row as it stands in a file."""
    return [column.written(values[column.name]) for column in kind.columns]
