"""Who gets which task next, and for how long it is theirs."""

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from tests.builders import NOW, an_id
from wms.database import Database
from wms.sites import LocationRecord, SiteRecord, save_locations, save_sites, site_id
from wms.work.actor import Actor, Skills
from wms.work.labour import figures_of
from wms.work.model import Task, WorkEvent, WorkRule, WorkStandard
from wms.work.packet import Event, Expect, Packet, Quantity, Say, Step
from wms.work.pool import keep_leases, lease_next, packet_of
from wms.work.tasks import NewTask, Result, add_task, take_events

SITE = "POOL"
MINUTE = timedelta(minutes=1)


class Pool:
    """A site with a row of places a hundred metres long, and its pool."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.seq = 0
        database.run(self._masters)

    def _masters(self, session: Any) -> None:
        save_sites(session, [SiteRecord(code=SITE, kind="DC", name_en=SITE)])
        places = [
            LocationRecord(
                code=f"P-{metre}", kind="PICK_FACE", zone="COLD" if metre > 90 else "SHELF",
                x_mm=metre * 1000, y_mm=1000,
            )
            for metre in range(0, 101, 10)
        ]  # fmt: skip
        save_locations(session, site_id(SITE), places)

    def add(self, metre: int = 0, kind: str = "pick", at: datetime = NOW, **more: Any) -> UUID:
        task_id = an_id()
        place, item = f"P-{metre}", "ITEM"
        steps = (
            Step(id="place", op="scan", say=Say(code="x"), big=place,
                 expect=(Expect(kind="location", codes=(place,)),)),
            Step(id="item", op="count", say=Say(code="x"), big="2",
                 expect=(Expect(kind="item", codes=(item,)),), qty=Quantity(target=2, max=2)),
        )  # fmt: skip
        new = NewTask(
            id=task_id, site_id=site_id(SITE), kind=kind, title="", steps=steps, plan={}, **more
        )
        self.database.run(lambda s: add_task(s, new, now=at))
        return task_id

    def next(
        self, who: Actor, at: datetime = NOW, kinds: Sequence[str] = ("pick", "putaway")
    ) -> Packet | None:
        return self.database.run(lambda s: lease_next(s, SITE, kinds, who, now=at))

    def do(self, packet: Packet, who: Actor, at: datetime = NOW) -> list[Result]:
        """All of it."""
        return self.send(packet, who, at, ("place", packet.steps[0].big), ("item", "ITEM"),
                         ("item", "ITEM"))  # fmt: skip

    def send(
        self, packet: Packet, who: Actor, at: datetime, *scans: tuple[str, str]
    ) -> list[Result]:
        events = []
        for step, value in scans:
            self.seq += 1
            events.append(
                Event(id=an_id(), packet=packet.id, rev=packet.rev, step=step, type="scan",
                      value=value, at=at, seq=self.seq, device=who.device)
            )  # fmt: skip
        kinds = ("pick", "putaway", "recover")
        finish = dict.fromkeys(kinds, lambda *_: None)
        results, _ = self.database.run(lambda s: take_events(s, events, who, finish, {}, now=at))
        return results


@pytest.fixture
def pool(database: Database) -> Pool:
    return Pool(database)


def a_hand(device: str, **skills: Any) -> Actor:
    given = {name: None if of is None else frozenset(of) for name, of in skills.items()}
    return Actor(device=device, operator="op", skills=Skills(**given))  # type: ignore[arg-type]


HAND, OTHER = a_hand("hh-1"), a_hand("hh-2")


def given_to(packet: Packet | None) -> UUID:
    assert packet is not None
    return packet.id


def test_the_next_task_is_near_the_last_one_whatever_its_kind(pool: Pool):
    first = pool.add(50)
    packet = pool.next(HAND)
    assert packet is not None
    assert packet.id == first
    far = pool.add(0, at=NOW - MINUTE)
    near = pool.add(40, "putaway")
    pool.do(packet, HAND)
    assert given_to(pool.next(HAND)) == near  # ten metres; the other waits a minute, far off
    assert given_to(pool.next(OTHER)) == far  # who comes from nowhere takes the oldest


def test_nothing_waits_for_ever_and_what_is_due_comes_in_time(pool: Pool):
    urgent = pool.add(priority=2)
    old = pool.add(at=NOW - 15 * MINUTE)
    older = pool.add(at=NOW - 25 * MINUTE)
    due = pool.add(due_at=NOW + 200 * MINUTE)
    rest = pool.add(due_at=NOW + 300 * MINUTE)
    order = [given_to(pool.next(a_hand(f"hh-{n}"))) for n in range(5)]
    assert order == [due, older, urgent, old, rest]


def test_a_kind_can_be_more_urgent_at_a_site_and_its_lease_shorter(pool: Pool):
    rule = WorkRule(site_id=site_id(SITE), kind="putaway", lease_s=120, priority=3)
    pool.database.run(lambda s: s.add(rule))
    pool.add(at=NOW - 10 * MINUTE)
    urgent = pool.add(kind="putaway")
    packet = pool.next(HAND)
    assert given_to(packet) == urgent
    assert packet is not None
    assert packet.lease_until == NOW + 2 * MINUTE


def test_work_is_for_those_with_the_skill_the_zone_and_the_machine(pool: Pool):
    cold = pool.add(100, equipment=("forklift",))
    assert pool.next(a_hand("a", kinds={"putaway"})) is None
    assert pool.next(a_hand("b", zones={"SHELF"})) is None
    assert pool.next(a_hand("c", equipment=set())) is None
    assert pool.next(a_hand("d", equipment={"cart"}, zones={"COLD"})) is None
    able = a_hand("e", equipment={"forklift", "cart"}, zones={"COLD"}, kinds={"pick"})
    assert given_to(pool.next(able)) == cold


def test_a_dead_device_loses_its_task_and_a_living_one_does_not(pool: Pool):
    task = pool.add()
    packet = pool.next(HAND)
    assert packet is not None
    later = NOW + 15 * MINUTE
    assert pool.database.run(lambda s: keep_leases(s, HAND, now=later)) == 1
    assert pool.next(OTHER, NOW + 30 * MINUTE) is None  # the heartbeat has kept it
    pool.send(packet, HAND, NOW + 31 * MINUTE, ("place", "P-0"))
    assert pool.next(OTHER, NOW + 45 * MINUTE) is None  # and so did the event
    taken = pool.next(OTHER, NOW + 52 * MINUTE)
    assert given_to(taken) == task
    assert taken is not None
    assert (taken.rev, taken.step) == (packet.rev + 1, "item")
    late = pool.send(packet, HAND, NOW + 53 * MINUTE, ("item", "ITEM"))
    assert late[0].problem is not None
    assert late[0].problem.facts == {"rev": 2, "state": "leased", "by": "op", "device": "hh-2"}


def test_many_at_once_get_a_task_each_and_each_task_goes_to_one(pool: Pool):
    wanted = {pool.add(number % 10 * 10) for number in range(50)}
    got: list[tuple[UUID, int]] = []
    together = threading.Barrier(16)

    def work(number: int) -> None:
        together.wait()
        turn = 0
        while (packet := pool.next(a_hand(f"hh-{number}-{turn}"))) is not None:
            got.append((packet.id, packet.rev))
            turn += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(id_ for id_, _ in got) == Counter(dict.fromkeys(wanted, 1))
    assert {rev for _, rev in got} == {1}


def test_two_hundred_events_of_one_call_are_one_read_and_one_write_of_the_task(pool: Pool):
    pool.add()
    packet = pool.next(HAND)
    assert packet is not None
    pool.send(packet, HAND, NOW, *[("place", "WRONG")] * 199, ("place", "P-0"))
    rows = pool.database.run(lambda s: s.scalars(select(WorkEvent)).all())
    assert Counter((row.problem or {}).get("code") for row in rows) == {"wrong_scan": 199, None: 1}
    assert {row.site_id for row in rows} == {site_id(SITE)}


def test_a_standard_is_that_of_the_day_it_was_done(pool: Pool):
    pool.add()
    packet = pool.next(HAND)
    assert packet is not None
    pool.do(packet, HAND)
    task = pool.database.run(lambda s: s.scalars(select(Task)).one())
    usual = 15_000 + 9_000 + (3_000 + 2 * 2_500)
    assert (task.units, task.lines, task.standard_ms) == (2, 1, usual)
    rows = [
        WorkStandard(site_id=site_id(SITE), kind=kind, op=op, step_ms=step_ms, unit_ms=0)
        for kind, op, step_ms in (("", "scan", 1), ("pick", "scan", 1_000), ("pick", "", 0))
    ]
    pool.database.run(lambda s: s.add_all(rows))
    done = pool.database.run(lambda s: s.scalars(select(Task)).one())
    assert done.standard_ms == usual
    with pool.database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM work_place")) == 1
    figures = pool.database.run(lambda s: figures_of(s, site_id(SITE), packet_of(done)))
    assert figures.standard_ms == 1_000 + (3_000 + 2 * 2_500)
