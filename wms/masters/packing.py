"""What packing goes by, as files: rules for extras, cartons, benches, printers, slots (GTP)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.masters.columns import (
    BIG,
    Column,
    Fault,
    day,
    one_of,
    parted,
    text,
    whole,
    yes_no,
)
from wms.masters.goods import PICTURE
from wms.masters.kind import Context, Row, Values, fault
from wms.masters.of_site import SiteTable
from wms.outbound.cartons import CartonRecord, cartons_of, save_cartons
from wms.outbound.extras import KINDS, Rule, When
from wms.outbound.pack_rules import rules_of, save_rules
from wms.outbound.packing_tables import Printer
from wms.outbound.printers import PrinterRecord, save_printer
from wms.outbound.slots import SLOTS_MAX, save_station_slots, slots_of
from wms.outbound.station import StationRecord, save_station, stations_of

GRAMS = 1_000_000
CODE = Column("code", "コード", text(40, "[!-~]+"), needed=True, key=True)
NAME = Column("name", "名称", text(), needed=True, key=True)
WHEN = (
    Column("owners", "荷主", parted(), default=()),
    Column("channels", "チャネル", parted(), default=()),
    Column("fulfilments", "受取方法", parted("DELIVERY", "COLLECT", "RESERVE"), default=()),
    Column("skus", "品目コード", parted(), default=()),
    Column("gifts", "ギフト指定", parted(), default=()),
    Column("worth_min_minor", "金額以上", whole(0, BIG), default=0),
    Column("from_on", "開始日", day, default=None),
    Column("until_on", "終了日", day, default=None),
)
RULE_COLUMNS = (
    CODE,
    Column("place", "順番", whole(1, 1_000), needed=True),
    Column("kind", "種類", one_of(*KINDS), needed=True),
    Column("name", "名称", text(), needed=True),
    Column("text", "指示", text()),
    Column("picture", "画像", text(1000, PICTURE)),
    Column("scan", "確認コード", text()),
    Column("each", "対象", one_of("PARCEL", "ORDER"), default="ORDER"),
    *WHEN,
    Column("active", "有効", yes_no, default=True),
)
CARTON_COLUMNS = (
    CODE,
    Column("length_mm", "長さ(mm)", whole(1, 5_000), needed=True),
    Column("width_mm", "幅(mm)", whole(1, 5_000), needed=True),
    Column("height_mm", "高さ(mm)", whole(1, 5_000), needed=True),
    Column("tare_g", "自重(g)", whole(0, GRAMS), needed=True),
    Column("max_g", "最大重量(g)", whole(1, GRAMS), needed=True),
    Column("cost_minor", "単価", whole(0, 1_000_000), default=0),
    Column("stock", "在庫数", whole(), default=None),
)
BENCH_COLUMNS = (
    NAME,
    Column("weigh", "計量", one_of("SCALE", "TYPED", "NONE"), default="TYPED"),
    Column("scale", "はかり", text()),
    Column("printer", "プリンター", text()),
    Column("devices", "端末", parted(), default=()),
)
PRINTER_COLUMNS = (
    NAME,
    Column("host", "ホスト", text(253, "[A-Za-z0-9.:_-]+"), needed=True),
    Column("port", "ポート", whole(1, 65_535), default=9100),
    Column("dpi", "解像度", whole(203, 600), default=203),
)
SLOT_COLUMNS = (NAME, Column("slots", "間口数", whole(0, SLOTS_MAX), needed=True))
DPI = (203, 300, 600)
WHEN_NAMES = frozenset(column.name for column in WHEN)


# ------------------------------------------------------------------------------------- extras
def _rules(session: Session, site: SiteId) -> Iterator[Values]:
    for place, rule in enumerate(rules_of(session, site), start=1):
        facts = asdict(rule)
        yield {**facts.pop("when"), **facts, "place": place, "active": True}


def _save_rules(session: Session, site: SiteId, rows: Sequence[Row], _context: Context) -> None:
    save_rules(session, site, [_rule(row.will) for row in rows])


def _rule(will: Values) -> Rule:
    facts: dict[str, Any] = {n: v for n, v in will.items() if n in Rule.__slots__}
    when: dict[str, Any] = {n: v for n, v in will.items() if n in WHEN_NAMES}
    return Rule(**facts, when=When(**when))


def _of_a_time(row: Row) -> Iterable[Fault]:
    begins, ends = row.will["from_on"], row.will["until_on"]
    if begins and ends and ends < begins:
        yield fault(row, "until_on", "never", begins)


# ------------------------------------------------------------ cartons, benches, printers, slots
def _save_cartons(session: Session, site: SiteId, rows: Sequence[Row], _context: Context) -> None:
    save_cartons(session, site, [CartonRecord(**_own(row)) for row in rows])


def _printers(session: Session, site: SiteId) -> Iterator[Values]:
    query = select(Printer).where(Printer.site_id == site).order_by(Printer.name)
    for each in session.scalars(query):
        yield {column.name: getattr(each, column.name) for column in PRINTER_COLUMNS}


def _fine_enough(row: Row) -> Iterable[Fault]:
    if row.will["dpi"] not in DPI:
        yield fault(row, "dpi", "not_one_of", " | ".join(map(str, DPI)))


def _slots(session: Session, site: SiteId) -> Iterator[Values]:
    for name, slots in sorted(slots_of(session, site).items()):
        yield {"name": name, "slots": slots}


def _save_slots(session: Session, site: SiteId, rows: Sequence[Row], _context: Context) -> None:
    for row in rows:
        save_station_slots(session, site, row.will["name"], row.will["slots"])


def _own(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.will.items() if name != "site"}


def _each(
    record: Callable[..., Any], save: Callable[[Session, UUID, Any], None]
) -> Callable[[Session, SiteId, Sequence[Row], Context], None]:
    """Save rows one by one."""

    def save_rows(session: Session, site: SiteId, rows: Sequence[Row], _context: Context) -> None:
        for row in rows:
            save(session, site, record(**_own(row)))

    return save_rows


PACK_RULES = SiteTable(
    name="pack-rules", ja="同梱・熨斗ルール", columns=RULE_COLUMNS, rows_of=_rules,
    save=_save_rules, judge=_of_a_time, gone=("active", False),
).kind()  # fmt: skip
CARTONS = SiteTable(
    name="cartons", ja="箱", columns=CARTON_COLUMNS, save=_save_cartons,
    rows_of=lambda s, site: (asdict(each) for each in cartons_of(s, site)),
).kind()  # fmt: skip
BENCHES = SiteTable(
    name="pack-stations", ja="梱包台", columns=BENCH_COLUMNS, whole=False,
    rows_of=lambda s, site: (asdict(each) for each in stations_of(s, site)),
    save=_each(StationRecord, save_station),
).kind()  # fmt: skip
PRINTERS = SiteTable(
    name="printers", ja="プリンター", columns=PRINTER_COLUMNS, whole=False, rows_of=_printers,
    save=_each(PrinterRecord, save_printer), judge=_fine_enough,
).kind()  # fmt: skip
STATIONS = SiteTable(
    name="pick-stations", ja="GTPステーション", columns=SLOT_COLUMNS, whole=False, rows_of=_slots,
    save=_save_slots, gone=("slots", 0),
).kind()  # fmt: skip
