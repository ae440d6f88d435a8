"""Parcels on conveyor and sorter: let them in, and say which lane is theirs.

    CartonArrived --> ReleaseCarton ... CartonScanned --> Divert ... CartonSorted
    (waits at INDUCT)                   (asks for a lane)            (in a lane, or round again)

What a scan is answered with:

    what the edge has answered by its lane table   that: it is only noted and reported
    else what edge.decisions says                  a lane, the hospital, or round again

Round again is what a sorter does by itself when no lane is told in time, so nothing is sent.

Laws:
    once       a scan or sorting that is told again (device, tracking, lap, status) is answered
               again but reported once
    room       no carton is released while as many are on their way as the loop takes
    heard      who waits is let in again for as long as nobody else waits there, after TELLS_MAX
               times seldom: the edge may hear nothing for longer than anybody expects
    late       a lane that comes too late is not sent: the sorter has decided by then

Seconds. Source: the decision-point handshake of sorter PLC interfaces.
"""

from collections.abc import Container
from datetime import datetime, timedelta

from edge.decisions import FULL_S, RECIRCULATE, ROWS_MAX, Lanes, decide, parcel_code
from edge.messages import (
    CartonArrived,
    CartonDefaulted,
    CartonScanned,
    CartonSorted,
    Divert,
    ReleaseCarton,
)
from wcs import mfc_lanes
from wcs.messages import ParcelExpected, ParcelScanned, ParcelSorted, Priority
from wcs.plant import Plant
from wcs.sitefile import Sorter
from wcs.state import (
    Carton,
    Expected,
    Outbox,
    Sorting,
    State,
    Waiting,
    clear_alarm,
    raise_alarm,
)

REPLY_S = 60.0  # a divert is worth sending that long; the sorter judges by its own clock anyway
RELEASE_S = 60.0
TELL_AGAIN_S = 30.0  # a carton that still stands at its decision point
TELLS_MAX, TELL_SELDOM_S = 10, 300.0
GONE_S = 1800.0  # a carton not heard of for that long has been taken off by hand
_LEFT = ("DIVERTED", "MAX_RECIRC")
_REFUSED = ("LANE_FULL", "LANE_DISABLED")
_GONE = (*_LEFT, "LOST_TRACK")


def expect(state: Sorting, plant: Plant, message: ParcelExpected, now: datetime) -> None:
    """A parcel will come; a second message about it counts."""
    before = state.expected.pop(message.code, None)
    group = message.group if not message.lane else ""
    if before is not None and before.group != group:
        mfc_lanes.forget(state, message.code, before)
    lane = message.lane
    if group:
        names = [name for sorter in plant.sorters.values() for name in sorter.lanes]
        lane = mfc_lanes.announce(state, message.code, group, names, now)
    state.rows += 1
    state.expected[message.code] = Expected(lane=lane, number=state.rows, group=group)
    if len(state.expected) > ROWS_MAX:
        oldest = next(iter(state.expected))
        mfc_lanes.forget(state, oldest, state.expected.pop(oldest))


# ------------------------------------------------------------------------ at the decision point
def arrived(state: Sorting, event: CartonArrived, now: datetime) -> None:
    """A carton waits to be let in; what waited there before has gone on."""
    key = f"{event.device}/{event.point}"
    known = state.waiting.get(key)
    if known is not None and known.tracking == event.tracking:
        known.told_at = None  # it stands there still: tell it again at once
        known.tells = min(known.tells, 1)
        return
    state.waiting[key] = Waiting(
        device=event.device, point=event.point, tracking=event.tracking, arrived_at=now
    )


def release(
    state: Sorting, plant: Plant, now: datetime, outbox: Outbox, held: Container[str] = ()
) -> None:
    """Let in what waits, if its sorter has room; and say it again while nothing moves.

    `held` are devices that are not to be moved: somebody has pressed an emergency stop.
    """
    for waiting in state.waiting.values():
        if waiting.device in held:
            continue
        pause_s = TELL_AGAIN_S if waiting.tells < TELLS_MAX else TELL_SELDOM_S
        if waiting.told_at is not None and now - waiting.told_at < timedelta(seconds=pause_s):
            continue
        conveyor = plant.conveyors.get(waiting.device)
        sorter = plant.sorters.get(conveyor.to) if conveyor is not None else None
        if sorter is not None and not waiting.tells and _on_loop(state, sorter) >= sorter.loop_max:
            continue
        waiting.told_at = now
        waiting.tells += 1
        outbox.to_edge.append(
            ReleaseCarton(
                device=waiting.device,
                point=waiting.point,
                tracking=waiting.tracking,
                expires_at=now + timedelta(seconds=RELEASE_S),
            )
        )


def _on_loop(state: Sorting, sorter: Sorter) -> int:
    return sum(
        not carton.closed for carton in state.cartons.values() if carton.device == sorter.device
    )


def forget(state: Sorting, now: datetime) -> None:
    """Let go of cartons that nothing was heard of for long."""
    old = now - timedelta(seconds=GONE_S)
    for key in [key for key, carton in state.cartons.items() if carton.seen_at < old]:
        del state.cartons[key]


# ------------------------------------------------------------------------ at the scanner
def scanned(state: State, plant: Plant, event: CartonScanned, outbox: Outbox) -> None:
    """Answer a scan with a lane, and report it unless that was done before."""
    sorter = plant.sorters.get(event.device)
    if sorter is None:
        return
    sorting, now = state.sorting, state.now
    key = f"{event.device}/{event.tracking}"
    carton = sorting.cartons.get(key)
    again = (
        carton is not None
        and carton.lap == event.lap
        and carton.barcode == event.barcode
        and (not carton.closed or event.at <= carton.seen_at)
    )
    if carton is None or not again:
        code = parcel_code(event.barcode) if event.status == "GOOD" else None
        carton = Carton(
            device=event.device,
            tracking=event.tracking,
            barcode=event.barcode,
            code=code,
            lap=event.lap,
            lane=event.lane or lane_for(sorting, sorter, event, now),
            seen_at=now,
        )
        sorting.cartons.pop(key, None)
        sorting.cartons[key] = carton
        outbox.to_wms.append(
            ParcelScanned(at=event.at, sorter=event.device, code=code, lane=carton.lane)
        )
    expires_at = event.at + timedelta(seconds=REPLY_S)
    is_answered = event.lane is not None or carton.lane == RECIRCULATE or carton.closed
    if not is_answered and now < expires_at:
        outbox.to_edge.append(
            Divert(
                device=event.device,
                tracking=event.tracking,
                lane=carton.lane,
                expires_at=expires_at,
            )
        )


def lane_for(state: Sorting, sorter: Sorter, event: CartonScanned, now: datetime) -> str:
    """The lane of a carton, RECIRCULATE, or the hospital lane."""
    code = parcel_code(event.barcode) if event.status == "GOOD" else None
    expected = state.expected.get(code) if code is not None else None
    lane = expected.lane if expected is not None else None
    full_since = state.full_since.get(f"{sorter.device}/{lane}")
    is_shut = full_since is not None and now - full_since <= timedelta(seconds=FULL_S)
    if code is not None and expected is not None and expected.group:
        mfc_lanes.find(state, code, sorter.lanes, now, is_shut=is_shut)
        is_shut = is_shut and lane == expected.lane
        lane = expected.lane
    return decide(lanes_of(sorter), lane, event.status, event.lap, is_shut=is_shut).lane


def lanes_of(sorter: Sorter) -> Lanes:
    """The lanes of a sorter, as `edge.decisions` wants them."""
    return Lanes(
        names=sorter.lanes,
        hospital=sorter.hospital,
        laps_max=sorter.laps_max,
        default=sorter.default_lane,
    )


def defaulted(state: Sorting, event: CartonDefaulted) -> None:
    """The edge has sent a carton to the default lane, because nobody answered in time."""
    carton = state.cartons.get(f"{event.device}/{event.tracking}")
    if carton is not None and carton.lap == event.lap and not carton.closed:
        carton.lane = event.lane


# ------------------------------------------------------------------------ behind the divert
def sorted_out(state: State, plant: Plant, event: CartonSorted, outbox: Outbox) -> None:
    """Note where a carton went, and report it once."""
    if event.device not in plant.sorters:
        return
    sorting = state.sorting
    key = f"{event.device}/{event.tracking}"
    carton = sorting.cartons.get(key)
    if carton is None:  # its scan was before our time
        code = parcel_code(event.barcode)
        carton = Carton(
            device=event.device,
            tracking=event.tracking,
            barcode=event.barcode,
            code=code,
            lap=0,
            lane=event.lane or "",
            seen_at=state.now,
        )
        sorting.cartons[key] = carton
    if event.status in carton.sorted or carton.closed:
        return
    carton.sorted.append(event.status)
    carton.seen_at = state.now
    place = f"{event.device}/{event.lane or carton.lane}"
    if event.status in _REFUSED:
        sorting.full_since[place] = state.now
        lanes = plant.sorters[event.device].lanes
        mfc_lanes.find(sorting, carton.code or "", lanes, state.now, is_shut=True)
    _alarms(state, event, place, outbox)
    if event.status in _GONE:
        carton.closed = True
    if event.status in _LEFT:
        mfc_lanes.done(sorting, carton.code or "", state.now)
        sorting.full_since.pop(place, None)
        if event.lane is not None:
            sorting.lanes[event.lane] = sorting.lanes.get(event.lane, 0) + 1
    outbox.to_wms.append(
        ParcelSorted(
            at=event.at,
            sorter=event.device,
            code=carton.code,
            lane=event.lane,
            status=event.status,
        )
    )


def _alarms(state: State, event: CartonSorted, place: str, outbox: Outbox) -> None:
    """Tell people of what only people can mend; what works again clears it by itself."""
    jam = f"sorter.jam/{event.device}"
    if event.status == "JAM":
        _raise(state, outbox, event, jam, event.lane or "")
    else:
        clear_alarm(state, outbox, jam)  # cartons move again
    if event.status in _REFUSED:
        _raise(state, outbox, event, f"sorter.lane_full/{place}", place)
    elif event.status in _LEFT:
        clear_alarm(state, outbox, f"sorter.lane_full/{place}")
    lost = f"sorter.lost_track/{event.device}"
    if event.status == "LOST_TRACK":
        clear_alarm(state, outbox, lost)  # the latest is shown: a carton found is not told
        _raise(state, outbox, event, lost, event.barcode or str(event.tracking))


def _raise(state: State, outbox: Outbox, event: CartonSorted, alarm_id: str, detail: str) -> None:
    priority: Priority = 1 if alarm_id.startswith("sorter.jam/") else 2
    raise_alarm(
        state, outbox, alarm_id, detail, source=event.device, priority=priority, at=event.at
    )
