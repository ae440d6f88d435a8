"""Devices are paired once, people come in with badge and PIN, and the books know who it was."""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.builders import an_id
from tests.wms.house import HUB, House
from wms.api.dependencies import Services
from wms.app import create_app
from wms.people.known import People
from wms.people.model import Device, Operator
from wms.settings import Settings
from wms.work.model import Task, WorkEvent

PIN, WRONG = "4711", "0000"


class Office:
    """A house whose handhelds are paired, seen through its own doors."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.services = Services(
            settings=Settings(
                handheld="paired", contact_key=Path(tempfile.mkdtemp()) / "contact.key"
            ),
            database=house.database,
            clock=house.clock,
            floor=house.floor,
        )
        self.http = TestClient(create_app(self.services.settings, self.services))

    def ask(self, method: str, path: str, token: str = "", **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.services.people.forget()  # what another process would know three seconds later
        return self.http.request(method, path, headers=headers, **more)

    def good(self, method: str, path: str, token: str = "", **more: Any) -> Any:
        return House.ok(self.ask(method, path, token, **more))

    def code_of(self, method: str, path: str, token: str = "", **more: Any) -> tuple[int, str]:
        answer = self.ask(method, path, token, **more)
        return answer.status_code, answer.json()["code"]

    def operator(self, code: str, boss: str = "", **more: Any) -> str:
        id_ = str(an_id())
        body = {"code": code, "name": f"Name of {code}", "badge": f"B-{code}", "pin": PIN} | more
        answer = self.ask("PUT", f"/console/v1/operators/{id_}", boss, json=body)
        assert answer.status_code == 201, answer.text
        return id_

    def device(self, name: str, boss: str = "", **more: Any) -> tuple[str, str]:
        """A paired device: its id and its token."""
        id_ = str(an_id())
        self.good(
            "PUT", f"/console/v1/devices/{id_}", boss, json={"name": name, "site": HUB} | more
        )
        return id_, self.paired(id_, boss)

    def paired(self, id_: str, boss: str = "") -> str:
        code = self.good(
            "POST", f"/console/v1/devices/{id_}:pairing", boss, json={"command_id": str(an_id())}
        )["code"]
        token: str = self.good("POST", "/api/v1/devices/pair", json={"code": code.lower()})["token"]
        return token

    def enter(self, device: str, code: str, pin: str | None = PIN) -> str:
        body = {"badge": f"B-{code}", "pin": pin}
        token: str = self.good("POST", "/api/v1/people/sign-in", device, json=body)["token"]
        return token

    def next(self, token: str, kinds: str = "pick") -> Any:
        answer = self.ask("GET", f"/api/v1/work/next?site={HUB}&kinds={kinds}", token)
        return answer.json() if answer.status_code == 200 else None


@pytest.fixture
def office(house: House) -> Iterator[Office]:
    office = Office(house)
    with office.http:
        yield office


def two_picks(house: House) -> None:
    for code, at in (("A", "S01-01"), ("B", "S03-03")):
        house.sku(code)
        house.stock(code, 9, at)
    for code in ("A", "B"):
        house.put_order((code, 2))
        house.tick()


def test_a_device_is_paired_once_and_only_known_people_work(office: Office):
    work = f"/api/v1/work/next?site={HUB}"
    assert office.code_of("GET", work) == (401, "sign_in_needed")
    assert office.code_of("GET", "/api/v1/lookup/A") == (401, "sign_in_needed")
    assert office.code_of("GET", "/store/v1/S-GNZ/queue") == (401, "sign_in_needed")
    office.operator("op-1")
    boss_id = office.operator("boss", supervisor=True)
    id_, token = office.device("HH-01", zone="SHELF", printer="P-1")

    asked = office.good(
        "POST", f"/console/v1/devices/{id_}:pairing", json={"command_id": str(an_id())}
    )
    assert asked["url"].endswith(f"#pair={asked['code']}")
    assert asked["svg"].startswith("<svg")
    again = office.good("POST", "/api/v1/devices/pair", json={"code": asked["code"]})["token"]
    used = office.code_of("POST", "/api/v1/devices/pair", json={"code": asked["code"]})
    assert used == (422, "pairing_over")
    assert office.code_of("GET", "/api/v1/devices/me", token) == (401, "device_unknown")
    me = office.good("GET", "/api/v1/devices/me", again)
    assert (me["device"]["name"], me["device"]["printer"]) == ("HH-01", "P-1")
    assert office.code_of("GET", work, again) == (401, "sign_in_needed")  # a device is nobody

    boss = office.enter(again, "boss")
    assert office.good("GET", "/console/v1/operators", boss)[0]["name"] == "Name of boss"
    # from now on, the office is for supervisors
    assert office.code_of("GET", "/console/v1/operators") == (401, "sign_in_needed")
    hand = office.enter(again, "op-1")
    assert office.code_of("GET", "/console/v1/devices", hand) == (403, "scope_missing")
    boss = office.enter(again, "boss")
    taken = {"code": "op-1", "name": "x", "badge": "B-x", "pin": PIN}
    path = f"/console/v1/operators/{an_id()}"
    assert office.code_of("PUT", path, boss, json=taken) == (422, "name_taken")
    put = {"code": "boss", "name": "Chief", "supervisor": True}
    assert office.good("PUT", f"/console/v1/operators/{boss_id}", boss, json=put)["name"] == "Chief"
    (shown,) = office.good("GET", "/console/v1/devices", boss)
    assert shown["last_seen_at"] is not None

    body = {"command_id": str(an_id())}
    assert office.good("POST", f"/console/v1/devices/{id_}:revoke", boss, json=body)["revoked_at"]
    assert office.code_of("GET", work, boss) == (401, "sign_in_needed")
    body = {"badge": "B-boss", "pin": PIN}
    refused = office.code_of("POST", "/api/v1/people/sign-in", again, json=body)
    assert refused == (401, "device_unknown")


def test_wrong_pins_shut_the_badge_at_that_device_for_a_while(office: Office):
    office.operator("op-1")
    _, token = office.device("HH-01")
    _, other = office.device("HH-02")
    body = {"badge": "B-op-1", "pin": WRONG}
    unknown = {"badge": "B-nobody", "pin": PIN}
    path = "/api/v1/people/sign-in"
    assert office.code_of("POST", path, token, json=unknown) == (401, "sign_in_failed")
    for _ in range(5):
        assert office.code_of("POST", path, token, json=body) == (401, "sign_in_failed")
    shut = office.ask("POST", path, token, json=body | {"pin": PIN})
    assert (shut.status_code, shut.json()["code"]) == (429, "entry_shut")
    assert 0 < int(shut.headers["retry-after"]) <= 900
    office.enter(other, "op-1")  # elsewhere they are not kept from work
    office.house.clock.at += timedelta(minutes=16)
    office.enter(token, "op-1")


def test_a_badge_wakes_a_device_and_passes_it_round(office: Office):
    for code in ("op-1", "op-2"):
        office.operator(code)
    _, device = office.device("HH-01")
    path, clock = "/api/v1/people/sign-in", office.house.clock
    badge = {"badge": "B-op-1"}
    assert office.code_of("POST", path, device, json=badge) == (401, "pin_needed")
    first = office.enter(device, "op-1")
    office.next(first)
    clock.at += timedelta(minutes=14)
    office.good("POST", "/api/v1/work/heartbeat", first, json={})  # the device, not the person
    clock.at += timedelta(minutes=2)  # left alone
    assert office.code_of("GET", f"/api/v1/work/next?site={HUB}", first) == (401, "session_locked")
    woken = office.enter(device, "op-1", pin=None)
    assert office.good("GET", "/api/v1/devices/me", woken)["operator"] == "op-1"
    assert office.code_of("GET", "/api/v1/devices/me", first) == (401, "sign_in_needed")

    second = office.enter(device, "op-2")  # the next user
    assert office.code_of("GET", "/api/v1/devices/me", woken) == (401, "session_locked")
    back = office.enter(device, "op-1", pin=None)
    assert office.code_of("GET", "/api/v1/devices/me", second) == (401, "session_locked")
    clock.at += timedelta(minutes=61)
    assert office.code_of("POST", path, device, json=badge) == (401, "pin_needed")
    back = office.enter(device, "op-1")
    office.good("POST", "/api/v1/people/sign-out", back)
    assert office.code_of("POST", path, device, json=badge) == (401, "pin_needed")
    assert office.code_of("GET", "/api/v1/devices/me", back) == (401, "sign_in_needed")


def test_open_work_goes_with_its_person_and_each_is_named_truly(office: Office):
    house = office.house
    two_picks(house)
    for code in ("op-1", "op-2"):
        office.operator(code)
    _, one = office.device("HH-01")
    _, two = office.device("HH-02")
    hand = office.enter(one, "op-1")
    packet = office.next(hand)
    scan = house.event(packet, "scan", packet["steps"][0]["expect"][0]["codes"][0])
    sly = {"X-Soko-Device": "HH-99", "X-Soko-Operator": "somebody"}
    answer = office.http.post(
        "/api/v1/work/events",
        json={"events": [scan]},
        headers={"Authorization": f"Bearer {hand}", **sly},
    )
    assert House.ok(answer)["results"][0]["result"] == "accepted"

    other = office.enter(one, "op-2")  # at the same device: not theirs, another one
    theirs = office.next(other)
    assert theirs["id"] != packet["id"]
    late = house.event(answer.json()["packet"], "scan", "A")  # was still waiting in the device
    sent = office.good("POST", "/api/v1/work/events", other, json={"events": [late]})
    assert sent["results"][0]["result"] == "accepted"

    moved = office.good("POST", "/api/v1/people/sign-in", two, json={"badge": "B-op-1", "pin": PIN})
    assert moved["has_open_work"]
    again = office.next(moved["token"])
    assert (again["id"], again["rev"]) == (packet["id"], packet["rev"] + 1)
    assert again["history"]  # recovered: it goes on where it was
    stale = house.event(answer.json()["packet"], "scan", "A")
    sent = office.good("POST", "/api/v1/work/events", other, json={"events": [stale]})
    problem = sent["results"][0]["problem"]
    assert (problem["code"], problem["facts"]["by"], problem["facts"]["device"]) == (
        "stale_packet", "op-1", "HH-02",
    )  # fmt: skip
    rows = house.database.run(lambda s: s.scalars(select(WorkEvent).order_by(WorkEvent.no)).all())
    assert [(row.device, row.operator) for row in rows] == [
        ("HH-01", "op-1"), ("HH-01", "op-1"), ("HH-01", "op-2"),
    ]  # fmt: skip


def test_work_is_for_those_who_can_do_it(office: Office):
    house = office.house
    two_picks(house)
    house.database.run(_needs_a_forklift)
    office.operator("driver", equipment=["forklift"], kinds=["pick"])
    office.operator("packer", kinds=["pack"])
    office.operator("walker", zones=["SHELF"])
    office.operator("freezer", zones=["COLD"])
    _, truck = office.device("FL-01", equipment=["forklift"])
    _, phone = office.device("HH-01", equipment=["cart"])
    assert office.next(office.enter(phone, "packer")) is None
    assert office.next(office.enter(phone, "freezer")) is None
    walked = office.next(office.enter(phone, "walker"))
    assert office.next(office.enter(phone, "driver")) is None  # may drive, but not on a cart
    driven = office.next(office.enter(truck, "driver"))
    assert (driven["title"], walked["title"]) == ("N1", "N2")


def _needs_a_forklift(session: Any) -> None:
    task = session.scalars(select(Task).order_by(Task.made_at).limit(1)).one()
    task.equipment = ["forklift"]


def test_where_all_is_open_a_badge_is_believed_all_the_same(house: House):
    body = {"code": "op-1", "name": "x", "badge": "B-1", "pin": PIN}
    house.ok(house.http.put(f"/console/v1/operators/{an_id()}", json=body))
    path, device = "/api/v1/people/sign-in", {"X-Soko-Device": "hh-5"}
    entry = {"badge": "B-1", "pin": PIN}
    signed = house.ok(house.http.post(path, json=entry, headers=device))
    assert (signed["device"], signed["site"], signed["operator"]) == ("hh-5", HUB, "op-1")
    moved = house.ok(house.http.post(path, json=entry | {"site": "OSA1"}, headers=device))
    assert (moved["device"], moved["site"]) == ("hh-5", "OSA1")
    headers = {"Authorization": f"Bearer {moved['token']}"}
    me = house.ok(house.http.get("/api/v1/devices/me", headers=headers))
    assert (me["mode"], me["operator"]) == ("open", "op-1")


def test_nothing_secret_is_kept_and_a_session_is_remembered_for_a_moment(office: Office):
    office.operator("op-1")
    _, token = office.device("HH-01")
    session = office.enter(token, "op-1")
    dumped = office.house.database.run(
        lambda s: [
            repr([getattr(row, column.name) for column in row.__table__.columns])
            for model in (Operator, Device)
            for row in s.scalars(select(model))
        ]
    )
    for secret in (PIN, "B-op-1", token, session, token.removeprefix("soko_d_")):
        assert not any(secret in row for row in dumped)
    assert any("argon2id" in row for row in dumped)

    people = People(office.house.database)
    assert people.remembered(session) is None
    known = people.ask(session, now=office.house.clock.now())
    assert people.remembered(session) == known
    people.forget()
    assert people.remembered(session) is None


def test_a_device_says_how_it_is_though_nobody_is_at_it(office: Office):
    id_, token = office.device("HH-01")
    clock = office.house.clock
    clock.at += timedelta(minutes=30)
    life = {"battery": 17, "firmware": "TC52 Android 13", "queued": 4}
    office.good("POST", "/api/v1/devices/me", token, json=life)
    assert _as_told(office, id_) == (clock.at, 17, "TC52 Android 13", 4)
    office.operator("op-1")
    session = office.enter(token, "op-1")
    clock.at += timedelta(minutes=1)
    office.good("POST", "/api/v1/devices/me", session, json={"queued": 0})
    assert _as_told(office, id_) == (clock.at, 17, "TC52 Android 13", 0), "what it knows no more"
    assert office.code_of("POST", "/api/v1/devices/me", json=life) == (401, "device_unknown")
    office.good("POST", f"/console/v1/devices/{id_}:revoke", json={"command_id": str(an_id())})
    refused = office.code_of("POST", "/api/v1/devices/me", token, json=life)
    assert refused == (401, "device_unknown")


def _as_told(office: Office, id_: str) -> tuple[object, ...]:
    def work(session: Session) -> tuple[object, ...]:
        device = session.get_one(Device, UUID(id_))
        return device.last_seen_at, device.battery, device.firmware, device.queued

    return office.house.database.run(work)
