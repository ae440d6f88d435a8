"""At the dock: all for a carrier into its van, counted; the gate beside it; closed lists."""

import io
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.builders import an_id
from tests.wms.house import HUB, SPOKE, House
from wcs.messages import GatePassage
from wms.outbound.model import ExceptionRow, Parcel
from wms.outbound.packing_tables import DockLoad, Manifest


def packed(house: House, count: int, *, site: str = HUB) -> list[Parcel]:
    """So many orders, packed there; their parcels."""
    known = {parcel.id for parcel in house.parcels()}
    house.sku("A", weight_g=2_000)
    house.stock("A", count, "S01-01", site=site)
    for _ in range(count):
        house.put_order(("A", 1))
    house.tick()
    house.work_off(site, "pick")
    house.work_off(site, "pack")
    return [parcel for parcel in house.parcels() if parcel.id not in known]


def start(house: House, scanned: str, *, site: str = HUB, status: int = 200) -> dict[str, Any]:
    body = {"site": site, "kind": "ship", "scanned": scanned}
    answer = house.http.post("/api/v1/work/start", json=body, headers={"X-Soko-Device": "hh-1"})
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


def do(house: House, packet: dict[str, Any], kind: str, value: Any) -> str:
    """An event; the packet goes on in place. "" or the problem."""
    said = house.send(house.event(packet, kind, value))
    packet |= said["packet"] or {"step": None}
    problem = said["results"][0]["problem"]
    return "" if problem is None else str(problem["code"])


def told(house: House) -> dict[str, dict[str, Any]]:
    rows = house.database.run(lambda s: s.scalars(select(ExceptionRow)).all())
    return {row.code: row.facts for row in rows}


def out(house: House, *parcels: Parcel, gate: str = "GATE-OUT") -> None:
    now = house.clock.now()
    epcs = tuple(parcel.epc_hex for parcel in parcels)
    house.hear(
        GatePassage(
            at=now, gate=gate, direction="OUT", confidence=1, epcs_hex=epcs, reads=3,
            started_at=now, ended_at=now,
        )
    )  # fmt: skip


def carrier_of(house: House) -> str:
    rows = house.ok(house.http.get(f"/console/v1/manifests/{HUB}"))
    return str(next(row["carrier"] for row in rows if row["closed_at"] is None))


def test_all_for_a_carrier_is_scanned_counted_and_closed(house: House):
    one, two, three, four = packed(house, 4)
    route = carrier_of(house)
    assert start(house, "NOBODY", status=404)["code"] == "not_found"
    packet = start(house, f"GATE-OUT/{route}")
    assert packet["steps"][0]["qty"]["target"] == 4
    foreign = "349012345000009999"
    assert do(house, packet, "scan", foreign) == "wrong_scan"
    assert do(house, packet, "scan", f"]C100{one.sscc}") == ""
    assert do(house, packet, "scan", f"]C100{one.sscc}") == "scanned_twice"
    assert do(house, packet, "scan", two.sscc) == ""
    assert do(house, packet, "scan", three.sscc) == ""
    (late,) = packed(house, 1)
    out(house, one)
    out(house, late)  # belongs on no van yet: it is not on this load
    assert told(house)["door.unexpected"]["sscc"] == late.sscc
    assert do(house, packet, "exception", {"code": "missing", "found": 3}) == ""
    assert do(house, packet, "scan", "SEAL-77") == ""
    assert do(house, packet, "choice", "CLOSED") == ""

    facts = told(house)
    assert facts["ship.missing"]["sscc"] == [four.sscc]
    assert sorted(facts["door.unseen"]["sscc"]) == sorted([two.sscc, three.sscc])
    states = {parcel.sscc: parcel.state for parcel in house.parcels()}
    assert [states[p.sscc] for p in (one, two, three, four)] == ["SHIPPED"] * 3 + ["INDUCTED"]
    (load,) = house.database.run(lambda s: s.scalars(select(DockLoad)).all())
    assert (load.seal, load.closed_at is not None) == ("SEAL-77", True)

    rows = house.ok(house.http.get(f"/console/v1/manifests/{HUB}"))
    assert [(row["number"], row["parcels"], row["closed_at"] is None) for row in rows] in (
        [(2, 1, True), (1, 4, False)], [(1, 4, False), (2, 1, True)],
    )  # fmt: skip
    closed = next(row for row in rows if row["closed_at"])
    paper = house.http.get(f"/console/v1/manifests/{HUB}/{closed['id']}/paper").content
    text = PdfReader(io.BytesIO(paper)).pages[0].extract_text()
    assert all(parcel.sscc in text for parcel in (one, two, three, late))
    assert four.sscc not in text
    labels = house.http.get(f"/console/v1/manifests/{HUB}/{closed['id']}/labels").content
    assert len(PdfReader(io.BytesIO(labels)).pages) == 4


def test_a_closed_list_takes_no_parcel_and_late_ones_are_on_the_next(house: House):
    (one,) = packed(house, 1)
    route = carrier_of(house)
    (open_list,) = house.ok(house.http.get(f"/console/v1/manifests/{HUB}"))
    path = f"/console/v1/manifests/{HUB}/{open_list['id']}:close"
    said = house.ok(house.http.post(path, json={"command_id": str(an_id())}))
    assert said == {"parcels": 0, "moved": 1}
    again = house.ok(house.http.post(path, json={"command_id": str(an_id())}))
    assert again == {"parcels": 0, "moved": 0}
    (two,) = packed(house, 1)
    rows = {row.id: row for row in house.database.run(lambda s: s.scalars(select(Manifest)).all())}
    on = {parcel.sscc: rows[parcel.manifest_id].number for parcel in house.parcels()}  # type: ignore[index]
    assert on == {one.sscc: 2, two.sscc: 2}
    first = start(house, route)
    assert first["steps"][0]["qty"]["target"] == 2
    assert [step["id"] for step in first["steps"]] == ["parcels", "close"]  # no door, no seal


def test_a_site_that_hands_its_parcels_over_itself_ships_by_route(house: House):
    site = {"code": SPOKE, "kind": "FC", "name_en": "Osaka", "latitude": 34.7, "longitude": 135.5,
            "dispatch": "CARRIER"}  # fmt: skip
    house.ok(house.http.put("/master/v1/sites", json=[site]))
    parcels = packed(house, 2, site=SPOKE)
    rows = house.ok(house.http.get(f"/console/v1/manifests/{SPOKE}"))
    packet = start(house, rows[0]["carrier"], site=SPOKE)
    for parcel in parcels:
        assert do(house, packet, "scan", parcel.sscc) == ""
    assert do(house, packet, "choice", "CLOSED") == ""
    assert [parcel.state for parcel in house.parcels()] == ["SHIPPED", "SHIPPED"]
    assert house.next_packet(SPOKE, "handoff") is None
    assert house.stock_row("A", SPOKE)["to_customer"] == 2


def test_one_door_loads_one_van(house: House):
    packed(house, 1)
    route = carrier_of(house)
    start(house, f"D1/{route}")
    other = start(house, f"D1/{route}")
    assert other["kind"] == "ship"  # the same packet
    with pytest.raises(AssertionError, match="door_busy"):
        _busy(house, route)


def _busy(house: House, route: str) -> None:
    """A load of another list stands at a door; the packet of this one is refused."""

    def occupy(session: Any) -> None:
        site = session.scalars(select(Manifest.site_id)).first()
        session.add(
            DockLoad(
                site_id=site, id=an_id(), door="D2", route="X", manifest_id=an_id(), parcels=[],
                seen=[], opened_at=house.clock.now(),
            )
        )  # fmt: skip

    house.database.run(occupy)
    (list_,) = house.ok(house.http.get(f"/console/v1/manifests/{HUB}"))
    path = f"/console/v1/manifests/{HUB}/{list_['id']}:close"
    house.ok(house.http.post(path, json={"command_id": str(an_id())}))
    start(house, f"D2/{route}")
