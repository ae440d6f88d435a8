"""Found: what the scans of a count mean, in the order in which they came.

    place code     what follows lies loose at the place again
    unit           an LPN: what follows is in it; nothing follows: it is closed, and taken as whole
    item           a GTIN (a case says how many), a SKU's code, an EPC; with its lot and serial
    number         behind goods with serials a serial, behind goods with lots a lot
    anything else  not known here: kept as it was read, and told

Typed units are the whole pile of what was scanned last. Two owners may have goods with one GTIN:
what lies here by the books is meant first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.gs1 import Epc, decode_epc
from wms.catalog import HOUSE_OWNER_ID, Barcode, Lot, Sku
from wms.counting.rules import Key
from wms.ids import SiteId
from wms.stock.at_places import skus_with_serials
from wms.stock.posting import NIL
from wms.stock.units import StandingUnit, find_units
from wms.work import gs1
from wms.work.packet import Packet

WITH_SERIALS = frozenset({"SERIAL", "BOTH"})
WITH_LOTS = frozenset({"LOT", "BOTH"})


@dataclass(slots=True)
class Pile:
    """Scans of one code, one after the other; `typed`: how many they are, said by hand."""

    code: str
    scans: int = 1
    typed: int | None = None


@dataclass(slots=True)
class Found:
    """What was found. `units_seen`: handling units; those in `closed` nobody has looked into."""

    counted: dict[Key, int] = field(default_factory=dict)
    serials: dict[Key, list[str]] = field(default_factory=dict)
    seen: dict[UUID, StandingUnit] = field(default_factory=dict)
    closed: set[UUID] = field(default_factory=set)
    unknown: dict[str, int] = field(default_factory=dict)
    skus: dict[UUID, Sku] = field(default_factory=dict)
    without_lot: set[UUID] = field(default_factory=set)
    without_serial: set[UUID] = field(default_factory=set)

    def add(self, key: Key, units: int, serials: Iterable[str] = ()) -> None:
        """So many more of them."""
        self.counted[key] = self.counted.get(key, 0) + units
        mine = self.serials.setdefault(key, [])
        mine += [serial for serial in serials if serial not in mine]


def piles(packet: Packet, step: str) -> list[Pile]:
    """What was scanned and typed at that step, pile by pile."""
    found: list[Pile] = []
    for event in packet.history:
        if event.step != step:
            continue
        if event.type == "scan" and isinstance(event.value, str):
            if found and found[-1].code == event.value and found[-1].typed is None:
                found[-1].scans += 1
            else:
                found.append(Pile(event.value))
        elif event.type == "qty" and isinstance(event.value, int) and found:
            found[-1].typed = event.value
    return found


class Reader:
    """What codes mean at a place."""

    def __init__(
        self,
        session: Session,
        site: SiteId,
        place: str,
        lying: Iterable[UUID],
        lots: dict[str, str],
    ) -> None:
        """`lying`: SKUs that the books have there; `lots`: what was said of a SKU's lot, by id."""
        self._session, self._site, self._place = session, site, place
        self._lying, self._lots = set(lying), lots

    def read(self, scanned: Sequence[Pile]) -> Found:
        """All piles, one after the other."""
        found = Found()
        texts = {pile.code: gs1.read(pile.code) for pile in scanned}
        names = {self._name(code, said) for code, said in texts.items()}
        units = find_units(self._session, self._site, {*texts, *names})
        by_code = self._skus(texts, names)
        serials = skus_with_serials(self._session, self._site, list(texts))
        unit: UUID = NIL
        last: Sku | None = None
        lot = ""
        for pile in scanned:
            said, name = texts[pile.code], self._name(pile.code, texts[pile.code])
            epc = _epc(pile.code)
            if pile.code == self._place:
                unit, last = NIL, None
            elif (standing := units.get(name) or units.get(pile.code)) is not None:
                unit, last = standing.id, None
                found.seen[unit] = standing
                found.closed.add(unit)
            elif (known := by_code.get(name)) is not None:
                (last, each), lot = known, said.lot or ""
                serial = said.serial or (str(epc.serial) if epc else None)
                each *= said.units or 1
                units_of = pile.scans * each if pile.typed is None else pile.typed
                self._take(found, unit, last, lot, serial or units_of)
            elif (
                last is not None and last.tracking in WITH_SERIALS and not (said.gtin or said.sscc)
            ):
                self._serial(found, unit, last, lot, said.serial or pile.code)
            elif last is not None and self._is_lot(last, said.lot or pile.code):
                lot = self._rename(found, unit, last, lot, said.lot or pile.code)
            elif (owned := serials.get(pile.code)) and (last := self._sku(owned)) is not None:
                lot = ""
                self._serial(found, unit, last, lot, pile.code)
            else:
                units_seen = pile.scans if pile.typed is None else pile.typed
                found.unknown[pile.code] = found.unknown.get(pile.code, 0) + units_seen
        return found

    @staticmethod
    def _name(code: str, said: gs1.Gs1) -> str:
        epc = _epc(code)
        if epc is not None:
            return epc.key.zfill(14) if epc.scheme.word == "sgtin" else epc.key
        return said.sscc or said.gtin or code

    def _take(self, found: Found, unit: UUID, sku: Sku, lot: str, what: str | int) -> None:
        """So many units, or the one with that serial."""
        found.closed.discard(unit)
        found.skus[sku.id] = sku
        if isinstance(what, str) and sku.tracking in WITH_SERIALS:
            self._serial(found, unit, sku, lot, what)
        elif sku.tracking in WITH_SERIALS:
            found.without_serial.add(sku.id)  # until one is read
            found.counted.setdefault(self._key(found, unit, sku, lot), 0)
        else:
            units = what if isinstance(what, int) else 1
            found.add(self._key(found, unit, sku, lot), units)

    def _serial(self, found: Found, unit: UUID, sku: Sku, lot: str, serial: str) -> None:
        found.closed.discard(unit)
        found.skus[sku.id] = sku
        found.without_serial.discard(sku.id)
        key = self._key(found, unit, sku, lot)
        if serial not in found.serials.get(key, ()):
            found.add(key, 1, [serial])

    def _key(self, found: Found, unit: UUID, sku: Sku, lot: str) -> Key:
        if sku.tracking in WITH_LOTS and not lot:
            lot = self._lots.get(str(sku.id), "")
            if not lot:
                found.without_lot.add(sku.id)
        return Key(unit=unit, sku=sku.id, lot=lot if sku.tracking in WITH_LOTS else "")

    def _rename(self, found: Found, unit: UUID, sku: Sku, lot: str, new: str) -> str:
        """The pile before was of that lot."""
        was = Key(unit=unit, sku=sku.id, lot=lot or self._lots.get(str(sku.id), ""))
        units, serials = found.counted.pop(was, 0), found.serials.pop(was, [])
        found.add(Key(unit=unit, sku=sku.id, lot=new), units, serials)
        if not any(key.sku == sku.id and not key.lot for key in found.counted):
            found.without_lot.discard(sku.id)
        return new

    def _is_lot(self, sku: Sku, code: str) -> bool:
        return sku.tracking in WITH_LOTS and self._session.get(Lot, (sku.id, code)) is not None

    def _skus(self, texts: Iterable[str], names: set[str]) -> dict[str, tuple[Sku, int]]:
        """What these codes mean as goods, and how many units each is."""
        meant: dict[str, list[tuple[Sku, int]]] = {}
        barcodes = (
            select(Sku, Barcode.gtin, Barcode.units)
            .join(Barcode, Barcode.sku_id == Sku.id)
            .where(Barcode.gtin.in_(names))
            .order_by(Barcode.gtin, Sku.code)
        )
        for sku, gtin, units in self._session.execute(barcodes):
            meant.setdefault(gtin, []).append((sku, units))
        codes = select(Sku).where(Sku.code.in_({*texts})).order_by(Sku.code, Sku.id)
        for sku in self._session.scalars(codes):
            meant.setdefault(sku.code, []).append((sku, 1))
        return {code: min(several, key=self._rank) for code, several in meant.items()}

    def _rank(self, meant: tuple[Sku, int]) -> tuple[bool, bool]:
        return meant[0].id not in self._lying, meant[0].owner_id != HOUSE_OWNER_ID

    def _sku(self, ids: Sequence[UUID]) -> Sku | None:
        best = min(ids, key=lambda id_: id_ not in self._lying)
        return self._session.get(Sku, best)


def _epc(code: str) -> Epc | None:
    read = decode_epc(code)
    return read if isinstance(read, Epc) and read.scheme.word in {"sgtin", "sscc", "sgln"} else None
