"""A site whose WCS is killed at drawn moments: between any two events, in any of its three ways.

    before   the step was taken in memory and not written: what came by streams comes again
    after    it was written, and nothing of it was said
    half     some commands were said, and some were not

Journal and engine are the real ones, on virtual time, from a seed. While the process is away,
robots drive to the end of what was released to them; reports are lost, streams wait. The world
checks its laws after every step, and that what a restart says is nothing old.

Run by itself it plays one seed and prints the digest of its journal.
"""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from typing_extensions import override

from edge.messages import Drive, RobotReport
from tests.wcs.fleet import RobotDouble, Weather, World
from tests.wcs.small import HEAD
from wcs import journal as journal_module
from wcs.engine import Engine, Incoming, Started
from wcs.journal import Journal
from wcs.messages import TransportReport
from wcs.plant import read_plant
from wcs.replay import replay

STATE_S = 4.0  # how often a robot says where it is
WEATHER = Weather(delay_s=(0.05, 0.8), lost=0.02, stall=0.02)
SIDE = 4
SLOTS = (3, 1, 4)  # of the robots, one after the other


def site_text(robots: int = 3, side: int = SIDE) -> str:
    """Streets of points, one way each, round the outside; some of them shelves."""
    text = HEAD
    for x in range(side):
        for y in range(side):
            kind = 'kind = "storage"\nlevels = 6\n' if (x, y) in {(1, 1), (2, 2), (2, 1)} else ""
            text += f'[[points]]\nname = "{x}-{y}"\nx_m = {2.0 * x}\ny_m = {2.0 * y}\n{kind}'
    for n in range(side):
        for m in range(side - 1):
            for a, b, ahead in (
                (f"{m}-{n}", f"{m + 1}-{n}", n % 2),
                (f"{n}-{m}", f"{n}-{m + 1}", not n % 2),
            ):
                start, end = (a, b) if ahead else (b, a)
                text += f'[[paths]]\nfrom = "{start}"\nto = "{end}"\n'
    text += '[[stations]]\nname = "ST-1"\npoint = "0-3"\ncapacity = 4\n'
    for n in range(robots):
        text += f'[[robots]]\nname = "R{n}"\nmanufacturer = "m"\nserial = "{n}"\n'
        text += f'start = "{side - 1 - n}-0"\nslots = {SLOTS[n % len(SLOTS)]}\n'
    return text


class CrashWorld(World):
    """The world, with a process in it that dies."""

    def __init__(self, folder: Path, seed: int, *, crashes: float = 0.06) -> None:
        self.text, self.path = site_text(), folder / f"{seed}.journal"
        self.crashes = crashes
        self.stream: list[Incoming] = []  # all that must not be lost, in order
        self.fed = 0  # how much of it lies in the inbox, or was taken
        self.back_at: datetime | None = None
        self.restarted_at: datetime | None = None
        self.recoveries_s: list[float] = []
        self.kills = {"before": 0, "after": 0, "half": 0}
        self.journal: Journal | None = None
        self.said: dict[str, int] = {}  # the number of the last mission told, by robot
        self.newest: dict[str, int] = {}  # … and that reached it
        super().__init__(read_plant(self.text), seed, WEATHER)
        for robot in self.robots.values():
            self.later(STATE_S * self.rng.random(), partial(self._beat, robot))
        self._open()

    # ------------------------------------------------------------------ the process
    def _open(self) -> None:
        self.journal = Journal(self.path, self.text)
        self.journal._db.execute("PRAGMA synchronous = OFF")  # kill -9 takes no page cache away
        self.engine = Engine(self.journal.plant)
        self.state = self.journal.state(self.engine, self.now)
        self.fed = self.journal.positions("wms").get("e", 0)
        self.inbox = [Started()]

    def close(self) -> None:
        assert self.journal is not None
        self.journal.close()
        self.journal = None

    @override
    def step(self) -> None:
        if self.back_at is not None:
            self.inbox = []  # nobody hears
            if self.now < self.back_at:
                return
            self.back_at, self.restarted_at = None, self.now
            self._open()
            for robot in self.robots.values():
                self._say(robot)  # they are asked to tell again
        self.inbox += self.stream[self.fed :]
        taken, self.fed = len(self.stream), len(self.stream)
        inbox, self.inbox = self.inbox, []
        how = self.rng.choice([*self.kills]) if self.rng.random() < self.crashes else ""
        outbox = self.engine.step(self.state, inbox, self.now)
        self.steps += 1
        if how == "before":
            self._die(how)
            return
        assert self.journal is not None
        self.journal.write(self.now, inbox, outbox, {("wms", "e"): taken}, self.state)
        self.check_laws()
        self.heard += [m for m in outbox.to_wms if isinstance(m, TransportReport)]
        drives = [command for command in outbox.to_edge if isinstance(command, Drive)]
        for drive in drives[: {"after": 0, "half": len(drives) // 2}.get(how, len(drives))]:
            self._send(drive)
        if how:
            self._die(how)
        else:
            self._look_for_recovery()

    def _die(self, how: str) -> None:
        self.kills[how] += 1
        self.close()
        self.inbox = []
        self.back_at = self.now + timedelta(seconds=self.rng.uniform(0.5, 20.0))
        self.later((self.back_at - self.now).total_seconds(), self.step)

    def _look_for_recovery(self) -> None:
        since = self.restarted_at
        if since is not None and all(
            robot.heard_at is not None and robot.report is not None and robot.report.at >= since
            for robot in self.state.robots.values()
        ):
            self.recoveries_s.append((self.now - since).total_seconds())
            self.restarted_at = None

    # ------------------------------------------------------------------ the world
    @override
    def tick(self) -> None:
        if self.back_at is None:
            super().tick()
        else:
            self.later(5.0, self.tick)

    @override
    def _heartbeat(self, robot: object) -> None:
        """Each beats by `_beat`, from its first seconds on."""

    def _beat(self, robot: RobotDouble) -> None:
        self.later(STATE_S, lambda: self._beat(robot))
        self._say(robot)

    @override
    def _send(self, drive: Drive) -> None:
        """Nothing is said of a mission once a later one was."""
        last = self.said.setdefault(drive.robot, drive.number)
        assert drive.number >= last, f"{drive.robot} is told {drive.mission} again"
        self.said[drive.robot] = drive.number
        super()._send(drive)

    @override
    def _deliver(self, robot: object, drive: Drive) -> None:
        """What reaches a robot is never of a mission that it has done with.

        What was overtaken on the way is not heard, as by the edge: a set-down where the robot
        stands is a mission that ends within a second or two of being said again.
        """
        double = self.robots[drive.robot]
        seen = self.had.setdefault(drive.robot, [])
        if drive.number < self.newest.get(drive.robot, 0):
            return
        self.newest[drive.robot] = drive.number
        assert drive.mission not in seen[:-1], f"{drive.robot} was told {drive.mission} again"
        super()._deliver(double, drive)
        if double.mission == drive.mission and drive.mission not in seen:
            seen.append(drive.mission)

    @property
    def had(self) -> dict[str, list[str]]:
        """The missions that each robot has had, in order."""
        found: dict[str, list[str]] = self.__dict__.setdefault("_had", {})
        return found

    @override
    def check_laws(self) -> None:
        super().check_laws()
        for station in self.plant.stations.values():
            bound = sum(
                t.robot is not None and t.destination == station.name
                for t in self.state.transports.values()
            )
            assert bound <= station.capacity, f"{bound} on their way to {station.name}"

    def play(self, loads: int = 4, limit_s: float = 3_000.0) -> None:
        """Fetch loads and bring them back, whatever happens meanwhile."""
        ids = self.fetch_and_return(loads, self.steps)
        self.stream += [one for one in self.inbox if not isinstance(one, RobotReport | Started)]
        self.inbox = [one for one in self.inbox if isinstance(one, RobotReport | Started)]
        over: Callable[[], bool] = lambda: (  # noqa: E731
            self.back_at is None and self.fed == len(self.stream) and not self.state.transports
        )
        self.run_until(over, limit_s)
        assert self.ended() == {one: ["FINISHED"] for one in ids}, self.ended()


def play(folder: Path, seed: int) -> CrashWorld:
    """A seed, played to its end and its journal closed; fails when a law is broken."""
    world = CrashWorld(folder, seed)
    try:
        world.play()
    finally:
        if world.journal is not None:
            world.close()
    assert not [s for s in world.recoveries_s if s > 5.0 + STATE_S], world.recoveries_s
    return world


if __name__ == "__main__":
    journal_module.SNAPSHOT_EVERY = 20
    with TemporaryDirectory() as name:
        played = play(Path(name), int(sys.argv[1]))
        found = replay(played.path)
        assert found.difference is None
        print(found.digest)  # noqa: T201 - for who runs us
