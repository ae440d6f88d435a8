"""The loop of wcs.fleet.grants: who is granted which arc in one round.

Written for numbers and sequences of numbers alone, so that it runs compiled on arrays and, for
small fleets, as plain Python on lists; `wcs.fleet.grants` says what it does and which of both runs.
"""

from wcs.layout.roadmap import FACINGS, Flags, Floats, Ints
from wcs.layout.rows import FAR

NONE = -1
CHOICES = 12  # arcs looked at from one node
WIDTH = CHOICES + 4  # of a level of the stack: robot, how many choices, which is next, waits, arcs
OPEN, GOES, STAYS = 0, 1, 2  # not decided; will leave its tail; cannot, before this lead
WAITS = -2  # for one who leaves: no arc to grant


def blocker(robot: int, node: int, lock: Ints, clash_first: Ints, clash: Ints) -> int:
    """Who else holds a node or what clashes with it; NONE if it is free for this robot."""
    if lock[node] >= 0 and lock[node] != robot:
        return int(lock[node])
    for k in range(clash_first[node], clash_first[node + 1]):
        other = lock[clash[k]]
        if other >= 0 and other != robot:
            return int(other)
    return NONE


def is_left(node: int, other: int, tail: Ints, clash_first: Ints, clash: Ints, fate: Ints) -> bool:
    """Whether its holder is on the way out of a node, or out of what clashes with it."""
    is_tail = bool(tail[other] == node)
    for k in range(clash_first[node], clash_first[node + 1]):
        is_tail = is_tail or clash[k] == tail[other]
    return fate[other] == GOES or not is_tail


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
    keys: Ints,
    choice: Ints,
    at: int,
) -> int:
    """Fill `choice` from `at` on with the arcs a robot may take, best first; how many.

    Who leads takes only what brings it nearer; who is pushed takes anything. Without a goal the
    shortest arcs come first. `heading` may be NONE: it can face anywhere.
    """
    found = 0
    least = FAR
    for a in range(first[node], first[node + 1]):
        if shut[a] and end[a] != goal:
            continue
        turning = turn[(facing[a] - heading) % FACINGS] if heading != NONE else 0
        if goal < 0 or goal == node:
            key = cost[a] + turning
        elif row[a] < FAR:
            key = row[a] + turning
            least = min(least, key)
        elif not leads:
            key = FAR + cost[a]
        else:
            continue
        slot = found
        while slot > 0 and keys[slot - 1] > key:
            keys[slot] = keys[slot - 1]
            choice[at + slot] = choice[at + slot - 1]
            slot -= 1
        keys[slot] = key
        choice[at + slot] = a
        found += 1
        if found == CHOICES:
            break
    if not leads:
        return found
    kept = 0
    for k in range(found):
        a = choice[at + k]
        if row[a] - cost[a] < least:
            choice[at + kept] = a
            kept += 1
    return kept


def may_enter(robot: int, start: int, node: int, zone_of: Ints, claims: Flags) -> bool:
    """Whether a node is in no zone, in the same zone as before, or in one that is claimed."""
    zone = zone_of[node]
    return bool(zone == NONE or zone_of[start] == zone or claims[robot][zone])


def zones_last(  # noqa: PLR0913, PLR0917 - a graph in arrays
    robot: int,
    start: int,
    count: int,
    end: Ints,
    zone_of: Ints,
    claims: Flags,
    choice: Ints,
    at: int,
) -> None:
    """Put arcs into zones that a robot has not claimed behind all others: a last resort."""
    done = last = 0
    while done < count:
        arc = choice[at + last]
        if may_enter(robot, start, end[arc], zone_of, claims):
            last += 1
        else:
            for k in range(at + last, at + count - 1):
                choice[k] = choice[k + 1]
            choice[at + count - 1] = arc
        done += 1


def make_room(  # noqa: C901, PLR0912, PLR0913, PLR0917 - one loop, compiled; a graph in arrays
    lead: int,
    found: int,
    first: Ints,
    end: Ints,
    facing: Ints,
    turn: Ints,
    cost: Ints,
    table: Ints,
    slot: Ints,
    shut: Flags,
    layer: Ints,
    goal: Ints,
    tail: Ints,
    heading: Ints,
    takes: Flags,
    settles: Flags,
    zone_of: Ints,
    claims: Flags,
    vacant: Flags,
    clash_first: Ints,
    clash: Ints,
    lock: Ints,
    fate: Ints,
    stack: Ints,
    keys: Ints,
    queue: Ints,
    pusher: Ints,
) -> int:
    """Where the fewest robots have to move for a lead: the arc of the last of them.

    `found` arcs of the lead, from `stack[4]` on. WAITS: it is being made already; NONE: nowhere.
    `queue[0]` is then the last, and `pusher` leads from it back to the lead.
    """
    for robot in range(len(tail)):
        pusher[robot] = NONE
    pusher[lead] = lead
    at, waits = WIDTH + 4, NONE
    for k in range(found):
        count, done = 0, -1
        while done < count:  # the lead, then whoever is in the way, the nearest first
            robot = lead if done < 0 else queue[done]
            if robot == lead:
                choices, stack[at] = 1, stack[4 + k]
            else:
                choices = arcs_from(
                    tail[robot], heading[robot], goal[robot], 0, first, end, facing, turn, cost,
                    table[slot[robot]], shut[layer[robot]], keys, stack, at,
                )  # fmt: skip
                zones_last(robot, tail[robot], choices, end, zone_of, claims, stack, at)
            done += 1
            for c in range(choices):
                arc = stack[at + c]
                node = end[arc]
                if not may_enter(robot, tail[robot], node, zone_of, claims) and (
                    robot == lead or not vacant[zone_of[node]]
                ):
                    continue
                other = blocker(robot, node, lock, clash_first, clash)
                if other == NONE:
                    if lock[node] == robot:
                        continue  # its own way so far
                    queue[0] = robot
                    return int(arc)
                if pusher[other] != NONE:
                    continue
                if is_left(node, other, tail, clash_first, clash, fate):
                    queue[0] = robot
                    return WAITS
                if takes[other]:
                    pusher[other] = robot
                    queue[count] = other
                    count += 1
                elif settles[other] and waits == NONE:
                    waits = robot
        if waits != NONE:
            queue[0] = waits
            return WAITS
    return NONE


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
    is_open: bool,  # noqa: FBT001 - arrays in, as all
    zone_of: Ints,
    claims: Flags,
    vacant: Flags,
    clash_first: Ints,
    clash: Ints,
    lock: Ints,
    given: Ints,
    fate: Ints,
    waits_for: Ints,
    stack: Ints,
    keys: Ints,
    tried: Ints,
    leads: Ints,
    pusher: Ints,
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
        is_open: there are no zones: all make room where the fewest move, not only the first.
        zone_of, claims: (n,) and (robots, zones).
        vacant: (zones,) dead ends that nobody has claimed: who is pushed may go there; changed.
        clash_first, clash: nodes that are not held together with a node.
        lock: (n,) who holds a node; changed.
        given: (any,) robot, arc, robot, arc ... in the order of granting; filled.
        fate: (robots,) OPEN, GOES or STAYS; filled.
        waits_for: (robots,) the robot that holds up a robot which leads; filled.
        stack: ((robots + 1) * WIDTH,) room to work in; keys: (CHOICES,),
            tried, leads, pusher: (robots,).
    """
    for robot in range(len(tail)):
        fate[robot] = OPEN
        waits_for[robot] = NONE
        leads[robot] = 0
    foremost = NONE
    for lead in order:
        leads[lead] = goal[lead] != NONE
        can_go = leads[lead] and goal[lead] != tail[lead] and (takes[lead] or settles[lead])
        if can_go and foremost == NONE:
            foremost = lead
    count = found = 0
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
                table[slot[lead]], shut[layer[lead]], keys, stack, 4,
            )  # fmt: skip
            if found == 0:
                break
            arc = stack[4]
            node = end[arc]
            if not may_enter(lead, tail[lead], node, zone_of, claims):
                is_barred = is_first  # before a zone it waits where it can be pushed away
                break
            other = blocker(lead, node, lock, clash_first, clash)
            if other != NONE or lock[node] == lead:
                break
            given[2 * count], given[2 * count + 1] = lead, arc
            count += 1
            lock[node] = lead
            ahead[lead] += length[arc]
            tail[lead], heading[lead] = node, facing[arc]
            fate[lead] = GOES
            is_first = False
        if not is_first or is_barred or not pushes[lead]:
            continue
        # --- the way is not free: have others make way
        if found > 0:
            waits_for[lead] = blocker(lead, end[stack[4]], lock, clash_first, clash)
        if is_open or lead == foremost:
            arc = make_room(
                lead, found, first, end, facing, turn, cost, table, slot, shut, layer, goal,
                tail, heading, takes, settles, zone_of, claims, vacant, clash_first, clash,
                lock, fate, stack, keys, tried, pusher,
            )  # fmt: skip
            if arc == NONE:
                continue
            robot = tried[0]
            if arc != WAITS:
                node = end[arc]
                given[2 * count], given[2 * count + 1] = robot, arc
                count += 1
                lock[node] = robot
                ahead[robot] += length[arc]
                tail[robot], heading[robot] = node, facing[arc]
                if zone_of[node] != NONE:
                    vacant[zone_of[node]] = False
            fate[lead] = GOES
            while robot != lead:
                fate[robot] = GOES
                robot = pusher[robot]
            continue
        depth = failed = 0
        stack[0] = lead
        stack[1] = found
        stack[2] = 0
        stack[3] = 0
        while depth >= 0:
            base = depth * WIDTH
            robot = stack[base + 0]
            if stack[base + 2] == stack[base + 1]:
                if stack[base + 3] == 1:  # somebody it waits for will be gone
                    break
                fate[robot] = STAYS
                tried[failed] = robot
                failed += 1
                depth -= 1
                continue
            arc = stack[base + 4 + stack[base + 2]]
            stack[base + 2] += 1
            node = end[arc]
            zone = zone_of[node]
            if not may_enter(robot, tail[robot], node, zone_of, claims) and (
                depth == 0 or not vacant[zone]
            ):
                continue
            other = blocker(robot, node, lock, clash_first, clash)
            if other == NONE:
                if lock[node] == robot:
                    continue  # its own way so far
                given[2 * count], given[2 * count + 1] = robot, arc
                count += 1
                lock[node] = robot
                ahead[robot] += length[arc]
                tail[robot], heading[robot] = node, facing[arc]
                if zone != NONE:
                    vacant[zone] = False
                break
            if is_left(node, other, tail, clash_first, clash, fate):
                if depth == 0 or (leads[robot] and stack[base + 2] == 1):
                    break  # it leaves: wait
                stack[base + 3] = 1
                continue
            on_stack = False
            for d in range(depth + 1):
                if stack[d * WIDTH] == other:
                    on_stack = True
            if on_stack or fate[other] == STAYS:
                continue
            if not takes[other]:
                if settles[other]:
                    if depth == 0:
                        break
                    stack[base + 3] = 1
                continue
            depth += 1
            base = depth * WIDTH
            stack[base + 0] = other
            stack[base + 1] = arcs_from(
                tail[other], heading[other], goal[other], 0, first, end, facing, turn, cost,
                table[slot[other]], shut[layer[other]], keys, stack, base + 4,
            )  # fmt: skip
            zones_last(other, tail[other], stack[base + 1], end, zone_of, claims, stack, base + 4)
            stack[base + 2] = 0
            stack[base + 3] = 0
        for d in range(depth + 1):
            fate[stack[d * WIDTH]] = GOES
        for k in range(failed):  # not this way; but others may push them, and the lead too
            fate[tried[k]] = OPEN
    return count
