"""The feed of stock changes: nothing lost, nothing out of order; who applies it has the truth."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, an_advance, stock_of
from wms import outbox
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.errors import WmsError
from wms.ids import SiteId, SkuId
from wms.outbox import Pruned
from wms.sites import virtual_location
from wms.stock import feed, ledger, promises
from wms.stock.feed import Change
from wms.stock.network import availability, named_skus

SITES, SKUS = ("TYO1", "OSA1"), ("TEA", "RICE", "MUG")


class Copy:
    """What an order system does: read availability once, then apply every change."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.position = database.run(feed.start)
        self.free = truth(database)
        self.seen: list[Change] = []

    def catch_up(self, limit: int = 7) -> None:
        """Everything that there is to be had now."""
        while True:
            page = self.database.run(partial(feed.changes, after=self.position, limit=limit))
            self.position = page.next
            self.seen += page.changes
            for change in page.changes:
                assert change.segment == "A"
                self.free[change.site, change.sku] = change.free
            if not page.changes:
                return


def truth(database: Database) -> dict[tuple[str, str], int]:
    """What availability says."""
    view = database.run(lambda s: availability(s, list(named_skus(s, SKUS).values()), now=NOW))
    return {
        (site, sku.sku): at.units["free"] for sku in view.skus for site, at in sku.sites.items()
    }


@pytest.fixture
def sites(database: Database) -> list[SiteId]:
    return database.run(lambda s: [a_site(s, code) for code in SITES])


@pytest.fixture
def skus(database: Database, sites: list[SiteId]) -> list[SkuId]:
    def work(session: Session) -> list[SkuId]:
        made = [a_sku(session, code) for code in SKUS]
        for site in sites:
            for sku in made:
                stock_of(session, site, sku, 30)
        return made

    return database.run(work)


def test_each_change_says_what_is_free_where(
    database: Database, sites: list[SiteId], skus: list[SkuId]
):
    copy = Copy(database)
    line = a_reserve(sites[0], skus[0], 4)
    database.run(partial(promises.reserve, lines=[line], now=NOW))
    database.run(lambda s: ledger.advance(s, [an_advance(line, "RELEASED")]))
    copy.catch_up()
    told = [(each.site, each.owner, each.sku, each.segment, each.free) for each in copy.seen]
    assert told == [("TYO1", "HOUSE", "TEA", "A", 26), ("TYO1", "HOUSE", "TEA", "A", 30)]
    assert copy.seen[0].position < copy.seen[1].position
    assert copy.free == truth(database)


def test_what_is_kept_back_is_told_too(database: Database, sites: list[SiteId], skus: list[SkuId]):
    copy = Copy(database)
    house = (HOUSE_OWNER_ID, skus[0])
    database.run(lambda s: promises.set_limits(s, sites[0], house, safety=12))
    copy.catch_up()
    assert [each.free for each in copy.seen] == [18]
    assert copy.free == truth(database)


def test_what_does_not_change_what_is_free_is_not_told(
    database: Database, sites: list[SiteId], skus: list[SkuId]
):
    copy = Copy(database)
    line = a_reserve(sites[0], skus[0], 4, state="ALLOCATED")
    database.run(partial(promises.reserve, lines=[line], now=NOW))
    database.run(lambda s: ledger.advance(s, [an_advance(line, "PINNED")]))
    database.run(lambda s: ledger.advance(s, [an_advance(line, "PICKED")]))
    copy.catch_up()
    assert len(copy.seen) == 1


def test_a_change_that_is_committed_late_behind_a_newer_one_is_delivered(
    database: Database, sites: list[SiteId], skus: list[SkuId]
):
    """Two connections: the first writes, the second writes and commits, then the first commits."""
    copy = Copy(database)
    written, go_on = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        promises.reserve(session, [a_reserve(sites[0], skus[0], 5)], now=NOW)
        written.set()
        go_on.wait()

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(database.run, slow)
        written.wait()
        database.run(partial(promises.reserve, lines=[a_reserve(sites[1], skus[1], 2)], now=NOW))
        copy.catch_up()
        assert [(each.site, each.sku) for each in copy.seen] == [("OSA1", "RICE")]
        go_on.set()
        late.result()
    copy.catch_up()
    assert [(each.site, each.sku) for each in copy.seen[1:]] == [("TYO1", "TEA")]
    assert copy.free == truth(database)


def test_a_page_is_cut_between_postings_only(
    database: Database, sites: list[SiteId], skus: list[SkuId]
):
    begin = database.run(feed.start)
    for _ in range(2):
        lines = [a_reserve(site, sku) for site in sites for sku in skus]
        database.run(partial(promises.reserve, lines=lines, now=NOW))
    first = database.run(partial(feed.changes, after=begin, limit=4))
    rest = database.run(partial(feed.changes, after=first.next, limit=100))
    assert (len(first.changes), len(rest.changes)) == (6, 6), "a posting at a site is one event"
    assert {change.free for change in first.changes} == {29}


def test_events_of_other_topics_are_passed(
    database: Database, sites: list[SiteId], skus: list[SkuId]
):
    begin = database.run(feed.start)

    def chatter(session: Session) -> None:
        for n in range(250):
            body = {"n": n}
            outbox.record(session, topic="order", key="k", type="OrderPlaced", body=body, now=NOW)

    database.run(chatter)
    page = database.run(partial(feed.changes, after=begin))
    assert (page.changes, page.next) == ([], begin + 250)
    database.run(partial(promises.reserve, lines=[a_reserve(sites[0], skus[0])], now=NOW))
    assert len(database.run(partial(feed.changes, after=page.next)).changes) == 1


def test_who_comes_too_late_is_told_so(database: Database, sites: list[SiteId], skus: list[SkuId]):
    begin = database.run(feed.start)
    for _ in range(3):
        database.run(partial(promises.reserve, lines=[a_reserve(sites[0], skus[0])], now=NOW))
    page = database.run(partial(feed.changes, after=begin, limit=1))
    database.run(lambda s: outbox.forget(s, before=NOW + timedelta(days=8)))
    with pytest.raises(Pruned):
        database.run(partial(feed.changes, after=page.next))
    with pytest.raises(Pruned):
        database.run(partial(feed.changes, after=page.next + 1000))
    copy = Copy(database)
    database.run(partial(promises.reserve, lines=[a_reserve(sites[0], skus[0])], now=NOW))
    copy.catch_up()
    assert (len(copy.seen), copy.free) == (1, truth(database))


def test_what_a_consumer_has_not_had_is_not_forgotten(
    database: Database, sites: list[SiteId], skus: list[SkuId]
):
    database.run(lambda s: outbox.drain(s, "slow", limit=1))
    begin = database.run(feed.start)
    database.run(partial(promises.reserve, lines=[a_reserve(sites[0], skus[0])], now=NOW))
    database.run(feed.start)  # it has its position
    database.run(lambda s: outbox.forget(s, before=NOW + timedelta(days=8)))
    assert len(database.run(partial(feed.changes, after=begin)).changes) == 1


def post_at_random(database: Database, sites: list[SiteId], skus: list[SkuId], seed: int) -> None:
    """Postings of many kinds; some are refused, some are taken back before the commit."""
    chance = random.Random(seed)
    held: list[promises.Reserve] = []
    for _ in range(12):
        site, sku, units = chance.choice(sites), chance.choice(skus), chance.randrange(1, 9)
        deed = chance.randrange(5)
        if deed == 0:
            place = virtual_location(site, "SUPPLIER")
            come = a_move(site, sku, units, from_location_id=place)
            database.run(partial(ledger.move, lines=[come]))
        elif deed == 1 and held:
            gone = an_advance(held.pop(), "RELEASED")
            database.run(partial(ledger.advance, lines=[gone]))
        elif deed == 2:
            with pytest.raises(_NeverError):
                database.run(partial(_then_fails, line=a_reserve(site, sku, units)))
        else:
            ends = NOW + timedelta(seconds=chance.choice((-5, 60)))
            lines = [
                a_reserve(site, each, units, kind="CART", expires_at=ends)
                for each in chance.sample(skus, 2)
            ]
            answers = database.run(partial(promises.reserve, lines=lines, now=NOW))
            held += [
                line for line, answer in zip(lines, answers, strict=True)
                if answer.granted and ends > NOW
            ]  # fmt: skip


class _NeverError(WmsError):
    """A transaction that is taken back."""

    code = "never"


def _then_fails(session: Session, line: promises.Reserve) -> None:
    promises.reserve(session, [line], now=NOW)
    raise _NeverError


@given(seed=st.integers(0, 2**31))
@settings(max_examples=12)
def test_a_copy_that_follows_ends_with_the_truth(
    database: Database, sites: list[SiteId], skus: list[SkuId], seed: int
):
    """Four writers at once, a reader that follows them meanwhile, and one that comes afterwards."""
    copy, lazy = Copy(database), Copy(database)
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(post_at_random, database, sites, skus, seed + n) for n in range(4)]
        while not all(writer.done() for writer in writers):
            copy.catch_up()
        for writer in writers:
            writer.result()
    copy.catch_up()
    lazy.catch_up(limit=1000)
    assert copy.free == truth(database) == lazy.free
    assert copy.seen == lazy.seen
    assert list(positions(copy)) == sorted(positions(copy))


def positions(copy: Copy) -> Iterator[int]:
    return (change.position for change in copy.seen)
