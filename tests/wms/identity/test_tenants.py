"""Another owner's goods, orders and papers are not there: over every route, by either fence alone.

The key of ACME has every scope that a key may have. What is open to owners answers 404 for what is
HOUSE's and lists nothing of it; what is not open to them says so (403 `out_of_reach`).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.builders import an_id
from tests.wms.api.routes import routes
from tests.wms.house import HUB, SPOKE, House
from tests.wms.identity.offices import Office
from wms import access, database
from wms.api.doors import PUBLIC, policy_of
from wms.catalog import owner_id
from wms.ports import WebhookEvent

MINE, THEIRS = "ACME", "HOUSE"
SECRET = re.compile("SECRET|N9|HOUSE-ASN|" + THEIRS + "-SUPPLIER")
OF_TOKYO = re.compile(r"S01-01|N9\b|\w+-ASN|\w+-SUPPLIER")
SCOPES = tuple(scope for scope in access.SCOPES if scope not in access.NOT_FOR_KEYS)
ORDER = {
    "number": "M1", "channel": "web", "placed_at": "2026-11-27T09:00:00Z", "owner": MINE,
    "ship_to": {"prefecture": "東京都", "postal_code": "100-0001", "latitude": 35.7,
                "longitude": 139.8},
    "lines": [{"line_no": 1, "sku": "A", "units": 1}],
}  # fmt: skip
ASN = {
    "site": HUB, "number": "X", "supplier": "X", "owner": MINE,
    "eta_p50": "2026-11-28T09:00:00Z", "eta_p90": "2026-11-28T12:00:00Z",
    "lines": [{"line_no": 1, "sku": "A", "units": 5}],
}  # fmt: skip
# Bodies that are right, so that what answers is the thing that is asked for and not its shape.
COMMAND: dict[str, Any] = {"command_id": str(an_id())}
BODIES: dict[str, Any] = {
    "PUT /oms/v1/orders/{order_id}": ORDER,
    "POST /oms/v1/orders/{order_id}/address": COMMAND | {"ship_to": ORDER["ship_to"]},
    "POST /oms/v1/orders/{order_id}/slot": COMMAND | {"slot": "AM"},
    "POST /oms/v1/orders/{order_id}/collection-point": COMMAND
    | {"to_site": "S-GNZ"},
    "POST /oms/v1/orders/{order_id}/lines": COMMAND | {"lines": {"1": 1}},
    "POST /oms/v1/orders/{order_id}/cancellation": COMMAND,
    "PUT /oms/v1/orders/{order_id}/tenders/{tender_id}": {
        "kind": "CARD", "payment": "pay_1", "captured_minor": 100,
    },
    "PUT /inbound/v1/asns/{asn_id}": ASN,
    "POST /inbound/v1/asns/{asn_id}:cancel": COMMAND,
    "POST /inbound/v1/asns/{asn_id}:change": COMMAND | {"asn": ASN},
    "PUT /v1/supplies/{supply_id}": {
        "site": HUB, "sku": "SECRET-1", "units": 5, "due_at": "2026-11-29T00:00:00Z",
    },
}  # fmt: skip
HOLD = {"hold_id": str(an_id()), "site": HUB, "sku": "SECRET-1", "units": 1, "owner": THEIRS}
BODIES |= {
    "POST /v1/holds": {"kind": "ORDER", "demand_id": str(an_id()), "lines": [HOLD]},
    "POST /v1/holds/{hold_id}:confirm": COMMAND | {"site": HUB},
    "POST /v1/holds/{hold_id}:release": COMMAND | {"site": HUB},
    "POST /v1/holds/{hold_id}:extend": COMMAND | {"site": HUB, "ttl_s": 60},
    "POST /v1/holds/{hold_id}:swap": COMMAND | {"site": HUB, "with": str(an_id())},
}
HOOK = {"url": "https://acme.example/soko", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
BODIES |= {
    "PUT /oms/v1/webhooks/{webhook_id}": HOOK | {"owner": MINE},
    "POST /oms/v1/webhooks/{webhook_id}:test": COMMAND,
}
OF_SOMEBODY = (
    "{webhook_id}",
    "{delivery_id}",
    "{order_id}",
    "{asn_id}",
    "{invoice_id}",
    "{owner}",
    "{hold_id}",
    "/v1/holds",
)


class Two:
    """A house with goods of two owners, and the desk of a system that is one's."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        ok, http = house.ok, house.http
        ok(http.put("/master/v1/owners", json=[{"code": MINE, "name": "Acme"}]))
        self.orders: dict[str, str] = {}
        self.holds: dict[str, str] = {}
        self.hooks: dict[str, str] = {}
        self.asns: dict[str, str] = {}
        for owner, sku, number in ((THEIRS, "SECRET-1", "N9"), (MINE, "A", "M0")):
            rows = [{"code": sku, "name_en": sku, "weight_g": 100, "owner": owner}]
            ok(http.put("/master/v1/skus", json=rows))
            self.hooks[owner] = str(an_id())
            hook = HOOK | {"url": f"https://{owner.lower()}.example/soko", "owner": owner}
            ok(http.put(f"/oms/v1/webhooks/{self.hooks[owner]}", json=hook))
            line = {"site": HUB, "location": "S01-01", "sku": sku, "units": 20, "owner": owner}
            ok(http.post("/master/v1/receipts", json={"id": str(an_id()), "lines": [line]}))
            body = house.order_body((sku, 1), owner=owner) | {"number": number}
            self.orders[owner] = str(an_id())
            ok(http.put(f"/oms/v1/orders/{self.orders[owner]}", json=body))
            asn = {
                "site": HUB, "number": f"{owner}-ASN", "supplier": f"{owner}-SUPPLIER",
                "eta_p50": "2026-11-28T09:00:00Z", "eta_p90": "2026-11-28T12:00:00Z",
                "owner": owner, "lines": [{"line_no": 1, "sku": sku, "units": 5}],
            }  # fmt: skip
            self.asns[owner] = str(an_id())
            ok(http.put(f"/inbound/v1/asns/{self.asns[owner]}", json=asn))
            self.holds[owner] = str(an_id())
            held = {"hold_id": self.holds[owner], "site": HUB, "sku": sku, "units": 1,
                    "owner": owner}  # fmt: skip
            demand = {"kind": "CART", "demand_id": str(an_id()), "ttl_s": 600, "lines": [held]}
            assert ok(http.post("/v1/holds", json=demand))["granted"]
        house.job("tell")
        log = ok(http.get(f"/oms/v1/webhooks/{self.hooks[THEIRS]}/deliveries"))
        self.delivery = log[0]["id"]
        issuer = {"name": "倉庫株式会社", "registration": "T7000012050002", "address": "東京都"}
        ok(http.put("/billing/v1/issuer", json=issuer))
        per_unit = {"code": "IN", "kind": "INBOUND", "per": "UNIT", "rate": "1.25"}
        tariff = {"valid_from": "2026-01-01", "lines": [per_unit]}
        ok(http.put(f"/billing/v1/tariffs/{THEIRS}/1", json=tariff))
        draft = {"owner": THEIRS, "month": "2026-11"}
        self.invoice = ok(http.post("/billing/v1/invoices:draft", json=draft))["id"]
        self.office = Office(house.database, folder)
        self.office.app.state.coalescer = http.app.state.coalescer  # type: ignore[attr-defined]
        self.desk = self.office.desk()
        self.key = self.office.key(*SCOPES, owners=(MINE,))

    def ask(self, method: str, path: str, **more: Any) -> Any:
        return self.desk.ask(method, path, headers=self.key, **more)


@pytest.fixture
def two(house: House, folder: Path) -> Two:
    return Two(house, folder)


@pytest.fixture(params=["both", "code", "schema"])
def fence(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Which of the two fences stands."""
    name: str = request.param
    if name == "code":
        monkeypatch.setattr(database, "_LIMITED_ROLE", database.APPLICATION_ROLE)
    if name == "schema":
        event.remove(Session, "do_orm_execute", database._narrow)
    yield name
    if name == "schema":
        event.listen(Session, "do_orm_execute", database._narrow)


def filled(path: str, two: Two) -> str:
    """With what is the other owner's in its places."""
    known = {
        "order_id": two.orders[THEIRS], "asn_id": two.asns[THEIRS], "site": HUB,
        "hold_id": two.holds[THEIRS], "owner": THEIRS,
        "sku": "SECRET-1", "kind": "skus", "form": "csv", "invoice_id": two.invoice,
        "line_no": "1", "version": "1", "webhook_id": two.hooks[THEIRS],
        "delivery_id": two.delivery,
    }  # fmt: skip
    return re.sub(r"\{(\w+)(:path)?\}", lambda part: known.get(part[1], str(an_id())), path)


def asked(two: Two) -> Iterator[tuple[str, str, Any]]:
    query = f"?sku=SECRET-1&site={HUB}&order_id={two.orders[THEIRS]}"
    for path, methods in sorted(routes(two.office.app)):
        policy = policy_of(path)
        assert policy is not None
        for method in sorted(methods):
            wanted = policy.read if method == "GET" else policy.write
            if wanted != PUBLIC and not path.endswith(("/stream", "/events")):
                body = {} if method == "GET" else {"json": BODIES.get(f"{method} {path}", {})}
                asks = filled(path, two) + (query if method == "GET" else "")
                yield method, path, two.ask(method, asks, **body)


def test_asvs_8_4_1_no_route_tells_or_changes_anything_of_another_owner(two: Two, fence: str):
    before = two.house.ok(two.house.http.get(f"/oms/v1/orders/{two.orders[THEIRS]}"))
    seen = {"closed": 0, "open": 0}
    for method, path, answer in asked(two):
        said = f"{fence}: {method} {path}: {answer.status_code} {answer.text[:200]}"
        policy = policy_of(path)
        assert policy is not None
        if not policy.is_for_tenants(method):
            scope = policy.read if method == "GET" else policy.write
            code = "scope_missing" if scope in access.NOT_FOR_KEYS else "out_of_reach"
            assert (answer.status_code, answer.json()["code"]) == (403, code), said
            seen["closed"] += 1
            continue
        seen["open"] += 1
        assert answer.status_code in {200, 404, 409, 422}, said
        assert answer.status_code != 200 or not SECRET.search(answer.text), said
        if any(part in path for part in OF_SOMEBODY):
            assert answer.status_code == 404, said
    assert seen["closed"] > 200
    assert seen["open"] > 25
    after = two.house.ok(two.house.http.get(f"/oms/v1/orders/{two.orders[THEIRS]}"))
    assert before == after


def test_ones_own_is_there_and_lists_have_nothing_else(two: Two, fence: str):
    assert fence
    assert two.ask("GET", f"/oms/v1/orders/{two.orders[MINE]}").json()["number"] == "M0"
    orders = two.ask("GET", "/oms/v1/orders").json()["orders"]
    assert [order["number"] for order in orders] == ["M0"]
    other = two.office.key(*SCOPES, owners=(THEIRS,))
    orders = two.desk.ask("GET", "/oms/v1/orders", headers=other).json()["orders"]
    assert [order["number"] for order in orders] == ["N9"], "a statement is kept, its reach is not"
    asns = two.ask("GET", f"/inbound/v1/asns?site={HUB}").json()["asns"]
    assert [asn["number"] for asn in asns] == [f"{MINE}-ASN"]
    placed = two.ask("PUT", f"/oms/v1/orders/{an_id()}", json=ORDER)
    assert placed.status_code == 201, placed.text
    theirs = ORDER | {"owner": THEIRS, "lines": [{"line_no": 1, "sku": "SECRET-1", "units": 1}]}
    refused = two.ask("PUT", f"/oms/v1/orders/{an_id()}", json=theirs)
    assert refused.status_code in {404, 422}, refused.text
    assert two.ask("GET", f"/v1/availability?sku=A&owner={MINE}").status_code == 200
    mine = two.holds[MINE]
    assert two.ask("GET", f"/v1/holds/{mine}?site={HUB}").json()["state"] == "HELD"
    more = two.ask("POST", f"/v1/holds/{mine}:extend", json=COMMAND | {"site": HUB, "ttl_s": 900})
    assert more.status_code == 200, more.text
    line = HOLD | {"hold_id": str(an_id()), "sku": "A", "owner": MINE}
    demand = {"kind": "CART", "demand_id": str(an_id()), "ttl_s": 60, "lines": [line]}
    assert two.ask("POST", "/v1/holds", json=demand).json()["granted"]
    mixed = demand | {"lines": [line | {"hold_id": str(an_id())}, HOLD]}
    assert two.ask("POST", "/v1/holds", json=mixed).status_code == 404
    swap = COMMAND | {"site": HUB, "with": two.holds[THEIRS]}
    assert two.ask("POST", f"/v1/holds/{mine}:swap", json=swap).status_code == 404
    assert two.ask("GET", "/v1/availability?sku=SECRET-1").status_code == 404
    assert two.ask("GET", f"/v1/availability?sku=SECRET-1&owner={THEIRS}").status_code == 404


def test_an_owner_subscribes_to_what_happens_to_its_own_orders_alone(two: Two, fence: str):
    """By the key of one owner; whose the events are is asked of what they are about."""
    assert fence
    for owner in (MINE, THEIRS):
        cancel = {"command_id": str(an_id())}
        two.house.ok(two.house.http.post(f"/inbound/v1/asns/{two.asns[owner]}:cancel", json=cancel))
    two.house.job("tell")
    told: dict[str, list[WebhookEvent]] = {}
    for each in two.house.webhooks.events:
        told.setdefault(each.url.partition(".")[0].rpartition("/")[2].upper(), []).append(each)
    assert told.keys() == {MINE, THEIRS}
    for owner, heard in told.items():
        assert {each.type for each in heard} == {"OrderPlaced", "AsnCancelled"}
        about = {str(each.body.get("id") or each.body.get("order_id")) for each in heard}
        assert about == {two.orders[owner], two.asns[owner]}, "each its own"
    hooks = two.ask("GET", "/oms/v1/webhooks").json()
    assert [(hook["id"], hook["owner"]) for hook in hooks] == [(two.hooks[MINE], MINE)]
    path = f"/oms/v1/webhooks/{two.hooks[MINE]}"
    assert two.ask("PUT", path, json=HOOK | {"owner": MINE}).status_code == 200
    assert two.desk.code("PUT", path, json=HOOK, headers=two.key) == (422, "owner_needed")
    for owner in (THEIRS, "NOBODY"):
        refused = two.ask("PUT", f"/oms/v1/webhooks/{an_id()}", json=HOOK | {"owner": owner})
        assert refused.status_code == 404, refused.text
    (delivery, *_) = two.ask("GET", f"{path}/deliveries").json()
    again = f"/oms/v1/deliveries/{delivery['id']}:redeliver"
    assert two.ask("POST", again).status_code == 202
    both = two.house.http.put(path, json=HOOK)
    assert (both.status_code, both.json()["code"]) == (422, "id_reused"), (
        "what was sent there is that owner's: not even the house makes it another's"
    )


def test_bulk_bodies_with_another_owners_goods_are_refused_whole(two: Two, fence: str):
    assert fence
    rows = [{"code": "B", "name_en": "B", "owner": owner} for owner in (MINE, THEIRS)]
    refused = two.ask("PUT", "/master/v1/skus", json=rows)
    assert refused.status_code in {404, 422}, refused.text
    assert two.ask("PUT", "/master/v1/skus", json=rows[:1]).is_success


def test_who_is_limited_to_a_site_sees_no_other(two: Two):
    chief = two.office.chief()
    desk = two.office.somebody(chief, "osaka", {"role": "supervisor", "sites": [SPOKE]})
    here, there = (desk.ask("GET", f"/console/v1/counts?site={s}") for s in (SPOKE, HUB))
    assert here.status_code == 200, here.text
    assert there.json() in ([], {"counts": [], "next": None}) or there.status_code == 404
    assert desk.code("GET", "/console/v1/summary") == (403, "out_of_reach")
    assert desk.code("GET", "/oms/v1/orders") == (403, "out_of_reach")


def test_no_route_tells_or_changes_anything_of_another_site(two: Two):
    """A supervisor of Osaka asks for what is Tokyo's, over every route that is open to sites."""
    desk = two.office.somebody(
        two.office.chief(), "osaka", {"role": "supervisor", "sites": [SPOKE]}
    )
    things = "SELECT count(*), max(changed_at) FROM hold"
    before = two.house.database.run(lambda s: s.execute(text(things)).one())
    seen = 0
    for path, methods in sorted(routes(two.office.app)):
        policy = policy_of(path)
        assert policy is not None
        for method in sorted(methods):
            wanted = policy.read if method == "GET" else policy.write
            if not policy.sites or wanted == PUBLIC or path.endswith(("/stream", "/events")):
                continue
            body = {} if method == "GET" else {"json": BODIES.get(f"{method} {path}", {})}
            query = f"?sku=SECRET-1&site={HUB}" if method == "GET" else ""
            answer = desk.ask(method, filled(path, two) + query, **body)
            said = f"{method} {path}: {answer.status_code} {answer.text[:200]}"
            assert answer.status_code < 500, said
            assert answer.status_code != 200 or not OF_TOKYO.search(answer.text), said
            seen += 1
    assert seen > 100
    assert before == two.house.database.run(lambda s: s.execute(text(things)).one())


# ------------------------------------------------------------------------------ by hand, in SQL
def rows_in(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


@pytest.mark.usefixtures("two")
def test_as_the_application_role_without_a_tenant_there_is_no_row(superuser: Engine):
    behind = "SELECT relname FROM pg_class WHERE relrowsecurity AND relkind IN ('r', 'p')"
    with superuser.connect() as connection:
        assert rows_in(connection, "movement") > 1
        connection.execute(text("SET ROLE soko_app"))
        tables = connection.execute(text(behind)).scalars().all()
        assert len(tables) > 120
        assert {table for table in tables if rows_in(connection, table)} == set()
        mine = text("SELECT set_config('soko.sites', '*', false), set_config('soko.owners', :o,"
                    " false)")  # fmt: skip
        connection.execute(mine, {"o": str(owner_id(MINE))})
        found = {t: rows_in(connection, t) for t in ("customer_order", "movement", "outbox", "sku")}
        assert found == {"customer_order": 1, "movement": 1, "outbox": 0, "sku": 1}
        parts = "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
        by_part = connection.execute(text(parts)).scalars().all()
        assert not any(rows_in(connection, part) for part in by_part)


def test_every_table_is_behind_the_fence_but_those_that_everybody_may_read(superuser: Engine):
    open_ = {
        "alembic_version", "carrier", "hold_transition", "return_policy", "shipping_table", "site",
        "site_calendar", "sourcing_policy",
    }  # fmt: skip
    with superuser.connect() as connection:
        rows = connection.execute(text(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AS fenced FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        )).all()  # fmt: skip
    assert {row.relname for row in rows if not row.fenced} == open_, (
        "SELECT reach_fence('...') in the migration that makes the table"
    )


CHANGES = (
    "UPDATE movement SET units = units", "DELETE FROM movement", "DELETE FROM audit_event",
    "UPDATE audit_event SET kind = kind", "UPDATE quant SET units = units", "TRUNCATE audit_event",
    "INSERT INTO stock_balance SELECT * FROM stock_balance",
)  # fmt: skip


@pytest.mark.parametrize("role", ["soko_app", "soko_house"])
def test_nobody_changes_a_movement_or_the_log(superuser: Engine, role: str):
    for change in CHANGES:
        with superuser.connect() as connection:
            connection.execute(text(f"SET ROLE {role}"))
            with pytest.raises(DBAPIError, match="permission denied"):
                connection.execute(text(change))
