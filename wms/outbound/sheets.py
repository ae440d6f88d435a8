"""The sheet: barcodes to play with, for who has a scanner and no warehouse.

    demo_sheet(session, site) -> pages      commands, exceptions, and what the database has
    command_cards() -> pages                the commands alone, to be worn on a lanyard

Without a database there are the commands and a site's usual places (session None).
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Barcode, Sku
from wms.ids import SiteId
from wms.outbound.cartons import DEFAULTS, cartons_of
from wms.outbound.model import Parcel, Presentation
from wms.printing.drawing import Drawing
from wms.printing.labels import command_label, label
from wms.printing.papers import Section, sheet
from wms.sites import Location, site_id
from wms.work.model import Task

MANY = 24
COMMANDS = (
    ("CMD:NEXT", "次の作業 / Next task"),
    ("CMD:DONE", "完了 / Done"),
    ("CMD:UNDO", "取消 / Undo"),
    ("CMD:BACK", "戻る / Back"),
    ("CMD:YES", "はい / Yes"),
    ("CMD:NO", "いいえ / No"),
    ("CMD:LOOKUP", "調べる / Look up"),
    ("CMD:HELP", "ヘルプ / Help"),
    ("CMD:LOCK", "ロック / Lock"),
)
EXCEPTIONS = (
    ("CMD:SHORT", "不足 / Too few"),
    ("CMD:DAMAGED", "破損 / Damaged"),
    ("CMD:MISSING", "見つからない / Missing"),
    ("CMD:BLOCKED", "通れない / Blocked"),
    ("CMD:SKIP", "後回し / Later"),
    ("CMD:SUPERVISOR", "呼ぶ / Call somebody"),
)


def command_cards() -> list[Drawing]:
    """A card for each command."""
    return [label(command_label(code, words)) for code, words in COMMANDS]


def demo_sheet(session: Session | None, site: str) -> list[Drawing]:
    """Pages of barcodes: commands first, then what there is at the site."""
    sections = [
        Section(title="コマンド / Commands", codes=COMMANDS),
        Section(title="例外 / Exceptions", codes=EXCEPTIONS),
    ]
    if session is None:
        boxes = tuple((each.code, "") for each in DEFAULTS)
        sections.append(Section(title="段ボール / Cartons", codes=boxes))
    else:
        sections += _of_site(session, site_id(site))
    return sheet(f"Soko {site}", [each for each in sections if each.codes])


def _of_site(session: Session, site: SiteId) -> list[Section]:
    places = session.scalars(
        select(Location.code)
        .where(Location.site_id == site, ~Location.code.startswith("@"))
        .order_by(Location.code)
        .limit(MANY)
    )
    goods = session.execute(
        select(Barcode.gtin, Sku.name_ja)
        .join(Sku, Sku.id == Barcode.sku_id)
        .order_by(Sku.code)
        .limit(MANY)
    )
    orders = session.scalars(
        select(Task.packet["title"].astext)
        .where(Task.site_id == site, Task.state != "DONE")
        .order_by(Task.made_at)
        .limit(MANY)
    )
    parcels = session.scalars(
        select(Parcel.sscc)
        .where(Parcel.site_id == site, Parcel.state.in_(("PLANNED", "PACKED", "INDUCTED")))
        .order_by(Parcel.made_at)
        .limit(MANY)
    )
    return [
        Section(title="場所 / Places", codes=tuple((code, "") for code in places)),
        Section(title="商品 / Goods", codes=tuple((gtin, name) for gtin, name in goods)),
        Section(title="通い箱 / Totes", codes=tuple((c, "") for c in _totes(session, site))),
        Section(title="オーダー / Orders", codes=tuple((str(title), "") for title in orders)),
        Section(title="荷物 / Parcels", codes=tuple((f"00{sscc}", "") for sscc in parcels)),
        Section(
            title="段ボール / Cartons",
            codes=tuple((each.code, "") for each in cartons_of(session, site)),
        ),
    ]


def _totes(session: Session, site: SiteId) -> list[str]:
    """Those that robots have brought."""
    query = select(Presentation.tote).where(Presentation.site_id == site).distinct()
    return list(session.scalars(query.order_by(Presentation.tote).limit(MANY)))
