"""A site's WCS, played: live pictures on a real broker, by the clock of the server that shows them.

What people tell machines is in the database, on its way to a WCS; a test reads it there and says
what the machines then do (`also`). Everything else is the real thing.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from edge.clock import ScaledClock
from edge.mqtt import BlockingBus, frame_topic
from tests.web.stage import FRAME_S, Stage
from wcs.messages import SiteFrame, StopOnMap, site_frame


class PlayedSite:
    """A picture that goes on by itself, but for what is said of it."""

    def __init__(self, clock: Path) -> None:
        self.clock, self.stage = ScaledClock(clock), Stage()
        self.robots: dict[str, dict[str, Any]] = {}
        self.stops: tuple[StopOnMap, ...] = ()
        self.closed: tuple[str, ...] = ()

    def also(self, robot: str, **facts: Any) -> None:
        """From now on that robot says so as well."""
        self.robots[robot] = self.robots.get(robot, {}) | facts

    def stop(self, circuit: str, *, reset: bool) -> None:
        """An emergency stop stands."""
        since = self.clock.now() - timedelta(minutes=2)
        self.stops = (StopOnMap(circuit=circuit, since=since, reset=reset, robots=30),)

    def frame(self) -> SiteFrame:
        """The next picture."""
        self.stage.step()
        frame = site_frame.validate_python(self.stage.frame() | {"alarms": []})
        robots = tuple(replace(one, **self.robots.get(one.robot, {})) for one in frame.robots)
        said = {"robots": robots, "stops": self.stops, "areas": self.closed}
        return replace(frame, at=self.clock.now(), **said)  # type: ignore[arg-type]


@contextmanager
def playing(broker: str, clock: Path) -> Iterator[PlayedSite]:
    """Pictures on the broker until it is over."""
    site, over = PlayedSite(clock), threading.Event()

    def tell() -> None:
        with BlockingBus(broker, client_id="played-wcs") as bus:
            while not over.wait(FRAME_S):
                body = site_frame.dump_json(site.frame())
                bus.publish(frame_topic("TYO1"), body, qos=0, retain=True)

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield site
    finally:
        over.set()
        thread.join(10)
