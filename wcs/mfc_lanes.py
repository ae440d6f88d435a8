"""Lanes for groups of parcels: a wave, a carrier, a store; whoever comes first gets one.

    ParcelExpected(group="wave 7", lane="")  ->  the lane of its group, or a lane that is free
                                                 none is free: round again, and asked anew

Laws:
    one group   a lane takes one group at a time; it changes hands when nothing of its group is on
                its way any more, and only when another group needs it
    the longest of the lanes that may change hands, the one that had nothing to do for longest does
    overflow    a group whose lane is full gets another one, if one is free

The times are the engine's. Source: dynamic lane allocation of sortation systems.
"""

from collections.abc import Sequence
from datetime import datetime

from wcs.state import Expected, Group, Sorting


def announce(state: Sorting, code: str, group: str, lanes: Sequence[str], now: datetime) -> str:
    """A parcel of a group will come: its lane, "" while there is none."""
    known = state.groups.setdefault(group, Group(at=now))
    if code not in known.codes:
        known.codes[code] = False
        known.at = now
    return _lane(state, known, lanes)


def find(state: Sorting, code: str, lanes: Sequence[str], now: datetime, *, is_shut: bool) -> None:
    """A lane for a parcel that has none yet, and another one if its lane is full."""
    row = state.expected.get(code)
    group = state.groups.get(row.group) if row is not None else None
    if row is None or group is None:
        return
    if is_shut and row.lane in group.lanes:
        other = next((lane for lane in group.lanes if lane != row.lane), None)
        lane = other or _free(state, lanes, mine=group)
    elif not row.lane:
        lane = _lane(state, group, lanes)
    else:
        return
    if lane:
        if lane not in group.lanes:
            group.lanes.append(lane)
        state.rows += 1
        row.lane, row.number, group.at = lane, state.rows, now
        state.expected[code] = state.expected.pop(code)  # rows are in the order of their numbers


def done(state: Sorting, code: str, now: datetime) -> None:
    """A parcel lies in its lane."""
    row = state.expected.get(code)
    group = state.groups.get(row.group) if row is not None else None
    if group is not None and code in group.codes:
        group.codes[code] = True
        group.at = now


def forget(state: Sorting, code: str, row: Expected) -> None:
    """It is not expected any more, or as something else."""
    group = state.groups.get(row.group)
    if group is not None:
        group.codes.pop(code, None)
        if not group.codes:
            del state.groups[row.group]


def _lane(state: Sorting, group: Group, lanes: Sequence[str]) -> str:
    if not group.lanes and (lane := _free(state, lanes, mine=group)):
        group.lanes.append(lane)
    return group.lanes[0] if group.lanes else ""


def _free(state: Sorting, lanes: Sequence[str], mine: Group) -> str:
    """A lane that nobody has, or that its group needs no more; "" if there is none."""
    taken = {lane for group in state.groups.values() for lane in group.lanes}
    if spare := [lane for lane in lanes if lane not in taken]:
        return spare[0]
    over = [
        group
        for group in state.groups.values()
        if group is not mine and group.lanes and all(group.codes.values())
    ]
    if not over:
        return ""
    oldest = min(over, key=lambda group: group.at)  # stable: the first that was announced
    return oldest.lanes.pop(0)
