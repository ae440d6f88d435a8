"""Who charges when there is not room for all, and who makes way."""

from tests.wcs.test_assign import House
from wcs.idle import CHARGING_MAX, charge_and_park

ROBOTS = {f"R{n}": str(n) for n in range(1, 11)}
KINDS = {"15": "charge", "16": "charge"} | {str(n): "park" for n in range(20, 35)}


def house(**batteries: float) -> House:
    found = House(ROBOTS, kinds=KINDS)
    for name, point in ROBOTS.items():
        found.put(name, point, battery=batteries.get(name, 1.0))
    return found


def sent(house: House) -> dict[str, str]:
    """Where robots are sent to charge, by name."""
    charge_and_park(house.state, house.routes, list(house.state.robots.values()))
    return {
        name: robot.goal
        for name, robot in house.state.robots.items()
        if robot.kind == "charge" and robot.goal is not None
    }


def test_the_lowest_battery_chooses_first():
    assert set(sent(house(R1=0.7, R2=0.3, R9=0.5))) == {"R2", "R9"}, "there are two chargers"


def test_while_orders_wait_only_some_charge_that_need_not():
    busy = house(R1=0.7, R2=0.6, R3=0.1)
    busy.order("36", "38")
    for name in ("R4", "R5"):
        busy.state.robots[name].kind = "charge"
        busy.state.robots[name].goal = "20"
    assert CHARGING_MAX * len(ROBOTS) == 3
    found = sent(busy)
    assert set(found) - {"R4", "R5"} == {"R3", "R2"}, "who must, and one more"
    busy = house(R1=0.7, R3=0.1)
    busy.order("36", "38")
    for name in ("R4", "R5", "R6"):
        busy.state.robots[name].kind = "charge"
        busy.state.robots[name].goal = "20"
    assert set(sent(busy)) - {"R4", "R5", "R6"} == {"R3"}


def test_the_fullest_makes_way_for_who_found_no_charger():
    full = house(R3=0.1)
    full.put("R1", "15", battery=0.9)
    full.put("R2", "16", battery=1.0)
    assert not sent(full)
    goal = full.state.robots["R2"].goal
    assert goal is not None
    assert KINDS[goal] == "park"
    assert full.state.robots["R1"].goal is None


def test_who_stands_on_a_charger_and_is_not_full_charges_there():
    low = house()
    low.put("R1", "15", battery=0.4)
    assert sent(low) == {"R1": "15"}
