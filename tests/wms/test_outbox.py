"""Events: with the change or not at all, none lost, in order for each key, at one's own pace."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.builders import a_site
from wms.database import Database
from wms.outbox import Event, backlog, drain, forget, record


def say(session: Session, number: int, now: datetime, key: str = "k") -> None:
    record(session, topic="t", key=key, type="Said", body={"n": number}, now=now)


def say_all(session: Session, moments: Iterable[datetime]) -> None:
    for number, at in enumerate(moments):
        say(session, number, at)


def numbers(events: list[Event]) -> list[int]:
    return [event.body["n"] for event in events]


def test_an_event_comes_once_to_each_consumer(database: Database, now: datetime):
    database.run(lambda s: say_all(s, [now] * 5))

    first = database.run(lambda s: drain(s, "a", limit=3))
    second = database.run(lambda s: drain(s, "a"))
    other = database.run(lambda s: drain(s, "b"))

    assert (numbers(first), numbers(second), numbers(other)) == ([0, 1, 2], [3, 4], [*range(5)])
    assert database.run(lambda s: drain(s, "a")) == []
    assert (first[0].topic, first[0].key, first[0].type, first[0].at) == ("t", "k", "Said", now)


def test_without_its_change_there_is_no_event(database: Database, now: datetime):
    def work(session: Session) -> None:
        say(session, 1, now)
        raise KeyError

    with pytest.raises(KeyError):
        database.run(work)

    assert database.run(lambda s: drain(s, "a")) == []


def test_a_consumer_that_fails_gets_the_same_again(database: Database, now: datetime):
    database.run(lambda s: say(s, 1, now))

    def work(session: Session) -> None:
        assert numbers(drain(session, "a")) == [1]
        raise KeyError

    with pytest.raises(KeyError):
        database.run(work)

    assert numbers(database.run(lambda s: drain(s, "a"))) == [1]


def test_what_commits_late_is_not_lost(database: Database, now: datetime):
    """The earlier id becomes visible later: reading by `id > last` would never see it."""
    written, go_on = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        say(session, 1, now)
        written.set()
        go_on.wait()

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(database.run, slow)
        written.wait()
        database.run(lambda s: say(s, 2, now))
        before = database.run(lambda s: drain(s, "a"))
        go_on.set()
        late.result()
    after = database.run(lambda s: drain(s, "a"))

    assert (numbers(before), numbers(after)) == ([2], [1])


def test_one_key_keeps_its_order_though_an_older_transaction_writes_later(
    database: Database, now: datetime
):
    """T1 is older, T2 is first to have the lock: by transaction numbers T1 would come first."""
    database.run(a_site)
    lock = text("SELECT 1 FROM site FOR UPDATE")
    numbered, done = threading.Event(), threading.Event()

    def older(session: Session) -> None:
        session.execute(text("SELECT pg_current_xact_id()"))
        numbered.set()
        done.wait()
        session.execute(lock)
        say(session, 2, now)

    def younger(session: Session) -> None:
        session.execute(lock)
        say(session, 1, now)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(database.run, older)
        numbered.wait()
        database.run(younger)
        done.set()
        waiting.result()

    assert numbers(database.run(lambda s: drain(s, "a"))) == [1, 2]


def test_many_writers_and_many_drainers_lose_and_double_nothing(database: Database, now: datetime):
    writing = threading.Event()

    def write(writer: int) -> None:
        for n in range(20):
            database.run(partial(say, number=n, now=now, key=str(writer)))

    def take() -> list[Event]:
        taken: list[Event] = []
        while not writing.is_set() or database.run(lambda s: backlog(s, "a")):
            taken += database.run(lambda s: drain(s, "a", limit=7))
        return taken

    with ThreadPoolExecutor(10) as pool:
        takers = [pool.submit(take) for _ in range(3)]
        list(pool.map(write, range(6)))
        writing.set()
        taken = [event for taker in takers for event in taker.result()]

    taken.sort(key=lambda event: event.position)
    assert len({event.position for event in taken}) == len(taken) == 120
    for writer in range(6):
        assert numbers([event for event in taken if event.key == str(writer)]) == [*range(20)]


def test_a_consumer_may_want_some_topics_only(database: Database, now: datetime):
    def work(session: Session) -> None:
        say(session, 1, now)
        record(session, topic="other", key="k", type="Said", body={"n": 2}, now=now)
        say(session, 3, now)

    database.run(work)

    assert numbers(database.run(lambda s: drain(s, "a", topics=("t",)))) == [1, 3]


def test_old_events_that_all_have_had_are_forgotten(database: Database, now: datetime):
    database.run(lambda s: say_all(s, [now + timedelta(days=n) for n in range(4)]))
    database.run(lambda s: drain(s, "quick"))
    database.run(lambda s: drain(s, "slow", limit=3))

    gone = database.run(lambda s: forget(s, before=now + timedelta(days=2)))
    rest = database.run(lambda s: forget(s, before=now + timedelta(days=9)))

    assert (gone, rest) == (2, 1)
    assert numbers(database.run(lambda s: drain(s, "slow"))) == [3]


def test_positions_have_no_gaps_though_a_drain_fails(database: Database, now: datetime):
    database.run(lambda s: say_all(s, [now] * 3))

    def fails(session: Session) -> None:
        drain(session, "a")
        raise KeyError

    with pytest.raises(KeyError):
        database.run(fails)
    first = database.run(lambda s: drain(s, "a"))
    database.run(lambda s: say(s, 4, now))
    second = database.run(lambda s: drain(s, "a"))

    assert [event.position for event in [*first, *second]] == [1, 2, 3, 4]


def test_what_is_not_forgotten_has_no_gaps(database: Database, now: datetime):
    database.run(lambda s: say_all(s, [now + timedelta(days=n) for n in (0, 5, 1, 2)]))
    database.run(lambda s: drain(s, "a"))

    assert database.run(lambda s: forget(s, before=now + timedelta(days=3))) == 1
