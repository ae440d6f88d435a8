"""Sites and places as files: 拠点, ロケーション. Virtual places ("@…") are the program's own."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args
from zoneinfo import available_timezones

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.masters.columns import Column, Fault, degrees, one_of, text, whole
from wms.masters.kind import Context, Key, Kind, Row, Values, fault
from wms.sites import (
    Lane,
    Location,
    LocationKind,
    LocationRecord,
    Site,
    SiteRecord,
    location_id,
    save_locations,
    save_sites,
    site_id,
    sites_by_code,
)
from wms.stock.lying import in_use

SITE_CODE = r"[A-Z0-9][A-Z0-9-]{0,19}"
CROSS_BAYS = r"([1-9][0-9]{0,5}( [1-9][0-9]{0,5})*)?"
MM = 2**31 - 1

SITE_COLUMNS = (
    Column("code", "拠点コード", text(20, SITE_CODE), needed=True, key=True),
    Column("kind", "種別", one_of("DC", "FC", "STORE", "LOCKER", "CARRIER"), needed=True),
    Column("name_en", "名称(英)", text(), needed=True),
    Column("name_ja", "名称", text(1000)),
    Column("time_zone", "タイムゾーン", text(100), default="Asia/Tokyo"),
    Column("prefecture", "都道府県", text()),
    Column("latitude", "緯度", degrees(90), default=0.0),
    Column("longitude", "経度", degrees(180), default=0.0),
    Column("units_per_day", "日次処理能力", whole(), default=1_000_000),
    Column("dispatch", "出荷方法", one_of("HUB", "CARRIER"), default="HUB"),
    Column("cross_bays", "横断通路の連", text(100, CROSS_BAYS)),
)
LOCATION_COLUMNS = (
    Column("site", "拠点コード", text(20, SITE_CODE), needed=True, key=True),
    Column("code", "ロケーション", text(), needed=True, key=True),
    Column("kind", "種別", one_of(*get_args(LocationKind)), needed=True),
    Column("lane", "輸送区分", one_of(*get_args(Lane)), default=None),
    Column("zone", "ゾーン", text(1000)),
    Column("aisle", "通路", whole(), default=None),
    Column("bay", "連", whole(), default=None),
    Column("x_mm", "X(mm)", whole(-MM, MM), default=0),
    Column("y_mm", "Y(mm)", whole(-MM, MM), default=0),
    Column("z_mm", "Z(mm)", whole(-MM, MM), default=0),
    Column("pick_seq", "巡回順", whole(), default=0),
    Column("storage_type", "保管区分", text(20, "[A-Z0-9_-]*")),
    Column("temperature", "温度帯", one_of("", "AMBIENT", "COOL", "FROZEN")),
    Column("dangerous_goods", "危険物", text()),
    Column("mix", "混載", one_of("ANY", "ONE_SKU", "ONE_LOT"), default="ANY"),
    Column("max_units", "最大数量", whole(1), default=None),
    Column("max_weight_g", "最大重量(g)", whole(1), default=None),
    Column("max_height_mm", "最大高さ(mm)", whole(1), default=None),
)
OURS = {"site"}  # of a place's columns, what is no field of its record


def _site_values(site: Site) -> Values:
    values = {column.name: getattr(site, column.name) for column in SITE_COLUMNS}
    for name in ("latitude", "longitude"):
        values[name] = round(values[name], 7)
    return values


def _known_sites(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    found = sites_by_code(session, [code for (code,) in keys])
    return {(code,): _site_values(site) for code, site in found.items()}


def _check_sites(_session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    zones = available_timezones()
    for row in rows:
        row.will["name_ja"] = row.will["name_ja"] or row.will["name_en"]
        if row.will["time_zone"] not in zones:
            yield fault(row, "time_zone", "no_time_zone", "Asia/Tokyo")


def _save_sites(session: Session, rows: Sequence[Row], _context: Context) -> Iterable[Fault]:
    save_sites(session, [SiteRecord(**row.will) for row in rows])
    return ()


def _all_sites(session: Session, site: str | None) -> Iterator[Values]:
    for code, found in sites_by_code(session).items():
        if site in {None, code}:
            yield _site_values(found)


def _place_values(code: str, place: Location) -> Values:
    values = {c.name: getattr(place, c.name) for c in LOCATION_COLUMNS if c.name not in OURS}
    return {"site": code, **values}


def _known_places(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    by_site: dict[SiteId, str] = {site_id(site): site for site, _ in keys}
    ids = [(site_id(site), location_id(site_id(site), code)) for site, code in keys]
    query = select(Location).where(tuple_(Location.site_id, Location.id).in_(ids))
    return {
        (by_site[SiteId(place.site_id)], place.code): _place_values(
            by_site[SiteId(place.site_id)], place
        )
        for place in session.scalars(query)
    }


def _check_places(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    sites = sites_by_code(session, {row.will["site"] for row in rows})
    moved: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        will = row.will
        if will["site"] not in sites:
            yield fault(row, "site", "unknown_site")
        if will["code"].startswith("@"):
            yield fault(row, "code", "virtual_place")
        if (will["kind"] == "LANE") != (will["lane"] is not None):
            yield fault(row, "lane", "lane_of_lanes", " | ".join(get_args(Lane)))
        if row.was is not None and (row.was["kind"], row.was["lane"]) != (
            will["kind"],
            will["lane"],
        ):
            moved[will["site"]].append(row)
    for code in sorted(moved):
        ids = {location_id(site_id(code), row.will["code"]): row for row in moved[code]}
        for used in in_use(session, site_id(code), ids.keys()):
            row = ids[used]  # type: ignore[index]
            yield fault(row, "kind", "place_in_use", (row.was or {})["kind"])


def _save_places(session: Session, rows: Sequence[Row], _context: Context) -> Iterable[Fault]:
    by_site: dict[str, list[LocationRecord]] = defaultdict(list)
    for row in rows:
        facts: dict[str, Any] = {k: v for k, v in row.will.items() if k not in OURS}
        by_site[row.will["site"]].append(LocationRecord(**facts))
    for code in sorted(by_site):
        save_locations(session, site_id(code), by_site[code])
    return ()


def _all_places(session: Session, site: str | None) -> Iterator[Values]:
    query = select(Site.code, Location).join(Site, Site.id == Location.site_id)
    query = query.where(~Location.code.startswith("@"))
    if site is not None:
        query = query.where(Site.code == site)
    query = query.order_by(Site.code, Location.code).execution_options(yield_per=2_000)
    for code, place in session.execute(query):
        yield _place_values(code, place)


SITES = Kind(
    name="sites", ja="拠点", columns=SITE_COLUMNS,
    known=_known_sites, check=_check_sites, save=_save_sites, export=_all_sites,
)  # fmt: skip
LOCATIONS = Kind(
    name="locations", ja="ロケーション", columns=LOCATION_COLUMNS,
    known=_known_places, check=_check_places, save=_save_places, export=_all_places,
)  # fmt: skip
