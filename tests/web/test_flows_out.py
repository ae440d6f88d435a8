"""Flows that take goods out, on the real thing: each to its end and through each of its exceptions."""

import pytest

from tests.web.browser import Opener
from tests.web.floor_world import LANGS, World
from tests.web.hands import filmed
from tests.wms.house import HUB

IN_BOTH = pytest.mark.parametrize("lang", LANGS)


def test_a_cluster_is_picked_into_totes_with_all_that_goes_wrong(world: World, open_page: Opener):
    world.goods("TEA", "RICE", "CUP")
    for sku, units, at in (("TEA", 20, "P01-01"), ("RICE", 3, "P02-02"), ("CUP", 20, "Q03-01")):
        world.stock(sku, units, at)
    world.house.channel(style={"mode": "CLUSTER"})
    world.house.put_order(("TEA", 2), ("RICE", 1))
    world.house.put_order(("TEA", 7), ("CUP", 1), ("RICE", 2))
    world.go()
    with filmed("cluster", world.soko, open_page, HUB, "ja") as hands:
        hand = hands.at("pick")
        hand.take()
        hand.scan("T-9")
        hand.refused("T-9", "tote_in_use")
        hand.scan("T-8")
