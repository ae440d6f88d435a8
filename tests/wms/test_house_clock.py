"""Hosts whose clocks are wrong: the house's time is the database's."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from typing_extensions import override

from edge.clock import Clock, ScaledClock, SystemClock
from edge.ports import HOST, free_port
from wms import worker
from wms.app import create_app
from wms.database import Database, DatabaseUnavailable
from wms.house_clock import HouseClock, following, house_clock
from wms.jobs import Jobs
from wms.settings import Settings

DAY = timedelta(days=1)


class Wrong(SystemClock):
    """The clock of a host that is off by a day."""

    off = DAY

    @override
    def now(self) -> datetime:
        return super().now() + self.off


def away_s(clock: Clock, database: Database) -> float:
    query = text("SELECT clock_timestamp()")
    there: datetime = database.run(lambda s: s.execute(query).scalar_one())
    return abs((clock.now() - there).total_seconds())


@pytest.mark.parametrize("off", [DAY, -DAY], ids=["ahead", "behind"])
def test_a_wrong_host_goes_by_the_time_of_the_database(database: Database, off: timedelta):
    host = Wrong()
    host.off = off
    clock = house_clock(host, database)
    assert away_s(clock, database) > 80_000
    with following(clock):
        assert away_s(clock, database) < 2
    host.off = 2 * off  # somebody sets it: what has passed counts, not what it shows
    assert away_s(clock, database) < 2


def test_who_cannot_ask_goes_on_from_what_was_known():
    answers: list[datetime | None] = [None, datetime(2026, 4, 1, tzinfo=UTC), None]

    def ask() -> datetime:
        answer = answers.pop(0)
        if answer is None:
            raise DatabaseUnavailable
        return answer

    clock = HouseClock(Wrong(), ask)
    for expected in (False, True, True):
        clock.learn()
        assert (abs(clock.now() - datetime(2026, 4, 1, tzinfo=UTC)) < DAY / 2) == expected


def test_a_played_day_has_its_own_time(database: Database, tmp_path: Any):
    given = ScaledClock.start(tmp_path / "clock", at=datetime(2020, 1, 1, tzinfo=UTC), speed=60.0)
    assert house_clock(given, database) is given


def test_web_process_and_worker_go_by_it(
    database: Database, database_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
):
    settings = Settings(
        database_url=database_url, state_dir=tmp_path, mqtt_url=f"mqtt://{HOST}:{free_port()}"
    )
    monkeypatch.setattr("wms.app.clock_from_environment", Wrong)
    monkeypatch.setattr("wms.worker.clock_from_environment", Wrong)
    serving = create_app(settings).state.services
    with following(serving.clock):
        assert away_s(serving.clock, database) < 2
    serving.database.close()
    kept = dict[str, Any]()

    class Kept(Jobs):
        @override
        def all(self) -> list[Any]:
            kept["clock"] = self.clock
            return []

    monkeypatch.setattr(worker, "Jobs", Kept)
    with ExitStack() as stack:
        worker.loops(settings, stack)
        assert away_s(kept["clock"], database) < 2
