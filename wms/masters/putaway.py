"""Putaway rules as a file: a site's table from the first line on, whole for each site it names."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, get_args

from sqlalchemy.orm import Session

from wms.inbound import policy
from wms.inbound.rules import DEFAULT, Prefer, Rule
from wms.masters.columns import BadCell, Cell, Column, Fault, plain, text, whole
from wms.masters.kind import Context, Key, Kind, Row, Values, fault
from wms.sites import site_id, sites_by_code

UNITS = ("LOOSE", "TOTE", "CARTON", "PALLET", "CAGE", "PARCEL")
TEMPERATURES = ("AMBIENT", "COOL", "FROZEN")
LONGEST = 1000
USUAL = Rule(name="").prefer


def parted(*codes: str) -> Any:
    """Words with a comma between them; each one of the codes, if there are any."""

    def read(cell: Cell) -> tuple[str, ...]:
        found = tuple(p.strip() for p in plain(cell).replace("、", ",").split(",") if p.strip())
        if codes and not set(found) <= set(codes):
            raise BadCell("not_one_of", " | ".join(codes))
        if len(found) > LONGEST:
            raise BadCell("too_long", f"≤ {LONGEST}")
        return found

    return read


COLUMNS = (
    Column("site", "拠点コード", text(), needed=True, key=True),
    Column("place", "順番", whole(1, 200), needed=True, key=True),
    Column("name", "ルール", text(), needed=True),
    Column("temperatures", "温度帯", parted(*TEMPERATURES), default=()),
    Column("dangerous_goods", "危険物", parted(), default=()),
    Column("units", "荷役単位", parted(*UNITS), default=()),
    Column("skus", "品目コード", parted(), default=()),
    Column("weight_from_g", "重量以上(g)", whole(), default=0),
    Column("zones", "ゾーン", parted(), default=()),
    Column("storage_types", "保管区分", parted(), default=()),
    Column("prefer", "優先", parted(*get_args(Prefer)), default=USUAL),
)


def _of_site(session: Session, code: str) -> Iterator[Values]:
    found = policy.latest_table(session, site_id(code))
    lines = [asdict(rule) for rule in DEFAULT] if found is None else found.rules
    for place, line in enumerate(lines, start=1):
        facts = {field.name: line.get(field.name) for field in fields(Rule)}
        told = {name: tuple(v) if isinstance(v, list) else v for name, v in facts.items()}
        blank = {column.name: column.default for column in COLUMNS}
        said = {name: value for name, value in told.items() if value is not None}
        yield {**blank, **said, "site": code, "place": place}


def _known(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    sites = sites_by_code(session, {site for site, _ in keys})
    return {
        (values["site"], values["place"]): values
        for code in sites
        for values in _of_site(session, code)
    }


def _check(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    sites = sites_by_code(session, {row.will["site"] for row in rows})
    for row in rows:
        if row.will["site"] not in sites:
            yield fault(row, "site", "unknown_site")


def _save(session: Session, rows: Sequence[Row], context: Context) -> Iterable[Fault]:
    by_site: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_site[row.will["site"]].append(row)
    for code in sorted(by_site):
        ordered = sorted(by_site[code], key=lambda row: int(row.will["place"]))
        lines: list[dict[str, Any]] = [
            {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in row.will.items()
                if name not in {"site", "place"}
            }
            for row in ordered
        ]
        policy.save_table(session, site_id(code), lines, actor=context.by, now=context.now)
    return ()


def _all(session: Session, site: str | None) -> Iterator[Values]:
    for code in sites_by_code(session):
        if site in {None, code}:
            for values in _of_site(session, code):
                yield {k: ",".join(v) if isinstance(v, tuple) else v for k, v in values.items()}


PUTAWAY_RULES = Kind(
    name="putaway-rules", ja="棚入れルール", columns=COLUMNS, whole=True,
    known=_known, check=_check, save=_save, export=_all,
)  # fmt: skip
