"""Files of master data: every fault at once, all or nothing, once, and back again as they were."""

import threading
from typing import Any

import pytest

from tests.builders import NOW, an_id
from tests.wms.house import HUB, House
from wms.database import Database
from wms.errors import IdReused
from wms.masters import take
from wms.masters.export import export
from wms.masters.kinds import KINDS
from wms.masters.model import MasterImport
from wms.masters.sheet import write_csv, write_xlsx
from wms.stock.verify import verify

PLACES = b"""site,code,kind,zone,max_units,mix
TYO1,Q-01,PICK_FACE,SHELF,40,ONE_SKU
TYO1,Q-02,RESERVE,SHELF,,
"""


def put(database: Database, kind: str, content: bytes, *, dry_run: bool = False) -> MasterImport:
    """Send a file, and have it worked off."""
    sent = take.Sent(
        id=an_id(), kind=kind, name=f"{kind}.csv", content=content, dry_run=dry_run, by="test"
    )
    database.run(lambda s: take.take(s, sent, now=NOW))
    assert take.work_off(database, sent.id, now=NOW)
    return database.run(lambda s: take.find(s, sent.id))


def faults(found: MasterImport) -> set[tuple[int, str, str]]:
    return {(each["row"], each["column"], each["code"]) for each in found.faults}


def out(database: Database, kind: str, form: Any = "csv") -> bytes:
    return database.run(lambda s: export(s, KINDS[kind], form))


def test_every_fault_is_listed_and_nothing_is_changed(house: House):
    database = house.database
    before = out(database, "locations")
    found = put(
        database,
        "locations",
        "拠点コード,ロケーション,種別,最大数量,混載,colour,輸送区分\n"
        "TYO1,Q-01,PICK_FACE,40,ONE_SKU,,\n"
        "NOWHERE,Q-02,PICK_FACE,forty,,red,\n"
        "TYO1,,SHELF,0,ANY,,\n"
        "TYO1,Q-01,PICK_FACE,1,ANY,,\n"
        "TYO1,@DOCK,LANE,1,ANY,,\n"
        "NOWHERE,Q-03,LANE,1,ANY,,TO_STORE\n".encode("cp932"),
    )
    assert found.state == "FAULTY"
    assert faults(found) == {
        (1, "colour", "unknown_column"),
        (3, "max_units", "not_whole"),
        (4, "code", "missing"),
        (4, "kind", "not_one_of"),
        (4, "max_units", "out_of_range"),
        (5, "code", "twice"),
        (6, "code", "virtual_place"),
        (6, "lane", "lane_of_lanes"),
        (7, "site", "unknown_site"),
    }
    twice = next(each for each in found.faults if each["code"] == "twice")
    assert (twice["given"], twice["expected"]) == ("TYO1 Q-01", "2")
    assert out(database, "locations") == before


def test_a_dry_run_says_what_applying_then_does(house: House):
    database = house.database
    checked = put(database, "locations", PLACES, dry_run=True)
    assert (checked.state, checked.rows_new, checked.rows_changed) == ("CHECKED", 2, 0)
    assert b"Q-01" not in out(database, "locations")

    database.run(lambda s: take.apply_it(s, checked.id))
    assert house.job("imports") == 1
    applied = database.run(lambda s: take.find(s, checked.id))
    assert applied.state == "APPLIED"
    assert (applied.changes, applied.rows_new) == (checked.changes, 2)
    assert b"Q-01,PICK_FACE,,SHELF" in out(database, "locations")

    database.run(lambda s: take.apply_it(s, checked.id))  # told again, it is done once
    assert house.job("imports") == 0
    again = put(database, "locations", PLACES.replace(b",40,", b",41,"))
    assert (again.rows_new, again.rows_changed, again.rows_unchanged) == (0, 1, 1)
    assert again.changes[0]["cells"] == [["max_units", 40, 41]]


def test_what_a_file_does_not_name_stays_and_what_is_empty_is_empty(house: House):
    put(house.database, "locations", PLACES)
    put(house.database, "locations", b"site,code,kind,zone\nTYO1,Q-01,RESERVE,\n")
    assert b"TYO1,Q-01,RESERVE,,,,,0,0,0,0,,,,ONE_SKU,40,," in out(house.database, "locations")


def test_an_id_is_one_file_and_is_worked_on_by_one(house: House):
    database = house.database
    id_ = an_id()

    def sent(content: bytes) -> take.Sent:
        return take.Sent(
            id=id_, kind="locations", name="x", content=content, dry_run=False, by="test"
        )

    for _ in range(2):
        database.run(lambda s: take.take(s, sent(PLACES), now=NOW))
    with pytest.raises(IdReused):
        database.run(lambda s: take.take(s, sent(PLACES + b"\n"), now=NOW))
    began, go_on = threading.Event(), threading.Event()

    def wait(_done: int, _steps: int) -> None:
        began.set()
        go_on.wait(10)

    one = threading.Thread(target=lambda: take.work_off(database, id_, now=NOW, tell=wait))
    one.start()
    assert began.wait(10)
    assert not take.work_off(database, id_, now=NOW)  # it is being worked on
    go_on.set()
    one.join(10)
    assert database.run(lambda s: take.find(s, id_)).state == "APPLIED"


def test_who_dies_in_the_middle_has_changed_nothing_and_the_next_begins_anew(house: House):
    database = house.database
    id_ = an_id()
    rows = b"".join(b"TYO1,N-%05d,PICK_FACE\n" % n for n in range(5_000))
    sent = take.Sent(
        id=id_, kind="locations", name="x", content=b"site,code,kind\n" + rows, dry_run=False,
        by="test",
    )  # fmt: skip
    database.run(lambda s: take.take(s, sent, now=NOW))
    seen: list[int] = []

    class DeadError(RuntimeError):
        pass

    def die(done: int, steps: int) -> None:
        seen.append(done)
        if done > steps * 0.6:
            raise DeadError

    with pytest.raises(DeadError):
        take.work_off(database, id_, now=NOW, tell=die)
    left = database.run(lambda s: take.find(s, id_))
    assert (left.state, left.rows) == ("WAITING", 5_000)
    assert 0 < left.done < 5_000  # others see how far it was
    assert b"N-0" not in out(database, "locations")
    assert house.job("imports") == 1
    assert out(database, "locations").count(b"N-0") == 5_000


def test_goods_with_barcodes_packs_and_lots(house: House):
    database = house.database
    put(database, "owners", b"code,name\nMINATO,Minato\n")
    skus = put(
        database,
        "skus",
        "荷主,品目コード,名称(英),名称,JANコード,管理区分\n"
        ",TEA,Tea,お茶,4901234567894,LOT\n"
        "MINATO,TEA,Tea,お茶,4901234567894 49123456,NONE\n".encode(),
    )
    assert (skus.state, skus.faults) == ("APPLIED", [])
    packs = put(database, "packs", b"sku,level,units,gtins\nTEA,CASE,24,14901234567891\n")
    assert packs.faults == []
    wrong = put(
        database,
        "packs",
        b"sku,level,units,gtins\nTEA,EACH,2,\nTEA,INNER,6,4901234567890\nNONE,CASE,1,\n",
    )
    assert faults(wrong) == {
        (2, "units", "each_is_one"),
        (3, "gtins", "malformed_gtin"),
        (4, "sku", "unknown_sku"),
    }
    taken = put(
        database,
        "skus",
        b"code,name_en,gtins\nA,A,14901234567891\nB,B,4912345678904\nC,C,4912345678904\n",
    )
    assert {(row, code) for row, _, code in faults(taken)} == {(2, "gtin_taken"), (4, "gtin_taken")}
    assert put(database, "lots", b"sku,code,expires_on\nTEA,L1,2027/3/31\n").faults == []
    late = put(
        database, "lots", "sku,code,expires_on,made_on\nTEA,L2,2026年1月1日,2026-02-01\n".encode()
    )
    assert faults(late) == {(2, "expires_on", "ends_before")}


STOCK = b"""site,location,unit,sku,lot,units,serials,weight_g
TYO1,S01-01,,RICE,,30,,
TYO1,A01-01-1,T-1,RICE,,12,,
TYO1,S01-02,,TEA,L1,5,,
TYO1,S01-03,,CAM,,2,SN1 SN2,
TYO1,S02-01,,BEEF,,3,,1510
"""


@pytest.fixture
def stocked(house: House) -> House:
    skus = [
        {"code": "RICE", "name_en": "Rice"},
        {"code": "TEA", "name_en": "Tea", "tracking": "LOT"},
        {"code": "CAM", "name_en": "Camera", "tracking": "SERIAL"},
        {"code": "BEEF", "name_en": "Beef", "catch_weight": True},
    ]
    house.ok(house.http.put("/master/v1/skus", json=skus))
    put(house.database, "lots", b"sku,code\nTEA,L1\n")
    return house


def test_stock_of_a_file_is_posted_once_and_a_file_never_takes_away(stocked: House):
    database = stocked.database
    assert put(database, "stock", STOCK, dry_run=True).faults == []
    assert out(database, "stock").count(b"\r\n") == 1  # the header: it was tried and taken back
    first = put(database, "stock", STOCK)
    assert (first.state, first.rows_new) == ("APPLIED", 5)
    assert stocked.stock_row("RICE")["sellable"] == 42
    assert put(database, "stock", STOCK).rows_unchanged == 5
    more = put(database, "stock", STOCK.replace(b",30,", b",33,").replace(b"2,SN1", b"3,SN3 SN1"))
    assert (more.faults, more.rows_changed) == ([], 2)
    assert stocked.stock_row("RICE")["sellable"] == 45
    wrong = put(
        database,
        "stock",
        b"site,location,unit,sku,lot,units,serials\nTYO1,S01-01,,RICE,,2,\nTYO1,S01-03,T-1,RICE,,1,\n"
        b"TYO1,S02-02,,CAM,,1,SN1\nTYO1,S02-02,,TEA,,1,\nTYO1,NO,,RICE,L1,1,X\n",
    )
    assert faults(wrong) == {
        (2, "units", "more_is_there"),
        (5, "lot", "lot_missing"),
        (6, "location", "unknown_place"),
        (6, "lot", "lot_unwanted"),
        (6, "serials", "serial_unwanted"),
    }
    tried = put(
        database,
        "stock",
        b"site,location,unit,sku,units,serials\nTYO1,S02-02,,CAM,1,SN1\nTYO1,S02-03,,CAM,1,SN9\n",
        dry_run=True,
    )
    assert faults(tried) == {(2, "serials", "serial_duplicate")}  # the ledger says so, in a dry run
    elsewhere = put(database, "stock", b"site,location,unit,sku,units\nTYO1,S01-03,T-1,RICE,1\n")
    assert faults(elsewhere) == {(2, "unit", "unit_elsewhere")}
    assert stocked.stock_row("CAM")["sellable"] == 3
    assert database.run(verify).clean


def test_a_place_with_goods_stays_of_its_kind(stocked: House):
    put(stocked.database, "stock", STOCK)
    moved = put(stocked.database, "locations", b"site,code,kind\nTYO1,S01-01,QUARANTINE\n")
    assert faults(moved) == {(2, "kind", "place_in_use")}
    empty = put(stocked.database, "locations", b"site,code,kind\nTYO1,S03-03,QUARANTINE\n")
    assert empty.state == "APPLIED"


def test_rules_as_files(stocked: House):
    database = stocked.database
    table = b"site,place,name,units,zones\nTYO1,1,pallets,PALLET,BULK\nTYO1,2,all,,\n"
    found = put(database, "putaway-rules", table)
    assert (found.state, found.rows_changed, found.rows_gone) == ("APPLIED", 2, 0)
    first = stocked.ok(stocked.http.get(f"/console/v1/putaway/rules/{HUB}"))["rules"][0]
    assert (first["name"], first["units"], first["zones"]) == ("pallets", ["PALLET"], ["BULK"])
    one = put(database, "putaway-rules", b"site,place,name\nTYO1,1,pallets\n")
    assert (one.rows_unchanged, one.rows_gone) == (1, 1)
    wrong = put(
        database,
        "policies",
        b"site,sku,low,high,source\nS-GNZ,RICE,9,4,TYO1\nS-GNZ,TEA,1,4,S-GNZ\nS-GNZ,NONE,1,4,TYO1\n",
    )
    assert faults(wrong) == {(2, "high", "below_low")}
    wrong = put(
        database,
        "policies",
        b"site,sku,low,high,source\nS-GNZ,TEA,1,4,S-GNZ\nS-GNZ,NONE,1,4,TYO1\n",
    )
    assert faults(wrong) == {(2, "source", "source_is_itself"), (3, "sku", "unknown_sku")}
    rules = out(database, "shipping-rules", "xlsx")
    assert put(database, "shipping-rules", rules).rows_unchanged == 6
    fewer = put(database, "shipping-rules", b"place,name,service\n1,All,SAGAWA\n")
    assert (fewer.state, fewer.rows_gone, fewer.rows_changed) == ("APPLIED", 5, 1)
    assert out(database, "shipping-rules").count(b"\r\n") == 2
    assert faults(put(database, "shipping-rules", b"place,name,service\n1,All,NOBODY\n")) == {
        (2, "service", "unknown_service")
    }


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_exported_is_imported_as_it_was(stocked: House, form: Any):
    database = stocked.database
    put(database, "locations", PLACES)
    put(database, "packs", b"sku,level,units,gtins\nRICE,CASE,24,14901234567891\n")
    put(database, "stock", STOCK)
    put(database, "policies", b"site,sku,low,high,source\nS-GNZ,RICE,2,4,TYO1\n")
    put(database, "faces", b"site,location,sku,low,high\nTYO1,S01-01,RICE,2,4\n")
    put(database, "kits", b"kit,sku,units,made\nRICE,CAM,2,ORDER\n")
    put(database, "pack-rules", b'site,place,code,kind,name,skus\nTYO1,1,N,NOSHI,N,"A,B C"\n')
    put(database, "printers", b"site,name,host\nTYO1,P1,10.1.4.20\n")
    put(database, "pack-stations", b'site,name,devices\nTYO1,BENCH-1,"HT-1,HT-2"\n')
    put(database, "pick-stations", b"site,name,slots\nTYO1,GTP-1,6\n")
    put(
        database,
        "tariffs",
        b"owner,version,valid_from,code,kind,per,rate\nHOUSE,1,2026-01-01,IN,INBOUND,UNIT,12.5\n",
    )
    odd = [
        ("code", "name_en", "name_ja"),
        ("=1+1", "-2+3", "'@SUM(A1)"),
        ("'", "+81", "  'あ,\n\" "),
    ]
    odd[2] = ("'", "+81", "'あ,\"")
    put(database, "skus", write_xlsx(odd) if form == "xlsx" else write_csv(odd))
    assert b'"=1' not in out(database, "skus")
    assert b"\n=1" not in out(database, "skus")
    for kind in KINDS:
        file = out(database, kind, form)
        found = put(database, kind, file)
        assert found.rows > 0, kind
        assert (found.state, found.rows, found.faults) == (
            "APPLIED", found.rows_unchanged, [],
        ), kind  # fmt: skip
        if form == "csv":
            assert out(database, kind) == file
