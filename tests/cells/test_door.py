"""One door for all cells: lines find their cell, a group over several is a saga; the one view."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from edge.clock import SystemClock
from tests.builders import NOW, an_id
from tests.cells.network import Network, a_network, an_order, clock, holds, promised
from wms.api.dependencies import Services
from wms.app import create_app
from wms.cells import Cells
from wms.errors import NotFound, WmsError
from wms.ids import CommandId
from wms.outbound.floor import floor_of
from wms.settings import Settings
from wms.sites import site_id
from wms.stock.coalescer import Coalescer
from wms.stock.ledger import Advance
from wms.stock.over_cells import OverCells, open_door, saga_id_of
from wms.stock.promises import Extend, Reserve, Reserved
from wms.stock.read_cells import availability
from wms.stock.saga import Sagas
from wms.stock.verify_cells import verify_cells


@pytest.fixture
def there(real_cells: Cells) -> Network:
    return a_network(real_cells, skus=2, units=5, sites=("TYO1", "CHB1", "OSA1", "CTS1"))


@pytest.fixture
async def door(real_cells: Cells) -> AsyncIterator[OverCells]:
    coalescers = {cell.name: Coalescer(cell.database, SystemClock()) for cell in real_cells.all}
    door = OverCells(real_cells, coalescers, Sagas(real_cells), SystemClock())
    yield door
    await door.drain()


def grouped(network: Network, *wants: tuple[str, int]) -> list[Reserve]:
    return an_order(network, *wants, state="HELD", group_id=an_id())


def granted(answers: object) -> list[bool]:
    assert isinstance(answers, list)
    return [isinstance(answer, Reserved) and answer.granted for answer in answers]


async def test_lines_without_a_group_are_each_for_themselves(
    door: OverCells, there: Network, real_cells: Cells
):
    lines = an_order(there, ("TYO1", 5), ("OSA1", 6), ("CTS1", 5), ("TYO1", 1), state="HELD")

    assert granted(await door.reserve(lines)) == [True, False, True, False]
    assert promised(real_cells) == {"reserved": 10}


async def test_a_group_is_granted_or_not_wherever_its_lines_lie(
    door: OverCells, there: Network, real_cells: Cells
):
    one_cell = grouped(there, ("TYO1", 1), ("CHB1", 1))
    over_cells = grouped(there, ("TYO1", 1), ("CHB1", 1), ("OSA1", 1))
    too_many = grouped(there, ("TYO1", 1), ("OSA1", 9))

    answers = await door.reserve([*one_cell, *too_many, *over_cells])

    assert granted(answers) == [True, True, False, False, True, True, True]
    assert holds(real_cells, [*one_cell, *over_cells]) == ["HELD"] * 5
    assert promised(real_cells) == {"reserved": 5}
    report = verify_cells(real_cells, now=clock())
    assert (report.clean, report.sagas) == (True, 2), "one cell needs no saga"
    again = await door.reserve([*one_cell, *too_many, *over_cells])
    assert again == answers
    assert saga_id_of(over_cells) == saga_id_of(over_cells[::-1])


async def test_holds_are_confirmed_in_their_cells(
    door: OverCells, there: Network, real_cells: Cells
):
    lines = grouped(there, ("TYO1", 5), ("OSA1", 5))
    await door.reserve(lines)

    await door.advance(
        [
            Advance(
                command_id=CommandId(an_id()), site_id=line.site_id, hold_id=line.hold_id,
                to="ALLOCATED", actor="test", occurred_at=NOW,
            )
            for line in lines
        ]
    )  # fmt: skip

    assert promised(real_cells) == {"allocated": 10}


async def test_a_site_that_no_cell_has_is_said_of_its_group(door: OverCells, there: Network):
    lines = grouped(there, ("TYO1", 1), ("OSA1", 1))
    nowhere = an_order(there, ("CTS1", 1), group_id=lines[0].group_id, state="HELD")
    object.__setattr__(nowhere[0], "site_id", site_id("NOWHERE"))

    answers = await door.reserve([*lines, *nowhere])

    assert all(isinstance(answer, NotFound) for answer in answers)


def an_extend(line: Reserve, to: datetime) -> Extend:
    return Extend(
        command_id=CommandId(an_id()), site_id=line.site_id, hold_id=line.hold_id, expires_at=to
    )


@pytest.mark.usefixtures("file")
async def test_the_door_opens_to_the_cells_of_the_settings(there: Network, real_cells: Cells):
    lines = grouped(there, ("TYO1", 5), ("OSA1", 5))
    later = clock() + timedelta(hours=1)

    async with open_door(Settings(), SystemClock()) as door:
        assert granted(await door.reserve(lines)) == [True, True]
        answers = await door.extend([an_extend(line, later) for line in lines])
        assert not [answer for answer in answers if isinstance(answer, WmsError)]

    ends = text("SELECT count(*) FROM hold WHERE expires_at BETWEEN :later AND :late")
    times = {"later": later, "late": later + timedelta(minutes=1)}
    found = real_cells.each(lambda s: s.scalar(ends, times))
    assert found == {"east": 1, "north": 0, "west": 1}


@pytest.mark.usefixtures("file")
def test_over_http_holds_are_taken_all_or_none_over_cells(there: Network, real_cells: Cells):
    settings = Settings()
    services = Services(
        settings=settings,
        database=real_cells.of(there.sites["TYO1"]).database,
        clock=SystemClock(),
        floor=floor_of(None),
    )

    def body(*wants: tuple[str, int]) -> dict[str, Any]:
        lines = [
            {"hold_id": str(an_id()), "site": site, "sku": "SKU-0", "units": units}
            for site, units in wants
        ]
        return {"kind": "CART", "demand_id": str(an_id()), "ttl_s": 900, "lines": lines}

    with TestClient(create_app(settings, services)) as http:
        wanted, too_many = body(("TYO1", 5), ("OSA1", 5)), body(("CTS1", 1), ("OSA1", 1))
        first = http.post("/v1/holds", json=wanted).json()
        assert first["granted"] is True
        assert http.post("/v1/holds", json=too_many).json()["granted"] is False
        assert http.post("/v1/holds", json=wanted).json() == first

        in_the_west = wanted["lines"][1]["hold_id"]
        step = {"command_id": str(an_id()), "site": "OSA1"}
        done = http.post(f"/v1/holds/{in_the_west}:confirm", json=step)
        assert done.json()["state"] == "ALLOCATED"
        seen = http.get(f"/v1/holds/{in_the_west}", params={"site": "OSA1"}).json()
        assert (seen["state"], seen["site"]) == ("ALLOCATED", "OSA1")
    assert promised(real_cells) == {"reserved": 5, "allocated": 5}


def test_one_view_adds_the_cells_up_and_says_of_when_each_is(real_cells: Cells, there: Network):
    order = an_order(there, ("TYO1", 1), ("OSA1", 2))
    Sagas(real_cells).place(an_id(), order, now=clock())

    seen = availability(real_cells, ["SKU-1", "SKU-0", "NONE"], now=clock())

    assert not seen.away
    whole, part = seen.stock.skus
    assert (whole.sku, whole.total.units["free"], part.total.units["free"]) == ("SKU-1", 20, 17)
    assert part.total.units["allocated"] == 3
    assert {code: at.units["free"] for code, at in part.sites.items()} == {
        "CHB1": 5, "CTS1": 5, "OSA1": 3, "TYO1": 4,
    }  # fmt: skip
    assert seen.stock.as_of == min(at.as_of for at in part.sites.values())
    assert part.sites["TYO1"].as_of == part.sites["CHB1"].as_of != part.sites["OSA1"].as_of
