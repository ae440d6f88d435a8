"""Putaway rules as a file: a site's table from the first line on, whole for each site it names."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any, get_args

from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.inbound import policy
from wms.inbound.rules import DEFAULT, Prefer, Rule
from wms.masters.columns import Column, parted, text, whole
from wms.masters.kind import Context, Row, Values
from wms.masters.of_site import SiteTable

UNITS = ("LOOSE", "TOTE", "CARTON", "PALLET", "CAGE", "PARCEL")
TEMPERATURES = ("AMBIENT", "COOL", "FROZEN")
USUAL = Rule(name="").prefer
COLUMNS = (
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


def _rows(session: Session, site: SiteId) -> Iterator[Values]:
    found = policy.latest_table(session, site)
    lines = [asdict(rule) for rule in DEFAULT] if found is None else found.rules
    for place, line in enumerate(lines, start=1):
        facts = {field.name: line.get(field.name) for field in fields(Rule)}
        told = {name: tuple(v) if isinstance(v, list) else v for name, v in facts.items()}
        blank = {column.name: column.default for column in COLUMNS}
        said = {name: value for name, value in told.items() if value is not None}
        yield {**blank, **said, "place": place}


def _save(session: Session, site: SiteId, rows: Sequence[Row], context: Context) -> None:
    lines: list[dict[str, Any]] = [
        {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in row.will.items()
            if name not in {"site", "place"}
        }
        for row in rows
    ]
    policy.save_table(session, site, lines, actor=context.by, now=context.now)


PUTAWAY_RULES = SiteTable(
    name="putaway-rules", ja="棚入れルール", columns=COLUMNS, rows_of=_rows, save=_save
).kind()
