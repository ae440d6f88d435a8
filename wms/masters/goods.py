"""Owners, SKUs, packs and lots as files: 荷主, 品目, 荷姿, ロット.

A SKU's own barcodes stand with the SKU, those of a case with the case. A barcode that was once
known stays known, for goods with it may still lie somewhere: a file adds, and takes none away.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Text, Uuid, any_, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import Session

from wms.catalog import (
    HOUSE,
    Barcode,
    Lot,
    LotRecord,
    Owner,
    OwnerRecord,
    Pack,
    PackRecord,
    Sku,
    SkuRecord,
    kept_otherwise,
    owner_id,
    owners_by_code,
    save_lots,
    save_owners,
    save_packs,
    save_skus,
    sku_id,
)
from wms.ids import OwnerId, SkuId
from wms.masters.columns import Column, Fault, day, gtins, one_of, text, whole, yes_no
from wms.masters.kind import Context, Key, Kind, Row, Values, fault

PICTURE = r"|/[!-~]*|https://[!-~]+"  # an address: of ours, or of a shop
SIZES = (
    Column("length_mm", "長さ(mm)", whole(), default=0),
    Column("width_mm", "幅(mm)", whole(), default=0),
    Column("height_mm", "高さ(mm)", whole(), default=0),
    Column("weight_g", "重量(g)", whole(), default=0),
)
OWNER = Column("owner", "荷主", text(), default=HOUSE, key=True)
OWNER_COLUMNS = (
    Column("code", "荷主コード", text(), needed=True, key=True),
    Column("name", "名称", text(), needed=True),
)
SKU_COLUMNS = (
    OWNER,
    Column("code", "品目コード", text(), needed=True, key=True),
    Column("name_en", "名称(英)", text(), needed=True),
    Column("name_ja", "名称", text(1000)),
    Column("gtins", "JANコード", gtins, default=()),
    Column("tracking", "管理区分", one_of("NONE", "LOT", "SERIAL", "BOTH"), default="NONE"),
    Column("temperature", "温度帯", one_of("AMBIENT", "COOL", "FROZEN"), default="AMBIENT"),
    *SIZES,
    Column("catch_weight", "不定貫", yes_no, default=False),
    Column("shelf_life_days", "賞味日数", whole(), default=None),
    Column("dangerous_goods", "危険物", text(1000)),
    Column("upright", "天地無用", yes_no, default=False),
    Column("fragile", "壊れ物", yes_no, default=False),
    Column("stackable", "段積可", yes_no, default=True),
    Column("picture", "画像", text(1000, PICTURE)),
)
PACK_COLUMNS = (
    OWNER,
    Column("sku", "品目コード", text(), needed=True, key=True),
    Column("level", "荷姿", one_of("EACH", "INNER", "CASE", "PALLET"), needed=True, key=True),
    Column("units", "入数", whole(1), needed=True),
    Column("gtins", "JANコード", gtins, default=()),
    *SIZES,
)
LOT_COLUMNS = (
    OWNER,
    Column("sku", "品目コード", text(), needed=True, key=True),
    Column("code", "ロット", text(), needed=True, key=True),
    Column("expires_on", "賞味期限", day, default=None),
    Column("made_on", "製造日", day, default=None),
    Column("origin", "産地", text(1000)),
    Column("status", "状態", one_of("OK", "BLOCKED"), default="OK"),
)


# ------------------------------------------------------------------------------------ owners
def _known_owners(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    query = select(Owner).where(Owner.code.in_([code for (code,) in keys]))
    return {(each.code,): {"code": each.code, "name": each.name} for each in session.scalars(query)}


def _save_owners(session: Session, rows: Sequence[Row], _context: Context) -> Iterable[Fault]:
    save_owners(session, [OwnerRecord(**row.will) for row in rows])
    return ()


def _all_owners(session: Session, _site: str | None) -> Iterator[Values]:
    for each in session.scalars(select(Owner).order_by(Owner.code)):
        yield {"code": each.code, "name": each.name}


# -------------------------------------------------------------------------------------- SKUs
def _sku(owner: str, code: str) -> SkuId:
    return sku_id(code, owner_id(owner))


def _any(ids: Iterable[SkuId]) -> Any:
    """One of these, said in one array: thousands of values singly take long to be read."""
    return any_(literal(list(ids), ARRAY(Uuid())))


def _barcodes(session: Session, skus: Iterable[SkuId]) -> dict[tuple[SkuId, int], tuple[str, ...]]:
    """By SKU and units."""
    codes = func.array_agg(aggregate_order_by(Barcode.gtin, Barcode.gtin))
    query = select(Barcode.sku_id, Barcode.units, codes).where(Barcode.sku_id == _any(skus))
    query = query.group_by(Barcode.sku_id, Barcode.units)
    return {(SkuId(id_), units): tuple(found) for id_, units, found in session.execute(query)}


def _sku_values(owner: str, sku: Sku, codes: tuple[str, ...]) -> Values:
    values = {c.name: getattr(sku, c.name) for c in SKU_COLUMNS if c.name not in {"owner", "gtins"}}
    return {"owner": owner, **values, "gtins": codes}


def _known_skus(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    ids = {_sku(owner, code): owner for owner, code in keys}
    found = session.scalars(select(Sku).where(Sku.id == _any(ids))).all()
    barcodes = _barcodes(session, ids)
    return {
        (ids[SkuId(sku.id)], sku.code): _sku_values(
            ids[SkuId(sku.id)], sku, barcodes.get((SkuId(sku.id), 1), ())
        )
        for sku in found
    }


def _check_skus(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    yield from _check_owners(session, rows)
    for row in rows:
        row.will["name_ja"] = row.will["name_ja"] or row.will["name_en"]
    yield from _check_gtins(session, rows, "code")
    by_id = {_sku(row.will["owner"], row.will["code"]): row for row in rows}
    records = {id_: _sku_record(row) for id_, row in by_id.items()}
    codes = set(kept_otherwise(session, records))
    for row in rows:
        if row.will["code"] in codes and row.state == "changed":
            yield fault(row, "tracking", "tracking_in_use", (row.was or {}).get("tracking"))


def _check_owners(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    known = owners_by_code(session, {row.will["owner"] for row in rows})
    for row in rows:
        if row.will["owner"] not in known:
            yield fault(row, "owner", "unknown_owner", HOUSE)


def _check_gtins(session: Session, rows: Sequence[Row], sku: str) -> Iterable[Fault]:
    """A barcode means one SKU of an owner, in the file and in the books."""
    wanted = {(owner_id(r.will["owner"]), gtin) for r in rows for gtin in r.will["gtins"]}
    named = literal([gtin for _, gtin in wanted], ARRAY(Text()))
    query = select(Barcode.owner_id, Barcode.gtin, Barcode.sku_id)
    found = session.execute(query.where(Barcode.gtin == any_(named))) if wanted else ()
    means = {(OwnerId(owner), gtin): SkuId(id_) for owner, gtin, id_ in found}
    for row in rows:
        owner, mine = owner_id(row.will["owner"]), _sku(row.will["owner"], row.will[sku])
        for gtin in row.will["gtins"]:
            if means.setdefault((owner, gtin), mine) != mine:
                yield Fault(row=row.number, column="gtins", code="gtin_taken", given=gtin)
        row.will["gtins"] = tuple(sorted({*row.will["gtins"], *(row.was or {}).get("gtins", ())}))


def _sku_record(row: Row) -> SkuRecord:
    facts: dict[str, Any] = {name: v for name, v in row.will.items() if name != "owner"}
    return SkuRecord(owner_id=owner_id(row.will["owner"]), packs=None, **facts)


def _save_skus(session: Session, rows: Sequence[Row], _context: Context) -> Iterable[Fault]:
    faults = list(_check_gtins(session, rows, "code"))  # what rows before these have said
    if not faults:
        save_skus(session, [_sku_record(row) for row in rows])
    return faults


def _all_skus(session: Session, _site: str | None) -> Iterator[Values]:
    query = select(Owner.code, Sku).join(Owner, Owner.id == Sku.owner_id)
    query = query.order_by(Owner.code, Sku.code).execution_options(yield_per=2_000)
    for part in session.execute(query).partitions():
        barcodes = _barcodes(session, [SkuId(sku.id) for _, sku in part])
        for owner, sku in part:
            yield _sku_values(owner, sku, barcodes.get((SkuId(sku.id), 1), ()))


# ------------------------------------------------------------------------------------- packs
def _pack_values(owner: str, sku: str, pack: Pack, codes: tuple[str, ...]) -> Values:
    values = {c.name: getattr(pack, c.name) for c in (*PACK_COLUMNS[2:4], *SIZES)}
    return {"owner": owner, "sku": sku, **values, "gtins": codes if pack.level != "EACH" else ()}


def _known_packs(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    named = {_sku(owner, code): (owner, code) for owner, code, _ in keys}
    barcodes = _barcodes(session, named)
    return {
        (*named[SkuId(pack.sku_id)], pack.level): _pack_values(
            *named[SkuId(pack.sku_id)], pack, barcodes.get((SkuId(pack.sku_id), pack.units), ())
        )
        for pack in session.scalars(select(Pack).where(Pack.sku_id.in_(list(named))))
    }


def _check_packs(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    yield from _check_named(session, rows)
    for row in rows:
        if row.was is not None and row.was["units"] != row.will["units"]:
            row.was["gtins"] = ()  # those were of the number of units that it had
        if row.will["level"] == "EACH" and row.will["units"] != 1:
            yield fault(row, "units", "each_is_one", 1)
        if row.will["level"] == "EACH" and row.will["gtins"]:
            yield fault(row, "gtins", "each_by_sku")
    yield from _check_gtins(session, rows, "sku")


def _check_named(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    ids = {_sku(row.will["owner"], row.will["sku"]) for row in rows}
    known = set(session.scalars(select(Sku.id).where(Sku.id.in_(list(ids)))))
    for row in rows:
        if _sku(row.will["owner"], row.will["sku"]) not in known:
            yield fault(row, "sku", "unknown_sku")


def _save_packs(session: Session, rows: Sequence[Row], _context: Context) -> Iterable[Fault]:
    records: list[tuple[OwnerId, SkuId, PackRecord]] = []
    for row in rows:
        owner, sku = row.will["owner"], row.will["sku"]
        facts: dict[str, Any] = {k: v for k, v in row.will.items() if k not in {"owner", "sku"}}
        records.append((owner_id(owner), _sku(owner, sku), PackRecord(**facts)))
    faults = list(_check_gtins(session, rows, "sku"))
    if not faults:
        save_packs(session, records)
    return faults


def _all_packs(session: Session, _site: str | None) -> Iterator[Values]:
    query = (
        select(Owner.code, Sku.code, Pack)
        .join(Sku, Sku.id == Pack.sku_id)
        .join(Owner, Owner.id == Sku.owner_id)
        .order_by(Owner.code, Sku.code, Pack.units, Pack.level)
    )
    for part in session.execute(query.execution_options(yield_per=2_000)).partitions():
        barcodes = _barcodes(session, {SkuId(pack.sku_id) for _, _, pack in part})
        for owner, sku, pack in part:
            codes = barcodes.get((SkuId(pack.sku_id), pack.units), ())
            yield _pack_values(owner, sku, pack, codes)


# -------------------------------------------------------------------------------------- lots
def _lot_values(owner: str, sku: str, lot: Lot) -> Values:
    return {"owner": owner, "sku": sku, **{c.name: getattr(lot, c.name) for c in LOT_COLUMNS[2:]}}


def _known_lots(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    named = {_sku(owner, sku): (owner, sku) for owner, sku, _ in keys}
    ids = [(_sku(owner, sku), code) for owner, sku, code in keys]
    query = select(Lot).where(tuple_(Lot.sku_id, Lot.code).in_(ids))
    return {
        (*named[SkuId(lot.sku_id)], lot.code): _lot_values(*named[SkuId(lot.sku_id)], lot)
        for lot in session.scalars(query)
    }


def _check_lots(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    yield from _check_named(session, rows)
    for row in rows:
        made, ends = row.will["made_on"], row.will["expires_on"]
        if made and ends and ends < made:
            yield fault(row, "expires_on", "ends_before", made)


def _save_lots(session: Session, rows: Sequence[Row], _context: Context) -> Iterable[Fault]:
    records = []
    for row in rows:
        facts: dict[str, Any] = {k: v for k, v in row.will.items() if k not in {"owner", "sku"}}
        records.append(LotRecord(sku_id=_sku(row.will["owner"], row.will["sku"]), **facts))
    save_lots(session, records)
    return ()


def _all_lots(session: Session, _site: str | None) -> Iterator[Values]:
    query = (
        select(Owner.code, Sku.code, Lot)
        .join(Sku, Sku.id == Lot.sku_id)
        .join(Owner, Owner.id == Sku.owner_id)
        .order_by(Owner.code, Sku.code, Lot.code)
        .execution_options(yield_per=2_000)
    )
    for owner, sku, lot in session.execute(query):
        yield _lot_values(owner, sku, lot)


def _nothing(_session: Session, _rows: Sequence[Row]) -> Iterable[Fault]:
    return ()


OWNERS = Kind(
    name="owners", ja="荷主", columns=OWNER_COLUMNS,
    known=_known_owners, check=_nothing, save=_save_owners, export=_all_owners,
)  # fmt: skip
SKUS = Kind(
    name="skus", ja="品目", columns=SKU_COLUMNS,
    known=_known_skus, check=_check_skus, save=_save_skus, export=_all_skus, tries=True,
)  # fmt: skip
PACKS = Kind(
    name="packs", ja="荷姿", columns=PACK_COLUMNS,
    known=_known_packs, check=_check_packs, save=_save_packs, export=_all_packs, tries=True,
)  # fmt: skip
LOTS = Kind(
    name="lots", ja="ロット", columns=LOT_COLUMNS,
    known=_known_lots, check=_check_lots, save=_save_lots, export=_all_lots,
)  # fmt: skip
