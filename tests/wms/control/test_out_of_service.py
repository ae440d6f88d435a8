"""Latched until reset, out of service until a day that is named, hidden while the cause stands."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from tests.builders import an_id
from tests.wms.control.test_alarms import act, hear, shown
from tests.wms.house import House
from wms.control.model import AlarmOutOfService
from wms.outbound.model import ExceptionAct


def refused(house: House, alarm: dict[str, Any], what: str, **body: Any) -> tuple[int, str]:
    path = f"/console/v1/alarms/{alarm['id']}:{what}"
    answer = house.http.post(path, json={"command_id": str(an_id())} | body)
    return answer.status_code, answer.json()["code"]


def acts(house: House) -> Sequence[tuple[str, str, str]]:
    query = select(ExceptionAct.act, ExceptionAct.by, ExceptionAct.note).order_by(ExceptionAct.at)
    return [(name, by, note) for name, by, note in house.database.run(lambda s: s.execute(query))]


def the_list(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.ok(house.http.get("/console/v1/alarms"))
    return found


# -------------------------------------------------------------------------------- latched
def test_a_latched_alarm_stays_until_a_person_resets_it(house: House):
    hear(house, "portal.lost/lift")
    (alarm,) = shown(house)
    assert refused(house, alarm, "reset") == (409, "alarm_stands")
    act(house, alarm, "acknowledge")
    hear(house, "portal.lost/lift", active=False, after_s=5)
    house.clock.at += timedelta(days=3)
    (alarm,) = shown(house)
    assert (alarm["state"], alarm["active"], alarm["owner"]) == ("LATCHED", False, "console")
    command = str(an_id())
    for _ in range(2):  # sent again, it is done once
        assert act(house, alarm, "reset", command_id=command)["alarms"] == []
    assert [one[:2] for one in acts(house)] == [("acknowledge", "console"), ("reset", "console")]
    assert refused(house, alarm, "reset") == (409, "exception_solved")


def test_knowing_of_a_latched_alarm_does_not_reset_it(house: House):
    hear(house, "portal.lost/lift")
    hear(house, "portal.lost/lift", active=False, after_s=5)
    (alarm,) = shown(house)
    assert (alarm["state"], alarm["owner"]) == ("LATCHED", "")
    (alarm,) = act(house, alarm, "acknowledge")["alarms"]
    assert (alarm["state"], alarm["owner"]) == ("LATCHED", "console")
    hear(house, "portal.lost/lift", after_s=9)
    (alarm,) = shown(house)
    assert (alarm["state"], alarm["owner"]) == ("UNACK", ""), "it is new again"


def test_what_latches_besides_the_site_says(house: House):
    hear(house, "sorter.jam/sorter1")
    hear(house, "sorter.jam/sorter1", active=False, after_s=5)
    assert [one["state"] for one in shown(house)] == ["RETURNED"]
    house.floor = replace(house.floor, latched=frozenset({"sorter.jam"}))
    hear(house, "sorter.jam/sorter1", after_s=9)
    hear(house, "sorter.jam/sorter1", active=False, after_s=15)
    assert [one["state"] for one in shown(house)] == ["LATCHED"]


def test_what_comes_again_is_new_again_whoever_knew_of_it(house: House):
    hear(house, "robot.fault/R-01")
    (alarm,) = shown(house)
    act(house, alarm, "acknowledge")
    hear(house, "robot.fault/R-01", active=False, after_s=5)
    hear(house, "robot.fault/R-01", after_s=9)
    (alarm,) = shown(house)
    assert (alarm["state"], alarm["owner"]) == ("UNACK", "")


# -------------------------------------------------------------------------- by design
def test_while_its_cause_stands_it_is_hidden_and_counts_for_no_flood(house: House):
    for n in range(12):
        hear(house, f"robot.manual/R-{n:02}", after_s=-3600)
        hear(house, f"robot.silent/R-{n:02}", after_s=n)
    house.clock.at += timedelta(minutes=1)
    found = the_list(house)
    hidden = {one["source"]: one["suppressed_by"] for one in found["alarms"]
              if one["code"] == "robot.silent"}  # fmt: skip
    assert hidden["R-03"] == {"code": "robot.manual", "source": "R-03"}
    assert len(hidden) == 12, "it is on the list all the same"
    assert not found["flood"]
    for n in range(12):
        hear(house, f"robot.manual/R-{n:02}", active=False, after_s=60)
    found = the_list(house)
    silent = [one for one in found["alarms"] if one["code"] == "robot.silent"]
    assert [one["suppressed_by"] for one in silent] == [None] * 12
    assert found["flood"], "now they need somebody"


# ----------------------------------------------------------------------- out of service
def test_out_of_service_it_is_listed_until_its_time_is_over(house: House):
    hear(house, "sorter.no_read_rate/sorter1")
    (alarm,) = shown(house)
    found = act(house, alarm, "take-out-of-service", hours=48, reason="part on Tuesday")
    assert found["alarms"][0]["out_until"]
    hear(house, "sorter.no_read_rate/sorter1", active=False, after_s=60)
    act(house, alarm, "acknowledge")
    found = the_list(house)
    assert found["alarms"] == []
    (out,) = found["out_of_service"]
    assert (out["source"], out["code"], out["by"]) == ("sorter1", "sorter.no_read_rate", "console")
    assert out["reason"] == "part on Tuesday", "listed though no alarm stands"
    hear(house, "sorter.no_read_rate/sorter1", after_s=90)
    assert [one["out_until"] for one in shown(house)] == [out["until"]]
    house.clock.at += timedelta(hours=49)
    assert [one["out_until"] for one in shown(house)] == [None], "heard again, by itself"
    assert the_list(house)["out_of_service"] == []
    house.jobs.forget()
    house.jobs.forget()
    assert acts(house)[0] == ("out_of_service", "console", "part on Tuesday")
    assert [one[:2] for one in acts(house)].count(("back_in_service", "")) == 1


def test_a_whole_machine_is_put_out_and_put_back(house: House):
    hear(house, "portal.silent/lift")
    hear(house, "portal.fault/lift")
    alarm = next(one for one in shown(house) if one["code"] == "portal.fault")
    act(house, alarm, "take-out-of-service", hours=8, whole=True, reason="rebuilt")
    assert all(one["out_until"] for one in shown(house))
    found = act(house, alarm, "put-back-in-service")
    assert [one["out_until"] for one in found["alarms"]] == [None, None]
    assert found["out_of_service"] == []
    assert [one[0] for one in acts(house)] == ["out_of_service", "back_in_service"]


@pytest.mark.parametrize("code", ["safety.stopped", "safety.not_reset"])
def test_emergency_stops_are_always_heard(house: House, code: str):
    hear(house, f"{code}/north")
    hear(house, "device.fault/north")
    stop, fault = sorted(shown(house), key=lambda one: one["code"] == "device.fault")
    body = {"hours": 8, "reason": "it hoots"}
    assert refused(house, stop, "take-out-of-service", **body) == (422, "alarm_must_be_heard")
    act(house, fault, "take-out-of-service", whole=True, **body)
    out = {one["code"]: one["out_until"] for one in shown(house)}
    assert out[code] is None
    assert out["device.fault"], "its machine may be out of service; it is not"


def test_nothing_is_out_of_service_for_ever_or_for_no_reason(house: House):
    hear(house, "portal.fault/lift")
    (alarm,) = shown(house)
    for body in ({"hours": 24 * 32, "reason": "gone"}, {"hours": 24, "reason": ""}):
        assert refused(house, alarm, "take-out-of-service", **body)[0] == 422
    act(house, alarm, "take-out-of-service", hours=24, reason="gone")
    for facts in ({"until": house.clock.now() + timedelta(days=32)}, {"reason": ""}):
        statement = update(AlarmOutOfService).values(**facts)
        with pytest.raises(IntegrityError):
            house.database.run(lambda s, statement=statement: s.execute(statement))  # type: ignore[misc]
