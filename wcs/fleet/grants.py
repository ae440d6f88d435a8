"""Who is granted which node next: priority inheritance on exclusive locks, without a clock.

A robot **holds** the nodes where it is and what is granted ahead of it; its **tail** is the last
of them, and the only place from which it can be granted more. A grant is never taken back.

    lead        in the order of rank, a robot wants the arc of least turn + row from its tail
    free        it is granted, and more ahead as far as it looks
    in the way  who stands there is pushed: it has to go on from its tail, wherever it likes best
                but not through those who push; who is in its way is pushed in turn
    leaving     who is on the way out, or works, is waited for

Only the last of such a chain moves now; the others follow as nodes come free. So nothing depends
on how fast anybody is, and a delay holds up only those who want the same node.

Laws:
    one holder   a node and all that clashes with it (wcs.layout.clash) are held by one robot
    zones        nobody enters a zone without its claim, not even pushed (wcs.fleet.claims)
    closed       nobody is granted an arc that its layer does not take, but into its goal
    first wins   who leads a chain is not pushed in that round; in a plant with room the first in
                 rank can always go on; who cannot may be pushed by others

Pure: arrays in, grants out; the same loop runs compiled or, on lists, as plain Python.

Source: K. Okumura et al., "Priority Inheritance with Backtracking for Iterative Multi-agent Path
Finding" (2022); strict locks, events and zones are ours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from wcs.layout.roadmap import FACINGS, Flags, Floats, Ints, Roadmap
from wcs.layout.rows import FAR

NONE = -1
CHOICES = 12  # arcs looked at from one node
OPEN, GOES, STAYS = 0, 1, 2  # not decided; will leave its tail; cannot, before this lead


@compiled
def blocker(robot: int, node: int, lock: Ints, clash_first: Ints, clash: Ints) -> int:
    """Who else holds a node or what clashes with it; NONE if it is free for this robot."""
    if lock[node] >= 0 and lock[node] != robot:
        return int(lock[node])
    for k in range(clash_first[node], clash_first[node + 1]):
        other = lock[clash[k]]
        if other >= 0 and other != robot:
            return int(other)
    return NONE


@compiled
def arcs_from(  # noqa: C901, PLR0913, PLR0917 - a graph in arrays
    node: int,
    heading: int,
    goal: int,
    leads: int,
    first: Ints,
    end: Ints,
    facing: Ints,
    turn: Ints,
    cost: Ints,
    row: Ints,
    shut: Flags,
    choice: Ints,
) -> int:
    """Fill `choice` with the arcs a robot may take from its tail, best first; how many.

    Who leads takes only what brings it nearer; who is pushed takes anything. Without a goal the
    shortest arcs come first. `heading` may be NONE: it can face anywhere.
    """
    keys = np.empty(CHOICES, np.int64)
    found = 0
    least = np.int64(FAR)
    for a in range(first[node], first[node + 1]):
        if shut[a] and end[a] != goal:
            continue
        turning = turn[(facing[a] - heading) % FACINGS] if heading != NONE else 0
        if goal < 0 or goal == node:
            key = np.int64(cost[a] + turning)
        elif row[a] < FAR:
            key = np.int64(row[a] + turning)
            least = min(least, key)
        elif not leads:
            key = np.int64(FAR + cost[a])
        else:
            continue
        slot = found
        while slot > 0 and keys[slot - 1] > key:
            keys[slot] = keys[slot - 1]
            choice[slot] = choice[slot - 1]
            slot -= 1
        keys[slot] = key
        choice[slot] = a
        found += 1
        if found == CHOICES:
            break
    if not leads:
        return found
    kept = 0
    for k in range(found):
        if row[choice[k]] - cost[choice[k]] < least:
            choice[kept] = choice[k]
            kept += 1
    return kept


@compiled
def may_enter(robot: int, start: int, node: int, zone_of: Ints, claims: Flags) -> bool:
    """Whether a node is in no zone, in the same zone as before, or in one that is claimed."""
    zone = zone_of[node]
    return bool(zone == NONE or zone_of[start] == zone or claims[robot, zone])


@compiled
def serve(  # noqa: C901, D417, PLR0912, PLR0913, PLR0915, PLR0917 - one loop, compiled; a graph in arrays
    order: Ints,
    first: Ints,
    end: Ints,
    facing: Ints,
    turn: Ints,
    cost: Ints,
    length: Floats,
    table: Ints,
    slot: Ints,
    shut: Flags,
    layer: Ints,
    goal: Ints,
    tail: Ints,
    heading: Ints,
    takes: Flags,
    pushes: Flags,
    settles: Flags,
    ahead: Floats,
    reach: float,
    zone_of: Ints,
    claims: Flags,
    clash_first: Ints,
    clash: Ints,
    lock: Ints,
    given: Ints,
    fate: Ints,
    waits_for: Ints,
    stack: Ints,
) -> int:
    """Grant what can be granted now; how many arcs.

    Args:
        order: robots, the most urgent first; whoever is not in it only stands there.
        first, end, facing, turn, cost, length: the roadmap; `length` as `ahead` and `reach`.
        table, slot: costs to goals, and whose is whose.
        shut, layer: (layers, a) arcs not taken, and (robots,) which layer is whose.
        goal: (robots,) nodes, NONE for nowhere.
        tail, heading: (robots,) the last node of each and how it will face there; changed.
        takes: (robots,) can be granted arcs now.
        pushes: (robots,) stands or is about to: has others make way.
        settles: (robots,) takes nothing now but will by itself: it works, or is yet to answer.
        ahead: (robots,) granted and not yet driven; changed.
        reach: how much is granted ahead, once less than half of it is left.
        zone_of, claims: (n,) and (robots, zones).
        clash_first, clash: nodes that are not held together with a node.
        lock: (n,) who holds a node; changed.
        given: (any, 2) robot and arc, in the order of granting; filled.
        fate: (robots,) OPEN, GOES or STAYS; filled.
        waits_for: (robots,) the robot that holds up a robot which leads; filled.
        stack: (robots + 1, CHOICES + 4) room to work in.
    """
    fate[:] = OPEN
    waits_for[:] = NONE
    count = found = 0
    tried = np.empty(len(tail), np.int32)
    for lead in order:
        if fate[lead] != OPEN or not takes[lead] or goal[lead] == NONE:
            continue
        if ahead[lead] > reach / 2 or tail[lead] == goal[lead]:
            continue
        # --- as far ahead as is free, along the best way
        is_first, is_barred = True, False
        while ahead[lead] < reach and tail[lead] != goal[lead]:
            found = arcs_from(
                tail[lead], heading[lead], goal[lead], 1, first, end, facing, turn, cost,
                table[slot[lead]], shut[layer[lead]], stack[0, 4:],
            )  # fmt: skip
            if found == 0:
                break
            arc = stack[0, 4]
            node = end[arc]
            if not may_enter(lead, tail[lead], node, zone_of, claims):
                is_barred = is_first  # before a zone it waits where it can be pushed away
                break
            other = blocker(lead, node, lock, clash_first, clash)
            if other != NONE or lock[node] == lead:
                break
            given[count, 0], given[count, 1] = lead, arc
            count += 1
            lock[node] = lead
            ahead[lead] += length[arc]
            tail[lead], heading[lead] = node, facing[arc]
            fate[lead] = GOES
            is_first = False
        if not is_first or is_barred or not pushes[lead]:
            continue
        # --- the way is not free: have others make way
        depth = failed = 0
        stack[0, 0] = lead
        stack[0, 1] = found
        stack[0, 2] = 0
        stack[0, 3] = 0
        while depth >= 0:
            robot = stack[depth, 0]
            if stack[depth, 2] == stack[depth, 1]:
                if stack[depth, 3] == 1:  # somebody it waits for will be gone
                    break
                fate[robot] = STAYS
                tried[failed] = robot
                failed += 1
                depth -= 1
                continue
            arc = stack[depth, 4 + stack[depth, 2]]
            stack[depth, 2] += 1
            node = end[arc]
            if not may_enter(robot, tail[robot], node, zone_of, claims):
                continue
            other = blocker(robot, node, lock, clash_first, clash)
            if other == NONE:
                if lock[node] == robot:
                    continue  # its own way so far
                given[count, 0], given[count, 1] = robot, arc
                count += 1
                lock[node] = robot
                ahead[robot] += length[arc]
                tail[robot], heading[robot] = node, facing[arc]
                break
            if depth == 0 and waits_for[lead] == NONE:
                waits_for[lead] = other
            is_tail = tail[other] == node
            if not is_tail:  # or of what clashes with the node
                for k in range(clash_first[node], clash_first[node + 1]):
                    if clash[k] == tail[other]:
                        is_tail = True
            if not is_tail or fate[other] == GOES:
                if depth == 0:
                    break  # it leaves: wait
                stack[depth, 3] = 1
                continue
            on_stack = False
            for d in range(depth + 1):
                if stack[d, 0] == other:
                    on_stack = True
            if on_stack or fate[other] == STAYS:
                continue
            if not takes[other]:
                if settles[other]:
                    if depth == 0:
                        break
                    stack[depth, 3] = 1
                continue
            depth += 1
            stack[depth, 0] = other
            stack[depth, 1] = arcs_from(
                tail[other], heading[other], goal[other], 0, first, end, facing, turn, cost,
                table[slot[other]], shut[layer[other]], stack[depth, 4:],
            )  # fmt: skip
            stack[depth, 2] = 0
            stack[depth, 3] = 0
        for d in range(depth + 1):
            fate[stack[d, 0]] = GOES
        for k in range(failed):  # not this way; but others may push them, and the lead too
            fate[tried[k]] = OPEN
    return count


@dataclass(slots=True)
class Fleet:
    """The robots of a roadmap as `serve` sees them: arrays of shape (robots,).

    Attributes are those of `serve`; `lock` has shape (n,), `claims` (robots, zones).
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
    lock: Ints
    fate: Ints
    waits_for: Ints
    _given: Ints
    _stack: Ints

    @classmethod
    def at(
        cls,
        roadmap: Roadmap,
        tail: Ints,
        *,
        shut: Flags | None = None,
        length: Floats | None = None,
        clash: tuple[Ints, Ints] | None = None,
    ) -> "Fleet":
        """Robots that stand at these nodes (all different), ready to go anywhere.

        Args:
            roadmap: the ways.
            tail: (robots,) where they stand.
            shut: (layers, a); without it nothing is.
            length: (a,) of arcs, for looking ahead; without it 1 each.
            clash: (n + 1,) and what it points into; without it only nodes themselves.
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
            lock=lock,
            fate=np.zeros(robots, np.int32),
            waits_for=np.full(robots, NONE, np.int32),
            _given=np.empty((robots + n, 2), np.int32),
            _stack=np.empty((robots + 1, CHOICES + 4), np.int32),
        )

    def serve(self, order: Ints, table: Ints, reach: float = 0.5) -> NDArray[np.int32]:
        """One round of grants: (grants, 2) robots and arcs, in the order of granting."""
        ways = self.roadmap
        count = serve(
            order,
            ways.first,
            ways.end,
            ways.facing,
            ways.turn,
            ways.cost,
            self.length,
            table,
            self.slot,
            self.shut,
            self.layer,
            self.goal,
            self.tail,
            self.heading,
            self.takes,
            self.pushes,
            self.settles,
            self.ahead,
            reach,
            ways.zone_of,
            self.claims,
            self.clash_first,
            self.clash,
            self.lock,
            self._given,
            self.fate,
            self.waits_for,
            self._stack,
        )
        return self._given[:count]
