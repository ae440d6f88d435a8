"""A window of three steps for all robots on a grid where turning takes a step (EPIBT).

Each robot keeps a plan of three actions that no other plan touches: forwards, left, right, wait.
Step by step the first action is done and a wait is added at the end, so the plans stay apart.
In the order of priority - the nearest to its goal first, but before them who has been under way for
more than PATIENCE steps, the longest first - each robot then looks for a better one:

    free                    it takes it
    one other in the way    that one must find another plan first, without the place it loses
    more in the way         the next best

Laws:
    apart       plans share no node at any moment, and no two robots swap places
    safe        every plan ends standing still where nobody else comes: doing nothing is allowed
    bounded     a robot is asked at most VISITS times a step
    in turn     nobody is passed over for ever: who waits for long comes first

For grids so dense that looking one node ahead is not enough; behind the same rows as the others.

Source: E. Yukhnevich, A. Andreychuk, "Enhancing PIBT via Multi-Action Operations" (2025).
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from wcs.layout.roadmap import Flags, Ints

NONE = -1
DEPTH = 3
VISITS = 150
PATIENCE = 200
_FORWARD, _LEFT, _RIGHT, _WAIT = range(4)


def _plans() -> NDArray[np.int8]:
    """(k, 3) all plans of three actions but those that turn there and back."""
    found = []
    for code in range(4**DEPTH):
        plan = [code // 4**i % 4 for i in range(DEPTH)]
        moves = [action for action in plan if action != _WAIT]
        undone = any({a, b} == {_LEFT, _RIGHT} for a, b in pairwise(moves))
        late = any(a == _WAIT and b in (_LEFT, _RIGHT) for a, b in pairwise(plan))
        thrice = plan.count(_RIGHT) > 2 or plan.count(_LEFT) == DEPTH  # noqa: PLR2004 - as many say less
        if not undone and not late and not thrice:
            found.append(plan)
    return np.array(found, np.int8)


PLANS = _plans()


@compiled
def facing_costs(near: Ints, quarter: int, row: Ints, out: Ints) -> None:
    """Costs of (node, facing) from those of (node, direction of the first move).

    Shapes: near (n, 4), row (n, 4) with FAR where there is no way, out (4 n,).
    """
    for node in range(len(near)):
        for facing in range(4):
            best = 2**30
            for d in range(4):
                if near[node, d] >= 0:
                    turns = (d - facing) % 4
                    turns = 1 if turns == 3 else turns  # noqa: PLR2004 - three left is one right
                    best = min(best, row[node, d] + turns * quarter)
            out[node * 4 + facing] = best


@compiled
def walk(plan: NDArray[np.int8], state: int, near: Ints, path: Ints) -> int:
    """Fill `path` (4,) with the states of a plan, where it stands first; -1 if it hits a wall."""
    path[0] = state
    for t in range(DEPTH):
        action = plan[t]
        node, facing = state // 4, state % 4
        if action == _FORWARD:
            node = near[node, facing]
            if node < 0:
                return -1
        elif action == _LEFT:
            facing = (facing + 1) % 4
        elif action == _RIGHT:
            facing = (facing + 3) % 4
        state = node * 4 + facing
        path[t + 1] = state
    return state


@compiled
def in_the_way(robot: int, path: Ints, held: Ints) -> int:
    """Whose plan a path touches: NONE, one robot, or -2 for several."""
    found = NONE
    for t in range(1, DEPTH + 1):
        node, before = path[t] // 4, path[t - 1] // 4
        other = held[t, node]
        if other >= 0 and other != robot and other != found:  # noqa: PLR1714 - compiled
            if found >= 0:
                return -2
            found = other
        if node != before:
            other = held[t - 1, node]
            if other >= 0 and other != robot and other != found and held[t, before] == other:  # noqa: PLR1714 - compiled
                if found >= 0:
                    return -2
                found = other
    return found


@compiled
def hold(path: Ints, held: Ints, who: int) -> None:
    """Enter a path into the table of who is where when; or take it out (NONE)."""
    for t in range(1, DEPTH + 1):
        held[t, path[t] // 4] = who


@compiled
def rank_plans(
    state: int, plans: NDArray[np.int8], near: Ints, goal_cost: Ints, choice: Ints
) -> int:
    """Fill `choice` with the plans open to a robot, best first; how many."""
    keys = np.empty(len(plans), np.int64)
    path = np.empty(DEPTH + 1, np.int32)
    found = 0
    for k in range(len(plans)):
        last = walk(plans[k], state, near, path)
        if last < 0:
            continue
        key = np.int64(goal_cost[last]) * 4096 + goal_cost[path[2]] + goal_cost[path[1]]
        for t in range(1, DEPTH + 1):
            if goal_cost[path[t]] == 0:  # there: what comes after does not count
                key = np.int64(t)
                break
        slot = found
        while slot > 0 and keys[slot - 1] > key:
            keys[slot] = keys[slot - 1]
            choice[slot] = choice[slot - 1]
            slot -= 1
        keys[slot] = key
        choice[slot] = k
        found += 1
    return found


@compiled
def plan_all(  # noqa: C901, D417, PLR0912, PLR0913, PLR0915, PLR0917 - one loop, compiled; a graph in arrays
    order: Ints,
    plans: NDArray[np.int8],
    near: Ints,
    goal_cost: Ints,
    slot: Ints,
    path: Ints,
    held: Ints,
    visits: Ints,
    on_stack: Flags,
    stack: Ints,
    kept: Ints,
) -> None:
    """Look for better plans, the most urgent robot first.

    Args:
        order: (robots,).
        plans: (k, 3).
        near: (n, 4) nodes to the east, north, west and south; -1 is a wall.
        goal_cost: (goals, 4 n); `slot` (robots,) says whose row is whose.
        path: (robots, 4) the states of the plans, the present first; changed.
        held: (4, n) who is where when; changed.
        visits, on_stack: (robots,) room to work in.
        stack: (robots + 1, k + 4), kept: (robots + 1, 4) likewise.
    """
    visits[:] = 0
    rank = np.empty(len(order), np.int32)
    for n in range(len(order)):
        rank[order[n]] = n
    tried = np.empty(DEPTH + 1, np.int32)
    for lead in order:
        depth = 0
        stack[0, 0] = lead
        stack[0, 1] = NONE
        top = rank[lead]
        while depth >= 0:
            robot = stack[depth, 0]
            if stack[depth, 1] == NONE:  # begins: its old plan is let go of
                visits[robot] += 1
                on_stack[robot] = True
                if depth == 0:
                    kept[0] = path[robot]
                    hold(path[robot], held, NONE)
                stack[depth, 1] = rank_plans(
                    path[robot, 0], plans, near, goal_cost[slot[robot]], stack[depth, 4:]
                )
                stack[depth, 2] = 0
            else:  # whoever should have made way has not
                hold(path[robot], held, NONE)
                other = stack[depth + 1, 0]
                path[other] = kept[depth + 1]
                hold(path[other], held, other)
            moved = False
            while stack[depth, 2] < stack[depth, 1]:
                plan = stack[depth, 4 + stack[depth, 2]]
                stack[depth, 2] += 1
                walk(plans[plan], path[robot, 0], near, tried)
                other = in_the_way(robot, tried, held)
                if other == NONE:
                    path[robot] = tried
                    hold(tried, held, robot)
                    moved = True
                    break
                if other == -2 or on_stack[other] or visits[other] >= VISITS or rank[other] < top:  # noqa: PLR2004 - several
                    continue
                kept[depth + 1] = path[other]
                hold(path[other], held, NONE)
                path[robot] = tried
                hold(tried, held, robot)
                depth += 1
                stack[depth, 0] = other
                stack[depth, 1] = NONE
                break
            else:
                on_stack[robot] = False
                if depth == 0:
                    path[robot] = kept[0]
                    hold(path[robot], held, robot)
                depth -= 1
                continue
            if moved:
                for d in range(depth + 1):
                    on_stack[stack[d, 0]] = False
                break


class Windows:
    """A fleet on a grid, its plans of three steps, and who comes first.

    Args:
        near: (n, 4) nodes to the east, north, west and south of each; -1 is a wall.
        state: (robots,) 4 node + facing, all nodes different.
    """

    def __init__(self, near: Ints, state: Ints) -> None:
        robots = len(state)
        self.near = near
        self.steps: Ints = np.zeros(robots, np.int32)  # that each has been under way
        self.path: Ints = np.repeat(state.astype(np.int32)[:, None], DEPTH + 1, axis=1)
        self._held: Ints = np.full((DEPTH + 1, len(near)), NONE, np.int32)
        self._held[:, self.path[:, 0] // 4] = np.arange(robots)
        self._visits: Ints = np.zeros(robots, np.int32)
        self._on_stack: Flags = np.zeros(robots, np.bool_)
        self._stack: Ints = np.empty((robots + 1, len(PLANS) + 4), np.int32)
        self._kept: Ints = np.empty((robots + 1, DEPTH + 1), np.int32)

    @property
    def at(self) -> Ints:
        """(robots,) the nodes where they stand."""
        return self.path[:, 0] // 4

    def step(self, goal_cost: Ints, slot: Ints) -> None:
        """Plan, and do the first action of every plan."""
        self.steps += 1
        left = goal_cost[slot, self.path[:, 0]].astype(np.int64)
        order = np.argsort(np.where(self.steps > PATIENCE, -self.steps, left), kind="stable")
        plan_all(
            order.astype(np.int32),
            PLANS,
            self.near,
            goal_cost,
            slot,
            self.path,
            self._held,
            self._visits,
            self._on_stack,
            self._stack,
            self._kept,
        )
        for t in range(DEPTH):
            self._held[t] = self._held[t + 1]
        self.path[:, :DEPTH] = self.path[:, 1:]

    def arrived(self, robots: Flags) -> None:
        """These (robots,) have reached their goals."""
        self.steps[robots] = 0
