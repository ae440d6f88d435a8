"""Master data over HTTP: files in and out, places and goods at a desk, labels."""

import io
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.builders import an_id
from tests.wms.house import HUB, House
from wms.cli import main
from wms.sites import check_digits, location_id, site_id


def test_a_file_is_sent_checked_applied_and_taken_out_again(house: House):
    http = house.http
    kinds = {each["name"]: each for each in house.ok(http.get("/console/v1/imports/kinds"))}
    assert [c["name"] for c in kinds["sites"]["columns"] if c["needed"]] == [
        "code", "kind", "name_en",
    ]  # fmt: skip
    file = "拠点コード,ロケーション,種別\nTYO1,Q-1,PICK_FACE\n".encode("cp932")
    guessed = house.ok(http.post("/console/v1/imports:guess", files={"file": ("x.csv", file)}))
    assert guessed == {"kind": "locations", "rows": 1}
    id_ = an_id()
    address = f"/console/v1/imports/locations?id={id_}&name=x.csv"
    checked = house.ok(http.post(address, content=file))
    assert (checked["state"], checked["rows_new"], checked["changes"][0]["key"]) == (
        "CHECKED", 1, "TYO1 Q-1",
    )  # fmt: skip
    assert house.ok(http.post(address, content=file)) == checked  # the same id, the same import
    reused = http.post(address, content=file + b"\n")
    assert (reused.status_code, reused.json()["code"]) == (422, "id_reused")
    applied = house.ok(
        http.post(f"/console/v1/imports/{id_}:apply", json={"command_id": str(an_id())})
    )
    assert applied["state"] == "APPLIED"
    assert house.ok(http.get(f"/console/v1/imports/{id_}")) == applied
    assert house.ok(http.get("/console/v1/imports"))[0]["id"] == str(id_)
    out = http.get(f"/console/v1/exports/locations.xlsx?site={HUB}&lang=ja")
    assert zipfile.is_zipfile(io.BytesIO(out.content))
    again = http.post(
        f"/console/v1/imports/locations?id={an_id()}&dry_run=false", content=out.content
    )
    assert (again.json()["state"], again.json()["rows_unchanged"]) == ("APPLIED", 14)
    empty = http.get("/console/v1/exports/skus.csv?empty=true&lang=ja").content.decode("utf-8-sig")
    assert empty.startswith("荷主,品目コード")
    wrong = http.post(f"/console/v1/imports/nothing?id={an_id()}", content=file)
    assert (wrong.status_code, wrong.json()["code"]) == (404, "no_such_kind")
    faulty = http.post(f"/console/v1/imports/locations?id={an_id()}", content=b"a,b\n\x85\n")
    assert faulty.json()["faults"][0]["code"] == "encoding"
    not_now = http.post(
        f"/console/v1/imports/{faulty.json()['id']}:apply", json={"command_id": str(an_id())}
    )
    assert (not_now.status_code, not_now.json()["code"]) == (409, "not_checked")


def test_places_and_goods_at_a_desk(house: House):
    http = house.http
    sites = {each["code"]: each for each in house.ok(http.get("/console/v1/masters/sites"))}
    assert sites[HUB]["places"] == 13
    house.sku("TEA")
    house.stock("TEA", 7, "S01-01")
    house.stock("TEA", 5, "A01-01-1", tote="T-1")
    place = {"site": HUB, "code": "S01-01", "kind": "PICK_FACE", "zone": "SHELF", "max_units": 40}
    saved = house.ok(http.put("/console/v1/masters/locations", json=place))
    assert (saved["units"], saved["max_units"]) == (7, 40)
    moved = http.put("/console/v1/masters/locations", json=place | {"kind": "QUARANTINE"})
    assert (moved.status_code, moved.json()["code"]) == (409, "place_in_use")
    moved = http.put("/master/v1/locations", json=[place | {"kind": "QUARANTINE"}])
    assert moved.json()["code"] == "place_in_use"
    block = {"site": HUB, "codes": ["S01-02"], "reason": "broken shelf"}
    assert house.ok(http.put("/console/v1/masters/blocks", json=block)) == {"places": 1}
    query = {"site": HUB, "blocked": "true"}
    found = house.ok(http.get("/console/v1/masters/locations", params=query))
    assert [(each["code"], each["blocked"]) for each in found["places"]] == [
        ("S01-02", "broken shelf")
    ]
    pages = []
    query = {"site": HUB, "q": "s0", "limit": "4"}
    while True:
        page = house.ok(http.get("/console/v1/masters/locations", params=query))
        pages.append(len(page["places"]))
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert pages == [4, 4, 1]
    plan = house.ok(http.get("/console/v1/masters/plan", params={"site": HUB}))
    rows = {row[0]: row for row in plan["places"]}
    assert rows["S01-01"][6:] == [7, 40, False]
    assert rows["A01-01-1"][6] == 5
    assert rows["S01-02"][8] is True
    sku = {"code": "TEA", "name_en": "Tea", "name_ja": "お茶", "gtins": ["4901234567894"],
           "packs": [{"level": "CASE", "units": 24, "gtins": ["14901234567891"]}]}  # fmt: skip
    house.ok(http.put("/console/v1/masters/skus", json=sku))
    for text in ("お茶", "te", "4901234567894", "14901234567891"):
        found = house.ok(http.get("/console/v1/masters/skus", params={"q": text}))["skus"]
        assert [(each["code"], each["gtins"]) for each in found] == [("TEA", ["04901234567894"])]
        assert found[0]["packs"][0]["gtins"] == ["14901234567891"]
    there = http.get("/console/v1/masters/plan", params={"site": "NOWHERE"})
    assert there.status_code == 404


def test_labels_are_read_back_and_printed_anew_they_have_other_digits(house: House):
    wish = {"command_id": str(an_id()), "site": HUB, "zone": "SHELF"}
    answer = house.http.post("/console/v1/masters/labels", json=wish)
    pages = PdfReader(io.BytesIO(answer.content)).pages
    assert len(pages) == 9
    digits = check_digits(location_id(site_id(HUB), "S01-01"), 0)
    assert digits in pages[0].extract_text()
    again = {"command_id": str(an_id()), "site": HUB, "codes": ["S01-01"], "reprint": True}
    first = house.http.post("/console/v1/masters/labels", json=again).content
    assert house.http.post("/console/v1/masters/labels", json=again).content == first
    found = house.ok(
        house.http.get("/console/v1/masters/locations", params={"site": HUB, "q": "S01-01"})
    )
    place = found["places"][0]
    assert place["label_epoch"] == 1  # once, though it was asked twice
    assert place["digits"] == check_digits(location_id(site_id(HUB), "S01-01"), 1)
    assert place["digits"] in PdfReader(io.BytesIO(first)).pages[0].extract_text()
    zpl = house.http.post("/console/v1/masters/labels", json=wish | {"form": "zpl"}).content
    assert zpl.count(b"^XA") == 9
    missing = house.http.post(
        "/console/v1/masters/labels",
        json={"command_id": str(an_id()), "site": HUB, "codes": ["NO"]},
    )
    assert missing.status_code == 404


def test_the_same_at_the_command_line(
    house: House, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.setenv("SOKO_DATABASE_URL", database_url)
    house.sku("TEA")

    def soko(*words: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(words)
        return int(ended.value.code or 0)

    file = tmp_path / "places.csv"
    file.write_bytes("拠点コード,ロケーション,種別\nTYO1,Q-1,PICK_FACE\n".encode())
    assert soko("import", str(file), "--dry-run") == 0
    assert "locations: checked, 1 rows: 1 new" in capsys.readouterr().out
    id_ = str(an_id())
    for _ in range(2):  # with an id it is the same import
        assert soko("import", str(file), "--id", id_) == 0
        assert "locations: applied, 1 rows: 1 new" in capsys.readouterr().out
    assert soko("import", str(file)) == 0
    assert "locations: applied, 1 rows: 0 new, 0 changed, 1 unch" in capsys.readouterr().out
    file.write_bytes(b"site,code,kind\nTYO1,Q-1,SHELF\n")
    assert soko("import", str(file), "--kind", "locations") == 1
    assert "row 2, kind: not_one_of 'SHELF'; expected: SUPPLIER |" in capsys.readouterr().err
    out = tmp_path / "skus.xlsx"
    assert soko("export", "skus", "-o", str(out), "--lang", "ja") == 0
    assert soko("import", str(out)) == 0
    assert "skus: applied, 1 rows: 0 new, 0 changed, 1 unchanged" in capsys.readouterr().out
    labels = tmp_path / "labels.pdf"
    assert soko("label", "locations", "--site", HUB, "--zone", "SHELF", "-o", str(labels)) == 0
    assert len(PdfReader(labels).pages) == 9
