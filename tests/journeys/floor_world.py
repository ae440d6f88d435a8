"""A building with goods in it, and people who do what their handhelds say, now and then wrongly.

    World     what really lies where; the WMS never sees it
    Person    goes by the packet, one step at a time, with hands in the World; errs by the seed

What a person does wrongly and sees (a wrong scan, a piece that breaks, one too few on the shelf) is
said to the handheld. What nobody sees (one piece too many taken, one put on the next shelf) is a
slip: the World keeps its place, for there, and only there, the books are wrong until somebody has
counted.
"""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

from sqlalchemy import text

from tests.builders import an_id
from tests.wms.house import House

Say: TypeAlias = tuple[str, Any]  # the type and the value of an event
Key: TypeAlias = tuple[str, str]  # a place and a SKU

WRONG_SCAN, BREAKS, TAKES, BESIDE, MISCOUNTS, DIFFERS = 0.03, 0.03, 0.05, 0.2, 0.1, 0.4
STEP_S = (3, 25)  # how long a step takes, seconds
BOOKS = """
SELECT l.code AS place, s.code AS sku, sum(q.units) AS units
  FROM quant q
  JOIN site ON site.id = q.site_id AND site.code = :site
  JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
  JOIN sku s ON s.id = q.sku_id
 WHERE l.counter = :counter GROUP BY 1, 2 HAVING sum(q.units) <> 0
"""


@dataclass(slots=True)
class World:
    """What is really there. Units of a SKU: at places, on trucks, apart, found lying about."""

    site: str
    draw: random.Random
    there: Counter[Key] = field(default_factory=Counter)
    trucks: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dock: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)  # broken, or set aside at the dock
    astray: Counter[str] = field(default_factory=Counter)  # taken by mistake, left somewhere
    said: defaultdict[Key, set[int]] = field(default_factory=lambda: defaultdict(set))  # miscounts
    slips: set[Key] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)  # what went wrong, by kind

    def errs(self, how: str, chance: float) -> bool:
        """Whether somebody does that wrongly now."""
        wrong = self.draw.random() < chance
        self.seen[how] += wrong
        return wrong

    def slip(self, place: str, sku: str, units: int) -> None:
        """Units more or less at a place than everybody believes."""
        self.there[place, sku] += units
        self.slips.add((place, sku))

    def neighbour(self, place: str) -> str:
        """Another place, the one that is easily mistaken for it."""
        places = sorted({each for each, _ in self.there} - {place})
        return self.draw.choice(places) if places else place

    def shelves(self) -> Counter[Key]:
        """What lies at places, without what is nought."""
        return Counter({key: units for key, units in self.there.items() if units})


def books(house: House, site: str, counter: str = "sellable") -> Counter[Key]:
    """What the books say lies at the places of that counter."""
    facts = {"site": site, "counter": counter}
    rows = house.database.run(lambda s: s.execute(text(BOOKS), facts).all())
    return Counter({(row.place, row.sku): int(row.units) for row in rows})


class Person:
    """Somebody with a handheld. One step of the packet in hand at a time."""

    def __init__(self, house: House, world: World, name: str, kinds: str) -> None:
        self.house, self.world, self.name, self.kinds = house, world, name, kinds
        self.packet: dict[str, Any] | None = None
        self.here = ""
        self.refused: list[Any] = []
        self.headers = {"X-Soko-Device": f"hh-{name}", "X-Soko-Operator": name}

    def receive(self, number: str) -> None:
        """Begin to unload the truck of that delivery."""
        body = {"site": self.world.site, "kind": "inbound", "scanned": number}
        self.packet = self.house.ok(
            self.house.http.post("/api/v1/work/start", json=body, headers=self.headers)
        )

    def go_on(self) -> bool:
        """Do the next step; False if there is nothing to do."""
        if self.packet is None:
            self.packet = self._next()
            if self.packet is None:
                return False
        packet = self.packet
        step = next(step for step in packet["steps"] if step["id"] == packet["step"])
        self._wrong_first(step)
        for kind, value in self._what(packet, step):
            answer = self._say(kind, value)
            if answer["result"] == "rejected" or not self.is_busy:
                break
        return True

    @property
    def is_busy(self) -> bool:
        """Whether there is a packet in hand."""
        return self.packet is not None

    def _next(self) -> dict[str, Any] | None:
        query = {"site": self.world.site, "kinds": self.kinds}
        answer = self.house.http.get("/api/v1/work/next", params=query, headers=self.headers)
        assert answer.status_code in {200, 204}, answer.text
        packet: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return packet

    def _say(self, kind: str, value: Any) -> dict[str, Any]:
        assert self.packet is not None
        self.house.clock.at += _seconds(self.world.draw)
        event = self.house.event(self.packet, kind, value, device=f"hh-{self.name}")
        body = {"events": [event]}
        answer = self.house.ok(
            self.house.http.post("/api/v1/work/events", json=body, headers=self.headers)
        )
        result: dict[str, Any] = answer["results"][0]
        if result["result"] == "rejected" and not str(value).startswith("WRONG"):
            self.refused.append((self.packet["kind"], self.packet["step"], value, result))
        self.packet = answer["packet"]
        return result

    def _wrong_first(self, step: dict[str, Any]) -> None:
        """A scan of the wrong thing: the handheld says so, and nothing has happened."""
        closed = step["op"] in {"scan", "count"} and _codes(step) and not step["online"]
        if closed and self.world.errs("wrong scan", WRONG_SCAN):
            result = self._say("scan", f"WRONG-{self.world.draw.randrange(100)}")
            assert result["result"] == "rejected", step

    def _what(self, packet: dict[str, Any], step: dict[str, Any]) -> list[Say]:
        """What somebody does at that step, and says."""
        if _is_place(step):
            self.here = _codes(step)[0]
        act = {
            "inbound": self._unload,
            "putaway": self._put_away,
            "pick": self._pick,
            "putback": self._put_back,
            "count": self._count,
        }.get(packet["kind"])
        done = act(packet, step) if act else []
        return done or plainly(step)

    # ------------------------------------------------------------------------------ by flow
    def _unload(self, packet: dict[str, Any], step: dict[str, Any]) -> list[Say]:
        """Take from the truck what there is, whatever was announced."""
        truck = self.world.trucks[packet["title"]]
        what = step["id"].partition(".")[2]
        left = sorted(sku for sku, units in truck.items() if units)
        if what == "item":
            return [("scan", left[0])] if left else [("exception", {"code": "finish"})]
        if what == "finish":
            return [("choice", "CLOSE")]
        sku = step["big"]
        if what == "count":
            units = truck[sku]
            deeds: list[Say] = [("scan", sku)] + ([("qty", units)] if units > 1 else [])
            return [*deeds, ("choice", "done")]
        if what == "state":
            units = truck.pop(sku)
            broken = self.world.errs("damaged at the dock", BREAKS)
            (self.world.apart if broken else self.world.dock)[sku] += units
            return [("choice", "DAMAGED" if broken else "OK")]
        return [("choice", "")] if what == "photo" else []

    def _put_away(self, _: dict[str, Any], step: dict[str, Any]) -> list[Say]:
        """From the dock to the place; now and then one to the place beside it."""
        if not step["id"].startswith("units"):
            return []
        sku, units = _sku(step), int(step["qty"]["target"])
        self.world.dock[sku] -= units
        self.world.there[self.here, sku] += units
        beside = self.world.neighbour(self.here)
        if beside != self.here and self.world.errs("put beside", BESIDE):
            self.world.slip(self.here, sku, -1)
            self.world.slip(beside, sku, 1)
        return []

    def _pick(self, packet: dict[str, Any], step: dict[str, Any]) -> list[Say]:
        """Take what is there, up to what is wanted."""
        if step["id"].endswith(".zero"):
            sku = next(_sku(each) for each in packet["steps"] if _before(each, step))
            return [("choice", "no" if self.world.there[self.here, sku] else "yes")]
        if step["op"] != "count":
            return []
        sku, wanted = _sku(step), int(step["qty"]["target"])
        found = min(wanted, self.world.there[self.here, sku])
        if found == wanted and self.world.errs("broken at the shelf", BREAKS):
            self.world.there[self.here, sku] -= wanted
            self.world.apart[sku] += 1
            return [("exception", {"code": "damaged", "found": wanted - 1})]
        self.world.there[self.here, sku] -= found
        if found < wanted:
            self.world.seen["short"] += 1
            return [("exception", {"code": "short", "found": found})]
        if self.world.there[self.here, sku] and self.world.errs("one too many", TAKES):
            self.world.slip(self.here, sku, -1)
            self.world.astray[sku] += 1
        return []

    def _put_back(self, packet: dict[str, Any], step: dict[str, Any]) -> list[Say]:
        """What nobody wants any more goes back to the shelf."""
        if step["op"] == "count":
            self.world.there[packet["title"], _sku(step)] += int(step["qty"]["target"])
        return []

    def _count(self, packet: dict[str, Any], step: dict[str, Any]) -> list[Say]:
        """Say what lies there; now and then one too many or too few."""
        if step["id"] != "items":
            return []
        deeds: list[Say] = []
        for (place, sku), units in sorted(self.world.there.items()):
            if place != packet["title"] or not units:
                continue
            wrong = self.world.errs("miscount", MISCOUNTS)
            said = max(1, units + (self.world.draw.choice((-1, 1)) if wrong else 0))
            if said != units:
                self.world.said[place, sku].add(said)
            deeds += [("scan", sku), ("qty", said)]
        return [*deeds, ("choice", "done")]


def plainly(step: dict[str, Any]) -> list[Say]:
    """What a step wants, done without a thought."""
    codes = _codes(step)
    if step["op"] in {"choose", "confirm", "print", "photo"}:
        return [("choice", codes[0] if codes else "ok")]
    quantity = step["qty"]
    if quantity and quantity["distinct"]:
        return [("scan", code) for code in codes[: quantity["target"]]]
    deeds: list[Say] = [("scan", codes[0] if codes else f"T-{an_id()}")]
    if quantity and (quantity["target"] > 1 or not codes):
        deeds = [*(deeds if codes else []), ("qty", quantity["target"])]
    return deeds + ([("choice", "done")] if quantity and quantity["open"] else [])


def _seconds(draw: random.Random) -> timedelta:
    return timedelta(seconds=draw.uniform(*STEP_S))


def _codes(step: dict[str, Any]) -> list[str]:
    return [code for expect in step["expect"] for code in expect["codes"]]


def _is_place(step: dict[str, Any]) -> bool:
    return any(each["kind"] == "location" and each["codes"] for each in step["expect"])


def _sku(step: dict[str, Any]) -> str:
    """The SKU that a step is about; its goods have no barcode but their code."""
    known = [each["value"] for each in step["facts"] if each["label"] == "sku"]
    return str((known or _codes(step))[0])


def _before(step: dict[str, Any], zero: dict[str, Any]) -> bool:
    return bool(step["id"] == zero["id"].replace(".zero", ".item"))
