"""The WMS's end of the drill: the product's own ears, on PostgreSQL, in a process that is killed.

    python drill_wms.py FOLDER DATABASE_URL MQTT_URL SITE

What imports everything stays and forks who does the work, so that a fall costs no second start.
`wms.pid` in the folder says whom to kill.
"""

import os
import sys
import threading
from pathlib import Path

from edge.clock import clock_from_environment
from edge.mqtt import BlockingBus
from wms.database import Database
from wms.job import Job
from wms.outbound.floor import Floor
from wms.worker import Hear, Loop


def hear(database_url: str, mqtt_url: str, code: str) -> None:
    """Hear the WCS until killed, or until nobody is left who would."""
    stop, parent = threading.Event(), os.getppid()
    database = Database(database_url, pool_size=2, given_clock=True)
    with BlockingBus(mqtt_url, client_id=f"wms-{code}-{os.getpid()}") as bus:
        ears = Hear(database, clock_from_environment(), Floor(hub_code=code), bus)

        def once() -> int:
            if os.getppid() != parent:
                stop.set()
            return ears()

        Loop(Job(name="hear", run=once, idle_s=0.0)).run(stop)


def main(folder: Path, *where: str) -> None:
    """One after the other."""
    while True:
        if not (pid := os.fork()):
            hear(*where)
            os._exit(0)
        fresh = folder / "wms.pid.new"
        fresh.write_text(str(pid))
        fresh.replace(folder / "wms.pid")
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
