"""One step of all robots at once on a grid: priority inheritance with backtracking (PIBT).

In the order of priority each robot wants the neighbour nearest to its goal. Whoever stands there
and has not been planned yet inherits the priority and plans first; if it cannot get away, the
robot tries its next best node; at worst it stays.

    i wants u  ->  j at u plans first  ->  k where j wants to go ...      all move, or next choice

Laws:
    apart       no two robots end a step at one node, and none swap places
    fair        who has reached its goal goes to the end of the queue, so everybody comes first
    seeded      ties are broken by a hash of robot, node and step: same input, same moves

It says nothing of time: steps are taken together, so it is a planner for lock-step grids and the
yardstick of the others, not what drives a site (wcs.fleet.grants does).

Source: K. Okumura, M. Machida, X. Défago, Y. Tamura, "Priority Inheritance with Backtracking for
Iterative Multi-agent Path Finding", Artificial Intelligence 310 (2022).
"""

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from wcs.layout.roadmap import Ints

NONE = -1
CHOICES = 8  # nodes looked at: neighbours and staying


@compiled
def choose(  # noqa: PLR0913, PLR0917 - a graph in arrays
    robot: int,
    at: int,
    step: int,
    first: Ints,
    end: Ints,
    hops: NDArray[np.uint16],
    here: Ints,
    choice: Ints,
) -> int:
    """Fill `choice` with the nodes that a robot may go to, best first; how many there are.

    Nearer to the goal first; of equals, free ones first; of these, by chance.
    """
    found = 0
    keys = np.empty(CHOICES, np.int64)
    for k in range(first[at], first[at + 1] + 1):
        node = end[k] if k < first[at + 1] else at
        chance = (
            np.int64(robot) * 73856093 + np.int64(node) * 19349663 + np.int64(step) * 83492791
        ) & 0xFFFF
        chance = (chance * 40503 >> 5) & 31
        taken = 1 if here[node] != NONE and node != at else 0
        key = (np.int64(hops[node]) * 2 + taken) * 32 + chance
        slot = found
        while slot > 0 and keys[slot - 1] > key:
            keys[slot] = keys[slot - 1]
            choice[slot] = choice[slot - 1]
            slot -= 1
        keys[slot] = key
        choice[slot] = node
        found += 1
        if found == CHOICES:
            break
    return found


@compiled
def step_all(  # noqa: D417, PLR0913, PLR0917 - one loop, compiled; a graph in arrays
    step: int,
    order: Ints,
    first: Ints,
    end: Ints,
    hops: NDArray[np.uint16],
    slot: Ints,
    at: Ints,
    here: Ints,
    then: Ints,
    to: Ints,
    stack: Ints,
) -> None:
    """Plan one step for all robots.

    Args:
        step: its number, for chance.
        order: (robots,) the most urgent first.
        first, end: the graph.
        hops: (goals, n).
        slot: (robots,) which row of `hops` is a robot's.
        at: (robots,) where they are.
        here: (n,) who is at a node, or NONE.
        then: (n,) who will be there; filled.
        to: (robots,) where each goes; filled.
        stack: (robots, CHOICES + 3) room to work in.
    """
    then[:] = NONE
    to[:] = NONE
    for lead in order:
        if to[lead] != NONE:
            continue
        depth = 0
        stack[0, 0] = lead
        stack[0, 1] = choose(lead, at[lead], step, first, end, hops[slot[lead]], here, stack[0, 3:])
        stack[0, 2] = 0
        while depth >= 0:
            robot = stack[depth, 0]
            if stack[depth, 2] == stack[depth, 1]:
                to[robot] = at[robot]
                then[at[robot]] = robot
                depth -= 1
                continue
            node = stack[depth, 3 + stack[depth, 2]]
            stack[depth, 2] += 1
            if then[node] != NONE:
                continue
            other = here[node]
            if other >= 0 and other != robot and to[other] == at[robot]:
                continue
            then[node] = robot
            to[robot] = node
            if other < 0 or other == robot or to[other] != NONE:
                break
            depth += 1
            stack[depth, 0] = other
            stack[depth, 1] = choose(
                other, at[other], step, first, end, hops[slot[other]], here, stack[depth, 3:]
            )
            stack[depth, 2] = 0


class Steps:
    """A fleet that steps together on a graph.

    Args:
        first, end: the arcs of the graph, by node (n + 1,) and (a,).
        at: (robots,) where they stand: all different.
    """

    def __init__(self, first: Ints, end: Ints, at: Ints) -> None:
        n, robots = len(first) - 1, len(at)
        self.first, self.end = first, end
        self.at: Ints = at.astype(np.int32)
        self.order: Ints = np.arange(robots, dtype=np.int32)
        self.number = 0
        self._here: Ints = np.full(n, NONE, np.int32)
        self._here[self.at] = self.order
        self._then: Ints = np.empty(n, np.int32)
        self._to: Ints = np.empty(robots, np.int32)
        self._stack: Ints = np.empty((robots + 1, CHOICES + 3), np.int32)

    def step(self, hops: NDArray[np.uint16], slot: Ints) -> None:
        """Move everybody once; `hops[slot[i]]` are the hops to the goal of robot i."""
        self.number += 1
        step_all(
            self.number,
            self.order,
            self.first,
            self.end,
            hops,
            slot,
            self.at,
            self._here,
            self._then,
            self._to,
            self._stack,
        )
        self._here, self._then = self._then, self._here
        self.at, self._to = self._to, self.at

    def arrived(self, robots: NDArray[np.bool_]) -> None:
        """These (robots,) have reached their goals: they go to the end of the queue."""
        done = robots[self.order]
        self.order = np.concatenate([self.order[~done], self.order[done]])
