"""Slots: what is ordered is proposed for near places where it may lie, if moving it pays."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.clock import ScaledClock
from optimizer.result import Limits
from tests.wms.house import HUB, House
from wms.errors import NotFound
from wms.planner.commands import plan
from wms.planner.slots import propose, slots_of

LOOKED_FOR = Limits(iterations=500)
PLACES: list[dict[str, Any]] = [
    {"code": "F01-01", "aisle": 1, "bay": 1, "temperature": "FROZEN"},
    {"code": "F01-02", "aisle": 1, "bay": 2},
    {"code": "F01-03", "aisle": 1, "bay": 3, "z_mm": 1800},
    {"code": "F09-20", "aisle": 9, "bay": 20},
    {"code": "F05-10", "aisle": 5, "bay": 10},
]


@pytest.fixture
def faces(house: House) -> House:
    """TEA, the farther one, and RICE, which is heavy, are ordered three times; SALT never."""
    house.sku("RICE", weight_g=12_000)
    house.sku("SALT")
    places = [{"site": HUB, "kind": "PICK_FACE", "zone": "F"} | each for each in PLACES]
    house.ok(house.http.put("/master/v1/locations", json=places))
    for sku, place in {"TEA": "F09-20", "RICE": "F05-10"}.items():
        face = f"/console/v1/pick-faces/{HUB}/{place}/{sku}"
        house.ok(house.http.put(face, json={"low": 1, "high": 4}))
    return house


def test_nothing_may_lie_where_putaway_or_a_back_says_no(faces: House):
    now = faces.clock.now()
    slots = faces.database.run(lambda s: slots_of(s, HUB, since=now, now=now))
    tea, rice = slots.skus.index("TEA"), slots.skus.index("RICE")
    frozen, high = slots.places.index("F01-01"), slots.places.index("F01-03")
    allowed = slots.problem.allowed
    assert not allowed[[tea, rice], frozen].any()
    assert (allowed[tea, high], allowed[rice, high]) == (True, False), "heavy, and too high"


def proposed(house: House, *, days_later: int = 0, move_m: float = 5.0) -> dict[str, Any]:
    now = house.clock.now() + timedelta(days=days_later)
    since = now - timedelta(days=28)
    slots = house.database.run(lambda s: slots_of(s, HUB, since=since, now=now, move_m=move_m))
    return propose(slots, most=4, limits=LOOKED_FOR)


def test_what_is_ordered_goes_near_where_it_may_lie(faces: House):
    said = proposed(faces)
    went = {each["sku"]: each["to"] for move in said["moves"] for each in move["skus"]}
    assert said["after_m"] < said["now_m"] / 3
    assert went.keys() == {"TEA", "RICE"}
    assert "F01-01" not in went.values(), "it is for frozen goods"
    assert "S01-01" not in went.values(), "something lies there"
    assert went["RICE"] != "F01-03", "too heavy to be lifted there"
    assert said["best_m"] <= said["after_m"]
    assert said["orders"] == 3


def test_a_move_that_costs_more_than_it_saves_is_not_proposed(faces: House):
    assert proposed(faces, move_m=1e6)["moves"] == []
    assert proposed(faces, days_later=30)["moves"] == [], "nobody ordered anything"
    now = faces.clock.now()
    with pytest.raises(NotFound):
        faces.database.run(lambda s: slots_of(s, "NOWHERE", since=now, now=now))


def test_the_command_says_what_goes_where(
    faces: House, monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
):
    ScaledClock.start(tmp_path / "clock", at=faces.clock.now(), speed=1.0)
    monkeypatch.setenv("SOKO_CLOCK", str(tmp_path / "clock"))
    monkeypatch.setenv("SOKO_DATABASE_URL", database_url)
    soko = CliRunner()
    said = soko.invoke(plan, ["slots", HUB, "--seconds", "0.1", "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.output)["skus"] == 2
    assert "m now" in soko.invoke(plan, ["slots", HUB, "--seconds", "0.1"]).output
    assert soko.invoke(plan, ["slots", "NOWHERE"]).exit_code == 2
