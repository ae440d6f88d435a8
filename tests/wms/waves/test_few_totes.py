"""Few totes: a channel that asks for it has robots bring those that together have it all."""

from datetime import timedelta
from itertools import combinations
from random import Random

import pytest

from optimizer.pods import Line, Pod
from tests.builders import NOW, an_id
from tests.wms.house import HUB
from tests.wms.waves.people import Floor
from wcs.messages import TransportOrder
from wms.outbound.few_totes import VISIT, Wanted, choose_totes

FEW = ["FEFO", "WHOLE", "ROBOT", "FEW_TOTES", "EMPTY_BIN", "CLOSEST"]
USUAL = [rule for rule in FEW if rule != "FEW_TOTES"]
SKUS = ("TEA", "CUP", "POT", "JAR")


def stocked(floor: Floor) -> None:
    """Four SKUs in a tote each of which little is left, and all of them together in two others."""
    for sku in SKUS:
        floor.sku(sku)
        floor.stock(sku, 3, "A01-01-1", tote=f"T-{sku}")
        for tote in ("T-ALL-1", "T-ALL-2"):
            floor.stock(sku, 20, "A02-01-1", tote=tote)


def sent_for(floor: Floor) -> list[str]:
    """The totes that robots are newly told to bring when all is released."""
    floor.tick()
    return sorted(each.load for each in floor.said() if isinstance(each, TransportOrder))


@pytest.mark.parametrize(("rules", "visits"), [(USUAL, 4), (FEW, 1)])
def test_one_tote_that_has_all_is_brought_instead_of_four(
    floor: Floor, rules: list[str], visits: int
):
    floor.channel(binding={"rules": rules})
    stocked(floor)
    order = floor.put_order(*[(sku, 1) for sku in SKUS])
    assert len(sent_for(floor)) == visits
    assert {line["status"] for line in floor.order(order)["lines"]} == {"RELEASED"}


@pytest.mark.parametrize("comes", ["T-ALL-1", "T-ALL-2"])
def test_a_tote_that_comes_anyway_brings_more(floor: Floor, comes: str):
    floor.channel(binding={"rules": FEW})
    stocked(floor)
    floor.sku("PAN")
    floor.stock("PAN", 1, "A02-01-1", tote=comes)
    floor.put_order(("PAN", 1))
    assert sent_for(floor) == [comes]
    order = floor.put_order(*[(sku, 1) for sku in SKUS])
    assert sent_for(floor) == []
    assert {line["status"] for line in floor.order(order)["lines"]} == {"RELEASED"}


def test_what_expires_first_goes_first_though_it_is_one_tote_more(floor: Floor):
    floor.channel(binding={"rules": FEW})
    skus = [
        {"code": code, "name_en": code, "weight_g": 100, "tracking": "LOT", "shelf_life_days": 99}
        for code in SKUS[:2]
    ]
    floor.ok(floor.http.put("/master/v1/skus", json=skus))
    for sku in SKUS[:2]:
        for lot, days, tote in (("OLD", 20, f"T-{sku}"), ("NEW", 80, "T-ALL")):
            ends = (NOW.date() + timedelta(days=days)).isoformat()
            row = {"sku": sku, "code": lot, "expires_on": ends}
            floor.ok(floor.http.put("/master/v1/lots", json=[row]))
            line = {"site": HUB, "location": "A01-01-1", "sku": sku, "units": 5, "tote": tote}
            body = {"id": str(an_id()), "lines": [line | {"lot": lot}]}
            floor.ok(floor.http.post("/master/v1/receipts", json=body))
    floor.put_order((SKUS[0], 1), (SKUS[1], 1))
    assert sent_for(floor) == ["T-CUP", "T-TEA"]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_missing_and_no_fewer_would_do(seed: int):
    rng = Random(seed)
    skus = [f"s{n}" for n in range(5)]
    pods = tuple(
        Pod(f"{n:032x}", {sku: rng.randint(1, 4) for sku in rng.sample(skus, 2)}, {"hub": VISIT})
        for n in range(6)
    )
    there = {sku: sum(pod.units.get(sku, 0) for pod in pods) for sku in skus}
    lines = tuple(Line("hub", sku, rng.randint(1, n)) for sku, n in there.items() if n)

    def has_all(some: tuple[Pod, ...]) -> bool:
        return all(sum(p.units.get(one.sku, 0) for p in some) >= one.units for one in lines)

    found = choose_totes(Wanted(lines, pods))
    assert has_all(tuple(pod for pod in pods if int(pod.name, 16) in {t.int for t in found}))
    assert not any(has_all(some) for some in combinations(pods, len(found) - 1))
