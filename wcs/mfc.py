"""Material flow on a network of conveyors: by which belt each unit goes on.

    UnitScanned ──> who is it? ──> where to? ──> which belt has room? ──> RouteUnit
                                                    └─ none: round again, or it waits at its stop

Who it is, its label says. What could not be read is the one that should come next, if that is only
one; nothing overtakes on a belt, so whoever was before it and is not there is lost.

Where to: the exit that the WMS has told for its code (ParcelExpected); without one it goes round.
After `LAPS_MAX` laps, or if it is too large or too heavy, to the hospital.

Laws:
    room        no unit is sent on to a belt that has no room for it; the room is taken at once
    ring        what comes on to a ring leaves a place free there, so a ring can always turn
    one place   every unit is on one belt; `load` is their count
    again       a scan that is repeated gets the answer that it got
    bounded     nobody goes round more than `LAPS_MAX` times while the hospital has room
    fair        of those that wait for the same belt, who waited longest with the longest queue
                behind goes first

How many units a ring likes is found while it runs (wcs.release), up to the room that it has.

Seconds. Source: decision points and tracking of material flow controllers.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import get_args

from edge.decisions import parcel_code
from edge.machine_messages import BeltChanged, RouteUnit, UnitScanned
from edge.messages import SortStatus
from wcs.messages import ParcelSorted, Priority
from wcs.mfc_graph import CROWDED, Network, Node
from wcs.mfc_units import Conveying, Unit
from wcs.release import STEP, Tuner
from wcs.state import Outbox, State, clear_alarm, raise_alarm

LAPS_MAX = 3
REPLY_S = 60.0  # a route is worth sending that long; the PLC judges by its own clock anyway
GONE_S = 1800.0  # a unit not heard of for that long has been taken off by hand
LATE_S, CHECK_S = 60.0, 5.0  # behind its time where nothing stands; how often that is looked at
DETOUR_S = 120.0  # further than that nobody is sent round instead of waiting
QUEUE_S = 5.0  # of waiting that a unit behind is worth
_TOO_MUCH = ("OVERSIZE", "OVERWEIGHT")
_STATUSES = get_args(SortStatus)


def heard(state: State, network: Network, event: UnitScanned | BeltChanged, outbox: Outbox) -> None:
    """Take in what the PLCs of the network say."""
    if isinstance(event, BeltChanged):
        _changed(state, network, event, outbox)
        return
    node = network.nodes.get(event.node)
    if node is None or node.device != event.device:
        return
    conveying = state.conveying
    unit = _who(conveying, network, event)
    if _is_repeated(unit, network, event, state.now):
        _tell(unit, state.now, outbox)
        return
    _left_behind(state, network, unit, node, outbox)
    unit.scan = event
    unit.seen[node.name] = unit.seen.get(node.name, 0) + 1
    before = conveying.units.get(conveying.standing.pop(node.name, ""))
    if before is not None and before is not unit and not before.belt:
        _forget(conveying, before)  # it was taken away before it came on to a belt
    conveying.keep(unit)
    clear_alarm(state, outbox, f"mfc.lost/{unit.code}")
    if node.kind in ("EXIT", "HOSPITAL"):
        _out(state, network, unit, node, outbox)
    elif not _send(state, network, unit, node, outbox):
        if node.kind == "STOP":
            conveying.standing[node.name] = unit.code
        else:
            _move(conveying, network, unit, node.through, state.now)


def run(state: State, network: Network, outbox: Outbox, held: Collection[str] = ()) -> None:
    """Send on who waits, as far as there is room; `held` are devices that stand for safety."""
    conveying = state.conveying
    for name, tuner in conveying.tuners.items():
        if not conveying.standing:
            tuner.starved()
        tuner.finished(0, _on_ring(conveying, network, name), state.now.timestamp())
    waiting = [
        (-_urgency(conveying, unit, state.now), code, node)
        for node, code in conveying.standing.items()
        if (unit := conveying.units.get(code)) and network.nodes[node].device not in held
    ]
    for _, code, node in sorted(waiting):
        if _send(state, network, conveying.units[code], network.nodes[node], outbox):
            del conveying.standing[node]
    since = conveying.checked_at
    if since is None or (state.now - since).total_seconds() >= CHECK_S:
        conveying.checked_at = state.now
        _miss(state, network, outbox)


def _miss(state: State, network: Network, outbox: Outbox) -> None:
    """Who should have been seen long ago is lost; what stands at a stop may stand."""
    conveying = state.conveying
    for unit in list(conveying.units.values()):
        belt = network.belts.get(unit.belt)
        node = network.nodes[belt.end if belt is not None else unit.scan.node]
        patience_s = GONE_S
        if belt is not None and node.kind == "SCAN" and belt.name not in conveying.shut:
            patience_s = belt.seconds + LATE_S
        if (state.now - max(unit.since, unit.scan.at)).total_seconds() >= patience_s:
            lost_on = unit.belt
            _forget(conveying, unit)
            _alarm(state, outbox, "mfc.lost", unit.code, node, lost_on)


def _urgency(conveying: Conveying, unit: Unit, now: datetime) -> float:
    waited_s = (now - unit.scan.at).total_seconds()
    return waited_s + QUEUE_S * conveying.load.get(unit.belt, 0)


# ------------------------------------------------------------------------ who it is
def _who(conveying: Conveying, network: Network, event: UnitScanned) -> Unit:
    code = parcel_code(event.barcode) if event.status == "GOOD" else None
    if code is None:
        code = _next_at(conveying, network, event)
    code = code or f"?{event.device}/{event.node}/{event.tracking}"
    unit = conveying.units.get(code)
    if unit is None:
        unit = Unit(code=code, belt="", number=0, since=event.at, scan=event)
    return unit


def _next_at(conveying: Conveying, network: Network, event: UnitScanned) -> str | None:
    """The unit that should come to this node next; None unless there is exactly one."""
    for unit in conveying.units.values():
        if (unit.scan.node, unit.scan.tracking) == (event.node, event.tracking):
            return unit.code  # the PLC says it again
    first: dict[str, Unit] = {}
    for unit in conveying.units.values():
        belt = network.belts.get(unit.belt)
        if belt is None or belt.end != event.node:
            continue
        if belt.name not in first or unit.number < first[belt.name].number:
            first[belt.name] = unit
    due = [
        unit.code
        for belt, unit in first.items()
        if (event.at - unit.since).total_seconds() >= network.belts[belt].seconds / 2
    ]
    return due[0] if len(due) == 1 else None


def _is_repeated(unit: Unit, network: Network, event: UnitScanned, now: datetime) -> bool:
    """Whether this scan has been answered, and the unit can be no further than there."""
    belt = network.belts.get(unit.belt)
    if belt is None or belt.start != event.node or unit.scan.node != event.node:
        return False
    same = unit.scan.tracking == event.tracking
    return same and (now - unit.since).total_seconds() < network.belts[unit.belt].seconds / 2


def _left_behind(state: State, network: Network, unit: Unit, node: Node, outbox: Outbox) -> None:
    """Who was before it on its belt and was not seen is lost."""
    belt = network.belts.get(unit.belt)
    if belt is None or belt.end != node.name:
        return
    conveying = state.conveying
    lost = [
        other
        for other in conveying.units.values()
        if other.belt == unit.belt and other.number < unit.number
        and other.scan.node != node.name
    ]  # fmt: skip
    for other in lost:
        _forget(conveying, other)
        _alarm(state, outbox, "mfc.lost", other.code, node, belt.name)


def _forget(conveying: Conveying, unit: Unit) -> None:
    conveying.put(unit, "", unit.since)
    for node, code in list(conveying.standing.items()):
        if code == unit.code:
            del conveying.standing[node]


# ------------------------------------------------------------------------ where to
def _goal(state: State, network: Network, unit: Unit) -> str:
    """The exit that it shall come to; "" if nobody knows."""
    laps = max(unit.seen.values(), default=1) - 1
    if unit.scan.status in _TOO_MUCH or laps >= LAPS_MAX:
        return network.hospital
    expected = state.sorting.expected.get(unit.code)
    goal = network.nodes.get(expected.lane) if expected is not None else None
    return goal.name if goal is not None and not network.leaving[goal.name] else ""


def _send(state: State, network: Network, unit: Unit, node: Node, outbox: Outbox) -> bool:
    """Send it on by the best belt that has room; False if there is none."""
    belt = _choose(state, network, unit, node)
    if not belt:
        return False
    _move(state.conveying, network, unit, belt, state.now)
    if belt != node.through or node.kind == "STOP":
        _tell(unit, state.now, outbox)
    return True


def _choose(state: State, network: Network, unit: Unit, node: Node) -> str:
    conveying = state.conveying
    goal = _goal(state, network, unit)
    if not goal:
        on = node.through or min(network.leaving[node.name], default="")
        return on if on and _has_room(state.conveying, network, unit, on) else ""
    shut = frozenset(conveying.shut)
    crowded = frozenset(
        name for name, load in conveying.load.items() if load >= CROWDED * network.belts[name].room
    )
    row = network.row(goal, shut, crowded)
    ways = sorted((row[name], name) for name in network.leaving[node.name] if name in row)
    for cost_s, name in ways:
        if cost_s > ways[0][0] + DETOUR_S:
            break
        if _has_room(conveying, network, unit, name):
            return name
    return ""


def _has_room(conveying: Conveying, network: Network, unit: Unit, belt: str) -> bool:
    if belt in conveying.shut or conveying.load.get(belt, 0) >= network.belts[belt].room:
        return False
    ring = network.ring_of.get(belt)
    if ring is None or network.ring_of.get(unit.belt) == ring:
        return True
    return _on_ring(conveying, network, ring) < _ring_limit(conveying, network, ring)


def _on_ring(conveying: Conveying, network: Network, ring: str) -> int:
    return sum(conveying.load.get(name, 0) for name, its in network.ring_of.items() if its == ring)


def _ring_limit(conveying: Conveying, network: Network, ring: str) -> int:
    room = network.ring_room[ring]
    tuner = conveying.tuners.get(ring)
    if tuner is None:
        tuner = conveying.tuners[ring] = _tuner_from_above(room)
    return max(1, min(room, int(tuner.limit)))


def _tuner_from_above(room: int) -> Tuner:
    """A search that begins with all the room: it goes down when that jams."""
    tuner = Tuner(low=max(1.0, room / 4), high=float(room), is_climbing=False)
    while tuner.limit < room:
        tuner.level += 1
    assert STEP > 1.0
    return tuner


# ------------------------------------------------------------------------ moving it
def _move(conveying: Conveying, network: Network, unit: Unit, belt: str, now: datetime) -> None:
    ring = network.ring_of.get(unit.belt)
    conveying.put(unit, belt, now)
    conveying.units[unit.code] = unit
    if ring is not None and network.ring_of.get(belt) != ring and ring in conveying.tuners:
        inside = _on_ring(conveying, network, ring)
        conveying.tuners[ring].finished(1, inside, now.timestamp())


def _tell(unit: Unit, now: datetime, outbox: Outbox) -> None:
    outbox.to_edge.append(
        RouteUnit(
            device=unit.scan.device,
            node=unit.scan.node,
            tracking=unit.scan.tracking,
            belt=unit.belt,
            expires_at=now + timedelta(seconds=REPLY_S),
        )
    )


def _out(state: State, network: Network, unit: Unit, node: Node, outbox: Outbox) -> None:
    """It has come to an exit."""
    conveying = state.conveying
    _move(conveying, network, unit, "", state.now)
    del conveying.units[unit.code]
    conveying.ended[node.name] = conveying.ended.get(node.name, 0) + 1
    known = None if unit.code.startswith("?") else unit.code
    outbox.to_wms.append(
        ParcelSorted(
            at=unit.scan.at,
            sorter=node.device,
            code=known,
            lane=node.name,
            status="MAX_RECIRC" if node.kind == "HOSPITAL" else "DIVERTED",
        )
    )


# ------------------------------------------------------------------------ belts
def _changed(state: State, network: Network, event: BeltChanged, outbox: Outbox) -> None:
    belt = network.belts.get(event.belt)
    if belt is None:
        return
    conveying = state.conveying
    before = conveying.shut.pop(belt.name, "")
    if before != event.status:
        clear_alarm(state, outbox, f"mfc.{before.lower()}/{belt.name}")
    if event.status == "OPEN":
        for unit in conveying.units.values():
            if unit.belt == belt.name:
                unit.since = state.now  # it moves on from here
        return
    conveying.shut[belt.name] = event.status
    _alarm(state, outbox, f"mfc.{event.status.lower()}", belt.name, network.nodes[belt.end])


def _alarm(
    state: State, outbox: Outbox, code: str, what: str, node: Node, detail: str = ""
) -> None:
    priority: Priority = 1 if code == "mfc.jam" else 2
    alarm_id = f"{code}/{what}"
    raise_alarm(state, outbox, alarm_id, detail or what, source=node.device, priority=priority)
