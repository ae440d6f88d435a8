"""The pure core of the WMS and its people on the machines, played to the end of a plan.

The office is a process too: it dies and is started again. After everything that happens the laws
are looked at; once the mishaps are over, all that was begun must come to an end.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typing_extensions import override

from edge.stream import Ack, Batch
from simulators.swarm.control import Death
from simulators.swarm.laws import Broken, law
from simulators.swarm.line import Line
from simulators.swarm.machines import KEEPER_S, Machines
from simulators.swarm.office import ENDED, Office
from simulators.swarm.people import People
from simulators.swarm.plan import HOUR_S, LIVELY_S, SKUS, TOTES, UNITS, Item, Plan
from simulators.swarm.site import SHELVES, STATION_NODE
from simulators.swarm.walk import Gate

LOOK_S = 60.0


@dataclass
class Outcome:
    """How a run ended; `problem` is empty when all was well."""

    seed: int
    problem: str = ""
    virtual_s: float = 0.0
    happened: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0  # of processor
    digest: str = ""  # names everything that the WCS said


class World(Machines):
    """One run."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        homes = {f"T-{n}": (SKUS[n % 2], f"{SHELVES[n]}-1", UNITS) for n in range(TOTES)}
        super().__init__(plan, folder, {name: home[:-2] for name, (_, home, _) in homes.items()})
        self.office = Office(homes)
        self._death: Death = ""
        self.office_until_s = 0.0
        self.people = People(
            self.timeline, self.office, self.robots, self.belt, self.ask, self.lines["shop"],
            self.lines["hand"], Gate(self.timeline, self.tag),
            Counter(dict.fromkeys(homes, UNITS)), STATION_NODE,
        )  # fmt: skip
        self.begin(self.office.rows)
        self.people.begin()
        self.timeline.later(LOOK_S, self._look)
        self.plan_items()

    @override
    def want(self, item: Item) -> None:
        self.people.want(item)

    @override
    def carrier_is(self, *, up: bool) -> None:
        self.people.carrier_up = up

    @override
    def kill_office(self, death: Death) -> None:
        self._death = death

    # ----------------------------------------------------------------------------- words
    @override
    def office_takes(self, batch: Batch) -> Ack | None:
        done, ack = self._transact(lambda: self.office.take(batch, self.timeline.now))
        return ack if done else None

    def ask(self, line: Line, deed: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Have the office do something over a network; the answer may not come back."""

        def arrived() -> None:
            done, answer = self._transact(deed)
            if done:
                line.carry(lambda: then(answer))

        line.carry(arrived)

    def _transact(self, deed: Callable[[], Any]) -> tuple[bool, Any]:
        """One transaction of the office, which may die before or after its commit."""
        if self.timeline.now_s < self.office_until_s:
            return False, None
        death, self._death = self._death, ""
        before = self.office.version
        answer = deed() if death != "before" else None
        if self.office.version != before:
            self.office.check()
            self.core.wake()
        if death:
            self.counts["office died"] += 1
            self.office_until_s = self.timeline.now_s + KEEPER_S
        return not death, answer

    def _look(self) -> None:
        self.timeline.later(LOOK_S, self._look)
        self.belt.tell()
        self.core.wake()
        for control in self.controls:
            self.claims(control)

    # ----------------------------------------------------------------------------- ending
    @override
    def play(self) -> None:
        self.until(self.plan.calm_s)
        while left := self.unfinished():
            law(self.timeline.now_s < self.plan.calm_s + LIVELY_S, f"it never ends: {left}")
            self.until(self.timeline.now_s + LOOK_S)
        self._settle()

    def unfinished(self) -> str:
        """What is left to do; empty: nothing."""
        people, office = self.people, self.office
        waits = [key for key in people.asked if key not in people.answers]
        open_ = [f"{o.id} {o.state}" for o in office.orders.values() if o.state not in ENDED]
        away = [f"{name} {t.state}" for name, t in office.totes.items() if t.state != "HOME"]
        streams = [] if self.edge and not len(self.edge.spool) else ["the edge's stream"]
        if office.rows.last > office.rows.acked:
            streams.append("the office's stream")
        if not any(control.alive and not control.state.transports for control in self.controls):
            streams.append("transports")
        taken = [code for code in office.parcels if code not in people.gone]
        return "; ".join((*waits, *open_, *away, *streams, *taken, *office.unbooked()))

    def _settle(self) -> None:
        """What the books say is what is there; everybody was told the truth."""
        people, office = self.people, self.office
        for name, tote in office.totes.items():
            law(people.units[name] == tote.units, f"{name}: {people.units[name]}, books: {tote}")
            at = self.robots.totes[name]
            law(at == tote.home[:-2], f"{name} is at {at}, books: {tote}")
        for order in office.orders.values():
            law(order.id in people.answers, f"{order.id} is of nobody")
            accepted = people.answers[order.id] == "accepted"
            law(accepted == (order.state != "REFUSED"), f"{order} was answered otherwise")
            picked = order.units if order.state == "SHIPPED" else 0
            law(people.hands[order.id] == picked, f"{order}: {people.hands[order.id]} picked")
        law(people.gone.keys() == office.parcels.keys(), "parcels that are not ours")
        law(all(count == 1 for count in people.gone.values()), f"gone twice: {people.gone}")
        law(people.bookings.keys() == office.parcels.keys(), f"labels: {people.bookings}")


def play(plan: Plan, folder: Path) -> Outcome:
    """Play a plan; the files of its processes are made in the folder, which must be empty."""
    return played(World(plan, folder))


def played(world: Machines) -> Outcome:
    """How it ends."""
    outcome = Outcome(world.plan.seed, counts=world.counts)
    try:
        world.play()
    except Broken as broken:
        outcome.problem = str(broken)
    except Exception as error:  # noqa: BLE001 - whatever a run dies of is its result
        outcome.problem = f"{type(error).__name__}: {error}"
    try:
        outcome.digest = world.close()
    except Exception as error:  # noqa: BLE001 - the same
        outcome.problem = outcome.problem or f"{type(error).__name__}: {error}"
    outcome.virtual_s, outcome.happened = world.timeline.now_s, world.timeline.happened
    for name, line in world.lines.items():
        outcome.counts.update({f"{name} {what}": n for what, n in line.counts.items()})
    return outcome


def hours(outcomes: list[Outcome]) -> float:
    """Simulated hours of all runs."""
    return sum(outcome.virtual_s for outcome in outcomes) / HOUR_S
