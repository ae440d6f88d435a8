"""Kits as a file: which SKUs go into one, a row a part. A part of none is taken out of it.

What a file does not name of a kit stays as it was; a kit without parts is none any more.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from wms.catalog import Sku
from wms.masters.columns import Column, Fault, one_of, text, whole
from wms.masters.kind import Context, Key, Kind, Row, Values, fault
from wms.orders.kits import Kit as MadeKit
from wms.orders.kits import KitComponent
from wms.waves.kit_parts import Part, UnfitKit, save_kit

PARTS_MAX = 50
COLUMNS = (
    Column("kit", "セット品", text(), needed=True, key=True),
    Column("sku", "品目コード", text(), needed=True, key=True),
    Column("units", "数量", whole(0, 10_000), needed=True),
    Column("made", "組立", one_of("STOCK", "ORDER"), default="STOCK"),
)


def _of(session: Session, kits: Iterable[str] | None = None) -> Iterator[Values]:
    whole_, part = aliased(Sku), aliased(Sku)
    query = (
        select(whole_.code, part.code, KitComponent.units, MadeKit.made)
        .select_from(KitComponent)
        .join(MadeKit, MadeKit.sku_id == KitComponent.kit_sku_id)
        .join(whole_, whole_.id == KitComponent.kit_sku_id)
        .join(part, part.id == KitComponent.sku_id)
        .order_by(whole_.code, part.code)
    )
    if kits is not None:
        query = query.where(whole_.code.in_(set(kits)))
    for kit, sku, units, made in session.execute(query):
        yield {"kit": kit, "sku": sku, "units": units, "made": made}


def _known(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    return {(each["kit"], each["sku"]): each for each in _of(session, {kit for kit, _ in keys})}


def _check(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    codes = {row.will[name] for row in rows for name in ("kit", "sku")}
    known = set(session.scalars(select(Sku.code).where(Sku.code.in_(codes))))
    made: dict[str, str] = {}
    for row in rows:
        for name in ("kit", "sku"):
            if row.will[name] not in known:
                yield fault(row, name, "unknown_sku")
        first = made.setdefault(row.will["kit"], row.will["made"])
        if first != row.will["made"]:
            yield fault(row, "made", "made_two_ways", first)


def _save(session: Session, rows: Sequence[Row], _context: Context) -> Iterable[Fault]:
    by_kit: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_kit[row.will["kit"]].append(row)
    units = {(each["kit"], each["sku"]): each["units"] for each in _of(session, by_kit)}
    for kit, its in sorted(by_kit.items()):
        will = {sku: n for (of, sku), n in units.items() if of == kit}
        will |= {row.will["sku"]: row.will["units"] for row in its}
        parts = [Part(sku=sku, units=n) for sku, n in sorted(will.items()) if n]
        if len(parts) > PARTS_MAX:
            yield fault(its[0], "kit", "too_many_parts", PARTS_MAX)
            continue
        try:
            save_kit(session, kit, parts, made=its[0].will["made"])
        except UnfitKit:
            yield fault(its[0], "kit", "unfit_kit")


KITS = Kind(
    name="kits", ja="セット品", columns=COLUMNS, tries=True, gone=("units", 0),
    known=_known, check=_check, save=_save, export=lambda s, _site: _of(s),
)  # fmt: skip
