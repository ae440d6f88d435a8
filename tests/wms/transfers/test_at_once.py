"""Two who do the same at the same time: one of them does it, and nothing is done twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

from tests.wms.house import GINZA, HUB, UMEDA, House
from tests.wms.supply import arrivals, jobs, put_transfer, send
from wms.errors import Conflict
from wms.replenishment import decide, propose
from wms.replenishment.read import proposals
from wms.sites import site_id
from wms.transfers.lost import close_lost


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """What each of them says: an answer, or the conflict that it met."""
    start = Barrier(len(deeds))

    def one(deed: Callable[[], object]) -> object:
        start.wait(10)
        try:
            return deed()
        except Conflict as error:
            return error

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(one, deeds))


def test_a_parcel_is_received_or_given_up_and_never_both(house: House):
    house.sku("TEA")
    house.stock("TEA", 30, "S01-01")
    for _ in range(4):
        put_transfer(house, HUB, GINZA, ("TEA", 5))
    send(house, HUB)
    for coming in arrivals(house, GINZA):
        packet = house.next_packet(GINZA, "receive")
        assert packet is not None
        del coming
        mine = next(each for each in arrivals(house, GINZA) if each["number"] == packet["title"])

        def receive(packet: dict[str, object] = packet) -> None:
            house.do(packet)

        def lose(arrival: str = mine["id"]) -> None:
            house.database.run(
                lambda s: close_lost(
                    s, site_id(GINZA), UUID(arrival), actor="user:boss", reason="?",
                    now=house.clock.now(),
                )
            )  # fmt: skip

        at_once(receive, lose)
    ended = [*arrivals(house, GINZA, "ARRIVED"), *arrivals(house, GINZA, "LOST")]
    assert len(ended) == 4
    here, lost = house.stock_row("TEA", GINZA)["sellable"], house.stock_row("TEA")["lost"]
    assert here + lost == 20
    assert here == 5 * len(arrivals(house, GINZA, "ARRIVED"))


def test_two_workers_propose_it_once_and_approve_it_once(house: House):
    house.sku("TEA")
    house.stock("TEA", 90, "S01-01")
    for store in (GINZA, UMEDA):
        body = {"low": 4, "high": 9, "source": HUB, "auto_units_max": 99 * (store == UMEDA)}
        house.ok(house.http.put(f"/console/v1/stock-policies/{store}/TEA", json=body))
    now = house.clock.now()

    def run() -> object:
        return house.database.run(lambda s: propose.replenish(s, now=now))

    at_once(run, run, run)
    found = house.database.run(proposals)
    assert sorted((each.site, each.state) for each in found) == [
        (GINZA, "OPEN"), (UMEDA, "APPROVED"),
    ]  # fmt: skip
    (open_,) = (each for each in found if each.state == "OPEN")

    def say_yes(command: int) -> object:
        return house.database.run(
            lambda s: decide.approve(
                s, decide.lock_proposal(s, open_.id), command_id=UUID(int=command), actor="x",
                now=now,
            )
        )  # fmt: skip

    said = at_once(lambda: say_yes(1), lambda: say_yes(2), lambda: say_yes(3))
    assert sum(isinstance(each, decide.ProposalDecided) for each in said) == 2
    assert house.stock_row("TEA")["free"] == 90 - 18
    assert jobs(house, "replenish") == 0
