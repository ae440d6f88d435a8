"""Sourcing in the database: holds move, promises stand, sites say no or close, policies compare."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.builders import NOW, an_id
from tests.wms.house import GINZA, HUB, OSAKA, SPOKE, UMEDA, House
from wms.orders import capacity, exclusion
from wms.orders.capacity import SiteDay
from wms.orders.model import Allocation, Decision, Order
from wms.orders.source_jobs import reroute
from wms.outbox import OutboxEvent
from wms.sites import site_id

LATER = (NOW + timedelta(days=6)).isoformat()


@pytest.fixture
def house(house: House) -> House:
    """A and B at the hub."""
    for code in ("A", "B"):
        house.sku(code)
        house.stock(code, 10, "S01-01")
    return house


def source(house: House) -> None:
    """Sourced, but nothing is released to the floor."""
    while house.jobs.source():
        pass


def live(house: House, order_id: UUID) -> list[tuple[str, str, int]]:
    """Site, state and units of what stands for an order."""
    query = select(Allocation).where(
        Allocation.order_id == order_id, Allocation.state.not_in(("RELEASED", "EXPIRED"))
    )
    names = {site_id(code): code for code in (HUB, SPOKE, GINZA, UMEDA)}
    rows = house.database.run(lambda s: list(s.scalars(query)))
    return sorted((names[row.site_id], row.state, row.units) for row in rows)  # type: ignore[index]


def order_row(house: House, order_id: UUID) -> Order:
    return house.database.run(lambda s: s.get_one(Order, order_id))


def changes(house: House, order_id: UUID) -> list[dict[str, Any]]:
    query = select(OutboxEvent).where(
        OutboxEvent.key == str(order_id), OutboxEvent.type == "OrderChanged"
    )
    return house.database.run(lambda s: [event.body for event in s.scalars(query)])


def reject(house: House, order_id: UUID, site: str, *lines: int) -> list[int]:
    return house.database.run(
        lambda s: exclusion.reject(
            s, order_id, site_id(site), lines, reason="store_rejected", now=house.clock.now()
        )
    )


# ------------------------------------------------------------------------------- promises
def test_an_order_that_came_without_a_promise_has_one_when_it_is_sourced(house: House):
    order_id = house.put_order(("A", 1))
    source(house)
    by = order_row(house, order_id).promised_by
    (decision,) = house.ok(house.http.get(f"/oms/v1/orders/{order_id}/decisions"))["decisions"]
    assert by is not None
    assert by.isoformat() == decision["candidates"][0]["arrives_by"]


def test_a_promise_that_was_given_is_kept_even_if_it_cannot_be_met(house: House):
    soon = NOW + timedelta(hours=1)
    order_id = house.put_order(("A", 1), promised_by=soon.isoformat())
    source(house)
    assert order_row(house, order_id).promised_by == soon
    (decision,) = house.ok(house.http.get(f"/oms/v1/orders/{order_id}/decisions"))["decisions"]
    assert {"code": "late", "params": {"days": 3}} in decision["why"]


# ------------------------------------------------------------------------------- decisions
def test_what_would_make_another_site_win_is_asked_over_http(house: House):
    house.stock("A", 5, "S01-01", site=SPOKE)
    order_id = house.put_order(("A", 1), ship_to=OSAKA)
    source(house)
    ask = f"/oms/v1/orders/{order_id}/decisions/what-if"
    told = house.ok(house.http.get(ask, params={"site": HUB}))
    assert (told["wins"], told["feasible"]) == (False, True)
    assert told["gap"] > 0
    lacks = house.ok(house.http.get(ask, params={"site": GINZA}))
    assert lacks["reasons"] == [{"code": "stock", "params": {"line_no": 1, "units": 1}}]
    assert house.http.get(ask, params={"site": "MARS"}).status_code == 404
    unknown = f"/oms/v1/orders/{an_id()}/decisions"
    assert house.http.get(unknown).status_code == 404
    assert house.http.get(f"{unknown}/what-if", params={"site": HUB}).status_code == 404


def test_what_is_collected_from_a_stores_own_stock_is_not_sent_from_elsewhere(house: House):
    house.stock("A", 1, "FLOOR-1", site=GINZA)
    order_id = house.put_order(("A", 1), ("B", 1), fulfilment="COLLECT", to_site=GINZA)
    source(house)
    assert live(house, order_id) == [(GINZA, "ALLOCATED", 1), (HUB, "ALLOCATED", 1)]


def test_units_are_counted_for_the_day_on_which_they_leave(house: House):
    house.put_order(("A", 3))
    house.put_order(("A", 2))
    source(house)
    (row,) = house.database.run(lambda s: list(s.scalars(select(SiteDay))))
    assert (row.site_id, row.units) == (site_id(HUB), 5)
    assert row.ships_on.isoformat() == "2026-11-28", "past the cut-off of the 27th"


def test_what_would_lose_its_value_is_sent_first(house: House):
    house.stock("A", 5, "S01-01", site=SPOKE)
    path = f"/console/v1/stock-values/{HUB}/A"
    house.ok(house.http.put(path, json={"markdown_minor": 5000}))
    order_id = house.put_order(("A", 1), ship_to=OSAKA)
    source(house)
    assert live(house, order_id) == [(HUB, "ALLOCATED", 1)]
    assert house.http.put("/console/v1/stock-values/MARS/A", json={"markdown_minor": 1}).status_code == 404  # noqa: E501 # fmt: skip
    assert house.http.put(f"/console/v1/stock-values/{HUB}/Z", json={"markdown_minor": 1}).status_code == 404  # noqa: E501 # fmt: skip


# ------------------------------------------------------------------------------ exclusions
def test_what_a_store_rejects_goes_elsewhere_and_never_back(house: House):
    house.sku("C")
    house.stock("C", 2, "FLOOR-1", site=UMEDA)
    order_id = house.put_order(("C", 2), ship_to=OSAKA)
    source(house)
    assert live(house, order_id) == [(UMEDA, "ALLOCATED", 2)]
    house.stock("C", 2, "S01-02")

    assert reject(house, order_id, UMEDA, 1) == [1]
    source(house)

    assert live(house, order_id) == [(HUB, "ALLOCATED", 2)]
    assert changes(house, order_id)[-1]["reason"] == "store_rejected"
    query = select(Decision).where(Decision.order_id == order_id).order_by(Decision.decided_at)
    first, second = house.database.run(lambda s: list(s.scalars(query)))
    assert first.id != second.id
    passed = next(why for why in second.why if why["code"] == "passed_over")
    assert passed["sites"] == {UMEDA: "excluded"}
    assert reject(house, order_id, UMEDA, 1) == [], "once"


def test_what_is_nowhere_else_ends_or_waits_as_the_order_says(house: House):
    house.sku("C")
    house.stock("C", 2, "FLOOR-1", site=UMEDA)
    for backorders in ("END", "WAIT"):
        order_id = house.put_order(("C", 1), ship_to=OSAKA, backorders=backorders)
        source(house)
        reject(house, order_id, UMEDA)
        assert live(house, order_id) == []
        assert changes(house, order_id)[-1]["backordered"] == [1]
        assert order_row(house, order_id).closed == (backorders == "END")


def test_what_is_being_picked_cannot_be_rejected(house: House):
    order_id = house.put_order(("A", 1))
    house.tick()
    with pytest.raises(exclusion.AlreadyInWork):
        reject(house, order_id, HUB, 1)
    assert house.database.run(lambda s: capacity.excluded_sites(s, [order_id])) == {}


def test_a_closed_site_sends_nothing_and_what_it_has_not_begun_goes_elsewhere(house: House):
    house.stock("A", 5, "S01-01", site=SPOKE)
    order_id = house.put_order(("A", 1), ship_to=OSAKA)
    source(house)
    assert live(house, order_id) == [(SPOKE, "ALLOCATED", 1)]

    closure = f"/console/v1/sites/{SPOKE}/closure"
    house.ok(house.http.put(closure, json={"reason": "typhoon"}))
    while reroute(house.database, house.clock):
        pass
    source(house)

    assert live(house, order_id) == [(HUB, "ALLOCATED", 1)]
    assert changes(house, order_id)[-1]["reason"] == "site_closed"
    another = house.put_order(("A", 1), ship_to=OSAKA)
    source(house)
    assert live(house, another) == [(HUB, "ALLOCATED", 1)]
    (told,) = house.ok(house.http.get("/console/v1/closures"))
    assert (told["site"], told["reason"]) == (SPOKE, "typhoon")

    assert house.http.delete(closure).status_code == 204
    third = house.put_order(("A", 1), ship_to=OSAKA)
    source(house)
    assert live(house, third) == [(SPOKE, "ALLOCATED", 1)]
    assert house.http.delete("/console/v1/sites/MARS/closure").status_code == 404


# -------------------------------------------------------------------------------- policies
def test_a_policy_has_versions_and_one_is_live(house: House):
    def put(name: str, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = house.ok(house.http.put(f"/console/v1/policies/{name}", json=body))
        return answer

    first = put("green", state="LIVE", weights={"co2_minor_per_kg": 100})
    again = put("green", state="LIVE", weights={"co2_minor_per_kg": 100})
    changed = put("green", state="SHADOW", weights={"co2_minor_per_kg": 200})
    assert [first["version"], again["version"], changed["version"]] == [1, 1, 2]
    put("fast", state="LIVE", weights={"late_day_minor": 9000})
    put("near", state="LIVE", method="NEAREST")
    states = {p["name"]: p["state"] for p in house.ok(house.http.get("/console/v1/policies"))}
    assert states == {"green": "SHADOW", "fast": "OFF", "near": "LIVE"}
    order_id = house.put_order(("A", 1))
    source(house)
    (decision,) = house.ok(house.http.get(f"/oms/v1/orders/{order_id}/decisions"))["decisions"]
    assert (decision["policy"], decision["policy_version"]) == ("near", 1)
    assert decision["why"][0] == {"code": "by_rule", "params": {"method": "NEAREST"}}


@pytest.mark.parametrize(
    "body",
    [
        {"state": "ON"}, {"state": "LIVE", "method": "MAGIC"}, {"state": "LIVE", "surprise": 1},
        {"state": "LIVE", "weights": {"split_minor": -1}}, {"state": "LIVE", "weights": {"x": 1}},
        {"state": "LIVE", "weights": {"packing_minor": [1, 2]}}, {},
        {"state": "LIVE", "weights": {"markdown": "a"}},
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused(house: House, body: dict[str, Any]):
    assert house.http.put("/console/v1/policies/x", json=body).status_code == 422
    (default,) = house.ok(house.http.get("/console/v1/policies"))
    assert (default["name"], default["version"], default["state"]) == ("default", 0, "LIVE")


def test_a_shadow_policy_changes_nothing_and_is_compared(house: House):
    """Near the customer only A is held; the shadow parts the order, the live policy does not."""
    house.stock("A", 5, "S01-01", site=SPOKE)
    shadow = {"state": "SHADOW", "weights": {"backorder_minor": 1}}
    house.ok(house.http.put("/console/v1/policies/lazy", json=shadow))
    house.ok(house.http.put("/console/v1/policies/same", json={"state": "SHADOW"}))
    order_id = house.put_order(("A", 1), ("B", 1), ship_to=OSAKA, promised_by=LATER)
    source(house)

    assert live(house, order_id) == [(HUB, "ALLOCATED", 1), (HUB, "ALLOCATED", 1)]
    lazy, same = house.ok(house.http.get("/console/v1/shadow"))
    assert (lazy["policy"], lazy["orders"], lazy["differ"], lazy["lines"]) == ("lazy", 1, 1, 2)
    assert (lazy["shadow"]["parcels"], lazy["shadow"]["unfilled_lines"]) == (0, 2)
    assert (lazy["live"]["parcels"], lazy["live"]["unfilled_lines"]) == (1, 0)
    assert (same["differ"], same["shadow"]) == (0, same["live"])
    future = (NOW + timedelta(days=9)).isoformat()
    assert house.ok(house.http.get("/console/v1/shadow", params={"since": future})) == []
