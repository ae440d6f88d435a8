"""The planner's desk through its doors: frozen, changed, played, compared, made so, taken back."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from tests.builders import an_id
from tests.wms.house import HUB, SPOKE, House
from tests.wms.planner.desk import BOSS, PLANNER, Desk
from wms.planner.model import PlanPlayed, PlanRun
from wms.planner.runs import GONE_AFTER, begin
from wms.planner.watch import Watch
from wms.planner.work import How

DEAR_SPLITS = {"patch": "split_policy", "split_minor": 900}
NO_HUB = {"patch": "close_node", "node": HUB, "stock_to": SPOKE}


def test_the_same_network_is_the_same_snapshot(house: House, desk: Desk):
    first = desk.snapshot()

    assert desk.snapshot() == first
    network = desk.ask("GET", f"snapshots/{first}")
    assert {node["code"] for node in network["nodes"]} >= {HUB, SPOKE}
    assert network["facts"]["orders"] == 3
    assert network["units"][SPOKE] == 40
    house.stock("TEA", 5, "S01-01", site=SPOKE)
    assert desk.snapshot() != first
    assert desk.ask("GET", f"snapshots/{first}") == network, "it is never changed"


def test_a_difference_that_cannot_apply_is_refused_with_its_number(desk: Desk):
    snapshot = desk.snapshot()
    body = {
        "snapshot": snapshot, "name": "bad",
        "patches": [DEAR_SPLITS, {"patch": "close_node", "node": "NOWHERE"}],
    }  # fmt: skip
    answer = desk.answer("PUT", f"scenarios/{an_id()}", body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "patch_refused"
    assert [fault["number"] for fault in answer.json()["faults"]] == [1]
    checked = desk.ask("POST", "scenarios:check", {k: body[k] for k in ("snapshot", "patches")})
    assert [fault["number"] for fault in checked["faults"]] == [1]


def test_who_changes_what_somebody_else_has_changed_is_told(desk: Desk):
    made = desk.scenario(desk.snapshot(), "dear splits", DEAR_SPLITS)
    edit = {"version": made["version"], "name": "dearer", "patches": [], "tags": ["peak"]}
    changed = desk.ask("POST", f"scenarios/{made['id']}:change", edit)

    assert (changed["version"], changed["tags"]) == (2, ["peak"])
    answer = desk.answer("POST", f"scenarios/{made['id']}:change", edit)
    assert (answer.status_code, answer.json()["code"]) == (409, "scenario_changed")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_differences_go_out_as_a_file_and_come_in_again(desk: Desk, form: str):
    snapshot = desk.snapshot()
    new = {
        "patch": "add_node", "stock_share": 0.25,
        "node": {"code": "=NGY1", "kind": "DC", "latitude": 35.1, "longitude": 136.9},
    }  # fmt: skip
    made = desk.scenario(snapshot, "more", new, DEAR_SPLITS)
    http = desk.house.http
    file = http.get(f"/planner/v1/scenarios/{made['id']}/differences.{form}")
    read = http.post(
        f"/planner/v1/differences?snapshot={snapshot}", content=file.content,
        headers={"content-type": "application/octet-stream"},
    )  # fmt: skip

    assert desk.house.ok(read)["patches"] == made["patches"]
    assert desk.house.ok(read)["faults"] == []


def test_a_run_is_played_once_and_comes_to_the_same_again_in_two_processes(desk: Desk):
    scenario = desk.scenario(desk.snapshot(), "as it is")
    run = desk.run(scenario, 1, 2)
    again = desk.run(scenario, 1, 2, how=How(processes=2))

    assert [each["state"] for each in (run, again)] == ["DONE", "DONE"], again["failed"]
    assert run["result"]["days"] == 2
    assert run["result"] == again["result"]
    best, bound = run["progress"][-1][1:]
    assert bound <= best
    (card,) = desk.ask("GET", f"scenarios?snapshot={scenario['snapshot_id']}")
    assert card["baseline"], "the first of a snapshot"
    assert card["run"]["id"] == again["id"]
    assert card["run"]["kpis"]["cost_minor"] == run["result"]["kpis"]["cost_minor"]["mean"]


def test_what_is_stopped_keeps_its_best_and_what_waits_does_not_begin(desk: Desk):
    scenario = desk.scenario(desk.snapshot(), "as it is")
    id_ = an_id()
    desk.ask("PUT", f"runs/{id_}", {"scenario": scenario["id"], "seeds": [1], "iterations": 9})
    stopped = desk.ask("POST", f"runs/{id_}:stop")

    assert stopped["state"] == "STOPPED"
    assert desk.house.job("plan") == 0
    assert desk.answer("POST", f"runs/{id_}:stop").json()["code"] == "run_ended"


def test_a_run_that_is_stopped_while_it_runs_keeps_its_best(desk: Desk):
    scenario = desk.scenario(desk.snapshot(), "as it is")
    id_, database, clock = an_id(), desk.house.database, desk.house.clock
    ask = {"scenario": scenario["id"], "seeds": list(range(1, 101)), "iterations": 200_000}
    desk.ask("PUT", f"runs/{id_}", ask)
    database.run(lambda s: begin(s, id_, now=clock.now()))
    assert desk.ask("POST", f"runs/{id_}:stop")["state"] == "RUNNING"
    Watch(database, clock, id_).until_done()
    run = desk.get_run(id_)

    assert (run["state"], run["failed"]) == ("STOPPED", "")
    assert run["progress"][-1][1] > 0
    assert run["result"]["days"] == 1, "the day at hand"


def compared(desk: Desk) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    snapshot = desk.snapshot()
    base = desk.run(desk.scenario(snapshot, "as it is"), 1, 2)
    closed = desk.run(desk.scenario(snapshot, "no Tokyo", NO_HUB), 1, 2)
    found = desk.ask("GET", f"compare?run={base['id']}&run={closed['id']}")
    return found, [base, closed]


def test_runs_side_by_side_say_what_changed_and_why(desk: Desk):
    found, _ = compared(desk)
    cost = next(each for each in found["figures"] if each["name"] == "cost_minor")
    steps = sum(step["delta"] for step in found["steps"][0])

    assert found["names"] == ["as it is", "no Tokyo"]
    assert cost["sides"][0]["delta"] == 0
    assert cost["sides"][1]["delta"] > 0, "from Osaka to Tokyo is farther"
    assert abs(steps - cost["sides"][1]["delta"]) < 2, "the waterfall ends where the costs do"
    changed = found["decisions"][0]
    assert changed["changed"] == changed["orders"] > 0
    assert all("node_gone" in row["why"] for row in changed["rows"])
    hours = {each["node"]: sum(each["parcels"]) for each in found["hours"][1]}
    assert hours[SPOKE] > 0
    assert HUB not in hours


def propose(desk: Desk, runs: list[dict[str, Any]], in_hours: int = 1) -> dict[str, Any]:
    body = {
        "run": runs[1]["id"], "base_run": runs[0]["id"], "reason": "rent",
        "active_from": (desk.house.clock.now() + timedelta(hours=in_hours)).isoformat(),
    }  # fmt: skip
    made: dict[str, Any] = desk.ask("PUT", f"proposals/{an_id()}", body)
    return made


def test_a_plan_is_approved_by_another_active_on_its_day_and_taken_back(desk: Desk):
    _, runs = compared(desk)
    plan = propose(desk, runs)
    path = f"proposals/{plan['id']}"

    own = desk.answer("POST", f"{path}:approve", by=PLANNER)
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
    assert desk.ask("POST", f"{path}:approve", by=BOSS)["state"] == "APPROVED"
    assert [each["patch"] for each in plan["by_hand"]] == ["move_stock"]
    assert desk.house.job("plan-activate") == 0, "not before its day"
    desk.house.clock.at += timedelta(hours=2)
    assert desk.house.job("plan-activate") == 1

    order = desk.house.put_order(("TEA", 1))
    desk.house.tick()
    assert desk.sites_of(order) == {SPOKE}, "the hub sends nothing"
    held = desk.ask("GET", f"{path}/measured")
    assert held["predicted"]["after"]["cost_minor"] > held["predicted"]["before"]["cost_minor"]
    assert held["measured"]["after"]["orders"] == 1
    assert held["measured"]["before"]["orders"] == 3

    assert desk.ask("POST", f"{path}:rollback", by=BOSS)["state"] == "ROLLED_BACK"
    again = desk.house.put_order(("TEA", 1))
    desk.house.tick()
    assert desk.sites_of(again) == {HUB}


def test_what_somebody_changed_since_is_not_overwritten(desk: Desk):
    snapshot = desk.snapshot()
    base = desk.run(desk.scenario(snapshot, "as it is"))
    patches = [DEAR_SPLITS, {"patch": "cut_off", "node": HUB, "minute": 660},
               {"patch": "capacity", "node": HUB, "units_per_day": 70}]  # fmt: skip
    other = desk.run(desk.scenario(snapshot, "otherwise", *patches))
    plan = propose(desk, [base, other], in_hours=0)
    path = f"proposals/{plan['id']}"
    desk.ask("POST", f"{path}:approve", by=BOSS)
    desk.house.job("plan-activate")
    active = next(each for each in desk.ask("GET", "proposals") if each["id"] == plan["id"])
    assert [(each["kind"], each["before"], each["after"]) for each in active["undo"]] == [
        ("split_policy", 150, 900), ("cut_off", 900, 660), ("capacity", 1_000_000, 70),
    ]  # fmt: skip
    policy = desk.house.ok(desk.house.http.get("/console/v1/policies"))
    live = next(each for each in policy if each["state"] == "LIVE")
    assert live["weights"]["split_minor"] == 900

    weights = live["weights"] | {"split_minor": 400}
    body = {"weights": weights, "method": "COST", "state": "LIVE"}
    desk.house.ok(desk.house.http.put(f"/console/v1/policies/{live['name']}", json=body))
    answer = desk.answer("POST", f"{path}:rollback", by=BOSS)
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_overruled")


def test_a_day_is_held_against_the_usual_rules(house: House, desk: Desk):
    for units in (17, 20):  # nothing is left, but it was there
        house.put_order(("RICE", units))
        house.tick()
    report = desk.ask("GET", "report?day=2026-11-27")

    assert report["orders"] == 5
    sides = report["sourcing"]
    done, rules, best = (sides[name] for name in ("done", "rules", "best"))
    assert {side["short_units"] for side in sides.values()} == {0}
    assert best["weighed_minor"] <= min(rules["weighed_minor"], done["weighed_minor"]) + 0.01
    assert report["bound_minor"] <= best["weighed_minor"] + 0.01
    assert done["cost_minor"] <= rules["cost_minor"], "by the card that it was decided by"
    spoke, hub = report["picking"]
    assert (spoke["site"], spoke["orders"]) == (SPOKE, 1)
    assert (hub["site"], hub["orders"], hub["lines"]) == (HUB, 4, 7)
    assert 0 < hub["done"]["metres"] <= hub["rules"]["metres"]
    assert desk.answer("GET", "report?day=2026-01-01").json()["code"] == "nothing_to_plan"


def test_who_goes_on_with_a_run_does_not_play_its_days_again(desk: Desk):
    scenario = desk.scenario(desk.snapshot(), "as it is")
    run = desk.run(scenario, 1, 2)
    mark = {"kpis": {"orders": 77.0}, "terms": {}, "loads": {}, "flows": [], "decisions": []}

    def half_way(session: Session) -> None:
        session.execute(update(PlanRun).values(state="RUNNING", result=None))
        session.execute(delete(PlanPlayed).where(PlanPlayed.seed == 2))
        session.execute(update(PlanPlayed).values(played=mark))

    desk.house.database.run(half_way)
    assert desk.house.job("plan") == 0, "its process may still be there"
    desk.house.clock.at += GONE_AFTER
    assert desk.house.job("plan") == 1
    again = desk.get_run(run["id"])
    assert again["result"]["kpis"]["orders"]["each"] == [77.0, 3]
