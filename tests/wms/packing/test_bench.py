"""At the packing bench: scanned into a carton, weighed, printed; and what goes wrong."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from zebrafy.zebrafy_zpl import ZebrafyZPL
from zxingcpp import read_barcodes

from edge.messages import WeightRead
from simulators.printer import PrinterServer
from tests.builders import an_id
from tests.wms.house import HUB, SPOKE, House
from wms.database import Database
from wms.orders.model import Allocation
from wms.outbound.model import ExceptionRow, Parcel
from wms.outbound.packing_tables import PrintJob
from wms.outbound.prints import spec_of
from wms.printing.labels import label
from wms.printing.render import to_zpl
from wms.work.wanted import CountWanted

BOX = {"code": "BOX-S", "length_mm": 300, "width_mm": 200, "height_mm": 150, "tare_g": 100,
       "max_g": 5_000}  # fmt: skip
BIG = BOX | {"code": "BOX-L", "length_mm": 500, "width_mm": 400, "height_mm": 300, "max_g": 25_000}


class Bench:
    """A packer with a handheld, at a bench with a scale and a printer."""

    def __init__(self, database: Database) -> None:
        self.house = House(database)
        self.packet: dict[str, Any] = {}

    def put(self, path: str, body: Any) -> Any:
        return self.house.ok(self.house.http.put(f"/console/v1/{path}", json=body))

    def goods(self, code: str, weight_g: int, *sides: int, units: int = 20) -> None:
        size = dict(zip(("length_mm", "width_mm", "height_mm"), sides, strict=False))
        body = [{"code": code, "name_en": code, "weight_g": weight_g, **size}]
        self.house.ok(self.house.http.put("/master/v1/skus", json=body))
        self.house.stock(code, units, "S01-01")

    def begin(self, *lines: tuple[str, int], **order: Any) -> UUID:
        """An order comes, is picked, and a packer takes it up."""
        order_id = self.house.put_order(*lines, **order)
        self.house.tick()
        self.house.work_off(HUB, "pick")
        packet = self.house.next_packet(HUB, "pack")
        assert packet is not None
        self.packet = packet
        return order_id

    @property
    def step(self) -> dict[str, Any]:
        return next(s for s in self.packet["steps"] if s["id"] == self.packet["step"])

    @property
    def at(self) -> str:
        step: str = self.packet["step"] or "done"
        return step

    def do(self, kind: str, value: Any) -> str:
        """An event at the present step; "" if it was taken, else the problem."""
        said = self.house.send(self.house.event(self.packet, kind, value))
        self.packet = said["packet"] or self.packet | {"step": None}
        problem = said["results"][0]["problem"]
        return "" if problem is None else str(problem["code"])

    def scan(self, *codes: str) -> None:
        for code in codes:
            assert self.do("scan", code) == "", (code, self.at)

    def until(self, step: str) -> None:
        """Go on as usual to that step."""
        while self.at != step:
            for event in self.house._deeds(self.packet, self.step, {}):
                if event["step"] == self.at:
                    assert self.do(event["type"], event["value"]) == "", self.step

    def weigh(self, grams: int, *, stable: bool = True) -> None:
        now = self.house.clock.now()
        self.house.hear(WeightRead(at=now, device="scale-1", grams=grams, stable=stable))

    def exceptions(self) -> dict[str, dict[str, Any]]:
        rows = self.house.database.run(lambda s: s.scalars(select(ExceptionRow)).all())
        return {row.code: row.facts for row in rows}

    def parcels(self) -> list[Parcel]:
        return self.house.parcels()


@pytest.fixture
def bench(database: Database) -> Iterator[Bench]:
    bench = Bench(database)
    yield bench
    bench.house.close()


def words_of(printed: bytes) -> set[str]:
    (image,) = ZebrafyZPL(printed.decode()).to_images()
    return {found.text for found in read_barcodes(image)}


def a_label(code: str, **more: str) -> dict[str, Any]:
    codes = [{"symbology": "CODE128", "text": code}]
    return {"kind": "LABEL", "title": code, "codes": codes, **more}


def test_scanned_weighed_printed_and_scanned_back(bench: Bench):  # noqa: PLR0915 - a whole flow
    house = bench.house
    bench.put(f"cartons/{HUB}", [BOX | {"stock": 1}, BIG])
    bench.goods("BOOK", 400, 210, 150, 30)
    bench.goods("LAMP", 1_500, 480, 300, 200)
    with PrinterServer() as printer:
        bench.put(f"printers/{HUB}/zebra-1", {"host": "127.0.0.1", "port": printer.port})
        station = {"weigh": "SCALE", "scale": "scale-1", "printer": "zebra-1", "devices": ["hh-1"]}
        bench.put(f"pack-stations/{HUB}/P1", station)
        bench.begin(("BOOK", 2), tenders=[])
        (parcel,) = bench.parcels()
        bench.scan(bench.packet["title"])
        assert (bench.at, bench.step["say"]["code"]) == ("1.1", "pack.scan_item")
        assert bench.do("scan", "LAMP") == "wrong_scan"
        bench.scan("BOOK", "BOOK")
        assert bench.step["big"] == "BOX-S"
        assert bench.do("scan", "BOX-M") == "wrong_scan"
        bench.scan("BOX-S")
        assert bench.do("choice", "done") == "no_weight"
        bench.weigh(450, stable=False)
        assert bench.do("choice", "done") == "no_weight"
        bench.weigh(912)
        assert bench.do("choice", "done") == ""
        assert bench.at == "1.label"
        assert bench.do("choice", "ok") == ""
        assert house.job("print") == 2
        assert [words_of(one) for one in printer.labels] == [
            {f"(00){parcel.sscc}"}, {bench.packet["title"]},
        ]  # fmt: skip
        assert bench.do("exception", {"code": "label_torn"}) == ""
        assert bench.do("choice", "ok") == ""
        assert house.job("print") == 2
        assert bench.do("scan", "349012345000009999") == "wrong_scan"
        bench.scan(parcel.sscc)
        assert bench.do("choice", "NOTHING_LEFT") == ""
    jobs = house.ok(house.http.get("/console/v1/print-jobs", params={"site": HUB}))
    assert [(job["state"], job["done"], job["total"]) for job in jobs] == [("DONE", 2, 2)] * 2
    (packed,) = bench.parcels()
    assert (packed.state, packed.carton, packed.weighed_g) == ("INDUCTED", "BOX-S", 912)
    assert packed.weight_g == parcel.weight_g
    assert bench.exceptions() == {}
    cartons = house.ok(house.http.get(f"/console/v1/cartons/{HUB}"))
    assert [(each["code"], each["stock"]) for each in cartons] == [("BOX-S", 0), ("BOX-L", None)]
    bench.begin(("BOOK", 1))
    bench.until("1.carton")
    assert bench.step["big"] == "BOX-L"  # the last small one is gone
    bench.until("done")


def test_a_weight_that_cannot_be_is_asked_about_and_told(bench: Bench):
    bench.goods("BOOK", 400, 210, 150, 30)
    bench.begin(("BOOK", 3))
    bench.until("1.weigh")
    assert bench.do("qty", 900) == ""
    assert bench.do("choice", "done") == ""
    assert (bench.at, bench.step["big"]) == ("1.differs", "-420 g")
    assert bench.do("undo", None) == ""
    assert bench.at == "1.weigh"
    assert bench.do("qty", 1_290) == ""
    assert bench.do("choice", "done") == ""
    assert bench.at == "1.label"
    assert bench.do("undo", None) == ""
    assert bench.do("qty", 900) == ""
    assert bench.do("choice", "done") == ""
    assert bench.do("choice", "SEND_ANYWAY") == ""
    bench.until("done")
    (parcel,) = bench.parcels()
    assert (parcel.weight_g, parcel.weighed_g) == (900, 900)
    facts = {"sscc": parcel.sscc, "expected_g": 1_320, "weighed_g": 900}
    assert bench.exceptions() == {"pack.weight_differs": facts}


def test_what_is_missing_broken_or_too_much_goes_its_way(bench: Bench):
    house = bench.house
    bench.goods("BOOK", 400)
    bench.goods("CUP", 300)
    house.stock("CUP", 5, "S02-01", site=SPOKE)
    order_id = bench.begin(("BOOK", 3), ("CUP", 2))
    bench.scan(bench.packet["title"], "BOOK")
    assert bench.do("exception", {"code": "missing", "found": 1}) == ""
    bench.scan("CUP")
    assert bench.do("exception", {"code": "damaged", "found": 1}) == ""
    bench.until("1.weigh")
    assert bench.do("qty", 400 + 300 + 120) == ""
    assert bench.do("choice", "done") == ""
    bench.until("rest")
    assert bench.do("choice", "LEFT_OVER") == ""
    bench.scan("CUP", "a thing of nobody")
    assert bench.do("choice", "done") == ""

    told = bench.exceptions()
    assert {code: facts.get("missing") for code, facts in told.items()} == {
        "pack.missing": 2, "pack.damaged": 1, "pack.extra": None,
    }  # fmt: skip
    assert told["pack.extra"]["units"] == {"CUP": 1}
    assert told["pack.extra"]["unknown"] == ["a thing of nobody"]
    assert house.stock_row("BOOK")["unknown"] == 2
    assert house.stock_row("CUP")["quarantine"] == 1
    counts = house.database.run(lambda s: s.scalars(select(CountWanted)).all())
    assert [count.why for count in counts] == ["SHORT"]
    (packet,) = house.work_off(HUB, "putback")
    assert packet["title"] == bench.packet["title"]
    rows = house.database.run(lambda s: s.scalars(select(Allocation)).all())
    by_state: dict[str, int] = {}
    for row in rows:
        by_state[row.state] = by_state.get(row.state, 0) + row.units
    assert by_state["PACKED"] == 2
    assert by_state["SHORT"] == 2
    assert by_state["RELEASED"] == 1
    assert by_state["ALLOCATED"] == 3
    assert {line["status"] for line in house.order(order_id)["lines"]} != {"SHIPPED"}


def test_a_parcel_in_which_nothing_came_is_none(bench: Bench):
    house = bench.house
    bench.goods("STONE", 12_000, units=2)
    order_id = bench.begin(("STONE", 2))
    assert len(bench.parcels()) == 2
    bench.scan(bench.packet["title"])
    bench.until("2.1")
    assert bench.do("exception", {"code": "missing", "found": 0}) == ""
    bench.until("done")
    assert sorted(parcel.state for parcel in bench.parcels()) == ["CANCELLED", "INDUCTED"]
    assert house.line(order_id)["units_short"] == 1


def test_how_many_parcels_there_are_is_what_the_weight_makes_unless_nothing_holds_it(bench: Bench):
    bench.goods("STONE", 6_000, 250, 200, 100)
    bench.goods("DUVET", 900, 600, 400, 400)
    bench.begin(("STONE", 7))
    assert [parcel.carton for parcel in bench.parcels()] == ["BOX-140", "BOX-140", "BOX-100"]
    bench.until("done")
    bench.begin(("DUVET", 2))
    assert [parcel.carton for parcel in bench.parcels()][3:] == ["BOX-160", "BOX-160"]
    bench.until("done")
    bench.put(f"cartons/{HUB}", [BOX])
    bench.begin(("DUVET", 1))
    assert not any(step["id"] == "1.carton" for step in bench.packet["steps"])  # goes as it is
    bench.until("done")


def test_gifts_are_wrapped(bench: Bench):
    bench.goods("CUP", 300)
    line = {"line_no": 1, "sku": "CUP", "units": 1, "gift": "のし: 御祝"}
    order_id = an_id()
    body = bench.house.order_body() | {"lines": [line]}
    bench.house.ok(bench.house.http.put(f"/oms/v1/orders/{order_id}", json=body))
    bench.house.tick()
    bench.house.work_off(HUB, "pick")
    packet = bench.house.next_packet(HUB, "pack")
    assert packet is not None
    bench.packet = packet
    bench.until("1.gift")
    assert bench.step["big"] == "のし: 御祝"
    bench.until("done")


def test_a_printer_that_is_down_prints_again_only_what_it_did_not_say_it_had(bench: Bench):
    house = bench.house
    labels = [a_label(f"T-{n}", label="LPN") for n in range(8)]
    job = an_id()
    with PrinterServer() as printer:
        bench.put(f"printers/{HUB}/zebra-1", {"host": "127.0.0.1", "port": printer.port})
        wanted = {"site": HUB, "printer": "zebra-1", "labels": labels}
        bench.put(f"print-jobs/{job}", wanted)
        assert house.http.put(f"/console/v1/print-jobs/{job}", json=wanted).status_code == 200
        other = wanted | {"labels": labels[:2]}
        refused = house.http.put(f"/console/v1/print-jobs/{job}", json=other)
        assert (refused.status_code, refused.json()["code"]) == (422, "id_reused")
        printer.paper_out = True
        assert house.job("print") == 0
        assert bench.exceptions()["printer.down"]["reason"] == "no paper"
        printer.paper_out, printer.dies_after = False, 3
        assert house.job("print") == 0  # not asked again at once
        house.clock.at += timedelta(seconds=11)
        assert house.job("print") == 3
        printer.dies_after = None
        house.clock.at += timedelta(seconds=11)
        house.ok(house.http.post(f"/console/v1/print-jobs/{job}:cancel",
                                 json={"command_id": str(an_id())}))  # fmt: skip
        assert house.job("print") == 0
        house.ok(house.http.post(f"/console/v1/print-jobs/{job}:resume",
                                 json={"command_id": str(an_id())}))  # fmt: skip
        assert house.job("print") == 5
        assert [words_of(one) for one in printer.labels] == [{f"T-{n}"} for n in range(8)]
        plain = [to_zpl([label(spec_of(each))]).strip() for each in labels]
        again = [n for n, one in enumerate(printer.labels) if one != plain[n]]
        assert again == [0, 3]  # given to it before it fell silent
    done = house.ok(house.http.get(f"/console/v1/print-jobs/{job}"))
    assert (done["state"], done["done"], done["sent"]) == ("DONE", 8, 8)
    rows = house.database.run(lambda s: s.scalars(select(ExceptionRow)).all())
    assert [(row.code, row.active) for row in rows] == [("printer.down", False)]
    over = house.http.post(f"/console/v1/print-jobs/{job}:cancel",
                           json={"command_id": str(an_id())})  # fmt: skip
    assert (over.status_code, over.json()["code"]) == (409, "print_job_over")


def test_many_labels_become_one_file_that_can_be_stopped_and_begun_again(bench: Bench):
    house = bench.house
    labels = [a_label(f"A-{n:03d}", label="LOCATION", digits="47") for n in range(250)]
    job = an_id()
    bench.put(f"print-jobs/{job}", {"site": HUB, "labels": labels})
    path = f"/console/v1/print-jobs/{job}"
    house.ok(house.http.post(f"{path}:cancel", json={"command_id": str(an_id())}))
    assert house.job("print") == 0
    assert house.http.get(f"{path}/document").status_code == 404
    house.ok(house.http.post(f"{path}:resume", json={"command_id": str(an_id())}))
    assert house.job("print") == 250
    answer = house.http.get(f"{path}/document")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.count(b"/Type /Page\n") == 250
    named = {"site": HUB, "labels": [{"kind": "PARCEL", "id": str(an_id())}]}
    refused = house.http.put(f"/console/v1/print-jobs/{an_id()}", json=named)
    assert (refused.status_code, refused.json()["code"]) == (422, "names_somebody")
    wrong = {"site": HUB, "labels": [{"codes": [{"symbology": "GS1_128", "text": "123"}]}]}
    refused = house.http.put(f"/console/v1/print-jobs/{an_id()}", json=wrong)
    assert (refused.status_code, refused.json()["code"]) == (422, "label_refused")
    rows = house.database.run(lambda s: s.scalars(select(PrintJob)).all())
    assert len(rows) == 1


RULES = [
    {"code": "noshi", "kind": "NOSHI", "name": "紅白 蝶結び", "text": "内のし", "picture": "/p.png",
     "when": {"gifts": ["のし"]}},
    {"code": "noshi-any", "kind": "NOSHI", "name": "無地のし", "when": {"gifts": ["のし"]}},
    {"code": "acme", "kind": "FLYER", "name": "ACME", "when": {"owners": ["ACME"]}},
    {"code": "summer", "kind": "FLYER", "name": "夏のちらし", "scan": "FL-1",
     "when": {"from_on": "2026-01-01", "until_on": "2026-12-31", "worth_min_minor": 500}},
    {"code": "old", "kind": "FLYER", "name": "昔", "when": {"until_on": "2020-01-01"}},
]  # fmt: skip


def test_what_rules_add_is_done_at_the_bench_with_its_picture(bench: Bench):
    bench.goods("CUP", 300)
    body = [
        {"code": "CUP", "name_en": "CUP", "weight_g": 300, "fragile": True, "picture": "/c.png"}
    ]
    bench.house.ok(bench.house.http.put("/master/v1/skus", json=body))
    assert [each["code"] for each in bench.put(f"pack-rules/{HUB}", RULES)] == [
        rule["code"] for rule in RULES
    ]
    line = {"line_no": 1, "sku": "CUP", "units": 1, "gift": "のし: 御祝 田中", "price_minor": 500}
    order = bench.begin(lines=[line])
    tried = bench.house.http.get(f"/console/v1/pack-rules/{HUB}/orders/{order}").json()
    assert [(each["rule"], each["wish"]) for each in tried] == [
        ("noshi", "御祝 田中"),
        ("summer", ""),
    ]
    bench.until("1.1")
    facts = {fact["label"]: fact["value"] for fact in bench.step["facts"]}
    assert (facts["care"], bench.step["image"]) == ("FRAGILE", "/c.png")
    bench.until("1.noshi1")
    assert (bench.step["big"], bench.step["image"]) == ("御祝 田中", "/p.png")
    bench.until("1.flyer2")
    assert bench.do("scan", "FL-2") == "wrong_scan"
    bench.scan("FL-1")
    assert bench.at in {"1.weigh", "1.carton"}, "no wrap is asked for a second time"
    bench.until("done")


def test_goods_stand_upright_and_carry_nothing_if_they_are_so(bench: Bench):
    bench.put(f"cartons/{HUB}", [BOX | {"height_mm": 100}, BIG])
    bench.goods("VASE", 900, 90, 90, 200)
    bench.begin(("VASE", 1))
    bench.until("1.carton")
    assert bench.step["big"] == "BOX-S", "it may lie"
    bench.until("done")
    body = [{"code": "VASE", "name_en": "VASE", "weight_g": 900, "length_mm": 90, "width_mm": 90,
             "height_mm": 200, "upright": True}]  # fmt: skip
    bench.house.ok(bench.house.http.put("/master/v1/skus", json=body))
    bench.begin(("VASE", 1))
    bench.until("1.carton")
    assert bench.step["big"] == "BOX-L", "it must stand"
    bench.until("done")


def test_a_picture_is_kept_once_and_anybody_may_look_at_it(bench: Bench):
    png = b"\x89PNG\r\n\x1a\n" + b"0" * 40
    http = bench.house.http
    first = http.post("/master/v1/pictures", content=png)
    again = http.post("/console/v1/masters/pictures", content=png)
    assert (first.status_code, first.json()) == (201, again.json())
    seen = http.get(first.json()["address"])
    assert (seen.content, seen.headers["content-type"]) == (png, "image/png")
    assert http.post("/master/v1/pictures", content=b"<svg>").json()["code"] == "no_picture"
    assert http.get(f"/master/v1/pictures/{'0' * 32}").status_code == 404
