"""Supervisors: what is in work, what went wrong and what is done about it, what was achieved."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.builders import NOW, an_id
from tests.wms.house import HUB, House
from wms.api import handheld
from wms.api.dependencies import Services
from wms.api.handheld import get_stream
from wms.outbound.tell import report
from wms.settings import Settings
from wms.sites import location_id, site_id
from wms.work.actor import Actor
from wms.work.model import Evidence
from wms.work.wanted import CountWanted

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


@pytest.fixture
def working(house: House) -> House:
    """A hub with a walk to do, and a tote on its way to a station."""
    for code, at, tote in (("A", "S01-01", None), ("TEA", "A01-01-1", "T-1")):
        house.sku(code)
        house.stock(code, 9, at, tote=tote)
    house.put_order(("A", 2))
    house.put_order(("TEA", 1))
    house.tick()
    return house


def post(house: House, path: str, **body: Any) -> Any:
    return house.http.post(f"/console/v1/{path}", json={"command_id": str(an_id())} | body)


def shown(house: House, path: str, **query: Any) -> Any:
    return house.ok(house.http.get(f"/console/v1/{path}", params=query))


def trouble(house: House, code: str, **facts: Any) -> str:
    id_ = an_id()
    house.database.run(
        lambda s: report(s, site_id(HUB), id_, code=code, source="x", facts=facts, at=NOW)
    )
    return str(id_)


def test_people_and_robots_are_in_one_list_and_tasks_are_steered(working: House):
    tasks = shown(working, "tasks", site=HUB)
    by = {task["by"]: task for task in tasks}
    assert (by["person"]["kind"], by["person"]["state"]) == ("pick", "OPEN")
    assert (by["robot"]["kind"], by["robot"]["title"][:5]) == ("transport", "T-1 →")
    task = by["person"]["id"]

    working.ok(post(working, f"tasks/{task}:assign", worker="hh-7"))
    assert working.next_packet(HUB, "pick") is None
    working.ok(post(working, f"tasks/{task}:block", why="spill in aisle 1"))
    assert working.next_packet(HUB, "pick", device="hh-7") is None
    said = working.ok(post(working, f"tasks/{task}:unblock"))["task"]
    assert (said["state"], said["for_operator"]) == ("OPEN", "hh-7")
    due = (NOW + timedelta(hours=1)).isoformat()
    urgent = working.ok(post(working, f"tasks/{task}:prioritise", priority=5, due_at=due))["task"]
    assert (urgent["priority"], urgent["due_at"][:13]) == (5, due[:13])
    packet = working.next_packet(HUB, "pick", device="hh-7")
    assert packet is not None
    refused = post(working, f"tasks/{task}:assign", worker="hh-8")
    assert (refused.status_code, refused.json()["code"]) == (409, "task_leased")
    working.ok(post(working, f"tasks/{task}:note", note="mind the wet floor"))
    again = working.next_packet(HUB, "pick", device="hh-7")
    assert again is not None
    assert again["note"] == "mind the wet floor"
    beat = working.ok(
        working.http.post(
            "/api/v1/work/heartbeat", json={"battery": 80}, headers={"X-Soko-Device": "hh-7"}
        )
    )
    assert [(held["id"], held["note"]) for held in beat["tasks"]] == [(task, again["note"])]
    working.send(*_all_of(working, packet), device="hh-7")
    over = post(working, f"tasks/{task}:revoke")
    assert (over.status_code, over.json()["code"]) == (409, "task_over")
    assert [each["state"] for each in shown(working, "tasks", state="DONE")] == ["DONE"]


def _all_of(house: House, packet: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        house.event(packet | {"step": step["id"]}, "scan", step["expect"][0]["codes"][0])
        for step in packet["steps"]
        for _ in range((step["qty"] or {"target": 1})["target"])
    ]


def test_a_call_comes_with_its_place_and_is_taken_acted_upon_and_solved(working: House):
    packet = working.next_packet(HUB, "pick")
    assert packet is not None
    call = {"command_id": str(an_id()), "site": HUB, "packet": packet["id"],
            "step": packet["step"], "note": "glass"}  # fmt: skip
    for _ in range(2):
        working.ok(working.http.post("/api/v1/work/call", json=call))
    (found,) = shown(working, "exceptions", state="OPEN")
    assert (found["code"], found["priority"]) == ("work.supervisor", 1)
    assert (found["facts"]["location"], found["facts"]["task"]) == ("S01-01", packet["id"])
    assert found["acts"] == [
        "message", "call_back", "release_lease", "reallocate", "recount", "block_place", "ok",
    ]  # fmt: skip
    path = f"exceptions/{found['id']}"
    taken = working.ok(post(working, f"{path}:take"))
    assert (taken["state"], taken["owner"]) == ("TAKEN", "console")
    other = working.http.post(
        f"/console/v1/{path}:take", json={"command_id": str(an_id())},
        headers={"X-Soko-Operator": "hana"},
    )  # fmt: skip
    assert (other.status_code, other.json()["owner"]) == (409, "console")
    unfit = post(working, f"{path}:act", act="accept_weight")
    assert (unfit.status_code, unfit.json()["code"]) == (422, "act_impossible")
    working.ok(post(working, f"{path}:act", act="message", note="coming"))
    held = working.next_packet(HUB, "pick")
    assert held is not None
    assert held["note"] == "coming"
    blocked = working.ok(post(working, f"{path}:act", act="block_place", note="glass"))
    assert "unblock_place" in blocked["acts"]
    command = str(an_id())
    working.ok(post(working, f"{path}:solve", act="recount", command_id=command))
    solved = working.ok(post(working, f"{path}:solve", act="recount", command_id=command))
    assert (solved["state"], solved["act"], solved["acts"]) == ("SOLVED", "recount", [])
    assert [each["act"] for each in solved["history"]] == [
        "take", "message", "block_place", "recount",
    ]  # fmt: skip
    (wanted,) = working.database.run(lambda s: s.scalars(select(CountWanted)).all())
    assert wanted.location_id == location_id(site_id(HUB), "S01-01")
    assert post(working, f"{path}:solve").json()["code"] == "exception_solved"
    assert shown(working, "exceptions", state="TAKEN") == []
    working.ok(post(working, f"exceptions/{trouble(working, 'x', place='S01-01')}:solve",
                    act="unblock_place"))  # fmt: skip


def test_reallocating_brings_back_what_was_taken_and_plans_anew(working: House):
    packet = working.next_packet(HUB, "pick")
    assert packet is not None
    working.send(*_all_of(working, packet)[:2])  # one of two in hand
    id_ = trouble(working, "pick.blocked", task=packet["id"], location="S01-01")
    working.ok(post(working, f"exceptions/{id_}:solve", act="reallocate", note="shelf broken"))
    back = working.next_packet(HUB, "pick")
    assert back is not None
    assert (back["kind"], back["steps"][0]["big"]) == ("recover", "1")
    working.do(back)
    late = working.send(*_all_of(working, packet)[2:])
    assert late["results"][0]["problem"]["code"] in {"packet_cancelled", "no_such_packet"}
    if late["packet"]:
        working.do(late["packet"])
    working.tick()
    anew = working.next_packet(HUB, "pick")
    assert anew is not None
    assert anew["id"] != packet["id"]
    working.do(anew)
    assert working.stock_row("A")["picked"] == 2


def test_photos_never_change_and_troubles_come_back(working: House):
    id_, path = an_id(), "/api/v1/evidence"
    query = {"site": HUB, "kind": "damage"}
    assert working.http.get(f"{path}/{id_}").status_code == 404
    put = working.http.put(f"{path}/{id_}", params=query, content=PNG)
    again = working.http.put(f"{path}/{id_}", params=query, content=PNG)
    assert (put.status_code, again.status_code) == (201, 200)
    other = working.http.put(f"{path}/{id_}", params=query, content=PNG + b"x")
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")
    for bad in (b"", b"GIF89a", PNG + b"\0" * 2**21):
        refused = working.http.put(f"{path}/{an_id()}", params=query, content=bad)
        assert (refused.status_code, refused.json()["code"]) == (422, "no_picture")
    shown_ = working.http.get(f"{path}/{id_}")
    assert (shown_.content, shown_.headers["content-type"]) == (PNG, "image/png")
    assert shown_.headers["x-content-type-options"] == "nosniff"
    (kept,) = working.database.run(lambda s: s.scalars(select(Evidence)).all())
    assert (kept.kind, kept.device) == ("damage", "handheld-1")

    # and a trouble that comes back is anybody's again
    gate = trouble(working, "gate.silent")
    working.ok(post(working, f"exceptions/{gate}:solve"))

    def once_more(session: Any) -> None:
        report(session, site_id(HUB), UUID(gate), code="gate.silent", source="x", facts={}, at=NOW)

    working.database.run(once_more)
    (found,) = shown(working, "exceptions", state="OPEN")
    assert (found["id"], found["owner"]) == (gate, "")


def test_labour_is_counted_against_the_sites_standard_without_names(working: House):
    packet = working.next_packet(HUB, "pick")
    assert packet is not None
    for event in _all_of(working, packet):
        working.clock.at += timedelta(seconds=20)
        working.send(event | {"at": working.clock.at.isoformat()})
    working.clock.at += timedelta(minutes=10)
    pack = working.next_packet(HUB, "pack")
    assert pack is not None
    working.do(pack)
    asked = {"site": HUB, "since": NOW.isoformat(), "until": (NOW + timedelta(days=1)).isoformat()}
    lines = {line["kind"]: line for line in shown(working, "labour", **asked)["lines"]}
    pick = lines["pick"]
    assert (pick["tasks"], pick["lines"], pick["units"], pick["people"]) == (1, 1, 2, 1)
    # the first event counts for a quarter of a minute; two more, twenty seconds each
    assert pick["active_min"] == pytest.approx((15 + 40) / 60, abs=0.1)
    standard_s = 15 + 9 + 3 + 2 * 2.5
    assert pick["performance"] == pytest.approx(100 * standard_s / 55, abs=0.5)
    assert (lines["pack"]["idle_gaps"], round(lines["pack"]["idle_min"])) == (1, 10)
    assert {line["operator"] for line in lines.values()} == {None}
    each = shown(working, "labour", **asked, per_person=True)["lines"]
    assert {line["operator"] for line in each} == {"demo"}

    rule = {"lease_s": 300, "priority": 2}
    working.ok(working.http.put(f"/console/v1/work-rules/{HUB}/pick", json=rule))
    assert shown(working, f"work-rules/{HUB}") == [{"site": HUB, "kind": "pick"} | rule]
    path = f"/console/v1/work-standards/{HUB}/pick/task"
    working.ok(working.http.put(path, json={"step_ms": 0}))
    *usual, own = shown(working, f"work-standards/{HUB}")
    assert (own["op"], own["step_ms"], usual[0]["op"]) == ("task", 0, "task")


async def test_a_device_is_told_of_work_messages_and_what_was_taken_away(
    working: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(handheld, "LOOK_S", 0.01)
    packet = working.next_packet(HUB, "pick")
    assert packet is not None
    services = Services(
        settings=Settings(), database=working.database, clock=working.clock,
        floor=working.floor,
    )  # fmt: skip
    heard: list[tuple[str | None, Any]] = []
    nobody = Actor(device="handheld-1", operator="demo")
    async for event in get_stream(services, nobody, HUB, "hh-1"):
        heard.append((event.event, event.data))
        if len(heard) == 1:
            working.ok(post(working, f"tasks/{packet['id']}:note", note="hello"))
        if len(heard) == 2:
            working.ok(post(working, f"tasks/{packet['id']}:block"))
        if len(heard) == 3:
            break
    assert [name for name, _ in heard] == ["task.offered", "message", "packet.revoked"]
    assert heard[1][1] == {"packet": packet["id"], "note": "hello"}
