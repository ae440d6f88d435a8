"""A long day of erring people in one building, on virtual time: in the end the books are the World.

Trucks bring more or less than was announced; people scan the wrong thing, break pieces, find too
few, put one beside, take one too many, and count wrongly. The books may be wrong only where
somebody slipped unseen; the evening's count finds every one of these, and a wrong count by itself
changes nothing: what differs is counted again by somebody else. What remains is the rare place
where somebody counted just as wrongly as the books were, or two people in the same way.
"""

import random
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import an_id
from tests.journeys.floor_world import DIFFERS, Person, World, books
from tests.night import by_night
from tests.wms.house import OSAKA, SITES, SPOKE, House

SKUS = [f"G{number:02d}" for number in range(16)]
KINDS = "putaway,putback,pick,pack,handoff,inspect,recover,count"
CREW = ("aoki", "baba", "chiba", "doi", "endo")
TRUCK_EVERY, ORDER_EVERY, JOBS_EVERY = (timedelta(minutes=each) for each in (30, 6, 2))
JOBS = ("pack", "book", "put_back", "put_away", "count.wanted", "count.post")
ALL_SEEN_MIN = 120  # in so many minutes everything that can go wrong does
ROUNDS_MAX = 20_000  # in each somebody does something; more of them are no day but a circle


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("minutes", [40, by_night(12 * 60)])
def test_the_books_are_wrong_only_where_somebody_slipped_and_counts_find_it(
    house: House, minutes: int
):
    world = World(site=SPOKE, draw=random.Random(2))
    crew = [Person(house, world, name, KINDS) for name in CREW]
    open_building(house, world)

    trade(house, world, crew, minutes)

    wrong = differing(house, world)
    assert wrong <= world.slips, world.seen
    assert wrong, "nobody slipped: the day proves nothing"

    count_everything(house, crew)

    if minutes > ALL_SEEN_MIN:
        assert all(world.seen.values()), world.seen
    believed = {
        key for key in differing(house, world) if books(house, SPOKE)[key] in world.said[key]
    }
    assert differing(house, world) == believed, world.seen
    assert len(believed) <= 1 + len(wrong) // 10, "a wrong count that agrees by chance is rare"
    assert [each for person in crew for each in person.refused] == []


def open_building(house: House, world: World) -> None:
    """The site sends by itself; some goods lie there already, and the World knows where."""
    site = next(each for each in SITES if each["code"] == SPOKE)
    house.ok(house.http.put("/master/v1/sites", json=[site | {"dispatch": "CARRIER"}]))
    nobody_alone = {
        abc: {"units": 0, "percent": 0} for abc in "ABC"
    }  # is believed against the books
    body = {"tolerance": nobody_alone}
    house.ok(house.http.put(f"/console/v1/count-policy/{SPOKE}", json=body))
    for number, sku in enumerate(SKUS):
        house.sku(sku)
        place = f"S{1 + number % 3:02d}-{1 + number // 3 % 3:02d}"
        house.stock(sku, 20, place, site=SPOKE)
        world.there[place, sku] += 20


def trade(house: House, world: World, crew: list[Person], minutes: int) -> None:
    """Trucks and orders come; everybody does one step in turn, until all is done."""
    end = house.clock.at + timedelta(minutes=minutes)
    truck_at = order_at = jobs_at = house.clock.at
    docked: list[str] = []
    for _ in range(ROUNDS_MAX):
        now = house.clock.at
        while now >= truck_at and now < end:
            truck_at += TRUCK_EVERY
            docked.append(a_truck(house, world))
        while now >= order_at and now < end:
            order_at += ORDER_EVERY
            an_order(house, world)
        if now >= jobs_at:
            jobs_at = now + JOBS_EVERY
            work_in_the_background(house)
        for person in crew:
            if docked and person.packet is None:
                person.receive(docked.pop(0))
        if sum(person.go_on() for person in crew):
            continue
        if house.clock.at >= end and not work_in_the_background(house):
            return
        house.clock.at += timedelta(minutes=1)
    pytest.fail(f"the day does not end: {[each.packet for each in crew if each.packet]}")


def work_in_the_background(house: House) -> int:
    """The worker, once round."""
    return house.jobs.source() + house.jobs.release() + sum(house.job(name) for name in JOBS)


def a_truck(house: House, world: World) -> str:
    """Announce a delivery; what is really on the truck differs now and then. Its number."""
    number = f"ASN-{len(world.trucks) + 1}"
    announced = {sku: world.draw.randint(5, 30) for sku in world.draw.sample(SKUS, 4)}
    at = house.clock.at.isoformat()
    body = {
        "site": SPOKE, "number": number, "supplier": "ACME", "eta_p50": at, "eta_p90": at,
        "lines": [
            {"line_no": line_no, "sku": sku, "units": units}
            for line_no, (sku, units) in enumerate(announced.items(), start=1)
        ],
    }  # fmt: skip
    house.ok(house.http.put(f"/inbound/v1/asns/{an_id()}", json=body))
    world.trucks[number].update(announced)
    for sku in announced:
        if world.errs("truck differs", DIFFERS):
            world.trucks[number][sku] += world.draw.choice((-2, 3))
    return number


def an_order(house: House, world: World) -> None:
    """Somebody near by wants a few things."""
    lines = [(sku, world.draw.randint(1, 3)) for sku in world.draw.sample(SKUS, 2)]
    house.put_order(*lines, ship_to=OSAKA, backorders="END")


def count_everything(house: House, crew: list[Person]) -> None:
    """Every shelf is counted, again where it differs, and approved where that is needed."""
    body: dict[str, Any] = {"command_id": str(an_id()), "site": SPOKE, "zone": "SHELF"}
    house.ok(house.http.post("/console/v1/counts", json=body))
    for _ in range(ROUNDS_MAX):
        if sum(person.go_on() for person in crew):
            continue
        if not approve(house) + work_in_the_background(house):
            return
    pytest.fail("the count does not end")


def approve(house: House) -> int:
    """A supervisor looks at what is waiting for one."""
    query = {"site": SPOKE, "state": "REVIEW"}
    waiting = house.ok(house.http.get("/console/v1/counts", params=query))["counts"]
    for each in waiting:
        body = {"command_id": str(an_id()), "reason": "looked at it"}
        path = f"/console/v1/counts/{SPOKE}/{each['id']}:approve"
        house.ok(house.http.post(path, json=body, headers={"X-Soko-Operator": "fujita"}))
    return len(waiting)


def differing(house: House, world: World) -> set[tuple[str, str]]:
    """The places and SKUs of which the books say something else than is there."""
    said, is_ = books(house, SPOKE), world.shelves()
    return {key for key in said.keys() | is_.keys() if said[key] != is_[key]}
