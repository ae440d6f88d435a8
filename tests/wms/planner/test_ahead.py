"""The days ahead, asked at the desk and answered by the worker: docks, people, goods, levels."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.builders import an_id
from tests.wms.house import GINZA, HUB, UMEDA, House
from tests.wms.planner.desk import Desk
from tests.wms.supply import put_transfer
from wms.people.operators import OperatorRecord, save_operator
from wms.planner.ahead import GONE_AFTER, take

DAY = "2026-11-30"


def asked(desk: Desk, **body: Any) -> dict[str, Any]:
    """A question and its answer."""
    id_ = an_id()
    made = desk.ask("PUT", f"ahead/{id_}", {"site": HUB} | body)
    assert made["state"] == "QUEUED"
    assert desk.house.job("plan-ahead") == 1
    found: dict[str, Any] = desk.ask("GET", f"ahead/{id_}")
    return found


def door(house: House, code: str, opens: str = "08:00", closes: str = "12:00") -> None:
    body = {"opens": opens, "closes": closes}
    house.ok(house.http.put(f"/console/v1/doors/{HUB}/{code}", json=body))


TRUCKS = [
    {"name": name, "arrives": "09:00", "minutes": 90, "due": due}
    for name, due in (("late is well", "12:00"), ("first", "10:30"))
]


def test_trucks_get_doors_and_times_beside_those_that_have_one(desk: Desk):
    door(desk.house, "D1")
    taken = {
        "site": HUB, "door": "D1", "starts_at": f"{DAY}T08:00:00+09:00",
        "ends_at": f"{DAY}T09:00:00+09:00",
    }  # fmt: skip
    desk.house.ok(desk.house.http.put(f"/inbound/v1/appointments/{an_id()}", json=taken))
    found = asked(desk, docks={"day": DAY, "trucks": TRUCKS})

    assert (found["state"], found["failed"]) == ("DONE", "")
    slots = {slot["name"]: slot for slot in found["answer"]["slots"]}
    assert found["answer"]["kept"] == 1
    quick = {"name": "quick", "arrives": "08:00", "minutes": 30, "due": "08:30"}
    (alone,) = asked(desk, docks={"day": DAY, "trucks": [quick]})["answer"]["slots"]
    assert alone["starts_at"] == f"{DAY}T09:00:00+09:00", "who has a time keeps it"
    assert slots["first"]["starts_at"] == f"{DAY}T09:00:00+09:00"
    assert slots["late is well"]["starts_at"] == f"{DAY}T10:30:00+09:00"
    assert (slots["first"]["late_min"], slots["late is well"]["waits_min"]) == (0, 90)

    desk.ask("POST", f"ahead/{found['id']}:take-over", {})
    desk.ask("POST", f"ahead/{found['id']}:take-over", {})
    again = asked(desk, docks={"day": DAY, "trucks": TRUCKS[:1]})
    assert again["answer"]["kept"] == 3
    assert again["answer"]["slots"][0]["door"] is None, "the day is full"


def test_doors_that_are_gone_since_are_not_booked(desk: Desk):
    door(desk.house, "D1")
    one = asked(desk, docks={"day": DAY, "trucks": TRUCKS})
    other = asked(desk, docks={"day": DAY, "trucks": TRUCKS[:1]})
    desk.ask("POST", f"ahead/{other['id']}:take-over", {})
    answer = desk.answer("POST", f"ahead/{one['id']}:take-over", {})

    assert (answer.status_code, answer.json()["code"]) == (409, "door_taken")
    kept = asked(desk, docks={"day": DAY, "trucks": TRUCKS[:1]})["answer"]["kept"]
    assert kept == 1, "all of them, or none"


def test_people_are_asked_for_what_is_to_come(desk: Desk):
    def staff(session: Any) -> None:
        for number, kinds in enumerate((("pick",), ("pick", "pack"), ("pack",), ("count",))):
            record = OperatorRecord(
                code=f"w{number}", name="x", badge=f"badge-{number}", pin="4711", kinds=kinds
            )
            save_operator(session, an_id(), record, now=desk.house.clock.now())

    desk.house.database.run(staff)
    first = date.fromisoformat(DAY)
    body = {
        "from": DAY, "days": 2, "units_a_day": 480,
        "shifts": [{"name": "day", "starts": "09:00", "ends": "17:00"}],
        "away": [{"who": "w0", "day": DAY}],
    }  # fmt: skip
    answer = asked(desk, roster=body)["answer"]
    rows = {(row["day"], row["work"]): row for row in answer["rows"]}
    second = (first + timedelta(days=1)).isoformat()

    assert rows[DAY, "pick"] == {
        "day": DAY, "shift": "day", "work": "pick", "wanted": 1, "who": ["w1"],
    }  # fmt: skip
    assert rows[DAY, "pack"]["who"] == ["w2"]
    assert rows[second, "pick"]["who"] in (["w0"], ["w1"])
    assert answer["short"] == 0
    failed = asked(desk, roster=body | {"units_a_day": None})
    assert failed["answer"]["rows"] == [], "nothing was sold yet"


@pytest.fixture
def to_go(desk: Desk) -> Desk:
    """A house that has goods for two stores."""
    for store in (GINZA, UMEDA):
        put_transfer(desk.house, HUB, store, ("TEA", 4))
    desk.house.tick()
    return desk


def test_what_is_to_go_is_stacked_and_driven(to_go: Desk):
    pallets = asked(to_go, pallets={"to": GINZA, "max_kg": 1})["answer"]
    routes = asked(to_go, routes={"capacity_kg": 100, "hours": 24})["answer"]

    assert [pallet["units"] for pallet in pallets["pallets"]] == [{"TEA": 2}, {"TEA": 2}]
    assert pallets["left_out"] == {}
    assert [route["stops"] for route in routes["routes"]] == [[GINZA]]
    assert routes["routes"][0]["kg"] == 2.0
    assert routes["left_out"] == [UMEDA], "from Tokyo to Osaka and back is more than a day"
    nothing = asked(to_go, pallets={"to": HUB})
    assert nothing["state"] == "FAILED"
    assert "nothing is to go" in nothing["failed"]


def test_a_question_asks_one_thing_and_is_answered_once(desk: Desk):
    id_ = an_id()
    body = {"site": HUB, "levels": {}}
    desk.ask("PUT", f"ahead/{id_}", body)
    desk.ask("PUT", f"ahead/{id_}", body)
    assert desk.house.job("plan-ahead") == 1
    assert desk.house.job("plan-ahead") == 0
    assert desk.answer("PUT", f"ahead/{id_}", {"site": HUB, "routes": {}}).status_code == 422
    both = {"site": HUB, "levels": {}, "routes": {}}
    assert desk.answer("PUT", f"ahead/{an_id()}", both).status_code == 422
    assert [each["id"] for each in desk.ask("GET", "ahead?kind=levels")] == [str(id_)]


def test_a_question_whose_worker_is_gone_is_taken_again(desk: Desk):
    house, id_ = desk.house, an_id()
    desk.ask("PUT", f"ahead/{id_}", {"site": HUB, "levels": {}})
    assert house.database.run(lambda s: take(s, now=house.clock.now())) == id_
    assert house.job("plan-ahead") == 0, "its worker may still be there"
    house.clock.at += GONE_AFTER
    assert house.job("plan-ahead") == 1


def test_levels_that_demand_suggests_stand_beside_those_in_force(desk: Desk):
    body = {"kind": "MINMAX", "low": 2, "high": 5, "source": HUB}
    answer = desk.house.http.put(f"/console/v1/stock-policies/{GINZA}/TEA", json=body)
    desk.house.ok(answer)
    row = asked(desk, site=GINZA, levels={})["answer"]["rows"][0]

    assert (row["sku"], row["low"], row["high"]) == ("TEA", 2, 5)
    assert "suggested_low" not in row, "nobody bought any there"
