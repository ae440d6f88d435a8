"""Random batches against a simple model: the database decides exactly as plain Python does.

First all kinds of postings in short scripts that hypothesis makes up and shortens; then many
thousands of lines of reservations in large batches against the sequential oracle (`oracle`).
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, an_advance, an_id, shelf
from tests.night import by_night
from tests.wms.stock.oracle import Account, Key, Oracle
from wms.catalog import HOUSE_OWNER_ID
from wms.database import Database
from wms.errors import WmsError
from wms.ids import SiteId, SkuId
from wms.sites import Site, virtual_location
from wms.stock import ledger, promises
from wms.stock.availability import free_by_site, stock_view
from wms.stock.balance import COUNTER, TRANSITIONS, Wish, first_come_first_served
from wms.stock.faults import NotEnoughStock, WrongState
from wms.stock.promises import Reserve
from wms.stock.verify import verify

SKUS = 3
units = st.integers(min_value=1, max_value=7)
sku = st.integers(min_value=0, max_value=SKUS - 1)
group = st.one_of(st.none(), st.integers(min_value=0, max_value=2))
reserves = st.tuples(
    st.just("reserve"),
    st.lists(st.tuples(sku, units, group, st.sampled_from(["HELD", "ALLOCATED"])), max_size=12),
)
receives = st.tuples(st.just("receive"), st.tuples(sku, units))
takes = st.tuples(st.just("take"), st.tuples(sku, units))
advances = st.tuples(
    st.just("advance"),
    st.tuples(
        st.integers(0, 50), st.sampled_from(sorted({t for v in TRANSITIONS.values() for t in v}))
    ),
)
replays = st.tuples(st.just("replay"), st.just(()))
scripts = st.lists(st.one_of(reserves, receives, takes, advances, replays), max_size=15)


@dataclass
class Model:
    """What there is, what is promised, and every answer that was given."""

    free: list[int] = field(default_factory=lambda: [0] * SKUS)
    shelf: list[int] = field(default_factory=lambda: [0] * SKUS)
    pinned: list[int] = field(default_factory=lambda: [0] * SKUS)
    holds: dict[UUID, tuple[int, Reserve, str]] = field(default_factory=dict)
    said: list[tuple[list[Reserve], list[promises.Reserved]]] = field(default_factory=list)

    def counters(self) -> dict[str, int]:
        counted = dict.fromkeys(COUNTER.values(), 0)
        for _, line, state in self.holds.values():
            if state in COUNTER:
                counted[COUNTER[state]] += line.units
        return counted


@settings(suppress_health_check=list(HealthCheck))
@given(script=scripts)
def test_the_ledger_does_what_the_model_does(database: Database, script: list[tuple[str, Any]]):
    def work(session: Session) -> None:
        site = a_site(session, f"S{an_id().hex}")
        skus = [a_sku(session, an_id().hex) for _ in range(SKUS)]
        model = Model()
        for name, facts in script:
            STEPS[name](session, site, skus, model, facts)
            assert dict.fromkeys(skus, 0) | {
                sku: free for at, sku, free in free_by_site(session, skus) if at == site
            } == dict(zip(skus, model.free, strict=True))
        totals = stock_view(session, sites=[site_code(session, site)]).totals
        assert {name: totals[name] for name in COUNTER.values()} == model.counters()
        assert totals["sellable"] == sum(model.shelf)
        report = verify(session)
        assert report.clean, report

    database.run(work)


def site_code(session: Session, site: SiteId) -> str:
    return session.get_one(Site, site).code


def do_reserve(session: Session, site: SiteId, skus: list[SkuId], model: Model, facts: Any) -> None:
    groups = [an_id() for _ in range(3)]
    lines = [
        a_reserve(site, skus[n], count, state=state, group_id=None if g is None else groups[g])
        for n, count, g, state in facts
    ]
    wishes = [
        Wish(balance=n, units=count, group=line.group_id or line.hold_id)
        for line, (n, count, _, _) in zip(lines, facts, strict=True)
    ]
    expected = first_come_first_served(dict(enumerate(model.free)), wishes)

    answers = promises.reserve(session, lines, now=NOW)

    assert [answer.granted for answer in answers] == expected
    for line, (n, count, _, state), granted in zip(lines, facts, expected, strict=True):
        if granted:
            model.free[n] -= count
            model.holds[line.hold_id] = (n, line, state)
    model.said.append((lines, answers))


def do_receive(session: Session, site: SiteId, skus: list[SkuId], model: Model, facts: Any) -> None:
    n, count = facts
    ledger.move(session, [a_move(site, skus[n], count)])
    model.free[n] += count
    model.shelf[n] += count


def do_take(session: Session, site: SiteId, skus: list[SkuId], model: Model, facts: Any) -> None:
    n, count = facts
    lost = a_move(
        site,
        skus[n],
        count,
        from_location_id=shelf(site),
        to_location_id=virtual_location(site, "LOST"),
    )
    enough = count <= model.free[n] and count <= model.shelf[n] - model.pinned[n]
    try:
        ledger.move(session, [lost])
    except NotEnoughStock:
        assert not enough
        return
    assert enough
    model.free[n] -= count
    model.shelf[n] -= count


def do_advance(
    session: Session, _site: SiteId, _skus: list[SkuId], model: Model, facts: Any
) -> None:
    choice, to = facts
    if not model.holds:
        return
    n, line, state = model.holds[sorted(model.holds)[choice % len(model.holds)]]
    promised = ("HELD", "ALLOCATED", "PINNED")
    try:
        ledger.advance(session, [an_advance(line, to)])
    except WrongState:
        assert to not in TRANSITIONS.get(state, {})
        return
    except NotEnoughStock:
        assert to == "PINNED"
        assert line.units > model.shelf[n] - model.pinned[n]
        return
    assert to in TRANSITIONS[state]
    model.holds[line.hold_id] = (n, line, to)
    leaves = TRANSITIONS[state][to] != "" and state == "PINNED"
    model.pinned[n] += line.units * ((to == "PINNED") - (state == "PINNED"))
    model.shelf[n] -= line.units * leaves
    if state in promised and to not in promised and not leaves:
        model.free[n] += line.units


def do_replay(
    session: Session, _site: SiteId, _skus: list[SkuId], model: Model, _facts: Any
) -> None:
    for lines, answers in model.said:
        assert promises.reserve(session, lines, now=NOW) == answers


STEPS: dict[str, Callable[[Session, SiteId, list[SkuId], Model, Any], None]] = {
    "reserve": do_reserve,
    "receive": do_receive,
    "take": do_take,
    "advance": do_advance,
    "replay": do_replay,
}


BATCH = 500
SEED = int(os.environ.get("SEED", "20261127"))


@dataclass
class Crowd:
    """Customers who want scarce goods: many SKUs at once, again, together, wrongly."""

    random: Random
    site: SiteId
    skus: list[SkuId]
    now: datetime = NOW
    asked: list[Reserve] = field(default_factory=list)
    group: UUID | None = None

    def batch(self) -> list[Reserve]:
        """The lines of one request."""
        lines: list[Reserve] = []
        while len(lines) < BATCH:
            line = self.line()
            lines.append(line)
            self.asked.append(line)
        return lines

    def line(self) -> Reserve:
        """Most are new; some come again, some under an old id, some are nonsense."""
        random = self.random
        self.group = random.choice([None, None, self.group, an_id()])
        chance = random.random()
        if self.asked and chance < 0.12:
            old = random.choice(self.asked[-2 * BATCH :])
            return old if chance < 0.10 else replace(old, units=old.units + 1)
        kind = random.choice(["ORDER", "ORDER", "CART", "CLICK_RESERVE", "COLLECT"])
        may_run_out = kind in ("CART", "CLICK_RESERVE") or chance > 0.9
        until = self.now + timedelta(minutes=random.randint(-1, 30))
        return a_reserve(
            self.site,
            SkuId(an_id()) if chance < 0.13 else random.choice(self.skus),
            0 if 0.13 < chance < 0.135 else random.choice([1, 1, 1, 2, 3, 5, 8]),
            kind=kind,
            state="ALLOCATED" if 0.3 < chance < 0.4 else "HELD",
            group_id=self.group,
            channel=random.choice(["", "", "", "mall", "own"]),
            segment="A" if chance < 0.95 else random.choice("BC"),
            expires_at=until if may_run_out else None,
        )


@pytest.mark.parametrize("count", [15_000, by_night(50_000)])
def test_many_lines_are_decided_as_the_oracle_does_one_by_one(database: Database, count: int):
    """Scarce stock, the same SKU over and over in a request, ids again, groups, channels, time."""
    random = Random(SEED)
    site = database.run(a_site)
    skus = [database.run(a_sku) for _ in range(60)]
    oracle = stocked(database, random, site, skus)
    crowd = Crowd(random, site, skus)
    seen = Counter[object]()
    for _ in range(count // BATCH):
        lines = crowd.batch()
        expected = oracle.reserve(lines, crowd.now)

        answers = database.run(partial(promises.reserve_each, lines=lines, now=crowd.now))

        said = [
            answer.code if isinstance(answer, WmsError) else (answer.granted, answer.free)
            for answer in answers
        ]
        assert said == expected, f"SEED={SEED}"
        seen.update(one if isinstance(one, str) else one[0] for one in said)
        give_up(database, random, oracle, lines)
        crowd.now += timedelta(minutes=random.choice([0, 1, 5]))

    assert min(seen[True], seen[False]) > count / 10, seen
    assert (
        min(seen[code] for code in ("id_reused", "not_found", "units_out_of_range")) > count / 500
    ), seen
    compare(database, oracle, crowd.now)


def stocked(database: Database, random: Random, site: SiteId, skus: list[SkuId]) -> Oracle:
    """Stock of three segments, limits, and what is kept from channels; all of it scarce."""
    accounts: dict[Key, Account] = {}
    keeps: dict[tuple[UUID, str], int] = {}
    moves = []
    for sku in skus[:-1]:  # the last one this site never had
        for segment, most in (("A", 400), ("B", 30)):
            account = accounts[site, sku, segment] = Account(random.randint(most // 4, most))
            moves.append(a_move(site, sku, account.sellable, condition=segment))
    database.run(partial(ledger.move, lines=moves))
    for sku in random.sample(skus[:-1], 20):
        account = accounts[site, sku, "A"]
        account.safety, account.overdraft = random.randint(0, 50), random.choice([0, 40])
        key = (HOUSE_OWNER_ID, sku)
        database.run(partial(promises.set_limits, site_id=site, sku=key, safety=account.safety,
                             overdraft=account.overdraft))  # fmt: skip
        keeps[sku, "mall"] = random.randint(1, 60)
        database.run(partial(promises.keep_from, site_id=site, sku=key, channel="mall",
                             keep=keeps[sku, "mall"]))  # fmt: skip
    return Oracle(accounts, keeps, set(skus))


def give_up(database: Database, random: Random, oracle: Oracle, lines: list[Reserve]) -> None:
    """Some of what was granted is given back, so that there is something to be had again."""
    granted = {line.hold_id: line for line in lines if line.hold_id in oracle.holds}
    live = [
        line
        for line in granted.values()
        if oracle.holds[line.hold_id].state in ("HELD", "ALLOCATED")
        and oracle.holds[line.hold_id].line == line
    ]
    given = random.sample(live, len(live) // 4)
    steps = [an_advance(line, "RELEASED") for line in given]
    database.run(partial(ledger.advance, lines=steps))
    for line in given:
        oracle.release(line)


def compare(database: Database, oracle: Oracle, now: datetime) -> None:
    """All counters and all holds at the end, when what is overdue has been tidied up."""
    oracle.sweep(now)
    while database.run(partial(promises.expire, now=now)):
        pass
    with database.engine.connect() as connection:
        rows = connection.execute(text(
            "SELECT site_id, sku_id, segment, sellable, reserved, cart, click_reserve, allocated"
            " FROM stock_balance"))  # fmt: skip
        counted = {(row.site_id, row.sku_id, row.segment): tuple(row[3:]) for row in rows}
        held = connection.execute(text("SELECT id, state FROM hold"))
        states = {row.id: row.state for row in held}
    assert counted == {
        key: (one.sellable, one.promised["HELD"], *one.parts.values(), one.promised["ALLOCATED"])
        for key, one in oracle.accounts.items()
    }
    assert states == {id_: hold.state for id_, hold in oracle.holds.items()}
    assert database.run(verify).clean
