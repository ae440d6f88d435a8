"""What goods by weight weigh when they go on: the law in plain Python, as the database has it.

    a place has 3 units, 1000 g
    1 goes, not weighed       333 g leave and arrive, 667 g stay
    2 go, 650 g are measured  the place is empty: 667 g left, 650 g arrive, the variance is -17 g

So what a place weighs is always the sum of its movements, and an empty place weighs nothing.
The tests hold the posting functions against this. Grams.
"""


def weigh(units: int, weight_g: int, taken: int, measured_g: int | None) -> tuple[int, int]:
    """Of a place with so many units and grams: what leaves it with those taken, what arrives.

    Units take their share with them, the last ones all that is left. A measured weight counts
    instead; what it differs by when the place is empty, or has less, is the variance: what arrives
    minus what left.
    """
    assert 1 <= taken <= units
    share = weight_g * taken // units if measured_g is None else min(measured_g, weight_g)
    left = weight_g if taken == units else share
    return left, left if measured_g is None else measured_g
