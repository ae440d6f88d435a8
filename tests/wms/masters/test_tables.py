"""Rules of sites as tables: seen and edited at a desk, each with its faults, and back as a file."""

from typing import Any

import pytest

from tests.builders import an_id
from tests.wms.house import HUB, House
from tests.wms.masters.test_take import faults, out, put
from wms.database import Database
from wms.masters.kinds import DESK
from wms.orders.policy import live_policy, shadow_policies

RULES = """site,place,code,kind,name,gifts,until_on
TYO1,1,N-OIWAI,NOSHI,御祝,のし,
TYO1,2,N-WHITE,NOSHI,無地のし,,2026-12-31
TYO1,3,FLYER-12,FLYER,冬のチラシ,,
""".encode()
TARIFF = b"""owner,version,valid_from,code,kind,per,rate
ACME,1,2026-01-01,IN,INBOUND,UNIT,12.5
ACME,1,2026-01-01,STORE,STORAGE,UNIT_DAY,0.35
"""


@pytest.fixture
def known(house: House) -> House:
    """A house with goods, and an owner who pays."""
    skus = [{"code": code, "name_en": code} for code in ("BOX", "TEA", "CUP")]
    house.ok(house.http.put("/master/v1/skus", json=skus))
    house.ok(house.http.put("/master/v1/owners", json=[{"code": "ACME", "name": "Acme"}]))
    return house


def fill(database: Database) -> None:
    """Something of each kind that a desk edits."""
    put(database, "kits", b"kit,sku,units,made\nBOX,TEA,2,ORDER\nBOX,CUP,1,ORDER\n")
    put(database, "pack-rules", RULES)
    put(database, "printers", b"site,name,host\nTYO1,P1,10.1.4.20\n")
    put(database, "pack-stations", b'site,name,devices\nTYO1,BENCH-1,"HT-1,HT-2"\n')
    put(database, "pick-stations", b"site,name,slots\nTYO1,GTP-1,6\n")
    put(database, "tariffs", TARIFF)


def test_extras_are_added_by_the_order_of_their_rules_and_one_may_be_taken_out(known: House):
    database, http = known.database, known.http
    first = put(database, "pack-rules", RULES)
    assert (first.state, first.rows_new) == ("APPLIED", 3)
    rules = known.ok(http.get(f"/console/v1/pack-rules/{HUB}"))
    assert [rule["code"] for rule in rules] == ["N-OIWAI", "N-WHITE", "FLYER-12"]
    assert (rules[0]["when"]["gifts"], rules[1]["when"]["until_on"]) == (["のし"], "2026-12-31")
    assert put(database, "pack-rules", out(database, "pack-rules")).rows_unchanged == 3
    turned = put(
        database,
        "pack-rules",
        b"site,place,code,kind,name\nTYO1,2,N-OIWAI,NOSHI,A\nTYO1,1,N-WHITE,NOSHI,B\n",
    )
    assert (turned.rows_changed, turned.rows_gone) == (2, 1)
    rules = known.ok(http.get(f"/console/v1/pack-rules/{HUB}"))
    assert [rule["code"] for rule in rules] == ["N-WHITE", "N-OIWAI"]
    assert rules[1]["when"]["gifts"] == ["のし"]  # what the file does not have stays
    none = b"site,place,code,kind,name,active\nTYO1,1,N-WHITE,NOSHI,B,no\n"
    assert put(database, "pack-rules", none).state == "APPLIED"
    assert known.ok(http.get(f"/console/v1/pack-rules/{HUB}")) == []
    never = b"site,place,code,kind,name,from_on,until_on\nTYO1,1,X,CARD,X,2026-12-02,2026-12-01\n"
    assert faults(put(database, "pack-rules", never)) == {(2, "until_on", "never")}


def test_a_kit_is_a_row_a_part_and_what_cannot_be_one_says_so(known: House):
    database, http = known.database, known.http
    put(database, "kits", b"kit,sku,units,made\nBOX,TEA,2,ORDER\nBOX,CUP,1,ORDER\n")
    more = put(database, "kits", b"kit,sku,units,made\nBOX,TEA,3,ORDER\n")
    assert (more.state, more.rows_changed) == ("APPLIED", 1)
    kit = known.ok(http.get("/console/v1/kits/BOX"))
    assert kit == {
        "kit": "BOX", "made": "ORDER",
        "parts": [{"sku": "CUP", "units": 1}, {"sku": "TEA", "units": 3}],
    }  # fmt: skip
    tried = put(database, "kits", b"kit,sku,units\nTEA,BOX,1\nCUP,CUP,1\n", dry_run=True)
    assert faults(tried) == {(2, "kit", "unfit_kit"), (3, "kit", "unfit_kit")}
    wrong = put(database, "kits", b"kit,sku,units,made\nTEA,CUP,1,STOCK\nTEA,NONE,1,ORDER\n")
    assert faults(wrong) == {(3, "sku", "unknown_sku"), (3, "made", "made_two_ways")}
    put(database, "kits", b"kit,sku,units,made\nBOX,TEA,0,ORDER\nBOX,CUP,0,ORDER\n")
    assert http.get("/console/v1/kits/BOX").status_code == 404


def test_stations_cartons_counts_and_returns(known: House):
    database, http = known.database, known.http
    fill(database)
    bench = known.ok(http.get(f"/console/v1/pack-stations/{HUB}"))[0]
    assert (bench["devices"], bench["weigh"]) == (["HT-1", "HT-2"], "TYPED")
    assert known.ok(http.get(f"/console/v1/printers/{HUB}"))[0]["port"] == 9100
    put(database, "pick-stations", b"site,name,slots\nTYO1,GTP-1,0\n")
    assert known.ok(http.get(f"/console/v1/pick-stations/{HUB}")) == []
    box = b"site,code,length_mm,width_mm,height_mm,tare_g,max_g\nTYO1,B1,300,200,100,90,5000\n"
    found = put(database, "cartons", box)
    assert (found.rows_new, found.rows_gone) == (1, 6)  # the usual ones
    assert [c["code"] for c in known.ok(http.get(f"/console/v1/cartons/{HUB}"))] == ["B1"]
    counts = put(database, "count-policies", b"site,capacity,days_a,live_sweep\nTYO1,80,14,yes\n")
    assert (counts.state, counts.rows_changed) == ("APPLIED", 1)
    policy = known.ok(http.get(f"/console/v1/count-policy/{HUB}"))
    assert (policy["capacity"], policy["days"], policy["live_sweep"]) == (
        80, {"A": 14, "B": 90, "C": 180}, True,
    )  # fmt: skip
    wrong = put(database, "count-policies", b"site,share_a,share_b\nTYO1,95,80\nNOWHERE,80,95\n")
    assert faults(wrong) == {(2, "share_b", "below_low"), (3, "site", "unknown_site")}
    table = b'place,name,disposition,grades\n1,all-to-quarantine,QUARANTINE,"A,B,C,D"\n'
    assert put(database, "dispositions", table).state == "APPLIED"
    asked = {"owner": "HOUSE", "sku": "TEA", "grade": "A"}
    told = known.ok(http.post("/console/v1/returns/dispositions:test", json=asked))
    assert told["disposition"] == "QUARANTINE"


def test_a_policy_of_sourcing_that_differs_is_a_new_version_and_one_decides(known: House):
    database = known.database
    assert out(database, "sourcing-policies").count(b"\r\n") == 2  # the one that comes with it
    file = b"name,state,co2_minor_per_kg,markdown_percent\ngreener,SHADOW,40,50\n"
    assert put(database, "sourcing-policies", file).rows_new == 1
    shadow = database.run(shadow_policies)[0]
    assert (shadow.name, shadow.version, shadow.weights.co2_minor_per_kg) == ("greener", 1, 40)
    assert shadow.weights.markdown == 0.5
    two = b"name,state\ngreener,LIVE\ndefault,LIVE\n"
    assert faults(put(database, "sourcing-policies", two)) == {(3, "state", "two_live")}
    live = b"name,state,co2_minor_per_kg\ngreener,LIVE,50\n"
    assert put(database, "sourcing-policies", live).state == "APPLIED"
    policy = database.run(live_policy)
    assert (policy.name, policy.version, policy.weights.co2_minor_per_kg) == ("greener", 2, 50)


def test_a_version_of_a_tariff_is_kept_and_a_new_one_is_looked_through_first(known: House):
    database, http = known.database, known.http
    assert put(database, "tariffs", TARIFF).rows_new == 2
    assert put(database, "tariffs", TARIFF).rows_unchanged == 2
    wrong = put(
        database,
        "tariffs",
        TARIFF.replace(b"12.5", b"13")
        + b"ACME,2,2026-12-01,A,STORAGE,ORDER,1\nACME,2,2026-12-02,B,VAS,UNIT,free\n"
        + b"ACME,2,2026-12-02,C,VAS,UNIT,1\nNOBODY,1,2026-12-01,A,VAS,UNIT,1\n",
        dry_run=True,
    )
    assert faults(wrong) == {
        (2, "version", "version_kept"), (4, "per", "kind_and_per"), (5, "rate", "malformed"),
        (6, "valid_from", "from_two_days"), (7, "owner", "unknown_owner"),
    }  # fmt: skip
    file = TARIFF.replace(b"ACME,1,2026-01-01", b"ACME,2,2026-12-01").replace(b"12.5", b"13")
    sent = f"/billing/v1/tariffs:import?id={an_id()}"
    assert known.ok(http.post(sent, content=file))["state"] == "CHECKED"
    assert len(known.ok(http.get("/billing/v1/tariffs/ACME"))) == 1
    done = known.ok(
        http.post(f"/billing/v1/tariffs:import?id={an_id()}&dry_run=false", content=file)
    )
    assert (done["state"], done["rows_new"]) == ("APPLIED", 2)
    assert known.ok(http.get("/billing/v1/tariffs/ACME"))[1]["lines"][0]["rate"] == "13"
    columns = known.ok(http.get("/billing/v1/tariffs:columns"))["columns"]
    per = next(each for each in columns if each["name"] == "per")
    assert (per["form"], "UNIT_DAY" in per["choices"]) == ("choice", True)


def test_what_bookkeepers_bring_is_not_everybodys_at_a_desk(known: House):
    """The billing door asks for a key of its own; no other door shows or takes tariffs."""
    http = known.http
    id_ = an_id()
    known.ok(http.post(f"/billing/v1/tariffs:import?id={id_}", content=TARIFF))
    assert "tariffs" not in {k["name"] for k in known.ok(http.get("/console/v1/imports/kinds"))}
    assert known.ok(http.get("/console/v1/imports")) == []
    command = {"command_id": str(an_id())}
    for answer in (
        http.get("/console/v1/tables/tariffs"),
        http.get("/console/v1/exports/tariffs.csv"),
        http.get(f"/console/v1/imports/{id_}"),
        http.post(f"/console/v1/imports/{id_}:apply", json=command),
        http.post(f"/console/v1/imports/tariffs?id={an_id()}&dry_run=false", content=TARIFF),
    ):
        assert answer.status_code == 404, answer.url
    assert known.ok(http.get("/billing/v1/tariffs/ACME")) == []


def test_a_table_at_a_desk_is_what_its_file_has(known: House):
    fill(known.database)
    kinds = {each["name"]: each for each in known.ok(known.http.get("/console/v1/imports/kinds"))}
    assert set(kinds) == DESK
    found = known.ok(known.http.get(f"/console/v1/tables/pack-rules?site={HUB}"))
    names = [column["name"] for column in kinds["pack-rules"]["columns"]]
    first: dict[str, Any] = dict(zip(names, found["rows"][0], strict=True))
    assert (first["code"], first["gifts"], first["active"]) == ("N-OIWAI", "のし", "yes")
    assert kinds["pack-rules"]["gone"] == ["active", "no"]
    assert found["more"] is False
    assert known.ok(known.http.get("/console/v1/tables/pack-rules?site=S-GNZ"))["rows"] == []
    forms = {column["name"]: column["form"] for column in kinds["pack-rules"]["columns"]}
    assert (forms["kind"], forms["place"], forms["from_on"], forms["active"]) == (
        "choice", "number", "day", "tick",
    )  # fmt: skip
    assert known.http.get("/console/v1/tables/nothing").status_code == 404
