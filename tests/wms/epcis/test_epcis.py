"""EPCIS through its door: documents in, events out, ours among them."""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import a_site, a_sku, an_id, stock_of
from tests.wms.house import HUB, House
from wcs.messages import GatePassage
from wms.database import Database
from wms.epcis.check import faults
from wms.epcis.steps import step_of
from wms.epcis.tell import passed, tell
from wms.stock.moved import MovedNow

GTIN = "04012345111118"
SERIAL = f"https://id.gs1.org/01/{GTIN}/21/9876"
CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"example": "https://ns.example.com/epcis/"},
]
EVENT: dict[str, Any] = {
    "type": "ObjectEvent", "eventTime": "2026-11-27T08:00:00+09:00",
    "eventTimeZoneOffset": "+09:00", "action": "OBSERVE", "bizStep": "shipping",
    "disposition": "in_transit", "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"],
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00005.D1"}, "example:truck": "7",
    "bizTransactionList": [{"type": "desadv", "bizTransaction": "urn:example:asn:1"}],
}  # fmt: skip


def document(*events: dict[str, Any]) -> dict[str, Any]:
    return {
        "@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0",
        "creationDate": "2026-11-27T09:00:00Z", "epcisBody": {"eventList": list(events)},
    }  # fmt: skip


def capture(house: House, body: Any, behaviour: str = "rollback") -> dict[str, Any]:
    headers = {"GS1-Capture-Error-Behaviour": behaviour}
    answer = house.http.post("/epcis/v2/capture", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = house.ok(house.http.get(answer.headers["location"]))
    return found


def told(house: House, **asked: Any) -> list[dict[str, Any]]:
    answer = house.ok(house.http.get("/epcis/v2/events", params=asked))
    events: list[dict[str, Any]] = answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return events


def test_a_document_is_taken_once_and_found_by_any_name(house: House):
    second = {**EVENT, "bizStep": "loading"}

    first = capture(house, document(EVENT, second))
    again = capture(house, document(EVENT))

    assert (first["success"], first["taken"], first["known"]) == (True, 2, 0)
    assert (again["success"], again["taken"], again["known"]) == (True, 0, 1)
    found = told(house, EQ_bizStep="shipping")
    assert [each["example:truck"] for each in found] == ["7"]
    assert found[0]["@context"] == [{"example": "https://ns.example.com/epcis/"}]
    assert found[0]["eventID"].startswith("ni:///sha-256;")
    for asked in (
        {"MATCH_epc": SERIAL}, {"MATCH_anyEPC": "urn:epc:id:sgtin:4012345.011111.9876"},
        {"MATCH_epcClass": f"https://id.gs1.org/01/{GTIN}"}, {"EQ_disposition": "in_transit"},
        {"EQ_bizTransaction": "urn:example:asn:1"}, {"eventType": "ObjectEvent"},
        {"GE_eventTime": "2026-11-26T23:00:00Z", "LT_eventTime": "2026-11-26T23:00:01Z"},
        {"EQ_readPoint": "https://id.gs1.org/414/4012345000054/254/D1"},
    ):  # fmt: skip
        assert len(told(house, **asked)) == 2, asked
    for asked in (
        {"MATCH_epc": SERIAL + "1"}, {"EQ_action": "ADD"}, {"LT_recordTime": "2020-01-01T00:00:00Z"}
    ):  # fmt: skip
        assert told(house, **asked) == [], asked
    page = house.http.get("/epcis/v2/events", params={"perPage": 1})
    onward = page.headers["link"].split(">")[0][1:]
    rest = house.ok(house.http.get(onward))["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert {page.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0]["eventID"],
            rest[0]["eventID"]} == {each["eventID"] for each in told(house)}  # fmt: skip
    assert house.ok(house.http.get("/epcis/v2/bizSteps"))["member"] == ["loading", "shipping"]
    answer = house.ok(house.http.get("/epcis/v2/bizSteps/loading/events"))
    assert len(answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) == 1


BAD = [
    ({"bizStep": "shiping"}, "bizStep", "unknown_word"),
    ({"bizStep": "https://ref.gs1.org/cbv/BizStep-shiping"}, "bizStep", "unknown_word"),
    ({"disposition": "sold"}, "disposition", "unknown_word"),
    ({"epcList": ["04012345111118"]}, "epcList", "name"),
    ({"epcList": ["urn:epc:idpat:sgtin:4012345.011111.*"]}, "epcList", "class"),
    ({"quantityList": [{"epcClass": SERIAL}]}, "quantityList", "instance"),
    ({"quantityList": [{"epcClass": f"https://id.gs1.org/01/{GTIN}", "quantity": -1}]},
     "quantityList", "quantity"),
    ({"epcList": []}, "epcList", "nothing"),
    ({"action": "observe"}, "action", "action"),
    ({"eventTime": "2026-11-27T08:00:00"}, "eventTime", "time"),
    ({"eventTime": "2030-01-01T00:00:00Z"}, "eventTime", "future"),
    ({"eventTimeZoneOffset": "JST"}, "eventTimeZoneOffset", "offset"),
    ({"ilmd": {"example:made": "x"}}, "ilmd", "ilmd"),
    ({"truck": "7"}, "truck", "unknown_field"),
    ({"other:truck": "7"}, "other:truck", "undeclared_prefix"),
    ({"readPoint": "D1"}, "readPoint", "place"),
    ({"type": "AggregationEvent", "action": "ADD", "epcList": None}, "parentID", "parent"),
    ({"type": "TransactionEvent", "bizTransactionList": []}, "bizTransactionList", "nothing"),
    ({"type": "TransformationEvent", "epcList": None, "action": None}, "inputEPCList", "nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "field", "code"), BAD)
def test_what_a_schema_does_not_see_is_said(
    change: dict[str, Any], field: str, code: str, now: datetime
):
    found = faults(document(EVENT, {**EVENT, **change}), now=now)

    assert (f"epcisBody.eventList[1].{field}", code) in {(each.at, each.code) for each in found}
    assert not any("[0]" in each.at for each in found)


def test_a_fault_takes_all_or_itself(house: House):
    bad = {**EVENT, "bizStep": "shiping"}

    whole = capture(house, document(EVENT, bad))
    assert (whole["success"], whole["taken"]) == (False, 0)
    assert [each["code"] for each in whole["errors"]] == ["unknown_word"]
    assert told(house) == []

    part = capture(house, document(EVENT, bad), "proceed")
    assert (part["success"], part["taken"]) == (False, 1)
    assert len(told(house)) == 1


def test_an_id_is_one_events_for_ever(house: House):
    named = {**EVENT, "eventID": "urn:uuid:0193b0c0-0000-7000-8000-000000000001"}
    other = {**named, "bizStep": "loading"}

    assert capture(house, document(named))["taken"] == 1
    assert [e["code"] for e in capture(house, document(other, EVENT))["errors"]] == ["id_reused"]
    assert len(told(house)) == 1, "all or nothing"
    single = copy.deepcopy(named) | {"@context": CONTEXT}
    answer = house.http.post("/epcis/v2/events", json=single)
    assert (answer.status_code, answer.json()["code"]) == (409, "event_known")
    fresh = house.http.post("/epcis/v2/events", json={**EVENT, "@context": CONTEXT})
    assert fresh.status_code == 201
    assert house.ok(house.http.get(fresh.headers["location"]))["bizStep"] == "shipping"


@pytest.mark.parametrize("raw", [
    b"", b"[", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": "\\u0000"}', b'{"a": "\\ud800"}', b"\xff",
    b"[" * 100_000, b'{"a":' * 25 + b"1" + b"}" * 25,
])  # fmt: skip
def test_what_is_no_document_is_refused(house: House, raw: bytes):
    answer = house.http.post("/epcis/v2/capture", content=raw)

    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_document")


def test_what_moves_here_is_told_once(house: House):
    house.sku("MUG")
    gtin = {"code": "MUG", "name_en": "MUG", "weight_g": 100, "gtins": [GTIN]}
    house.ok(house.http.put("/master/v1/skus", json=[gtin]))
    house.stock("MUG", 5, "S01-01")
    house.put_order(("MUG", 2))
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")

    everything = 0
    while moved := house.database.run(lambda s: tell(s, now=house.clock.now(), limit=3)):
        everything += moved
    events = told(house)
    again = house.database.run(lambda s: tell(s, now=house.clock.now()))

    assert everything > 0
    assert again == 0
    steps = [each["bizStep"] for each in events]
    assert {"receiving", "picking", "packing"} <= set(steps)
    packed = next(each for each in events if each["bizStep"] == "packing")
    assert packed["type"] == "AggregationEvent"
    assert packed["parentID"].startswith("https://id.gs1.org/00/")
    assert packed["childQuantityList"] == [
        {"epcClass": f"https://id.gs1.org/01/{GTIN}", "quantity": 2}
    ]
    assert faults(document(*events), now=house.clock.now()) == []
    assert len(told(house, MATCH_parentID=packed["parentID"])) == 1
    assert told(house, MATCH_epc=packed["parentID"]) == [], "it is the parent, not in it"


def test_what_commits_late_is_told_too(database: Database, now: datetime):
    site, sku = database.run(lambda s: (a_site(s), a_sku(s)))
    numbered, go_on = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        session.execute(text("SELECT pg_current_xact_id()"))
        numbered.set()
        go_on.wait()
        stock_of(session, site, sku, 1)

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(database.run, slow)
        numbered.wait()
        database.run(lambda s: stock_of(s, site, sku, 2))  # younger, and ended
        meanwhile = database.run(lambda s: tell(s, now=now))
        go_on.set()
        late.result()
    assert meanwhile == 0, "an older transaction may still write"

    moved = 0
    while moved < 2:  # those of other tests, on the same server, may be older too for a moment
        moved += database.run(lambda s: tell(s, now=now))
    assert moved == 2


def test_a_gate_that_is_sure_is_told_of(house: House):
    at = house.clock.now()
    seen = GatePassage(
        at=at, gate="G1", direction="OUT", confidence=0.999, reads=40,
        epcs_hex=("3066C4409047E140075BCD15", "E2801160600002"), started_at=at, ended_at=at,
    )  # fmt: skip
    unsure = GatePassage(
        at=at, gate="G1", direction="AMBIGUOUS", confidence=0.6, reads=3,
        epcs_hex=seen.epcs_hex, started_at=at, ended_at=at + timedelta(seconds=1),
    )  # fmt: skip
    message: UUID = an_id()

    for passage in (seen, seen, unsure):
        house.database.run(partial(passed, site=HUB, passage=passage, message_id=message, now=at))

    (event,) = told(house)
    assert event["bizStep"] == "departing"
    assert event["epcList"] == ["https://id.gs1.org/01/09506000134352/21/123456789"]


WAYS = [
    ("SUPPLIER", "outside", "DOCK_IN", "received", ("receiving", "in_progress", "OBSERVE")),
    ("LANE", "expected", "DOCK_IN", "received", ("receiving", "in_progress", "OBSERVE")),
    ("SUPPLIER", "outside", "LANE", "expected", None),
    ("DOCK_IN", "received", "PICK_FACE", "sellable", ("storing", "sellable_accessible", "OBSERVE")),
    ("PICK_FACE", "sellable", "TOTE", "picked", ("picking", "in_progress", "OBSERVE")),
    ("TOTE", "picked", "PUT_WALL", "picked", None),
    ("PACK", "packed", "LANE", "to_customer", ("shipping", "in_transit", "OBSERVE")),
    ("LANE", "to_customer", "CUSTOMER", "outside", ("arriving", "in_progress", "OBSERVE")),
    ("PICKUP_SHELF", "packed", "CUSTOMER", "outside", ("retail_selling", "retail_sold", "OBSERVE")),
    ("LANE", "to_store", "BACKROOM", "sellable", ("arriving", "in_progress", "OBSERVE")),
    ("CUSTOMER", "outside", "RETURNS_BENCH", "return_received",
     ("receiving", "returned", "OBSERVE")),
    ("CUSTOMER", "outside", "EXPECTED_RETURN", "return_requested", None),
    ("RETURNS_BENCH", "return_received", "SCRAP", "none", ("destroying", "destroyed", "DELETE")),
    ("PICK_FACE", "sellable", "ADJUST", "outside", ("stock_taking", "unknown", "OBSERVE")),
    ("ADJUST", "outside", "PICK_FACE", "sellable",
     ("stock_taking", "sellable_accessible", "OBSERVE")),
]  # fmt: skip


@pytest.mark.parametrize(("from_kind", "from_counter", "to_kind", "to_counter", "step"), WAYS)
def test_every_way_that_goods_go_has_a_word(
    from_kind: str, from_counter: str, to_kind: str, to_counter: str,
    step: tuple[str, str, str] | None, now: datetime,
):  # fmt: skip
    row = MovedNow(
        xid=1, id=1, command_id=UUID(int=1), site=HUB, time_zone="Asia/Tokyo", owner="HOUSE",
        sku="MUG", gtin=None, lot="", serial="", units=1, occurred_at=now, cause_kind="HOLD",
        cause_id=UUID(int=2), from_place="A", from_kind=from_kind, from_counter=from_counter,
        to_place="B", to_kind=to_kind, to_counter=to_counter, from_unit="", to_unit="",
        from_condition="A", to_condition="A",
    )  # fmt: skip

    assert step_of(row) == step
