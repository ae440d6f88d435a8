"""Tables that each site has of its own: how they are known, checked, saved and taken out.

    SiteTable(name=..., columns=..., rows_of=..., save=...).kind()  ->  Kind

`rows_of` gives what is there and `save` takes what shall be, of one site at a time; neither knows
of files. The first column is the site's code. Where there is an order, a column `place` says it,
and rows come to `save` in it. A table is whole for each site that a file names.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.masters.columns import Column, Fault, text
from wms.masters.kind import Context, Key, Kind, Row, Values, fault
from wms.sites import site_id, sites_by_code

RowsOf: TypeAlias = Callable[[Session, SiteId], Iterable[Values]]
SaveOf: TypeAlias = Callable[[Session, SiteId, Sequence[Row], Context], None]
Judge: TypeAlias = Callable[[Row], Iterable[Fault]]

SITE = Column("site", "拠点コード", text(), needed=True, key=True)


def _fine(_row: Row) -> Iterable[Fault]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTable:
    """A table of a site; `columns` stand after the site's code.

    `judge` says what is wrong with a row by itself. Rows that say `gone` do not come to `save` of a
    whole table.
    """

    name: str
    ja: str
    columns: tuple[Column, ...]
    rows_of: RowsOf
    save: SaveOf
    judge: Judge = _fine
    gone: tuple[str, Any] | None = None
    whole: bool = True

    def kind(self) -> Kind:
        """As files know it."""
        return Kind(
            name=self.name, ja=self.ja, columns=(SITE, *self.columns), whole=self.whole,
            gone=self.gone, known=self._known, check=self._check, save=self._save,
            export=self._export,
        )  # fmt: skip

    def _of(self, session: Session, code: str) -> Iterator[Values]:
        for values in self.rows_of(session, site_id(code)):
            yield {**values, "site": code}

    def _known(self, session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
        names = ("site", *(column.name for column in self.columns if column.key))
        return {
            tuple(values[name] for name in names): values
            for code in sites_by_code(session, {key[0] for key in keys})
            for values in self._of(session, code)
        }

    def _check(self, session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
        sites = sites_by_code(session, {row.will["site"] for row in rows})
        for row in rows:
            if row.will["site"] not in sites:
                yield fault(row, "site", "unknown_site")
            yield from self.judge(row)

    def _save(self, session: Session, rows: Sequence[Row], context: Context) -> Iterable[Fault]:
        by_site: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: int(row.will.get("place", 0))):
            kept = by_site[row.will["site"]]
            if not (self.whole and self.gone and row.will[self.gone[0]] == self.gone[1]):
                kept.append(row)
        for code in sorted(by_site):
            self.save(session, site_id(code), by_site[code], context)
        return ()

    def _export(self, session: Session, site: str | None) -> Iterator[Values]:
        for code in sites_by_code(session):
            if site in {None, code}:
                yield from self._of(session, code)
