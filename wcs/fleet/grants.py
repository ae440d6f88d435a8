"""Who is granted which node next: priority inheritance on exclusive locks, without a clock.

A robot **holds** the nodes where it is and what is granted ahead of it; its **tail** is the last
of them, and the only place from which it can be granted more. A grant is never taken back.

    lead        in the order of rank, a robot wants the arc of least turn + row from its tail
    free        it is granted, and more ahead as far as it looks
    in the way  who stands there is pushed: it has to go on from its tail, wherever it likes best
                but not through those who push; who is in its way is pushed in turn
    leaving     who is on the way out, or works, is waited for; also by who is pushed, if it leads
                itself and its best node is being left; others step aside
    the first   for the first in rank as few move as can be, whatever they like; where there are no
                zones, for everybody

Only the last of such a chain moves now; the others follow as nodes come free. So nothing depends
on how fast anybody is, and a delay holds up only those who want the same node.

Laws:
    one holder   a node and all that clashes with it (wcs.layout.clash) are held by one robot
    zones        nobody enters a zone without its claim (wcs.fleet.claims); but who is pushed may go
                 into a dead end that nobody has claimed, if nothing else is left
    closed       nobody is granted an arc that its layer does not take, but into its goal
    first wins   who leads a chain is not pushed in that round; in a plant with room the first in
                 rank can always go on; who cannot may be pushed by others

Pure: arrays in, grants out; the same loop (wcs.fleet.serve) runs compiled or, on lists, as plain
Python: compiled is some fifty times as fast, and takes a second to load.

Source: K. Okumura et al., "Priority Inheritance with Backtracking for Iterative Multi-agent Path
Finding" (2022); strict locks, events and zones are ours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec, module_from_spec
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from wcs.fleet import serve as plainly
from wcs.fleet.serve import CHOICES, NONE, WIDTH
from wcs.layout.roadmap import Flags, Floats, Ints, Roadmap

Table: TypeAlias = Ints | Sequence[Sequence[int]]
_LOOPS = (
    "blocker",
    "is_left",
    "arcs_from",
    "may_enter",
    "zones_last",
    "make_room",
    "serve",
)  # in the order in which they are called


@cache
def compiled_serve() -> Callable[..., int]:
    """`wcs.fleet.serve.serve`, compiled: of a copy of its module, so that the other stays plain."""
    spec = find_spec("wcs.fleet.serve")
    assert spec is not None, "it is beside this module"
    assert spec.loader is not None, "likewise"
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in _LOOPS:
        setattr(module, name, compiled(getattr(module, name)))
    found: Callable[..., int] = module.serve
    return found


@dataclass(slots=True)
class Fleet:
    """The robots of a roadmap as `serve` sees them: arrays of shape (robots,).

    Attributes are those of `serve`; `lock` has shape (n,), `claims` (robots, zones), `vacant`
    (zones,). `is_fast` says
    whether the compiled loop is used, if there is one.
    """

    roadmap: Roadmap
    shut: Flags
    length: Floats
    clash_first: Ints
    clash: Ints
    layer: Ints
    goal: Ints
    slot: Ints
    tail: Ints
    heading: Ints
    takes: Flags
    pushes: Flags
    settles: Flags
    ahead: Floats
    claims: Flags
    vacant: Flags
    lock: Ints
    fate: Ints
    waits_for: Ints
    is_fast: bool

    @classmethod
    def at(
        cls,
        roadmap: Roadmap,
        tail: Ints,
        *,
        shut: Flags | None = None,
        length: Floats | None = None,
        clash: tuple[Ints, Ints] | None = None,
        is_fast: bool = True,
    ) -> "Fleet":
        """Robots that stand at these nodes (all different), ready to go anywhere.

        Args:
            roadmap: the ways.
            tail: (robots,) where they stand.
            shut: (layers, a); without it nothing is.
            length: (a,) of arcs, for looking ahead; without it 1 each.
            clash: (n + 1,) and what it points into; without it only nodes themselves.
            is_fast: whether to run compiled.
        """
        n, arcs, robots = roadmap.nodes, len(roadmap.start), len(tail)
        lock: Ints = np.full(n, NONE, np.int32)
        lock[tail] = np.arange(robots)
        nothing = (np.zeros(n + 1, np.int32), np.zeros(0, np.int32))
        return cls(
            roadmap=roadmap,
            shut=np.zeros((1, arcs), np.bool_) if shut is None else shut,
            length=np.ones(arcs) if length is None else length,
            clash_first=(clash or nothing)[0],
            clash=(clash or nothing)[1],
            layer=np.zeros(robots, np.int32),
            goal=np.full(robots, NONE, np.int32),
            slot=np.zeros(robots, np.int32),
            tail=tail.astype(np.int32),
            heading=np.full(robots, NONE, np.int32),
            takes=np.ones(robots, np.bool_),
            pushes=np.ones(robots, np.bool_),
            settles=np.zeros(robots, np.bool_),
            ahead=np.zeros(robots),
            claims=np.zeros((robots, max(len(roadmap.zones), 1)), np.bool_),
            vacant=np.zeros(max(len(roadmap.zones), 1), np.bool_),
            lock=lock,
            fate=np.zeros(robots, np.int32),
            waits_for=np.full(robots, NONE, np.int32),
            is_fast=is_fast,
        )

    def serve(self, order: Ints, table: Table, reach: float = 0.5) -> NDArray[np.int32]:
        """One round of grants: (grants, 2) robots and arcs, in the order of granting.

        `table` are rows of costs, by `slot`: an array, or lists if it runs plain.
        """
        robots = len(self.tail)
        work = (WIDTH * (robots + 1), CHOICES, robots, robots, robots)
        changed: tuple[Ints | Floats, ...] = (
            self.tail, self.heading, self.ahead, self.lock, self.fate, self.waits_for,
        )  # fmt: skip
        most = 2 * (robots + len(self.lock))
        if self.is_fast:
            said: Ints = np.empty(most, np.int32)
            room = [said, *(np.empty(one, np.int64) for one in work)]
            arguments = self._arguments(_arrays(self.roadmap), table, reach, changed, room)
            count = compiled_serve()(order, *arguments)
            return said[: 2 * count].reshape(-1, 2)
        values = [one.tolist() for one in changed]
        lists = [[NONE] * most, *([0] * one for one in work)]
        arguments = self._arguments(_lists(self.roadmap), table, reach, values, lists)
        given = [
            one.tolist() if isinstance(one, np.ndarray) and one is not table else one
            for one in arguments
        ]
        count = plainly.serve(order.tolist(), *given)
        for array, told in zip(changed, values, strict=True):
            array[:] = told
        return np.array(lists[0][: 2 * count], np.int32).reshape(-1, 2)

    def _arguments(
        self, ways: Sequence[Any], table: Table, reach: float, changed: Sequence[Any], room: Any
    ) -> list[Any]:
        """All that `serve` takes but the order, in its order."""
        *graph, zone_of = ways
        tail, heading, ahead, lock, fate, waits_for = changed
        is_open = not self.roadmap.zones
        return [
            *graph, self.length, table, self.slot, self.shut, self.layer, self.goal, tail, heading,
            self.takes, self.pushes, self.settles, ahead, reach, is_open, zone_of, self.claims,
            self.vacant, self.clash_first, self.clash, lock, room[0], fate, waits_for, *room[1:],
        ]  # fmt: skip


def _arrays(roadmap: Roadmap) -> tuple[Ints, ...]:
    ways = roadmap
    return ways.first, ways.end, ways.facing, ways.turn, ways.cost, ways.zone_of


@lru_cache(maxsize=4)
def _lists(roadmap: Roadmap) -> tuple[list[int], ...]:
    return tuple(one.tolist() for one in _arrays(roadmap))
