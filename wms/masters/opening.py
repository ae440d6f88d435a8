"""Stock as a file: what lies where when a site begins, or when another system hands over.

A row says how much lies at a place; what the books have less is posted, from ADJUST to there, under
an id made of the import's own: applied again it moves nothing. A file only ever adds. Where the
books have more than it says, somebody has to count: that is a fault of the row, never a posting.

Goods in a tote or on a pallet name it (`unit`); it is made known, and stands at that place.
Weights are grams.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import HOUSE, Lot, Sku, owner_id, sku_id
from wms.errors import WmsError
from wms.ids import CommandId, LocationId, SiteId, derive
from wms.masters.columns import Column, Fault, text, whole, words
from wms.masters.kind import Context, Key, Kind, Row, Values, fault
from wms.sites import Location, Site, location_id, site_id, sites_by_code, virtual_location
from wms.stock import ledger
from wms.stock.lying import HOUSED, Lying, lying
from wms.stock.units import UnitRecord, find_units, save_units, unit_id

COLUMNS = (
    Column("site", "拠点コード", text(), needed=True, key=True),
    Column("location", "ロケーション", text(), needed=True, key=True),
    Column("unit", "荷役単位", text(), key=True),
    Column("owner", "荷主", text(), default=HOUSE, key=True),
    Column("sku", "品目コード", text(), needed=True, key=True),
    Column("lot", "ロット", text(), key=True),
    Column("condition", "状態", text(20, "[A-Z][A-Z0-9]*"), default="A", key=True),
    Column("units", "数量", whole(1), needed=True),
    Column("weight_g", "重量(g)", whole(), default=0),
    Column("serials", "シリアル番号", words(), default=()),
)
FEW = 2_000  # places asked for by name; more, and all of the site are read


def _values(site: str, each: Lying) -> Values:
    return {
        "site": site,
        "location": each.place,
        "unit": each.unit,
        "owner": each.owner,
        "sku": each.sku,
        "lot": each.lot,
        "condition": each.condition,
        "units": each.units,
        "weight_g": each.weight_g,
        "serials": each.serials,
    }


def _key(values: Values) -> Key:
    return tuple(values[column.name] for column in COLUMNS if column.key)


def _known(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    places: dict[str, set[LocationId]] = defaultdict(set)
    for site, location, *_ in keys:
        places[site].add(location_id(site_id(site), location))
    found = (
        _values(site, each)
        for site in sorted(places)
        for each in lying(session, site_id(site), places[site])
    )
    return {_key(values): values for values in found}


def _check(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    sites = sites_by_code(session, {row.will["site"] for row in rows})
    ids = {location_id(site_id(r.will["site"]), r.will["location"]) for r in rows}
    places = {p.id: p for p in session.scalars(select(Location).where(Location.id.in_(ids)))}
    goods = {sku_id(r.will["sku"], owner_id(r.will["owner"])) for r in rows}
    skus = {sku.id: sku for sku in session.scalars(select(Sku).where(Sku.id.in_(goods)))}
    query = select(Lot.sku_id, Lot.code).where(Lot.sku_id.in_(goods))
    lots = {(row.sku_id, row.code) for row in session.execute(query)}
    for row in rows:
        place = places.get(location_id(site_id(row.will["site"]), row.will["location"]))
        sku = skus.get(sku_id(row.will["sku"], owner_id(row.will["owner"])))
        if row.will["site"] not in sites:
            yield fault(row, "site", "unknown_site")
        elif place is None:
            yield fault(row, "location", "unknown_place")
        elif place.counter not in HOUSED:
            yield fault(row, "location", "not_for_stock", " | ".join(HOUSED))
        if sku is None:
            yield fault(row, "sku", "unknown_sku")
        else:
            yield from _check_kept(row, sku, lots)
        if row.was is not None and row.will["units"] < row.was["units"]:
            yield fault(row, "units", "more_is_there", row.was["units"])


def _check_kept(row: Row, sku: Sku, lots: set[tuple[UUID, str]]) -> Iterable[Fault]:
    will = row.will
    by_lot, by_serial = sku.tracking in {"LOT", "BOTH"}, sku.tracking in {"SERIAL", "BOTH"}
    if by_lot and (sku.id, will["lot"]) not in lots:
        yield fault(row, "lot", "unknown_lot" if will["lot"] else "lot_missing")
    if not by_lot and will["lot"]:
        yield fault(row, "lot", "lot_unwanted")
    if by_serial and len(set(will["serials"])) != will["units"]:
        yield fault(row, "serials", "serials_count", will["units"])
    if not by_serial and will["serials"]:
        yield fault(row, "serials", "serial_unwanted")
    if sku.catch_weight and not will["weight_g"]:
        yield fault(row, "weight_g", "weight_missing")
    if not sku.catch_weight and will["weight_g"]:
        yield fault(row, "weight_g", "weight_unwanted")


def _save(session: Session, rows: Sequence[Row], context: Context) -> Iterable[Fault]:
    faults = list(_stand_units(session, rows))
    if faults:
        return faults
    ordered = sorted(rows, key=lambda row: tuple(map(str, row.key)))
    moves = [move for row in ordered if (move := _move(row, context)) is not None]
    raising = {_command(row, context): row for row in ordered}
    for move, answer in zip(moves, ledger.move_each(session, moves), strict=True):
        if isinstance(answer, WmsError):
            column = "serials" if answer.code.startswith("serial") else "units"
            faults.append(fault(raising[move.command_id], column, answer.code))
    return faults


def _stand_units(session: Session, rows: Sequence[Row]) -> Iterator[Fault]:
    """Make units known at their places; one that stands elsewhere is a fault."""
    by_site: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if not row.will["unit"]:
            continue
        first = by_site[row.will["site"]].setdefault(row.will["unit"], row)
        if first.will["location"] != row.will["location"]:
            yield fault(row, "unit", "unit_elsewhere", first.will["location"])
    for code in sorted(by_site):
        site = site_id(code)
        there = find_units(session, site, by_site[code])
        for unit, row in by_site[code].items():
            stands = there[unit].location_code if unit in there else None
            if stands not in {None, row.will["location"]}:
                yield fault(row, "unit", "unit_elsewhere", stands)
        save_units(
            session,
            site,
            [
                UnitRecord(code=unit, location_id=location_id(site, row.will["location"]))
                for unit, row in sorted(by_site[code].items())
                if unit not in there
            ],
        )


def _command(row: Row, context: Context) -> CommandId:
    return CommandId(derive(context.id, "stock", *map(str, row.key)))


def _move(row: Row, context: Context) -> ledger.Move | None:
    """What the books have less than the row says; None: nothing."""
    will, was = row.will, row.was or {"units": 0, "weight_g": 0, "serials": ()}
    units = will["units"] - was["units"]
    if units <= 0:
        return None
    site, owner = site_id(will["site"]), owner_id(will["owner"])
    weight_g = will["weight_g"] - was["weight_g"]
    return ledger.Move(
        command_id=_command(row, context),
        site_id=site,
        owner_id=owner,
        sku_id=sku_id(will["sku"], owner),
        units=units,
        from_location_id=virtual_location(site, "ADJUST"),
        to_location_id=_place(site, row),
        to_unit_id=unit_id(site, will["unit"]) if will["unit"] else None,
        lot=will["lot"],
        condition=will["condition"],
        serials=tuple(s for s in will["serials"] if s not in set(was["serials"])),
        weight_g=weight_g if weight_g > 0 else None,
        cause_kind="IMPORT",
        cause_id=context.id,
        actor=context.by,
        occurred_at=context.now,
    )


def _place(site: SiteId, row: Row) -> LocationId:
    """Goods in a unit in storage are accounted for at UNITS."""
    return (
        virtual_location(site, "UNITS")
        if row.will["unit"]
        else location_id(site, row.will["location"])
    )


def _all(session: Session, site: str | None) -> Iterator[Values]:
    query = select(Site).order_by(Site.code)
    for each in session.scalars(query).all():
        if site in {None, each.code}:
            for line in lying(session, SiteId(each.id)):
                yield _values(each.code, line)


STOCK = Kind(
    name="stock", ja="在庫", columns=COLUMNS,
    known=_known, check=_check, save=_save, export=_all, tries=True,
)  # fmt: skip
