"""Answers taken over: once, in the rows that were picked, and never over what others did since."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.clock import Clock
from optimizer.result import Limits
from tests.builders import an_id
from tests.wms.house import HUB, SPOKE, House
from tests.wms.planner.desk import Desk
from tests.wms.planner.test_slots import PLACES
from wms.catalog import Sku, sku_id
from wms.planner.hand import TRAIL_MAX, Hand
from wms.planner.model import PlanQuestion
from wms.replenishment.model import PickFace
from wms.sites import Location, location_id, site_id
from wms.stock.availability import pickable


def answered(desk: Desk, **body: Any) -> str:
    """A question that has its answer."""
    id_ = str(an_id())
    desk.ask("PUT", f"ahead/{id_}", {"site": HUB} | body)
    assert desk.house.job("plan-ahead") == 1
    found = desk.ask("GET", f"ahead/{id_}")
    assert found["state"] == "DONE", found["failed"]
    return id_


def take(desk: Desk, id_: str, **body: Any) -> dict[str, Any]:
    """It is taken over; what came of it."""
    took: dict[str, Any] = desk.ask("POST", f"ahead/{id_}:take-over", body)["took"]
    return took


def faces(house: House) -> set[tuple[str, str]]:
    """Which goods are picked where."""
    query = (
        select(Sku.code, Location.code)
        .join(PickFace, PickFace.sku_id == Sku.id)
        .join(
            Location, (Location.site_id == PickFace.site_id) & (Location.id == PickFace.location_id)
        )
        .where(PickFace.active)
    )
    return house.database.run(lambda s: {(sku, place) for sku, place in s.execute(query)})


@pytest.fixture
def far(desk: Desk) -> Desk:
    """TEA, often ordered, is picked at the far end, where four of it lie."""
    house = desk.house
    places = [{"site": HUB, "kind": "PICK_FACE", "zone": "F"} | each for each in PLACES]
    house.ok(house.http.put("/master/v1/locations", json=places))
    face = f"/console/v1/pick-faces/{HUB}/F09-20/TEA"
    house.ok(house.http.put(face, json={"low": 1, "high": 4}))
    house.stock("TEA", 4, "F09-20")
    return desk


def test_faces_change_places_and_people_bring_what_lies_there(far: Desk):
    house = far.house
    id_ = answered(far, slots={})
    (move,) = far.ask("GET", f"ahead/{id_}")["answer"]["moves"]
    to = move["skus"][0]["to"]
    assert (move["skus"][0]["from"], faces(house)) == ("F09-20", {("TEA", "F09-20")})

    took = take(far, id_)
    assert (took["done"], took["gone"], took["tasks"]) == (1, 0, 1)
    assert faces(house) == {("TEA", to)}
    assert take(far, id_) == took, "asked again, nothing more happens"
    assert len(house.work_off(HUB, "replenish")) == 1
    at = location_id(site_id(HUB), to)
    found = house.database.run(
        lambda s: pickable(s, site_id(HUB), [sku_id("TEA")], now=house.clock.now())
    )
    assert sum(each.units for each in found if each.location_id == at) == 4


def test_a_face_that_was_moved_since_stays_where_people_put_it(far: Desk):
    house = far.house
    id_ = answered(far, slots={})
    old = f"/console/v1/pick-faces/{HUB}/F09-20/TEA"
    house.ok(house.http.put(old, json={"low": 1, "high": 4, "active": False}))
    new = f"/console/v1/pick-faces/{HUB}/F05-10/TEA"
    house.ok(house.http.put(new, json={"low": 1, "high": 4}))
    assert take(far, id_) == {"done": 0, "gone": 1, "tasks": 0}
    assert faces(house) == {("TEA", "F05-10")}


def test_levels_are_taken_over_but_for_those_somebody_changed(desk: Desk):
    house = desk.house

    def policy(sku: str, low: int, high: int) -> None:
        body = {"kind": "MINMAX", "low": low, "high": high, "source": SPOKE}
        house.ok(house.http.put(f"/console/v1/stock-policies/{HUB}/{sku}", json=body))

    policy("TEA", 300, 500)
    policy("RICE", 300, 500)
    id_ = answered(desk, levels={})

    def suggest(session: Session) -> None:
        row = session.get_one(PlanQuestion, UUID(id_))
        assert row.answer is not None
        more = {"suggested_low": 3, "suggested_high": 9}
        row.answer = {"rows": [each | more for each in row.answer["rows"]]}

    house.database.run(suggest)  # as after weeks of sales
    policy("RICE", 200, 400)
    assert take(desk, id_) == {"done": 1, "gone": 1}
    now = {each["sku"]: (each["low"], each["high"])
           for each in house.ok(house.http.get("/console/v1/stock-policies"))}  # fmt: skip
    assert now == {"TEA": (3, 9), "RICE": (200, 400)}


def test_only_the_rows_that_were_picked_and_only_what_has_an_answer(far: Desk):
    id_ = answered(far, slots={})
    none = far.answer("POST", f"ahead/{id_}:take-over", {"rows": [5]})
    assert (none.status_code, none.json()["code"]) == (409, "nothing_to_take")
    assert take(far, id_, rows=[0])["done"] == 1
    other = str(an_id())
    far.ask("PUT", f"ahead/{other}", {"site": HUB, "slots": {}})
    early = far.answer("POST", f"ahead/{other}:take-over", {})
    assert (early.status_code, early.json()["code"]) == (409, "nothing_to_take")


def test_a_dense_wave_is_chosen_by_the_worker_and_released_from_the_desk(desk: Desk):
    house = desk.house
    house.ok(house.http.put(f"/console/v1/channels/{HUB}/all", json={"wip_lines_max": 0}))
    house.put_order(("TEA", 1))
    house.tick()
    id_ = answered(desk, wave={"name": "noon", "hurry_min": 0})
    found = desk.ask("GET", f"ahead/{id_}")
    assert found["answer"]["orders"] == 1
    assert found["progress"], "whoever waits sees how far it is"
    took = take(desk, id_)
    assert took["done"] == 1
    wave = house.ok(house.http.get(f"/console/v1/waves/{id_}"))
    assert (wave["state"], wave["lines"]) == ("RELEASED", 1)


def test_a_search_is_stopped_and_keeps_its_best(desk: Desk):
    house = desk.house
    id_ = an_id()
    desk.ask("PUT", f"ahead/{id_}", {"site": HUB, "levels": {}})
    clock: Clock = house.clock
    desk.ask("POST", f"ahead/{id_}:stop", {})
    hand = Hand(house.database, clock, id_)
    assert hand.limits(Limits(iterations=3)).stop()
    for at in range(2 * TRAIL_MAX):
        hand.told(float(-at), None)
    assert len(hand._trail) <= TRAIL_MAX
    assert hand._trail[-1][1] == 1.0 - 2 * TRAIL_MAX
