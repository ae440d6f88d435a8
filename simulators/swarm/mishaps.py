"""What goes wrong: each kind of mishap, done to a world; and the moment from which nothing does."""

from typing import TYPE_CHECKING

from simulators.swarm.line import CALM, Line
from simulators.swarm.plan import ROBOTS, WORK, Item

if TYPE_CHECKING:
    from simulators.swarm.control import Death
    from simulators.swarm.disk import Disk
    from simulators.swarm.machines import Machines

TURN_ON_S = 15.0  # a robot that is off


def happen(world: "Machines", item: Item) -> None:
    """Let it happen."""
    world.counts[item.kind] += 1
    kind, what, lasts_s = item.kind, item.what, item.lasts_s
    if kind in WORK:
        world.want(item)
    elif kind.startswith("cut_"):
        _cut(world, world.lines[kind.removeprefix("cut_")], lasts_s)
    elif kind.startswith("kill_"):
        _kill(world, kind.removeprefix("kill_"))
    elif kind.startswith("set_"):
        world.clocks[kind.split("_")[1]].skew_s += item.size
    elif kind.endswith("_disk_full"):
        _fill(world, world.disks[kind.split("_")[0]], lasts_s)
    elif kind == "reboot_plc":
        world.belt.reboot()
    elif kind == "twin_control":
        world.start_control()
    elif kind == "reboot_robot":
        world.robots.reboot(what, lasts_s)
    elif kind == "twin_robot":
        _mistake(world, what, lasts_s)
    else:
        world.carrier_is(up=False)
        world.timeline.later(lasts_s, lambda: world.carrier_is(up=True))


def _cut(world: "Machines", line: Line, lasts_s: float) -> None:
    line.cuts += 1

    def heal() -> None:
        line.cuts -= 1
        world.core.connected()

    world.timeline.later(lasts_s, heal)


def _kill(world: "Machines", what: str) -> None:
    process, _, moment = what.partition("_")
    death: Death = "before" if not moment else "half" if moment == "half" else "after"
    if process == "office":
        world.kill_office(death)
    elif process == "control":
        for control in world.controls:
            control.death = death
    elif world.edge is not None and moment:
        world.edge.dies_before_telling = True
    elif world.edge is not None:
        world.edge.die()


def _fill(world: "Machines", disk: "Disk", lasts_s: float) -> None:
    disk.is_full = True

    def empty() -> None:
        disk.is_full = False
        world.belt.tell()

    world.timeline.later(lasts_s, empty)


def _mistake(world: "Machines", robot: str, lasts_s: float) -> None:
    """Somebody gives a robot the name of another, and finds out."""
    other = next(name for name in ROBOTS if name != robot)
    world.robots.reboot(robot, TURN_ON_S, answers_to=other)
    world.timeline.later(lasts_s, lambda: world.robots.reboot(robot, TURN_ON_S))


def calm(world: "Machines") -> None:
    """From now on nothing goes wrong any more."""
    for line in world.lines.values():
        line.weather = CALM
    world.kill_office("")
    for control in world.controls:
        control.death = ""
    if world.edge is not None:
        world.edge.dies_before_telling = False
