"""What a gate may expect, and what becomes of a passage that it could not judge."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from edge.gs1 import sscc_from
from tests.builders import an_id
from tests.wms.house import House
from tests.wms.inbound.dock import Dock
from tests.wms.packing.test_dock import carrier_of, out, packed, start
from wcs.messages import GatePassage, PassageExpected, to_wcs
from wms.inbound.expected import LASTS, Expecting
from wms.outbound.model import ExceptionRow, StreamOut

SSCC, OTHER = sscc_from("0614141", 1, 1), sscc_from("0614141", 1, 2)


def lists(house: House) -> dict[str, PassageExpected]:
    """The lists that the WCS was told, the latest of each."""
    rows = house.database.run(lambda s: s.scalars(select(StreamOut).order_by(StreamOut.id)).all())
    said = [to_wcs.validate_json(row.body) for row in rows]
    return {each.id: each for each in said if isinstance(each, PassageExpected)}


def test_gates_are_told_what_is_loaded_at_a_door_and_what_is_announced(house: House):
    dock = Dock(house)
    dock.sku("TEA")
    soon = (house.clock.now() + timedelta(hours=2)).isoformat()
    units = [{"sscc": SSCC, "content": {"1": 48}}]
    asn = dock.announce(("TEA", 48), units=units, eta_p50=soon, eta_p90=soon)
    dock.announce(("TEA", 48), units=[{"sscc": OTHER, "content": {"1": 48}}])  # tomorrow
    one, two = packed(house, 2)
    start(house, f"GATE-OUT/{carrier_of(house)}")
    expecting = Expecting(house.database, house.clock, house.floor)
    assert expecting.run() == 2
    told = lists(house)
    coming = told.pop(str(asn))
    (loaded,) = told.values()
    assert (coming.direction, coming.codes, coming.gate) == ("IN", (SSCC,), "")
    assert (loaded.direction, loaded.gate) == ("OUT", "GATE-OUT")
    assert loaded.codes == tuple(sorted([one.sscc, two.sscc]))
    assert expecting.run() == 0, "nothing is news"

    out(house, one)
    assert expecting.run() == 1
    assert lists(house)[loaded.id].codes == (two.sscc,)
    out(house, two)
    assert expecting.run() == 1
    assert lists(house)[loaded.id].codes == (), "it is taken back"
    house.clock.at += LASTS * 0.6
    assert expecting.run() == 1, "before it runs out it is said again"
    assert Expecting(house.database, house.clock, house.floor).run() == 1, "and after a start"


def ask(house: House, epc_hex: str) -> None:
    """A passage that nobody could judge."""
    now = house.clock.now()
    house.hear(
        GatePassage(
            at=now, gate="GATE-OUT", direction="AMBIGUOUS", confidence=0.8, epcs_hex=(epc_hex,),
            reads=9, started_at=now, ended_at=now, reads_inside=7, reads_outside=2,
            reasons=("few_reads",),
        )
    )  # fmt: skip


def questions(house: House) -> list[dict[str, Any]]:
    rows = house.ok(house.http.get("/console/v1/exceptions", params={"state": "OPEN"}))
    return [row for row in rows if row["code"].endswith("ambiguous")]


def test_a_person_says_which_way_it_went_and_that_is_done_once(house: House):
    one, two = packed(house, 2)
    for parcel in (one, two):
        ask(house, parcel.epc_hex)
    first, second = questions(house)
    assert first["acts"][:3] == ["went_out", "went_in", "did_not_pass"]
    assert (first["facts"]["reasons"], first["facts"]["reads_inside"]) == (["few_reads"], 7)
    assert {parcel.state for parcel in house.parcels()} == {"INDUCTED"}

    for row, act in ((first, "went_out"), (second, "did_not_pass")):
        command = str(an_id())
        for _ in range(2):
            body = {"command_id": command, "act": act}
            house.ok(house.http.post(f"/console/v1/exceptions/{row['id']}:solve", json=body))
    states = {parcel.sscc: (parcel.state, parcel.passages_out) for parcel in house.parcels()}
    gone = first["facts"]["parcels"][0]
    assert states.pop(gone) == ("SHIPPED", 1)
    assert list(states.values()) == [("INDUCTED", 0)]
    assert questions(house) == []


def test_nobody_is_asked_about_tags_that_are_none_of_ours_or_have_left(house: House):
    (parcel,) = packed(house, 1)
    out(house, parcel)
    for epc in ("E28011700000021022220000", parcel.epc_hex):
        ask(house, epc)
    assert house.database.run(lambda s: s.scalars(select(ExceptionRow)).all()) == []
