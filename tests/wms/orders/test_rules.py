"""Rules of promising: what is shared out is there, and parted no further than the order allows."""

from collections import defaultdict
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wms.orders.rules import share_out

SITES = [UUID(int=number) for number in range(1, 5)]
GOODS = [UUID(int=number) for number in range(11, 14)]
WANTED = st.lists(st.tuples(st.sampled_from(GOODS), st.integers(1, 9)), min_size=1, max_size=5)
THERE = st.lists(st.integers(-2, 9), min_size=12, max_size=12)


def stock(units: list[int]) -> dict[UUID, dict[UUID, int]]:
    there = iter(units)
    return {sku: {site: next(there) for site in SITES} for sku in GOODS}


@given(wanted=WANTED, units=THERE, split=st.sampled_from(["ANY", "WHOLE_LINES", "ONE_SITE"]),
       partly=st.booleans())  # fmt: skip
def test_what_is_shared_out_is_there(
    wanted: list[tuple[UUID, int]], units: list[int], split: str, *, partly: bool
):
    lines = dict(enumerate(wanted))
    shares = share_out(lines, SITES, stock(units), split, partly=partly)

    taken: defaultdict[tuple[UUID, UUID], int] = defaultdict(int)
    for line, share in shares.items():
        sku, units_wanted = lines[line]
        assert all(n > 0 for n in share.values())
        assert sum(share.values()) <= units_wanted
        if split != "ANY" or not partly:
            assert sum(share.values()) == units_wanted
        if split != "ANY":
            assert len(share) == 1
        for site, n in share.items():
            taken[sku, site] += n
    before = stock(units)
    assert all(n <= max(0, before[sku][site]) for (sku, site), n in taken.items())
    if split == "ONE_SITE":
        assert len({site for share in shares.values() for site in share}) <= 1
        assert len(shares) in {0, len(lines)}
    if split == "ANY" and partly:
        missing = {lines[no][0] for no in lines if sum(shares.get(no, {}).values()) < lines[no][1]}
        left = {sku for sku in missing for site in SITES
                if before[sku][site] - taken[sku, site] > 0}  # fmt: skip
        assert not left, "who waits takes what there is"


@pytest.mark.parametrize(
    ("split", "sites"),
    [("ANY", [{0}, {1}]), ("WHOLE_LINES", [{0}, {1}]), ("ONE_SITE", [{1}, {1}])],
)
def test_the_first_site_that_may_comes_first(split: str, sites: list[set[int]]):
    there = {GOODS[0]: dict.fromkeys(SITES[:2], 5), GOODS[1]: {SITES[1]: 5}}
    wanted = {1: (GOODS[0], 5), 2: (GOODS[1], 5)}
    shares = share_out(wanted, SITES, there, split)
    assert [{SITES.index(site) for site in shares[line]} for line in (1, 2)] == sites
