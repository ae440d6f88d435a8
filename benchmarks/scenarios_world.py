"""A network for benchmarks and tests of scenarios: nodes, carriers, goods, stock, days of orders.

Nodes lie at random in a country of 10 by 8 degrees, every fifth a DC; customers in 20 regions;
demand of SKUs by rank; baskets of one to five lines; stock for `cover` days, more in DCs. All by
a seed.
"""

import numpy as np

from optimizer.scenarios import Carrier, Node, Order, Region, Snapshot

CARRIERS = (
    Carrier(code="VAN", parcel_minor=520, kg_minor=40, hundred_km_minor=45, km_per_day=450),
    Carrier(code="AIR", parcel_minor=900, kg_minor=90, hundred_km_minor=25, km_per_day=1500,
            co2_g_per_km=0.6),
)  # fmt: skip


def snapshot(
    seed: int, *, nodes: int = 20, skus: int = 300, orders: int = 1000, cover: float = 1.6
) -> Snapshot:
    """The network by a seed, with `orders` a day."""
    chance = np.random.default_rng(seed)
    rank = 1 / (np.arange(skus) + 10)
    rank /= rank.sum()
    names = [f"S{sku:05}" for sku in range(skus)]
    regions = tuple(
        Region(code=f"R{at:02}", latitude=float(y), longitude=float(x))
        for at, (y, x) in enumerate(zip(33 + 8 * chance.random(20), 131 + 10 * chance.random(20),
                                        strict=True))
    )  # fmt: skip
    places = tuple(
        Node(
            code=f"N{at:02}",
            kind="STORE" if at % 5 else "DC",
            latitude=float(33 + 8 * chance.random()),
            longitude=float(131 + 10 * chance.random()),
            cut_off_minute=960 if at % 5 == 0 else 780,
            handling_minor=20 if at % 5 == 0 else 60,
            pickers=8 if at % 5 == 0 else 1,
            robots=6 if at % 10 == 0 else 0,
        )
        for at in range(nodes)
    )
    past = []
    for _ in range(orders * 2):
        basket = chance.choice(skus, size=int(chance.integers(1, 6)), p=rank)
        past.append(
            Order(
                region=regions[int(chance.integers(20))].code,
                minute=int(chance.integers(24 * 60)),
                lines=tuple(
                    (names[sku], int(chance.integers(1, 3))) for sku in sorted(set(basket))
                ),
            )
        )
    wanted = orders * 3.0 * 1.5 * cover
    share = np.array([1.0 if node.kind == "STORE" else 16.0 for node in places])
    share /= share.sum()
    stock = {
        node.code: {
            names[sku]: int(units)
            for sku, units in enumerate(chance.poisson(wanted * share[at] * rank))
            if units
        }
        for at, node in enumerate(places)
    }
    return Snapshot(
        nodes=places,
        carriers=CARRIERS,
        regions=regions,
        goods={name: int(chance.integers(100, 2000)) for name in names},
        stock=stock,
        orders=tuple(past),
        orders_per_day=orders,
    )
