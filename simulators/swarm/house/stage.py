"""The database of a day, and what stands and lies on the site when it begins.

    with a_server(folder) as server: ...           a PostgreSQL of our own, with a migrated template
    with a_day(server, "swarm_1") as url: ...      a copy of that, dropped when the day is over

Each day has a database of its own: what an earlier day wrote can have no part in it, not even
where rows lie or where a sequence stands.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from simulators.swarm.plan import SKUS, TOTES, UNITS
from simulators.swarm.site import SHELVES
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres

HUB = "T1"
TEMPLATE = "soko_swarm_template"
WALKED = ("S01-01", "S01-02", "S02-01")  # shelves that people walk to
PLACES = (*(f"{node}-1" for node in SHELVES), *WALKED)
PATIENCE = {"autovacuum": "off"}  # nothing is done at a time that nobody knows
TOTE_OF = {f"T-{n}": f"{node}-1" for n, node in enumerate(SHELVES[:TOTES])}


@dataclass(frozen=True, slots=True)
class Server:
    """Where databases can be made: the URL of a superuser, and what each is a copy of."""

    url: str
    template: str

    def database(self, name: str) -> str:
        """The address of a database on it."""
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        """Say something to the server."""
        address = make_url(self.url).set(drivername="postgresql")
        with psycopg.connect(
            address.render_as_string(hide_password=False), autocommit=True
        ) as connection:
            connection.execute(statement.encode())


@contextmanager
def a_server(folder: Path) -> Iterator[Server]:
    """A server that ends with us. What it holds is of no worth: it need not outlive a power cut."""
    with EmbeddedPostgres(folder, fast=True, settings=PATIENCE) as postgres:
        server = Server(postgres.url, TEMPLATE)
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade(server.database(TEMPLATE))
        yield server


@contextmanager
def a_day(server: Server, name: str) -> Iterator[str]:
    """The address of a fresh database."""
    server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    server.execute(f"CREATE DATABASE {name} TEMPLATE {server.template}")
    yield server.database(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def masters() -> list[tuple[str, str, Any]]:
    """What is said before the day begins: requests, in order."""
    site = {"code": HUB, "kind": "DC", "name_en": "The hub", "latitude": 35.6, "longitude": 139.8}
    places = [
        {"site": HUB, "code": home, "kind": "RESERVE", "zone": "ROBOT", "aisle": n, "bay": 1}
        for n, home in enumerate(TOTE_OF.values(), start=1)
    ]
    places += [
        {"site": HUB, "code": code, "kind": "PICK_FACE", "zone": "SHELF",
         "aisle": int(code[1:3]), "bay": int(code[4:])}
        for code in WALKED
    ]  # fmt: skip
    skus = [{"code": code, "name_en": code, "weight_g": 100} for code in SKUS]
    lines = [
        {"site": HUB, "location": place, "sku": sku, "units": units,
         "tote": next((tote for tote, home in TOTE_OF.items() if home == place), None)}
        for place, goods in in_the_morning().items() for sku, units in goods.items()
    ]  # fmt: skip
    receipt = {"id": "01a21c3b-0000-7000-8000-000000000001", "lines": lines}
    return [
        ("PUT", "/master/v1/sites", [site]), ("PUT", "/master/v1/locations", places),
        ("PUT", "/master/v1/skus", skus), ("POST", "/master/v1/receipts", receipt),
    ]  # fmt: skip


def in_the_morning() -> Mapping[str, Counter[str]]:
    """What lies where: totes hold one SKU each, and one shelf some of the second."""
    goods = {home: Counter({SKUS[n % 2]: UNITS}) for n, home in enumerate(TOTE_OF.values())}
    return goods | {WALKED[0]: Counter({SKUS[1]: UNITS})}
