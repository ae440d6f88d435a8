"""Alarms at the control room: known, shelved, come back; whose orders; how the shift went."""

from datetime import timedelta
from typing import Any, Literal

from tests.builders import an_id
from tests.wms.house import House
from wcs.messages import Alarm, TransportOrder, TransportReport


def hear(
    house: House, id_: str, *, active: bool = True, after_s: float = 0,
    priority: Literal[1, 2, 3] = 2,
) -> None:  # fmt: skip
    """The site's WCS tells of an alarm."""
    code, _, source = id_.partition("/")
    at = house.clock.now() + timedelta(seconds=after_s)
    house.hear(Alarm(at=at, id=id_, source=source, code=code, priority=priority, active=active))


def shown(house: House) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = house.ok(house.http.get("/console/v1/alarms"))["alarms"]
    return listed


def act(house: House, alarm: dict[str, Any], what: str, **body: Any) -> Any:
    path = f"/console/v1/alarms/{alarm['id']}:{what}"
    return house.ok(house.http.post(path, json={"command_id": str(an_id())} | body))


def test_an_alarm_is_known_of_and_stands_until_its_trouble_is_over(house: House):
    hear(house, "robot.fault/R-01")
    (alarm,) = shown(house)
    assert (alarm["state"], alarm["cause"]) == ("UNACK", None)
    (alarm,) = act(house, alarm, "acknowledge")["alarms"]
    assert (alarm["state"], alarm["owner"], alarm["active"]) == ("ACKED", "console", True)
    hear(house, "robot.fault/R-01", active=False, after_s=60)
    assert shown(house) == []


def test_what_came_and_went_unseen_is_shown_until_somebody_has_seen_it(house: House):
    hear(house, "robot.fault/R-01")
    hear(house, "robot.fault/R-01", active=False, after_s=5)
    (alarm,) = shown(house)
    assert (alarm["state"], alarm["active"]) == ("RETURNED", False)
    assert act(house, alarm, "acknowledge")["alarms"] == []
    hear(house, "robot.silent/R-02")
    hear(house, "robot.silent/R-02", active=False)
    house.clock.at += timedelta(hours=2)
    assert shown(house) == [], "of yesterday's troubles nobody is told for ever"


def test_a_shelved_alarm_comes_back_by_itself(house: House):
    hear(house, "robot.fault/R-01")
    hear(house, "robot.fault/R-02")
    alarm = next(one for one in shown(house) if one["source"] == "R-01")
    act(house, alarm, "shelve", minutes=5, reason="being mended")
    by_source = {one["source"]: one for one in shown(house)}
    assert by_source["R-01"]["shelved_why"] == "being mended"
    assert by_source["R-02"]["shelved_until"] is None
    hear(house, "robot.fault/R-01", active=False, after_s=10)
    hear(house, "robot.fault/R-01", after_s=20)  # the same trouble again: still shelved
    assert {one["source"]: one for one in shown(house)}["R-01"]["shelved_until"]
    house.clock.at += timedelta(minutes=6)
    assert all(one["shelved_until"] is None for one in shown(house))
    act(house, alarm, "shelve", minutes=60, reason="again")
    act(house, alarm, "unshelve")
    assert all(one["shelved_until"] is None for one in shown(house))
    refused = {"command_id": str(an_id()), "minutes": 600, "reason": "for good"}
    path = f"/console/v1/alarms/{alarm['id']}:shelve"
    assert house.http.post(path, json=refused).status_code == 422, "an hour at most"


def test_a_hundred_alarms_in_ten_seconds_lie_under_their_cause(house: House):
    hear(house, "device.down/edge", priority=1)
    for n in range(100):
        hear(house, f"robot.silent/R-{n:03}", after_s=n / 10)
    house.clock.at += timedelta(seconds=15)
    listed = house.ok(house.http.get("/console/v1/alarms"))
    assert listed["flood"]
    alone = [one for one in listed["alarms"] if one["cause"] is None]
    assert [(one["code"], one["source"]) for one in alone] == [("device.down", "edge")]
    assert {one["cause"] for one in listed["alarms"]} == {None, alone[0]["id"]}
    assert len(listed["alarms"]) == 101, "nothing is left out"


def test_the_orders_that_a_trouble_holds_up_are_named(house: House):
    house.sku("TEA")
    house.stock("TEA", 5, "A01-01-1", tote="T-1")
    order_id = house.put_order(("TEA", 1))
    house.tick()
    hear(house, "robot.fault/R-01")
    hear(house, "robot.fault/R-02")
    (brings,) = [one for one in house.said() if isinstance(one, TransportOrder)]
    at = house.clock.now()
    house.hear(TransportReport(at=at, id=brings.id, state="ASSIGNED", robot="R-01"))
    held = {
        one["source"]: house.ok(house.http.get(f"/console/v1/alarms/{one['id']}/orders"))
        for one in shown(house)
    }
    assert [one["id"] for one in held["R-01"]] == [str(order_id)]
    assert held["R-02"] == []


def test_how_a_shift_went_is_counted(house: House):
    for n in range(12):
        hear(house, "robot.blocked/R-01", after_s=-3000 + 4 * n)
        hear(house, "robot.blocked/R-01", active=False, after_s=-2998 + 4 * n)
    hear(house, "sorter.jam/sorter1", priority=1, after_s=-100)
    found = house.ok(house.http.get("/console/v1/alarm-figures", params={"hours": 1}))
    assert (found["raised"], found["per_hour"]) == (13, 13.0)
    assert found["by_priority"] == {"1": 1, "2": 12, "3": 0}
    worst = {"source": "R-01", "code": "robot.blocked", "times": 12}
    assert found["bad_actors"][0] == worst
    assert found["chattering"] == ["R-01 robot.blocked"]
    assert found["flood_share"] == round(1 / 6, 4)


def test_floods_and_chattering_count_wherever_the_ten_minutes_or_the_minute_begin(house: House):
    start = -1800.0 - house.clock.now().second  # so that a minute of the clock parts the three
    for n in range(3):
        hear(house, "robot.blocked/R-07", after_s=start + 20 * n - 25)
        hear(house, "robot.blocked/R-07", active=False, after_s=start + 20 * n - 24)
    for n in range(12):
        hear(house, f"robot.fault/R-{n:02}", after_s=-600 + 40 * (n - 6))
    hear(house, "gate.ambiguous/GATE-1", after_s=-25 * 3600)
    found = house.ok(house.http.get("/console/v1/alarm-figures", params={"hours": 1}))
    assert found["chattering"] == ["R-07 robot.blocked"]
    assert found["peak"] == 12
    assert (found["stale"], found["stale_ones"]) == (1, ["GATE-1 gate.ambiguous"])
    assert (found["operators"], found["per_hour_operator"]) == (1, found["per_hour"])
