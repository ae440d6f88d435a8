"""A building behind the screens: goods with names, totes, a wall, a bench with scale and printer.

What the office, the worker's jobs, robots and suppliers do, a test does through `World`; what
people do they do in the browser (tests.web.hands). Both go by one clock.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

from edge.clock import ScaledClock
from tests.web.browser import free_port, soko_serve
from tests.wms.house import HUB
from tests.wms.inbound.dock import Dock
from tests.wms.waves.people import Floor
from wms.database import Database
from wms.sites import check_digits, location_id, site_id

LANGS = ("ja", "en")
Serving: TypeAlias = AbstractContextManager[str]
CLOCK = struct.Struct("<ddd")  # as edge.clock writes it: real start, virtual start, speed
NAMES = {
    "TEA": ("深蒸し茶 100g", "Deep-steamed tea 100 g"),
    "RICE": ("魚沼産コシヒカリ 2kg", "Koshihikari rice 2 kg"),
    "CUP": ("有田焼 湯呑み", "Arita teacup"),
    "TV": ("液晶テレビ 32型", "32-inch television"),
    "MILK": ("北海道牛乳 1L", "Hokkaido milk 1 L"),
}


class World:
    """The floor, and what happens to it from outside."""

    def __init__(self, floor: Floor, clock: Path, serve: Callable[[], Serving]) -> None:
        self.house, self.clock = floor, ScaledClock(clock)
        self._clock, self._serve = clock, serve
        self._server = serve()
        self.soko = self._server.__enter__()
        self.dock = Dock(floor)

    def stop(self) -> None:
        """The server is gone."""
        self._server.__exit__(None, None, None)

    def start(self) -> None:
        """It is there again, at the same address."""
        self._server = self._serve()
        assert self._server.__enter__() == self.soko

    def goods(self, *codes: str, **facts: Any) -> None:
        """Goods as they stand in a shop: with names in both languages."""
        for code in codes:
            ja, en = NAMES[code.partition("-")[0]]
            body = {"code": code, "name_en": en, "name_ja": ja, "weight_g": 100} | facts
            self.house.ok(self.house.http.put("/master/v1/skus", json=[body]))

    def stock(self, code: str, units: int, at: str, **more: Any) -> None:
        """Put some of it somewhere."""
        self.sync()
        self.house.stock(code, units, at, **more)

    def sync(self) -> None:
        """The office's clock shows what the server's does."""
        self.house.clock.at = max(self.house.clock.at, self.clock.now())

    def go(self, *jobs: str) -> None:
        """The worker's round: sourcing, release, and these jobs, until none has anything to do."""
        self.sync()
        while True:
            self.house.tick()
            if not sum(self.house.job(name) for name in jobs):
                return

    def put(self, path: str, **body: Any) -> Any:
        """The office changes something."""
        return self.house.ok(self.house.http.put(path, json=body))

    def check(self, place: str, site: str = HUB) -> str:
        """The digits on a place's label."""
        return check_digits(location_id(site_id(site), place), 0)

    def later(self, **time: float) -> None:
        """Time goes by for everybody but the devices."""
        with self._clock.open("r+b") as file:
            real_s, virtual_s, speed = CLOCK.unpack(file.read())
            file.seek(0)
            file.write(CLOCK.pack(real_s, virtual_s + timedelta(**time).total_seconds(), speed))
        self.sync()


@contextmanager
def world_of(
    database: Database, database_url: str, broker: str, folder: Path, **settings: str
) -> Iterator[World]:
    """A floor and `soko serve` over it, by one clock."""
    floor = Floor(database)
    path = folder / "clock"
    ScaledClock.start(path, at=floor.clock.now() + timedelta(hours=1), speed=1.0)
    port = free_port()
    world = World(
        floor, path, lambda: soko_serve(database_url, broker, path, port=port, **settings)
    )
    try:
        yield world
    finally:
        world.stop()
    floor.close()
