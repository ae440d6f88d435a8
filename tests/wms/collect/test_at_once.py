"""Several people at one counter: a bag is fetched once, a slot has one bag."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from tests.builders import an_id
from tests.wms.collect.counter import Counter
from tests.wms.house import GINZA, House
from wms.collect.handover import AlreadyHandedOver, Shown, hand_over
from wms.collect.policy import store
from wms.collect.prepare import prepare
from wms.errors import WmsError
from wms.ids import CommandId
from wms.work.tasks import Actor


def test_a_bag_is_fetched_once(house: House):
    counter = Counter(house)
    house.sku("TEE")
    house.stock("TEE", 5, "FLOOR-1", site=GINZA)
    order = counter.collect(("TEE", 2))
    counter.ready(order)
    id_, code, now = UUID(counter.id_of(order)), counter.code(order), house.clock.now()

    def fetch(number: int) -> bool:
        shown = Shown(command_id=CommandId(an_id()), code=code)
        actor = Actor(device=f"till-{number}", operator="a")
        try:
            problem = house.database.run(
                lambda s: hand_over(s, store(s, GINZA), id_, shown, actor=actor, now=now)
            )
        except AlreadyHandedOver:
            return False
        assert problem is None
        return True

    with ThreadPoolExecutor(8) as tills:
        assert sum(tills.map(fetch, range(8))) == 1
    assert house.stock_row("TEE", GINZA)["packed"] == 0


def test_wrong_codes_at_many_tills_are_counted_together(house: House):
    counter = Counter(house)
    house.sku("TEE")
    house.stock("TEE", 5, "FLOOR-1", site=GINZA)
    order = counter.collect(("TEE", 2))
    counter.ready(order)
    id_, now = UUID(counter.id_of(order)), house.clock.now()

    def guess(number: int) -> str:
        shown = Shown(command_id=CommandId(an_id()), code=f"x{number}")
        actor = Actor(device=f"till-{number}", operator="a")
        problem = house.database.run(
            lambda s: hand_over(s, store(s, GINZA), id_, shown, actor=actor, now=now)
        )
        assert isinstance(problem, WmsError)
        return problem.code

    with ThreadPoolExecutor(8) as tills:
        said = sorted(tills.map(guess, range(12)))
    assert said == ["too_many_tries"] * 7 + ["wrong_pickup_code"] * 5


def test_each_bag_gets_a_slot_of_its_own(house: House):
    counter = Counter(house)
    house.sku("TEE")
    house.stock("TEE", 9, "FLOOR-1", site=GINZA)
    orders = [counter.collect(("TEE", 1)) for _ in range(3)]
    ids = [UUID(counter.id_of(order)) for order in orders]
    now = house.clock.now()

    def begin(id_: UUID) -> UUID:
        return house.database.run(
            lambda s: prepare(s, store(s, GINZA), id_, actor="user:a@b", now=now)
        )

    with ThreadPoolExecutor(6) as people:
        packets = list(people.map(begin, ids * 2))
    assert packets[:3] == packets[3:], "asked twice, it is the same packet"
    assert sorted(counter.of(order)["shelf"] for order in orders) == ["P-01", "P-02", "P-03"]
    assert house.database.conflicts == 0
