"""Whoever scans what a task begins with is given that task; and what a scan shows says so."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from tests.wms.house import GINZA, HUB, SPOKE, House
from tests.wms.inbound.dock import Dock
from tests.wms.supply import put_transfer, send
from wms.sites import site_id
from wms.work.begin import task_begun_by
from wms.work.packet import Expect, Say, Step
from wms.work.tasks import NewTask, add_task


def seen(house: House, code: str, site: str = HUB) -> dict[str, Any]:
    """What a handheld at that site is shown of a code."""
    answer = house.http.get(f"/api/v1/lookup/{code}", params={"site": site})
    body: dict[str, Any] = house.ok(answer)
    return body


def test_a_thing_in_hand_begins_the_work_that_it_is_for(house: House):
    house.sku("TEA")
    house.stock("TEA", 20, "S01-01")
    for units in (1, 2):
        put_transfer(house, HUB, GINZA, ("TEA", units))
    house.tick()
    house.work_off(HUB, "pick")
    orders = [house.next_packet(HUB, "pack", device=f"hh-{n}") for n in (1, 2)]
    assert orders[1] is not None
    number = orders[1]["title"]
    assert seen(house, number)["begins"] == ["pack"]
    dock = Dock(house)
    assert dock.start("pack", number, device="hh-2")["id"] == orders[1]["id"]
    refused = {"site": HUB, "kind": "pack", "scanned": number}
    answer = house.http.post("/api/v1/work/start", json=refused, headers={"X-Soko-Device": "hh-3"})
    assert answer.json()["code"] == "packet_taken"
    house.clock.at += timedelta(hours=1)  # nobody goes on with them: their leases end
    send(house, HUB)

    late = max(house.parcels(), key=lambda parcel: parcel.sscc)
    shown = seen(house, f"]C100{late.sscc}".replace("]", "%5D"), GINZA)
    assert (shown["kind"], shown["begins"]) == ("parcel", ["receive"])
    packet = dock.start("receive", f"]C100{late.sscc}", site=GINZA)
    assert packet["steps"][0]["expect"][0]["codes"] == [late.sscc]
    assert seen(house, late.sscc, HUB)["begins"] == []
    nobody = house.http.post(
        "/api/v1/work/start", json={"site": HUB, "kind": "receive", "scanned": late.sscc}
    )
    assert nobody.status_code == 404


def test_a_scan_shows_what_lies_there_and_what_moved_at_this_site(house: House):
    house.sku("TEA")
    house.stock("TEA", 6, "S01-01")
    house.put_order(("TEA", 2))
    house.tick()
    house.work_off(HUB, "pick")
    shown = seen(house, "TEA")
    assert shown["states"] == {"sellable": 4, "picked": 2}
    assert (shown["moves"][0]["from"], shown["moves"][0]["units"]) == ("S01-01", 2)
    assert len(shown["moves"]) == 2
    house.stock("TEA", 4, "A01-01-1", tote="T-1")
    house.stock("TEA", 9, "S01-01", site=SPOKE)
    assert seen(house, "T-1")["stock"] == [{"sku": "TEA", "lot": None, "units": 4}]
    for place, site in (("S01-01", HUB), ("S01-01", SPOKE), ("A01-01-1", HUB)):
        shown = seen(house, place, site)
        assert (shown["site"], shown["stock"]) == (site, ["TEA"]), "counts are blind"


def test_of_two_tasks_that_begin_alike_the_oldest_is_begun(house: House):
    def work(session: Session) -> None:
        for minutes in (5, 1, 9):  # made in no order
            step = Step(
                id="it",
                op="scan",
                say=Say(code="kit.scan_kit"),
                big="K",
                expect=(Expect(kind="sku", codes=("KIT-1",)),),
            )
            new = NewTask(
                id=UUID(int=10 - minutes),
                site_id=site_id(HUB),
                kind="kit",
                title="K",
                steps=(step,),
                plan={},
            )
            add_task(session, new, now=house.clock.at + timedelta(minutes=minutes))
        found = task_begun_by(session, site_id(HUB), "kit", "KIT-1")
        assert found == UUID(int=9)
        raise _Enough

    with pytest.raises(_Enough):
        house.database.run(work)


class _Enough(Exception):  # noqa: N818 - nothing went wrong: what was tried is not to stay
    """The test has seen what it wanted."""
