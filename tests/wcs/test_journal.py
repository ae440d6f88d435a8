"""The journal makes the state again, exactly, wherever the process was killed."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from edge.kept import InUse
from tests.wcs.fleet import START, TOKYO, World, tokyo
from wcs import journal as journal_module
from wcs.engine import Engine, Started
from wcs.journal import Journal, open_recording
from wcs.messages import TransportOrder
from wcs.state import Outbox, to_json

FILE = TOKYO.read_text(encoding="utf-8")
Take = Callable[[Path], Journal]


@cache
def worked() -> World:
    """A world that has worked something off, with all its batches: for looking at only."""
    world = World(tokyo(), 1)
    world.check = False
    world.fetch_and_return(1, 1)
    world.work_off(4_000)
    return world


def record(path: Path, world: World, *, end: int | None = None) -> None:
    """Write its batches as the runtime would."""
    with Journal(path, FILE) as journal:
        engine = Engine(journal.plant)
        state = journal.state(engine, START)
        for inbox, now in world.batches[:end]:
            outbox = engine.step(state, inbox, now)
            journal.write(now, inbox, outbox, {("wms", "e"): journal.last}, state)


def test_the_state_is_restored_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journal_module, "SNAPSHOT_EVERY", 50)
    world = worked()
    for end in (0, 1, 49, 50, 51, 140):
        path = tmp_path / f"{end}.journal"
        record(path, world, end=end)
        engine = Engine(world.plant)
        with Journal(path, FILE) as journal:
            restored = journal.state(engine, START + timedelta(days=1))
        again = World(world.plant, 1).state
        for inbox, now in world.batches[:end]:
            engine.step(again, inbox, now)
        assert to_json(restored) == to_json(again)


def test_a_step_that_was_not_committed_has_not_been(tmp_path: Path):
    path = tmp_path / "wcs.journal"
    with Journal(path, FILE) as journal:
        engine = Engine(journal.plant)
        state = journal.state(engine, START)
        before = to_json(state)
        order = TransportOrder(id="t1", load="x", source="nowhere", destination="ST-1")
        outbox = engine.step(state, [order], START)
        journal._db.execute("CREATE TRIGGER full BEFORE INSERT ON message BEGIN"
                            " SELECT RAISE(ABORT, 'disk full'); END")  # fmt: skip
        with pytest.raises(sqlite3.IntegrityError):
            journal.write(START, [order], outbox, {("wms", "e"): 1}, state)
    with Journal(path, FILE) as journal:
        assert to_json(journal.state(Engine(journal.plant), START)) == before
        assert journal.positions("wms") == {}
        assert journal.last == 0


def test_it_is_the_storage_of_the_stream_to_the_wms(tmp_path: Path):
    path = tmp_path / "wcs.journal"
    with Journal(path, FILE) as journal:
        engine, epoch = Engine(journal.plant), journal.epoch
        state = journal.state(engine, START)
        for n in range(3):
            order = TransportOrder(id=f"t{n}", load="x", source="nowhere", destination="ST-1")
            outbox = engine.step(state, [order], START)
            journal.write(START, [order], outbox, {("wms", "e"): n + 1}, state)
        assert (journal.acked, journal.last) == (0, 3)
        journal.delete_through(2)
    with Journal(path, FILE) as journal:
        assert (journal.epoch, journal.last, journal.acked) == (epoch, 3, 0), "not yet on disk"
        journal.delete_through(2)
        journal.write(START, [], Outbox(), {}, state)
    with Journal(path, FILE) as journal:
        assert (journal.last, journal.acked, journal.positions("wms")) == (3, 2, {"e": 3})
        (body,) = journal.read(range(3, 4))
        assert b'"t2"' in body
        journal.start_over()
        assert (journal.last, journal.acked) == (1, 0)
        assert journal.epoch != epoch
        assert journal.read(range(1, 2)) == [body]
    with Journal(path, FILE) as journal:
        assert (journal.last, journal.acked) == (1, 0)
        journal.delete_through(1)
        journal.write(START, [], Outbox(), {}, state)
    with Journal(path, FILE) as journal:
        assert (journal.last, journal.acked) == (1, 1), "numbers go on when all is taken over"


def test_a_second_process_is_refused(tmp_path: Path):
    with Journal(tmp_path / "j", FILE), pytest.raises(InUse):
        Journal(tmp_path / "j", FILE)


def test_a_changed_site_file_begins_with_the_state_of_the_old_one(tmp_path: Path):
    path = tmp_path / "wcs.journal"
    world = worked()
    record(path, world)
    wider = FILE.replace('name = "R-30"', 'name = "R-31"')
    with Journal(path, wider) as journal:
        engine = Engine(journal.plant)
        state = journal.state(engine, START)
        assert to_json(state) == to_json(world.state)
        inbox = [Started()]
        journal.write(START, inbox, engine.step(state, inbox, START), {}, state)
        assert "R-31" in state.robots
        assert "R-30" not in state.robots
    recording = open_recording(path)
    assert [first for first, _ in recording.plants] == [1, len(world.batches) + 1]


def test_old_batches_go_when_they_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journal_module, "SNAPSHOT_EVERY", 10)
    monkeypatch.setattr(journal_module, "BATCHES_KEPT", 30)
    record(tmp_path / "j", worked(), end=100)
    recording = open_recording(tmp_path / "j")
    assert recording.after == 70
    assert [batch.id for batch in recording.batches()] == list(range(71, 101))


def test_a_journal_that_is_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        open_recording(tmp_path / "j")
    with Journal(tmp_path / "j", FILE), pytest.raises(FileNotFoundError, match="nothing"):
        open_recording(tmp_path / "j")
