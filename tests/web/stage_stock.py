"""Stock on the stage: seven SKUs, ten sites, every state, days to come; and a sale on demand."""

import asyncio
import math
import random
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from wms.orders.rules import distance_km
from wms.stock.availability import STATES
from wms.stock.near import in_words
from wms.stock.promising import Incoming, available_to_promise

NOW = datetime(2026, 11, 27, 0, 30, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
GOODS = {
    "SN-WHT-26": ("Canvas sneaker white 26", "キャンバススニーカー 白 26"),
    "TEAPOT-01": ("Iron teapot", "南部鉄器 急須"),
    "RICE-5KG": ("Rice 5 kg", "お米 5kg"),
    "TOWEL-BLU": ("Bath towel blue", "バスタオル 青"),
    "MUG-350": ("Mug 350 ml", "マグカップ 350ml"),
    "LED-60W": ("LED bulb 60 W", "LED電球 60W"),
    "UMBR-65": ("Umbrella 65 cm", "長傘 65cm"),
    **{f"ZINE-{n:03d}": (f"Magazine {n}", f"雑誌 {n}号") for n in range(1, 61)},
}
SITES = {
    "TYO1": ("DC", 35.60, 139.80, "Tokyo", "東京"),
    "OSA1": ("DC", 34.70, 135.45, "Osaka", "大阪"),
    "NGO1": ("FC", 35.15, 136.90, "Nagoya", "名古屋"),
    "FUK1": ("FC", 33.60, 130.40, "Fukuoka", "福岡"),
    "SPK1": ("FC", 43.05, 141.35, "Sapporo", "札幌"),
    "S-GINZA": ("STORE", 35.6717, 139.7650, "Ginza", "銀座"),
    "S-UENO": ("STORE", 35.7138, 139.7770, "Ueno", "上野"),
    "S-YOKO": ("STORE", 35.4437, 139.6380, "Yokohama", "横浜"),
    "S-UMEDA": ("STORE", 34.7025, 135.4959, "Umeda", "梅田"),
    "S-SAKAE": ("STORE", 35.1709, 136.9066, "Sakae", "栄"),
}
RARE = (
    "to_locker",
    "to_store",
    "store_to_dc",
    "dc_to_dc",
    "return_received",
    "lost",
    "unknown",
    "damaged",
)


class Shelves:
    """All stock of the stage, and what has changed of it."""

    def __init__(self) -> None:
        chance = random.Random(7)
        self.units = {
            (sku, site): _some(chance, SITES[site][0] == "STORE") for sku in GOODS for site in SITES
        }
        self.changes: list[dict[str, Any]] = []

    def sell(self, sku: str, site: str) -> None:
        """One unit is reserved."""
        units = self.units[sku, site]
        units["reserved"] += 1
        units["free"] -= 1
        self.changes.append({"site": site, "sku": sku, "free": units["free"]})

    def total(self, sku: str, sites: list[str] | None = None) -> dict[str, int]:
        """Over all sites, or some."""
        mine = [self.units[sku, site] for site in sites or SITES]
        return {state: sum(each[state] for each in mine) for state in (*STATES, "free")}


def _some(chance: random.Random, is_store: bool) -> dict[str, int]:  # noqa: FBT001
    size = 24 if is_store else 400
    units = {
        state: chance.choice((0, 0, 0, 0, chance.randrange(1, max(2, size // 8))))
        for state in STATES
        if state != "blocked"
    }
    for state in RARE:
        units[state] = chance.choice((0,) * 30 + (1,))
    units["cart"] = units["reserved"] // 2
    units["click_reserve"] = units["reserved"] - units["cart"] if is_store else 0
    units["safety"] = 2 if is_store else 0
    units["sellable"] = chance.choice((0, 1, 1)) * chance.randrange(0, size)
    taken = units["reserved"] + units["allocated"] + units["safety"]
    units["sellable"] = max(units["sellable"], taken)
    free = units["sellable"] - taken
    units["blocked"] = free // 8  # of a lot that is not sold now
    return units | {"free": free - units["blocked"]}


router = APIRouter()
shelves = Shelves()


def _figures(units: dict[str, int]) -> dict[str, Any]:
    free = {"A": units["free"]}
    return {"units": units, "segments": free, "channels": {}, "overdue": 0}


@router.get("/console/v1/stock")
def stock(
    text: str = "",
    site: str | None = None,
    state: Annotated[list[str] | None, Query()] = None,
    after: str = "0",
    limit: int = 50,
) -> dict[str, Any]:
    """Lines of stock; a page looks at no more than 30 SKUs."""
    found, start = [], int(after)
    codes = sorted(GOODS)[start : start + 30]
    for place, sku in enumerate(codes, start=start + 1):
        name_en, name_ja = GOODS[sku]
        units = shelves.total(sku, [site] if site else None)
        has = not state or any(units["free" if s == "sold_out" else s] > 0 for s in state)
        if text.lower() in f"{sku} {name_en} {name_ja}".lower() and has:
            line = {"sku": sku, "name_en": name_en, "name_ja": name_ja}
            told = {name: n for name, n in units.items() if n}
            found.append(line | {"sites": 1 if site else len(SITES), "units": told})
            if len(found) == limit:
                return _page(found, place)
    return _page(found, start + len(codes))


def _page(found: list[dict[str, Any]], place: int) -> dict[str, Any]:
    onwards = str(place) if place < len(GOODS) else None
    return {
        "as_of": NOW.isoformat(), "age_s": 0, "sites": sorted(SITES), "lines": found,
        "next": onwards,
    }  # fmt: skip


@router.get("/v1/availability")
def availability(
    sku: Annotated[list[str], Query()], site: Annotated[list[str] | None, Query()] = None
) -> dict[str, Any]:
    """SKUs in all states."""
    told = []
    for code in sku:
        name_en, name_ja = GOODS[code]
        sites = {
            name: _figures(shelves.units[code, name]) | {"kind": SITES[name][0], "age_s": 0}
            for name in site or SITES
        }
        total = _figures(shelves.total(code, site))
        told.append(
            {"sku": code, "name_en": name_en, "name_ja": name_ja, "total": total, "sites": sites}
        )
    return {"as_of": NOW.isoformat(), "age_s": 0, "skus": told}


def _supplies(sku: str) -> list[dict[str, Any]]:
    chance = random.Random(sku)
    kinds = (("TRANSFER", "S-GINZA", 1, 95), ("ASN", "OSA1", 3, 92), ("PO", "TYO1", 6, 60),
             ("RETURN", "TYO1", 9, 50), ("PO", "FUK1", 13, 80), ("PO", "TYO1", 20, 90))  # fmt: skip
    return [
        {
            "id": f"{sku}-{n}", "site": site, "owner": "HOUSE", "sku": sku, "segment": "A",
            "kind": kind, "units": (units := chance.randrange(20, 200)), "received": 0,
            "held": units // 6 if kind == "PO" else 0, "confidence": sure, "state": "OPEN",
            "eta_p50": (NOW + timedelta(days=day)).isoformat(),
            "eta_p90": (NOW + timedelta(days=day + 1 + day / 5)).isoformat(),
        }
        for n, (kind, site, day, sure) in enumerate(kinds)
    ]  # fmt: skip


@router.get("/v1/atp")
def atp(sku: str, days: int = 28) -> dict[str, Any]:
    """Days to come, by the real rules."""
    supplies = _supplies(sku)
    sites: dict[str, dict[str, Any]] = {}
    for site, (kind, *_) in SITES.items():
        coming = [
            Incoming(
                expected_day=_day(each["eta_p50"]), safe_day=_day(each["eta_p90"]),
                units=each["units"], held=each["held"], confidence=each["confidence"],
            )
            for each in supplies if each["site"] == site
        ]  # fmt: skip
        free = shelves.units[sku, site]["free"]
        curves = available_to_promise(free, coming, days)
        sites[site] = {
            "kind": kind, "time_zone": "Asia/Tokyo", "today": str(NOW.astimezone(TOKYO).date()),
            "free": free, "expected": list(curves.expected), "safe": list(curves.safe),
        }  # fmt: skip
    network = {
        name: [sum(day) for day in zip(*(each[name] for each in sites.values()), strict=True)]
        for name in ("expected", "safe")
    }
    dates = [str(NOW.astimezone(TOKYO).date() + timedelta(days=day)) for day in range(days)]
    free = sum(each["free"] for each in sites.values())
    return {"sku": sku, "dates": dates, "free": free, **network, "sites": sites,
            "supplies": supplies}  # fmt: skip


def _day(moment: str) -> int:
    local = datetime.fromisoformat(moment).astimezone(TOKYO).date()
    return (local - NOW.astimezone(TOKYO).date()).days


@router.get("/v1/find-in-store")
def find_in_store(
    sku: str,
    latitude: float,
    longitude: float,
    kind: Annotated[list[str] | None, Query()] = None,
    limit: int = 10,
) -> dict[str, Any]:
    """The nearest places."""
    places: list[dict[str, Any]] = []
    for code, (of_kind, lat, lon, name_en, name_ja) in SITES.items():
        free = shelves.units[sku, code]["free"]
        metres = 1000 * distance_km((latitude, longitude), (lat, lon))
        if of_kind in (kind or ["STORE"]):
            places.append({
                "site": code, "kind": of_kind, "name_en": name_en, "name_ja": name_ja,
                "prefecture": "", "latitude": lat, "longitude": lon,
                "distance_m": math.floor(metres), "free": free, "stock": in_words(free, 1),
                "age_s": 0,
            })  # fmt: skip
    places.sort(key=lambda place: place["distance_m"])
    return {"sku": sku, "units": 1, "places": places[:limit]}


@router.get("/v1/stock-changes")
async def changes(after: int | None = None, wait_s: float = 0) -> dict[str, Any]:
    """What was sold."""
    if after is None:
        return {"changes": [], "next": str(len(shelves.changes))}
    for _ in range(int(wait_s * 10)):
        if len(shelves.changes) > after:
            break
        await asyncio.sleep(0.1)
    return {"changes": shelves.changes[after:], "next": str(len(shelves.changes))}


@router.post("/stage/sell", status_code=204)
def sell(sku: str, site: str) -> None:
    """Somebody buys one."""
    shelves.sell(sku, site)
