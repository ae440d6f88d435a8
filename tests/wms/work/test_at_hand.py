"""The short way of a usual scan: what the long way does, in one statement, or nothing at all."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event as listen
from sqlalchemy import select, text

from tests.builders import NOW, an_id
from tests.wms.work.test_pool import HAND, OTHER, SITE, Pool
from wms.database import Database
from wms.sites import site_id
from wms.work import at_hand
from wms.work.actor import Actor
from wms.work.at_hand import AtHand
from wms.work.model import Task, WorkEvent
from wms.work.packet import Event, Packet, packet_json
from wms.work.pool import lease, packet_of
from wms.work.steer import leave_note, revoke, undone
from wms.work.tasks import Result, take_events


class Floor(Pool):
    """A site, and people who scan."""

    def begin(self, who: Actor = HAND) -> Packet:
        task = self.add()
        packet = self.database.run(lambda s: lease(s, SITE, task, who, now=NOW))
        assert packet is not None
        return packet

    def event(self, packet: Packet, step: str, value: Any, **more: Any) -> Event:
        self.seq += 1
        given: dict[str, Any] = {"id": an_id(), "type": "scan", "rev": packet.rev} | more
        return Event(
            packet=packet.id, step=step, value=value, at=NOW, seq=self.seq, device="hh-1", **given
        )

    def long_way(self, event: Event, who: Actor = HAND) -> Result:
        finish = {"pick": lambda *_: None}
        events = [event]
        results, _ = self.database.run(lambda s: take_events(s, events, who, finish, {}, now=NOW))
        return results[0]

    def as_it_is(self, id_: UUID) -> Packet:
        return self.database.run(lambda s: packet_of(s.get_one(Task, (site_id(SITE), id_))))

    def told(self) -> list[dict[str, Any]]:
        """All that was answered, but for what every event has of its own."""
        rows = self.database.run(
            lambda s: s.scalars(select(WorkEvent).order_by(WorkEvent.no)).all()
        )
        names = {each.key for each in WorkEvent.__table__.columns} - {"id", "task_id", "no", "seq"}
        return [{name: getattr(row, name) for name in names} for row in rows]


@pytest.fixture
def floor(database: Database) -> Floor:
    return Floor(database)


@pytest.fixture
def desk() -> AtHand:
    return AtHand()


def scan(floor: Floor, desk: AtHand, event: Event, who: Actor = HAND) -> Packet | None:
    said = desk.take(floor.database, event, who, now=NOW)
    return None if said is None else packet_json.validate_json(said)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is said to the database meanwhile."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    listen.listen(database.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        listen.remove(database.engine, "before_cursor_execute", note)


def test_it_is_one_statement_and_writes_what_the_long_way_writes(floor: Floor, desk: AtHand):
    short, long = floor.begin(), floor.begin(OTHER)
    deeds = [("place", "P-0", "scan"), ("item", "ITEM", "scan"), ("item", None, "undo")]
    before = len(floor.told())
    for step, value, kind in deeds:
        assert floor.long_way(floor.event(long, step, value, type=kind), OTHER).problem is None
    by_long = floor.told()[before:]
    first = scan(floor, desk, floor.event(short, *deeds[0][:2]))
    with statements(floor.database) as said:
        for step, value, kind in deeds[1:]:
            assert scan(floor, desk, floor.event(short, step, value, type=kind)) is not None
    assert len(said) == 2, said
    by_short = floor.told()[before + len(deeds) :]
    of_device = {"device": OTHER.device, "operator": OTHER.operator}
    assert [row | of_device for row in by_short] == by_long
    assert first is not None
    assert (first.step, first.progress.done) == ("item", 1)
    kept, kept_long = floor.as_it_is(short.id), floor.as_it_is(long.id)
    assert (kept.step, kept.counts, kept.progress) == (
        kept_long.step, kept_long.counts, kept_long.progress,
    )  # fmt: skip
    assert [(e.step, e.type, e.value) for e in kept.history] == [("place", "scan", "P-0")]


def test_the_lease_begins_anew(floor: Floor, desk: AtHand):
    packet = floor.begin()
    event, later = floor.event(packet, "place", "P-0"), NOW.replace(hour=NOW.hour + 1)
    assert desk.take(floor.database, event, HAND, now=later) is not None
    task = floor.database.run(lambda s: s.get_one(Task, (site_id(SITE), packet.id)))
    assert task.lease_until is not None
    assert (task.lease_until - later).total_seconds() == task.lease_s


def test_what_is_not_usual_goes_the_long_way_and_leaves_nothing(floor: Floor, desk: AtHand):
    packet = floor.begin()
    place = floor.event(packet, "place", "P-0")
    assert scan(floor, desk, place, OTHER) is None  # another's
    assert scan(floor, desk, floor.event(packet, "place", "WRONG")) is None
    assert scan(floor, desk, floor.event(packet, "place", "P-0", rev=packet.rev - 1)) is None
    assert scan(floor, desk, floor.event(replace(packet, id=an_id()), "place", "P-0")) is None
    assert floor.told() == []
    assert scan(floor, desk, place) is not None
    assert scan(floor, desk, place) is None  # a second time
    assert scan(floor, desk, floor.event(packet, "item", "ITEM")) is not None
    assert scan(floor, desk, floor.event(packet, "item", "ITEM")) is None  # the last one
    assert len(floor.told()) == 2
    held = floor.event(packet, "item", None, type="undo")
    key = site_id(SITE), packet.id
    floor.database.run(lambda s: setattr(s.get_one(Task, key), "state", "BLOCKED"))
    assert scan(floor, AtHand(), held) is None  # still theirs by name, and not to be done


def test_what_was_taken_back_is_not_taken_again(floor: Floor, desk: AtHand):
    packet = floor.begin()
    place = floor.event(packet, "place", "P-0")
    assert scan(floor, desk, place) is not None
    assert scan(floor, desk, floor.event(packet, "place", None, type="undo")) is not None
    assert scan(floor, desk, place) is None  # its id has been answered
    assert floor.long_way(place).result == "duplicate"
    assert floor.as_it_is(packet.id).history == ()


@pytest.mark.parametrize("what", ["revoked", "another", "note", "elsewhere"])
def test_what_has_happened_meanwhile_counts(floor: Floor, desk: AtHand, what: str):
    packet = floor.begin()
    assert scan(floor, desk, floor.event(packet, "place", "P-0")) is not None
    if what == "another":
        late = NOW.replace(hour=NOW.hour + 2)
        assert floor.database.run(lambda s: lease(s, SITE, packet.id, OTHER, now=late)) is not None
    elif what == "elsewhere":  # by another process
        assert scan(floor, AtHand(), floor.event(packet, "item", "ITEM")) is not None
    elif what == "note":
        floor.database.run(lambda s: leave_note(undone(s, packet.id), "mind the step"))
    else:
        floor.database.run(lambda s: revoke(s, undone(s, packet.id), "", now=NOW))
    before, told = floor.as_it_is(packet.id), len(floor.told())
    event = floor.event(packet, "item", "ITEM")
    assert scan(floor, desk, event) is None
    assert (floor.as_it_is(packet.id), len(floor.told())) == (before, told)
    if what == "note":  # nothing is lost of either
        assert floor.long_way(event).problem is None
        assert scan(floor, desk, floor.event(packet, "item", None, type="undo")) is not None
        assert floor.as_it_is(packet.id).note == "mind the step"


def test_of_many_at_once_each_event_is_taken_once_and_none_is_lost(floor: Floor):
    packet = floor.begin()
    desks = [AtHand() for _ in range(4)]
    first = floor.event(packet, "place", "P-0")
    assert scan(floor, desks[0], first) is not None
    for _ in range(5):
        event = floor.event(packet, "item", "ITEM")
        together = threading.Barrier(len(desks))
        answers: list[str] = []

        def send(desk: AtHand, event: Event = event, together: Any = together) -> None:
            together.wait()
            if scan(floor, desk, event) is not None:
                answers.append("accepted")  # noqa: B023 - joined before the next round
            else:
                answers.append(floor.long_way(event).result)  # noqa: B023

        threads = [threading.Thread(target=send, args=(desk,)) for desk in desks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == ["accepted", *["duplicate"] * 3]
        assert floor.as_it_is(packet.id).counts == {"item": 1}
        assert floor.long_way(floor.event(packet, "item", None, type="undo")).problem is None


def test_as_many_packets_are_remembered_as_fit(
    floor: Floor, desk: AtHand, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(at_hand, "REMEMBERED_MAX", 1)
    one, two = floor.begin(), floor.begin(OTHER)
    assert scan(floor, desk, floor.event(one, "place", "P-0")) is not None
    assert scan(floor, desk, floor.event(two, "place", "P-0"), OTHER) is not None
    with statements(floor.database) as said:
        assert scan(floor, desk, floor.event(one, "item", "ITEM")) is not None
    assert len(said) == 2, said  # it was looked for again


def test_a_scan_into_a_line_that_broke_is_taken_once(floor: Floor, desk: AtHand, database_url: str):
    packet = floor.begin()
    assert scan(floor, desk, floor.event(packet, "place", "P-0")) is not None
    server = Database(database_url, pool_size=1, role=None)
    server.run(
        lambda s: s.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    )
    server.close()
    event = floor.event(packet, "item", "ITEM")
    assert scan(floor, desk, event) is None  # who knows?
    assert floor.long_way(event).result == "accepted"
    assert floor.as_it_is(packet.id).counts == {"item": 1}
