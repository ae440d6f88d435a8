"""Random batches against a simple model: the database decides exactly as plain Python does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.builders import NOW, a_move, a_reserve, a_site, a_sku, an_advance, an_id, shelf
from wms.database import Database
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
