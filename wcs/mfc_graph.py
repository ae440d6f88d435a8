"""Conveyors as a graph: belts between nodes, the ways to every exit, and the rings in between.

    node SCAN    reads what passes; what is not diverted goes `through`
    node STOP    what stands there waits until it is sent on: a merge is one at each of its ends
    node EXIT    a lane, a station; HOSPITAL is the exit of what nobody can sort
    belt         from node to node: room for so many units, so long a way

A ring is what a unit goes round if it is never diverted: the `through` belts, one after another.
What leads on to a ring with no stop in between counts as being on it.

Laws (of the file, all faults are listed):
    reached     from every belt the hospital can be reached
    no stop     what cannot wait has a belt to go through; only exits have none
    one head    a ring has at least one node that reads, so that laps are counted

Seconds. Ways are rows of costs to one exit, found once for each set of belts that are shut or
crowded; a memo and no state.

Source: E. W. Dijkstra (1959), backwards from the exit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf
from typing import Literal, TypeAlias

from pydantic import ConfigDict

NodeKind: TypeAlias = Literal["SCAN", "STOP", "EXIT", "HOSPITAL"]
CROWDED = 0.8  # of a belt's room: from then on it is avoided …
CROWDED_S = 30.0  # … as if it were so much longer
RING_SPARE = 0.1  # of a ring's room stays free, and at least two places
_ROWS_KEPT = 4096
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
_EXITS = ("EXIT", "HOSPITAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Where belts meet. `device` is the PLC that tells of it and is told."""

    __pydantic_config__ = _STRICT
    name: str
    device: str
    kind: NodeKind = "SCAN"
    through: str = ""  # the belt of what is not diverted


@dataclass(frozen=True, slots=True, kw_only=True)
class Belt:
    """A conveyor from a node to the next one; nothing overtakes on it."""

    __pydantic_config__ = _STRICT
    name: str
    start: str
    end: str
    room: int
    seconds: float


class Network:
    """All nodes and belts of a site."""

    def __init__(self, nodes: tuple[Node, ...] = (), belts: tuple[Belt, ...] = ()) -> None:
        self.nodes: Mapping[str, Node] = {node.name: node for node in nodes}
        self.belts: Mapping[str, Belt] = {belt.name: belt for belt in belts}
        self.leaving: Mapping[str, tuple[str, ...]] = {
            name: tuple(belt.name for belt in belts if belt.start == name) for name in self.nodes
        }
        self._entering: Mapping[str, tuple[str, ...]] = {
            name: tuple(belt.name for belt in belts if belt.end == name) for name in self.nodes
        }
        self.hospital = next((node.name for node in nodes if node.kind == "HOSPITAL"), "")
        self.ring_of, self.ring_room = _rings(self)
        self._rows: dict[tuple[str, frozenset[str], frozenset[str]], Mapping[str, float]] = {}

    def row(self, goal: str, shut: frozenset[str], crowded: frozenset[str]) -> Mapping[str, float]:
        """Seconds to an exit by the belt that is taken first; shut belts lead nowhere."""
        key = (goal, shut, crowded)
        known = self._rows.get(key)
        if known is None:
            if len(self._rows) >= _ROWS_KEPT:
                self._rows.clear()
            known = self._rows[key] = self._search(goal, shut, crowded)
        return known

    def _search(
        self, goal: str, shut: frozenset[str], crowded: frozenset[str]
    ) -> Mapping[str, float]:
        row: dict[str, float] = {}
        heap = [(0.0, goal)]
        done: set[str] = set()
        while heap:
            far_s, node = heappop(heap)
            if node in done:
                continue
            done.add(node)
            for name in self._entering.get(node, ()):
                if name in shut:
                    continue
                belt = self.belts[name]
                row[name] = far_s + belt.seconds + (CROWDED_S if name in crowded else 0.0)
                heappush(heap, (row[name], belt.start))
        return row


def _rings(network: Network) -> tuple[Mapping[str, str], Mapping[str, int]]:
    """The ring of each belt that is on one or leads on to one, and the units that each takes."""
    ring_of: dict[str, str] = {}
    room: dict[str, int] = {}

    def _on(belt: str) -> str:
        """The belt by which a unit goes on to a ring without being able to wait."""
        end = network.nodes.get(network.belts[belt].end)
        return end.through if end is not None and end.through in ring_of else ""

    for first in network.belts:
        path, belt = [], first
        while belt and belt not in path and belt not in ring_of:
            path.append(belt)
            end = network.nodes.get(network.belts[belt].end)
            belt = end.through if end is not None and end.through in network.belts else ""
        if path and belt == first:
            ring_of |= dict.fromkeys(path, first)
            places = sum(network.belts[name].room for name in path)
            room[first] = places - max(2, int(RING_SPARE * places))
    while approach := [name for name in network.belts if name not in ring_of and _on(name)]:
        ring_of |= {name: ring_of[_on(name)] for name in approach}
    return ring_of, room


def faults_of(network: Network, devices: Mapping[str, object]) -> Iterator[str]:
    """What is wrong with a network, in words."""
    for node in network.nodes.values():
        if node.device not in devices:
            yield f"nodes: {node.name}: there is no device {node.device}"
        if node.through and node.through not in network.leaving[node.name]:
            yield f"nodes: {node.name}.through: belt {node.through} does not leave from there"
        if node.kind == "SCAN" and not node.through:
            yield f"nodes: {node.name}: what cannot wait needs a belt to go through"
        if node.kind in _EXITS and network.leaving[node.name]:
            yield f"nodes: {node.name}: a belt leaves from an exit"
    yield from _belt_faults(network)
    if network.nodes and not network.hospital:
        yield "nodes: there is no HOSPITAL"
        return
    reached = network.row(network.hospital, frozenset(), frozenset())
    for belt in network.belts.values():
        end = network.nodes.get(belt.end)
        if end is not None and end.kind not in _EXITS and belt.name not in reached:
            yield f"belts: {belt.name}: no way leads on to the hospital"


def _belt_faults(network: Network) -> Iterator[str]:
    for belt in network.belts.values():
        for name in (belt.start, belt.end):
            if name not in network.nodes:
                yield f"belts: {belt.name}: there is no node {name}"
        if belt.room < 1 or belt.seconds <= 0.0:
            yield f"belts: {belt.name}: needs room for one and more than 0 seconds"
    for ring in network.ring_room:
        on = [name for name, its in network.ring_of.items() if its == ring]
        kinds = {network.nodes[network.belts[name].end].kind for name in on}
        if "SCAN" not in kinds:
            yield f"belts: {ring}: the ring that it is on has no node that reads"


def seconds_to(row: Mapping[str, float], belt: str) -> float:
    """Seconds by that belt, or infinity."""
    return row.get(belt, inf)
