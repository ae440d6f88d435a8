"""A network small enough to think through: two nodes, two regions, two SKUs."""

from optimizer.scenarios import Carrier, Node, Order, Region, Rules, Snapshot

EAST, WEST = (Region(code="EAST", latitude=35.7, longitude=139.7),
              Region(code="WEST", latitude=34.7, longitude=135.5))  # fmt: skip


def network(orders_per_day: int = 12) -> Snapshot:
    """A node beside each region; 4 orders of the past, of which each day draws."""
    return Snapshot(
        nodes=(
            Node(code="TYO1", kind="DC", latitude=35.7, longitude=139.7),
            Node(code="OSA1", kind="STORE", latitude=34.7, longitude=135.5, cut_off_minute=720),
        ),
        carriers=(
            Carrier(code="VAN", parcel_minor=500, kg_minor=50, hundred_km_minor=100,
                    km_per_day=500),
        ),
        regions=(EAST, WEST),
        goods={"A": 500, "B": 1000},
        stock={"TYO1": {"A": 40, "B": 40}, "OSA1": {"A": 20}},
        orders=(
            Order(region="EAST", minute=600, lines=(("A", 1),)),
            Order(region="EAST", minute=1000, lines=(("A", 1), ("B", 1))),
            Order(region="WEST", minute=700, lines=(("A", 2),)),
            Order(region="WEST", minute=800, lines=(("B", 1),)),
        ),
        orders_per_day=orders_per_day,
        rules=Rules(batch_minutes=1440),
    )  # fmt: skip
