"""What a path costs, in seconds: length by speed, and what nobody likes to do.

Driving backwards costs `CONTRAFLOW` times, a turn on the spot `TURN_S` a quarter, passing through
a place where others stop `THROUGH_S`, and a lift's ride from map to map at least `RIDE_S`: the
points of its car may lie above each other, and no way is free.
"""

from wcs.plant import Arc, Plant

TURN_S = 2.0
THROUGH_S = 20.0
CONTRAFLOW = 30.0
RIDE_S = 10.0
_STOPS = ("station", "park", "charge")


def arc_cost_s(plant: Plant, arc: Arc) -> float:
    """The seconds that an arc costs, from its start to its end."""
    cost_s = arc.length_m / arc.speed_mps * (CONTRAFLOW if arc.contraflow else 1.0)
    if plant.points[arc.start].map != plant.points[arc.end].map:
        cost_s = max(cost_s, RIDE_S)
    return cost_s + through_s(plant, arc.end)


def through_s(plant: Plant, point: str) -> float:
    """The seconds that passing through a point costs; who stops there does not pay them."""
    return THROUGH_S if plant.points[point].kind in _STOPS else 0.0
