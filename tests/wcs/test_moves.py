"""What the engine keeps from step to step makes no difference: days from seeds, in which
everything happens that can.

Every step is taken twice: by the engine that has run all day, and by a new one on the state as a
snapshot brings it back. Both must say the same and end in the same state, byte for byte. That goes
red when a robot changes without being stirred, or when something kept is not what the state says.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from typing_extensions import override

from edge.machine_messages import PortalReport, PortalWanted, SafetyReport
from tests.wcs.crash import site_text
from tests.wcs.fleet import Weather, World
from tests.wcs.small import grid
from wcs.engine import LOOK_EVERY_S, Engine, Incoming, Started
from wcs.messages import AreaHold, RobotHold, SafetyConfirmed, Withdrawal
from wcs.plant import Plant, read_plant
from wcs.state import Outbox, State, from_json, outbox_json, to_json

SIDE = 6
WEATHER = Weather(delay_s=(0.05, 1.5), lost=0.03, stall=0.03)
MORE = """
[[devices]]
name = "building"
driver = "portals"
[[portals]]
name = "door"
device = "building"
ways = [["2-1", "3-1", "OPEN"]]
[[zones]]
name = "narrow"
kind = "block"
points = ["1-3", "2-3", "3-3"]
capacity = 1
[[areas]]
name = "corner"
points = ["4-4", "5-4", "4-5", "5-5"]
[[devices]]
name = "cell"
driver = "opcua"
[[circuits]]
name = "hall"
device = "cell"
points = ["0-*", "1-*"]
"""


def plant() -> Plant:
    """Streets with a charger and a bay, a block, a door, an area, a circuit."""
    text = site_text(robots=5, side=SIDE)
    for name, kind in (("4-2", "charge"), ("2-4", "park")):
        text = text.replace(f'name = "{name}"\n', f'name = "{name}"\nkind = "{kind}"\n')
    return read_plant(text + MORE)


def unlike(engine: Engine, state: State) -> list[str]:
    """The robots that traffic does not see as they are, though nobody is to look at them."""
    moves, traffic = engine._moves, engine._moves._traffic
    if traffic is None or moves._state is not state:
        return []
    return [
        name
        for name, robot in state.robots.items()
        if name not in state.stirred
        and traffic._movers[traffic._row[name]] != moves._mover(robot, traffic.routes)
    ]


class Twice(World):
    """A world in which every step is taken by a new engine as well."""

    more = 0

    @override
    def step(self) -> None:
        body, inbox = to_json(self.state), list(self.inbox)
        other = from_json(body)
        assert to_json(other) == body, "a snapshot brings it back"
        fresh = Engine(self.plant).step(other, inbox, self.now)
        super().step()
        assert self.last == outbox_json(fresh), f"step {self.steps}: {inbox}"
        assert to_json(self.state) == to_json(other), f"step {self.steps}: {inbox}"
        forgotten = unlike(self.engine, self.state)
        assert not forgotten, f"step {self.steps}: changed and not stirred: {forgotten}"

    @override
    def _carry_out(self, outbox: Outbox) -> None:
        self.last = outbox_json(outbox)
        super()._carry_out(outbox)
        for command in outbox.to_edge:
            if isinstance(command, PortalWanted):
                self.later(self.rng.uniform(0.5, 9.0), lambda c=command: self._open(c))  # type: ignore[misc]

    def _open(self, wanted: PortalWanted) -> None:
        known = self.state.portals[wanted.portal].session == wanted.session
        report = PortalReport(
            at=self.now,
            device=wanted.device,
            portal=wanted.portal,
            status="GRANTED" if wanted.session and known else "FREE",
            session=wanted.session,
            position=wanted.position,
            until_at=wanted.until_at,
        )
        self.inbox.append(report)

    def happen(self) -> None:
        """Something, every few seconds."""
        self.later(self.rng.expovariate(1 / 6.0), self.happen)
        name = self.rng.choice([*self.robots])
        happenings: list[Callable[[], object]] = [
            lambda: self.fetch_and_return(1, self.rng.randrange(1000)),
            lambda: self.die(name),
            lambda: self.later(90.0, lambda: self.revive(name)),
            lambda: self.inbox.append(self._hold(name)),
            lambda: self.inbox.append(self._shut(held=True)),
            lambda: self.inbox.append(self._shut(held=False)),
            lambda: self.inbox.append(self._stop(stopped=True)),
            lambda: self.inbox.append(self._stop(stopped=False)),
            lambda: self.inbox.append(SafetyConfirmed(id=self._id(), circuit="hall", by="x")),
            lambda: self.inbox.append(Withdrawal(id=self._order())),
            lambda: self.inbox.append(Started()),
            self._another_process,
        ]
        self.rng.choice(happenings)()

    def _another_process(self) -> None:
        self.engine, self.state = Engine(self.plant), from_json(to_json(self.state))

    def _id(self) -> str:
        self.more += 1
        return f"00000000-0000-4000-8000-{self.more:012}"

    def _order(self) -> str:
        return self.rng.choice([*self.state.transports, "none"])

    def _hold(self, name: str) -> Incoming:
        return RobotHold(
            id=self._id(),
            robot=name,
            held=self.rng.random() < 0.5,
            by="x",
            reason="y",
            expires_at=self.now + timedelta(seconds=5),
            cancel=self.rng.random() < 0.3,
            withdraw=self.rng.random() < 0.2,
        )

    def _shut(self, *, held: bool) -> Incoming:
        soon = self.now + timedelta(seconds=5)
        return AreaHold(
            id=self._id(), area="corner", held=held, by="x", reason="y", expires_at=soon
        )

    def _stop(self, *, stopped: bool) -> Incoming:
        return SafetyReport(at=self.now, device="cell", circuit="hall", stopped=stopped)


@pytest.mark.parametrize("seed", range(3))
def test_a_new_engine_on_the_restored_state_does_the_same_at_every_step(seed: int):
    world = Twice(plant(), seed, WEATHER)
    world.fetch_and_return(4, seed)
    world.later(20.0, world.happen)
    world.run_until(lambda: world.steps >= 250, 20_000)
    assert len(world.ended()) >= 3, "something was done that day"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10, 40))
def test_nor_does_any_other_day_show_what_the_engine_keeps(seed: int):
    test_a_new_engine_on_the_restored_state_does_the_same_at_every_step(seed)


def test_where_nobody_has_changed_nobody_looks():
    world = World(grid(4, 4, {"R1": "0,0", "R2": "2,2"}), 1, Weather(lost=0.0, stall=0.0))
    world.run_until(lambda: all(robot.held for robot in world.state.robots.values()), 60)
    engine, state, now = world.engine, world.state, world.now
    while state.stirred:
        now += timedelta(seconds=LOOK_EVERY_S)
        engine.step(state, [], now)
    for _ in range(5):
        now += timedelta(seconds=LOOK_EVERY_S)
        before = to_json(replace(state, now=now, looked_at=now))
        assert not engine.step(state, [], now).to_edge
        assert to_json(state) == before
