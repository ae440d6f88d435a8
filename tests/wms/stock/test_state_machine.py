"""Anything, in any order, again and again: after each step the ledger has what the books have.

Hypothesis draws postings of all kinds, with scarce stock, repeated commands and stolen ids; the
books (tests/faults/books.py) say what may be. Times are whole seconds. An example is one
transaction that is rolled back, each posting a savepoint in it.
SOKO_HYPOTHESIS=nightly draws many more.
"""

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.orm import Session
from typing_extensions import override

from tests.builders import NOW
from tests.faults.books import NIL, STEPS, Balance, Books, Place, Refused, Wanted
from tests.faults.world import Done, World, a_world, where_is, written
from wms.catalog import HOUSE_OWNER_ID, LotRecord, save_lots
from wms.database import Database
from wms.errors import WmsError
from wms.ids import CommandId, HandlingUnitId, HoldId, LocationId, OwnerId, SiteId, SkuId
from wms.stock import ledger, promises
from wms.stock.ledger import Advance, Move
from wms.stock.promises import Extend, Reserve, Swap
from wms.stock.verify import verify

NIGHTLY = os.environ.get("SOKO_HYPOTHESIS") == "nightly"
STEPS_MAX = 60 if NIGHTLY else 30
PHASES = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
PHASES += [hypothesis.Phase.shrink] if NIGHTLY else []  # it takes minutes
LIVE = tuple(STEPS)
NEXT = {"HELD": "ALLOCATED", "ALLOCATED": "PINNED", "PINNED": "PICKED", "PICKED": "PACKED",
        "PACKED": "SHIPPED", "SHIPPED": "DELIVERED"}  # fmt: skip

choices = st.integers(0, 999)
counts = st.integers(1, 4)
lines = st.lists(
    st.tuples(
        choices, st.integers(1, 5), st.sampled_from([None, None, 0, 1]),
        st.sampled_from(["HELD", "HELD", "ALLOCATED"]), st.sampled_from([None, None, 1, 3]),
        st.sampled_from(["CART", "CLICK_RESERVE", "ORDER"]),
    ), min_size=1, max_size=5,
)  # fmt: skip


class Ledger(RuleBasedStateMachine):
    """The ledger beside the books."""

    def __init__(self, database: Database, world: World) -> None:
        super().__init__()
        self.session = Session(database.engine)
        self.session.begin()
        self.world = world
        self.books = Books(world.counter_of, world.virtual)
        self.done: list[Done] = []
        self.now = NOW
        self.numbers = itertools.count(1)
        for number, units in enumerate((5, 3, 2, 4, 2)):  # scarce, but not nothing
            self.receive(number * 4 + 3 * (number == 2), units, tote=number == 1)
        self.reserve([(choice, 2, None, "ALLOCATED", None, "ORDER") for choice in (0, 0, 12, 16)])

    # ----------------------------------------------------------------------- help
    def an_id(self) -> UUID:
        """The same ids in each run, so that a failure is found again."""
        return UUID(int=next(self.numbers))

    def attempt(self, post: Callable[[Session], Any]) -> Any:
        """Post; what it answers, or the code of the error. An error changes nothing."""
        try:
            with self.session.begin_nested():
                return post(self.session)
        except WmsError as error:
            return error.code

    def live(self, choice: int, states: Sequence[str] = LIVE) -> UUID | None:
        """One of the live holds."""
        found = sorted(id_ for id_, hold in self.books.holds.items() if hold.state in states)
        return found[choice % len(found)] if found else None

    def somewhere(self, choice: int, site: UUID | None = None) -> UUID:
        """A place, of that site or any."""
        of = self.world.site_of
        places = sorted(id_ for id_ in of if site is None or of[id_] == site)
        return places[choice % len(places)]

    def sku(self, choice: int) -> tuple[SiteId, SkuId]:
        """A site and a SKU: the first of each more often than the others."""
        site = self.world.sites[choice % 4 == 3]
        return site, self.world.skus[max(0, choice // 4 % 5 - 2)]

    # ----------------------------------------------------------------------- goods
    @rule(choice=choices, units=st.integers(1, 9), tote=st.booleans())
    def receive(self, choice: int, units: int, *, tote: bool) -> None:
        """From the supplier to any place at all: to a dock, to a shelf, into a tote."""
        site, sku = self.sku(choice)
        places = sorted(p for p, c in self.world.counter_of.items()
                        if self.world.site_of[p] == site and c == "sellable")  # fmt: skip
        to = places[choice % len(places)] if choice % 3 else self.somewhere(choice, site)
        lot = ("", "L1", "L2", "L1")[choice % 4] if sku == self.world.skus[2] else ""
        start = Place(site, self.world.virtual[site, "SUPPLIER"], sku, lot=lot)
        unit = self.world.totes[site] if tote else NIL
        self.carry_out(start, self.world.virtual[site, "SUPPLIER"], to, unit, units)

    @rule(choice=choices, to=choices, units=counts, tote=st.booleans(),
          condition=st.sampled_from([None, None, "A", "B", "D"]))  # fmt: skip
    def carry(self, choice: int, to: int, units: int, *, tote: bool, condition: str | None) -> None:
        """Put away, relocate, count, adjust, break, write off, return, grade: any place to any."""
        there = sorted(p for p, n in self.books.units.items() if n > 0 and not self.held(p))
        if not there:
            return
        start = there[choice % len(there)]
        unit = self.world.totes[start.site] if tote else NIL
        end = self.somewhere(to, start.site)
        self.carry_out(start, start.location, end, unit, units, condition)

    def held(self, place: Place) -> bool:
        """Goods in the hands of a hold go by its steps only."""
        return any(h.place == place and h.state != "PINNED" for h in self.books.holds.values()
                   if h.live)  # fmt: skip

    def carry_out(
        self, start: Place, source: UUID, to: UUID, unit: UUID, units: int,
        condition: str | None = None,
    ) -> None:  # fmt: skip
        end = self.books.place(start.site, to, start.sku, unit, lot=start.lot,
                               condition=condition or start.condition)  # fmt: skip
        line = Move(
            command_id=CommandId(self.an_id()), site_id=SiteId(start.site), owner_id=HOUSE_OWNER_ID,
            sku_id=SkuId(start.sku), units=units, from_location_id=LocationId(source),
            to_location_id=LocationId(to), lot=start.lot,
            from_unit_id=HandlingUnitId(start.unit) if start.unit != NIL else None,
            to_unit_id=HandlingUnitId(unit) if unit != NIL else None,
            condition=start.condition, to_condition=condition, cause_kind="TEST",
            cause_id=self.an_id(), actor="test", occurred_at=self.now,
        )  # fmt: skip
        answer = self.attempt(lambda s: ledger.move(s, [line]))
        fault = self.keep_move(line, start, end)
        if fault is not None:
            assert answer == fault, line
            return
        self.accept(answer, ledger.move, line, replace(line, units=units + 1))

    def keep_move(self, line: Move, start: Place, end: Place) -> str | None:
        """Write a move into the books; what is wrong with it, if anything."""
        there = (line.to_location_id, line.to_unit_id, line.to_condition or line.condition)
        if there == (line.from_location_id, line.from_unit_id, line.condition):
            return "wrong_location"
        if line.sku_id == self.world.skus[2] and not line.lot:
            return "lot_missing"
        try:
            self.books.move([(start, end, line.units)])
        except Refused as refused:
            return str(refused)
        return None

    def accept(self, answer: Any, post: Any, line: Any, other: Any) -> None:
        """It was done, for the first time; it may be done again, and its id stolen."""
        assert not isinstance(answer, str), (answer, line)
        assert not answer[0].replayed
        again = [replace(answer[0], replayed=True)]
        self.done.append(Done(lambda s: post(s, [line]), again, lambda s: post(s, [other])))

    # ----------------------------------------------------------------------- promises
    @rule(asked=lines)
    def reserve(self, asked: list[tuple[int, int, int | None, str, int | None, str]]) -> None:
        groups = [self.an_id() for _ in range(2)]
        batch, wanted = [], []
        for choice, units, group, state, ttl_s, kind in asked:
            site, sku = self.sku(choice)
            line = Reserve(
                hold_id=HoldId(self.an_id()), site_id=site, owner_id=HOUSE_OWNER_ID, sku_id=sku,
                units=units, kind=kind, state=state, demand_id=self.an_id(),  # type: ignore[arg-type]
                group_id=None if group is None else groups[group],
                expires_at=None if ttl_s is None else self.now + timedelta(seconds=ttl_s),
            )  # fmt: skip
            batch.append(line)
            wanted.append(
                Wanted(line.hold_id, Balance(site, sku), units, line.group_id or line.hold_id,
                       state, kind, line.expires_at)
            )  # fmt: skip
        post = partial(promises.reserve, now=self.now)
        answers = self.attempt(lambda s: post(s, batch))
        assert [answer.granted for answer in answers] == self.books.reserve(wanted, self.now)
        other = [*batch[:-1], replace(batch[-1], units=batch[-1].units + 1)]
        self.done.append(Done(lambda s: post(s, batch), answers, lambda s: post(s, other)))

    @precondition(lambda self: self.live(0) is not None)
    @rule(choice=choices, to=st.sampled_from([*LIVE[1:], "DELIVERED", "RELEASED", "SHORT"]),
          units=st.one_of(st.none(), counts), rest=st.sampled_from(["ALLOCATED", "SHORT", "SAME"]),
          named=st.one_of(st.none(), choices), tote=st.booleans())  # fmt: skip
    def advance(
        self, choice: int, to: str, units: int | None, rest: str, named: int | None, *, tote: bool
    ) -> None:
        """Any step, possible or not."""
        id_ = self.live(choice)
        assert id_ is not None
        self.take_step(id_, to, units, rest, named, tote=tote)

    @precondition(lambda self: self.live(0) is not None)
    @rule(choice=choices, pick=choices, units=st.one_of(st.none(), st.none(), counts),
          far=st.integers(1, 5), state=st.sampled_from([*LIVE, *LIVE[2:]]))  # fmt: skip
    def go_on(self, choice: int, pick: int, units: int | None, far: int, state: str) -> None:
        """On in its life: allocate, pin, pick, pack, ship, deliver."""
        id_ = self.live(choice, [state]) or self.live(choice)
        for _ in range(far):
            hold = self.books.holds[id_] if id_ else None
            if id_ is None or hold is None or not hold.live:
                return
            to = NEXT[hold.state]
            here = sorted(p for p, n in self.books.units.items() if n > self.books.pinned(p)
                          and Balance(p.site, p.sku, p.condition) == hold.balance
                          and self.world.counter_of[p.location] == "sellable")  # fmt: skip
            place = here[pick % len(here)] if to == "PINNED" and here else None
            self.take_step(id_, to, units, "SAME", None, tote=place is not None
                           and place.unit != NIL, at=place.location if place else None)  # fmt: skip

    def take_step(  # noqa: PLR0913 - the facts of a step
        self, id_: UUID, to: str, units: int | None, rest: str, named: int | None, *, tote: bool,
        at: UUID | None = None,
    ) -> None:  # fmt: skip
        hold = self.books.holds[id_]
        site = hold.balance.site
        location = self.somewhere(named, site) if named is not None else at
        unit = self.world.totes[site] if tote else None
        rest_id = HoldId(self.an_id())
        line = Advance(
            command_id=CommandId(self.an_id()), site_id=SiteId(site), hold_id=HoldId(id_),
            to=to, units=units, rest_hold_id=rest_id, rest_state=rest,  # type: ignore[arg-type]
            location_id=LocationId(location) if location else None, handling_unit_id=unit,
            actor="test", occurred_at=self.now,
        )  # fmt: skip
        answer = self.attempt(lambda s: ledger.advance(s, [line]))
        faults = self.keep_step(line, answer)
        if faults:
            assert answer in faults, line
            return
        self.accept(answer, ledger.advance, line, replace(line, reason="another"))

    def keep_step(self, line: Advance, answer: Any) -> set[str]:
        """Write a step into the books; or all that is wrong with it, of which one is told."""
        books, hold = self.books, self.books.holds[line.hold_id]
        rest, faults, target = (line.rest_hold_id or NIL, line.rest_state), set[str](), None
        try:
            named = line.location_id is not None or line.handling_unit_id is not None
            books.split(line.hold_id, line.to, line.units, rest, self.now, named=named)
        except Refused as refused:
            faults.add(str(refused))
        try:
            if line.to in STEPS[hold.state]:
                target = books.target(
                    line.hold_id, line.to, line.location_id, line.handling_unit_id
                )
            if not faults:
                if line.to == "PINNED" and target is not None:
                    fit = books.pinnable(target, line.units or hold.units)
                    done = not isinstance(answer, str)
                    target = where_is(self.session, line.hold_id) if done else None
                    assert target is None or target in fit, line
                books.advance(line.hold_id, line.to, line.units, rest, target)
        except Refused as refused:
            faults.add(str(refused))
        return faults

    @rule(choice=choices, other=choices, same=st.booleans())
    def swap(self, choice: int, other: int, *, same: bool) -> None:
        """Two holds exchange their demands; often two that can."""
        one = self.live(choice, ("HELD", "ALLOCATED", "PINNED")) or self.live(choice)
        if one is None:
            return
        hold = self.books.holds[one]
        fit = sorted(id_ for id_, h in self.books.holds.items() if h.live and id_ != one
                     and (h.balance, h.units) == (hold.balance, hold.units))  # fmt: skip
        two = fit[other % len(fit)] if fit and same else self.live(other)
        assert two is not None
        line = Swap(
            command_id=CommandId(self.an_id()), site_id=SiteId(hold.balance.site),
            hold_id=HoldId(one), with_hold_id=HoldId(two), heir_id=HoldId(self.an_id()),
            with_heir_id=HoldId(self.an_id()),
        )  # fmt: skip
        now = self.now
        answer = self.attempt(lambda s: promises.swap(s, [line], now=now))
        try:
            self.books.swap(one, two, (line.heir_id, line.with_heir_id), now)
        except Refused as refused:
            assert answer == str(refused), line  # noqa: PT017
            return
        self.accept(answer, partial(promises.swap, now=now), line,
                    replace(line, heir_id=HoldId(self.an_id())))  # fmt: skip

    @rule(choice=choices, seconds=st.integers(1, 5))
    def extend(self, choice: int, seconds: int) -> None:
        """More time for a hold, or less."""
        id_ = self.live(choice, ("HELD",)) or self.live(choice)
        if id_ is None:
            return
        hold, now = self.books.holds[id_], self.now
        line = Extend(command_id=CommandId(self.an_id()), site_id=SiteId(hold.balance.site),
                      hold_id=HoldId(id_), expires_at=now + timedelta(seconds=seconds))  # fmt: skip
        answer = self.attempt(lambda s: promises.extend(s, [line], now=now))
        if hold.state != "HELD" or id_ in self.books.overdue(now):
            assert answer == "wrong_state", line
            return
        self.books.holds[id_] = replace(hold, expires_at=line.expires_at)
        self.accept(answer, partial(promises.extend, now=now), line,
                    replace(line, hold_id=HoldId(self.an_id())))  # fmt: skip

    @rule(seconds=st.integers(0, 3), limit=st.integers(0, 3), choice=choices,
          safety=st.integers(0, 2))  # fmt: skip
    def pass_time(self, seconds: int, limit: int, choice: int, safety: int) -> None:
        """Time passes, the sweeper may come by, and somebody may change a limit."""
        self.now += timedelta(seconds=seconds)
        if limit:
            due = self.books.overdue(self.now)
            ended = self.attempt(lambda s: promises.expire(s, now=self.now, limit=limit))
            assert {one.hold_id for one in ended} <= due.keys()
            assert len(ended) >= min(limit, len(due))
            for one in ended:
                self.books.holds[one.hold_id] = replace(due[one.hold_id], state="EXPIRED")
        if choice % 4 == 0:
            site, sku = self.sku(choice // 4)
            owned = (OwnerId(HOUSE_OWNER_ID), sku)
            self.attempt(lambda s: promises.set_limits(s, site, owned, safety=safety))
            self.books.safety[Balance(site, sku)] = safety

    @rule(choice=choices, blocked=st.booleans())
    def block(self, choice: int, *, blocked: bool) -> None:
        """Nobody may have a lot any more, or everybody again; whether there is any of it or not."""
        sku, code = self.world.skus[2], ("L1", "L1", "L2")[choice % 3]
        lot = LotRecord(sku_id=sku, code=code, status="BLOCKED" if blocked else "OK")
        self.attempt(lambda s: save_lots(s, [lot]))
        self.books.block(sku, code, blocked=blocked)

    # ----------------------------------------------------------------------- again
    @precondition(lambda self: self.done)
    @rule(choice=choices)
    def again(self, choice: int) -> None:
        """What was done is not done twice, and is answered as it was then."""
        done = self.done[choice % len(self.done)]
        assert self.attempt(done.again) == done.answer

    @precondition(lambda self: self.done)
    @rule(choice=choices)
    def steal(self, choice: int) -> None:
        """An id that has been used for something else is refused."""
        assert self.attempt(self.done[choice % len(self.done)].stolen) == "id_reused"

    # ----------------------------------------------------------------------- always
    @invariant()
    def the_ledger_has_what_the_books_have(self) -> None:
        balances, quants, holds = written(self.session)
        assert balances == {key: kept for key, kept in self.books.counters().items() if kept}
        assert quants == {
            place: (units, self.books.pinned(place))
            for place, units in self.books.units.items()
            if units or self.books.pinned(place)
        }
        assert holds == {id_: (hold.state, hold.units) for id_, hold in self.books.holds.items()}

    @override
    def teardown(self) -> None:
        report = verify(self.session)
        self.session.rollback()
        self.session.close()
        assert report.clean, report


@pytest.mark.timeout(3600 if NIGHTLY else 240)
def test_the_ledger_keeps_the_books_whatever_comes(database: Database):
    world = database.run(a_world)

    class Beside(Ledger):
        def __init__(self) -> None:
            super().__init__(database, world)

    run_state_machine_as_test(
        Beside,
        settings=hypothesis.settings(
            max_examples=hypothesis.settings().max_examples // (1 if NIGHTLY else 2),
            stateful_step_count=STEPS_MAX,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=PHASES,
            print_blob=True,
        ),
    )
