"""A worker that is stopped in the middle of its work (SIGSTOP), and goes on when another one has
done it (SIGCONT): everything was done once. So with a host whose clock is a day off.

    worker one ──books──> carrier, slow to answer     SIGSTOP … worker two books … SIGCONT
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from edge.clock import ScaledClock, SystemClock
from edge.ports import HOST, free_port
from edge.process import Child
from simulators.carrier import CarrierApi, CarrierServer, Moods
from simulators.memory import Memory
from tests.edge.waiting import eventually
from tests.wms.house import HUB, House
from wms.database import Database

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]
PARCELS, SPEED = 4, 60.0


@contextmanager
def a_worker(folder: Path, name: str, env: dict[str, str]) -> Iterator[Child]:
    child = Child(
        (sys.executable, "-m", "wms.cli", "worker"), name=name, folder=folder, env=env, grace_s=2.0
    )
    with child:
        eventually(lambda: "worker.started" in child.log.read_text(), within_s=90)
        yield child


def packed(house: House) -> None:
    """Parcels that a carrier has to be told of."""
    house.sku("TEA")
    house.stock("TEA", 100, "S01-01")
    for _ in range(PARCELS):
        house.put_order(("TEA", 1))
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")


@pytest.mark.parametrize(
    ("ahead", "meanwhile"),
    [
        (timedelta(0), PARCELS - 1),
        (timedelta(days=-1), PARCELS - 1),
        # of a clock that was given to it: what is wished for tomorrow is due tomorrow for all
        (timedelta(days=1), 0),
    ],
    ids=["right", "a day behind", "a day ahead"],
)
def test_who_was_stopped_in_the_middle_does_nothing_twice(
    folder: Path, database: Database, database_url: str, ahead: timedelta, meanwhile: int
):
    house = House(database)
    packed(house)
    memory = Memory(folder / "carrier.db")
    carrier = CarrierApi(memory, SystemClock(), seed=1, moods=Moods(down=0.0, slow_s=0.5))
    server = CarrierServer(carrier, 0)
    server.start()
    env = {
        "SOKO_DATABASE_URL": database_url, "SOKO_STATE_DIR": str(folder),
        "SOKO_MQTT_URL": f"mqtt://{HOST}:{free_port()}",
        "SOKO_CARRIER_URL": f"http://{HOST}:{server.port}",
    }  # fmt: skip
    off = folder / "off"  # the first one's host is wrong by a day; time goes fast for both
    right = folder / "right"
    ScaledClock.start(off, at=house.clock.now() + ahead, speed=SPEED)
    ScaledClock.start(right, at=house.clock.now(), speed=SPEED)

    def booked() -> int:
        query = text("SELECT count(*) FROM parcel WHERE tracking IS NOT NULL")
        return int(database.run(lambda s: s.scalar(query) or 0))

    with a_worker(folder, "first", env | {"SOKO_CLOCK": str(off)}) as first:
        eventually(lambda: carrier.labels_sold > 0, within_s=60)
        assert first.pid
        psutil.Process(first.pid).send_signal(signal.SIGSTOP)
        with a_worker(folder, "second", env | {"SOKO_CLOCK": str(right)}):
            eventually(lambda: booked() >= meanwhile, within_s=120)
            psutil.Process(first.pid).send_signal(signal.SIGCONT)
            eventually(lambda: booked() == PARCELS, within_s=120)
    assert carrier.labels_sold == PARCELS
    numbers = "SELECT count(DISTINCT tracking) FROM parcel"
    assert database.run(lambda s: s.scalar(text(numbers))) == PARCELS
    server.stop()
    memory.close()
    house.close()
