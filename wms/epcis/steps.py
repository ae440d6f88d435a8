"""What a movement of the ledger is in the words of EPCIS; and events made of movements.

    from outside, or the supplier's lane, into the house    receiving       in_progress
    onto a shelf                                             storing         sellable_accessible
    off a shelf, into a tote                                 picking         in_progress
    into a parcel                                            packing         in_progress, and an
                                                             aggregation under the parcel's SSCC
    onto a lane                                              shipping        in_transit
    from a lane to who waits for it                          arriving        in_progress
    handed over in a store                                   retail_selling  retail_sold
    back from a customer                                     receiving       returned
    found or missed by a count                               stock_taking    …
    set aside, damaged, thrown away                          inspecting, destroying

Goods with a serial are told one by one, others as so many of a kind or lot. A GTIN makes a name
that everybody knows; goods without one have a name of this house. What one transaction did with a
unit, or one command with loose goods, is one event. Ids are hashes: made again, it is the same.

Pure. Source: GS1 CBV 2.0, section 7 (which step and disposition means what).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from edge.keys import SSCC_LENGTH, is_key
from wms.epcis.names import goods, lot_of, own, sgtin, sscc
from wms.stock.moved import MovedNow

STORED = frozenset({"sellable"})
HERE = frozenset({"received", "sellable", "quarantine", "damaged", "picked", "packed",
                  "return_received"})  # fmt: skip
LANES = frozenset({"to_customer", "to_store", "to_locker", "store_to_dc", "dc_to_dc"})
ON_THE_WAY = frozenset({"shipping", "arriving", "retail_selling"})
BACK = frozenset({"return_requested", "return_in_transit"})
_BY_GOAL = {  # what lies in the house goes there
    "picked": ("picking", "in_progress"),
    "packed": ("packing", "in_progress"),
    "quarantine": ("inspecting", "sellable_not_accessible"),
    "damaged": ("inspecting", "damaged"),
    "return_received": ("receiving", "returned"),
    "unknown": ("stock_taking", "unknown"),
    "lost": ("stock_taking", "unknown"),
    "none": ("destroying", "destroyed"),
}


def events_of(
    rows: Iterable[MovedNow], *, base: str, parcels: Mapping[UUID, str] | None = None
) -> list[dict[str, Any]]:
    """The events of movements.

    `base` begins the names of this house; `parcels` is the SSCC of what was packed, by its hold.
    """
    of = parcels or {}
    acts: dict[tuple[object, ...], list[MovedNow]] = {}
    for row in rows:
        unit = of.get(row.cause_id) or row.to_unit or row.from_unit
        key = (row.xid, unit or row.command_id, row.from_place, row.to_place)
        acts.setdefault((unit, *key), []).append(row)
    return [
        _event(act, str(key[0]), step, base)
        for key, act in acts.items() if (step := step_of(act[0])) is not None
    ]  # fmt: skip


def step_of(row: MovedNow) -> tuple[str, str, str] | None:
    """Step, disposition and action of a movement; None: nobody outside need know."""
    if row.to_counter == "expected" or row.to_counter in BACK:
        return None  # announced, not moved
    found = _counted(row) or _out(row) or _in(row) or _inside(row)
    if found is None:
        return None
    return (*found, "DELETE" if row.to_counter == "none" else "OBSERVE")


def _counted(row: MovedNow) -> tuple[str, str] | None:
    if row.from_kind == "ADJUST":
        return "stock_taking", "sellable_accessible"
    return ("stock_taking", "unknown") if row.to_kind == "ADJUST" else None


def _out(row: MovedNow) -> tuple[str, str] | None:
    if row.to_kind == "CUSTOMER":
        by_lane = row.from_counter in LANES
        return ("arriving", "in_progress") if by_lane else ("retail_selling", "retail_sold")
    return ("shipping", "in_transit") if row.to_counter in LANES else None


def _in(row: MovedNow) -> tuple[str, str] | None:
    if row.from_counter in BACK or row.from_kind == "CUSTOMER":
        return "receiving", "returned"
    if row.to_counter not in HERE:
        return None
    if row.from_counter in LANES:
        return "arriving", "in_progress"
    comes = row.from_counter in {"outside", "expected"}
    return ("receiving", "in_progress") if comes else None


def _inside(row: MovedNow) -> tuple[str, str] | None:
    if row.to_counter in STORED:
        return "storing", "sellable_accessible"
    return _BY_GOAL.get(row.to_counter) if row.to_counter != row.from_counter else None


def _event(
    act: Sequence[MovedNow], unit: str, step: tuple[str, str, str], base: str
) -> dict[str, Any]:
    biz_step, disposition, action = step
    first = act[0]
    at = first.occurred_at.astimezone(ZoneInfo(first.time_zone))
    offset = at.strftime("%z")
    site = own(base, "site", first.site)
    place = first.to_place if first.to_counter in HERE else first.from_place
    common: dict[str, Any] = {
        "eventTime": at.isoformat(timespec="milliseconds"),
        "eventTimeZoneOffset": f"{offset[:3]}:{offset[3:5]}",
        "bizStep": biz_step,
        "disposition": disposition,
        "readPoint": {"id": own(base, "site", first.site, "place", place)},
        "bizLocation": {"id": site},
        "bizTransactionList": [
            {"bizTransaction": own(base, first.cause_kind.lower(), str(first.cause_id))}
        ],
    }
    epcs, quantities = _things(act, base)
    kind: dict[str, Any] = {"type": "ObjectEvent", "action": action}
    inside = {"epcList": epcs, "quantityList": quantities}
    if _is_sscc(unit) and biz_step == "packing":
        kind = {"type": "AggregationEvent", "action": "ADD", "parentID": sscc(unit)}
        inside = {"childEPCs": epcs, "childQuantityList": quantities}
    elif _is_sscc(unit) and biz_step in ON_THE_WAY:  # what is in it was told when it was packed
        inside = {"epcList": [sscc(unit)]}
    return kind | {name: each for name, each in inside.items() if each} | common


def _things(act: Iterable[MovedNow], base: str) -> tuple[list[str], list[Mapping[str, Any]]]:
    epcs: list[str] = []
    quantities: dict[str, int] = {}
    for row in act:
        sku = ("sku", row.owner, row.sku)
        if row.serial:
            name = own(base, *sku, "serial", row.serial)
            epcs.append(sgtin(row.gtin, row.serial) if row.gtin else name)
            continue
        if row.gtin:
            name = lot_of(row.gtin, row.lot) if row.lot else goods(row.gtin)
        else:
            name = own(base, *sku, "lot", row.lot) if row.lot else own(base, *sku)
        quantities[name] = quantities.get(name, 0) + row.units
    counted: list[Mapping[str, Any]] = [
        {"epcClass": name, "quantity": n} for name, n in sorted(quantities.items())
    ]
    return sorted(epcs), counted


def _is_sscc(code: str) -> bool:
    return is_key(code, (SSCC_LENGTH,))
