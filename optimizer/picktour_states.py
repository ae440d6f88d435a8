"""What a part of a tour looks like at its right edge, and what the next step makes of it.

A warehouse with h cross-aisles is gone through from left to right, one piece of it at a time: up an
aisle from one cross-aisle to the next, and across to the next aisle. Of all that lies behind one
remembers only the h corners where one stands now,

    how often each is touched so far: not at all, odd, or even;
    and which of those that are touched hang together already.

So the number of these states depends on h alone, not on aisles or stops: with two cross-aisles 6
and the beginning and the end, with three 24 more or less, with six some thousands. A step leads
from each state to one other, or to none where the part would fall apart for good or a corner be
left that is met an odd number of times. That is a table of whole numbers, made once for each h.

Source: L. Cambazard and N. Catusse, "Fixed-Parameter Algorithms for Rectilinear Steiner tree and
Rectilinear Traveling Salesman Problem in the plane", 2018; for two cross-aisles H. D. Ratliff and
A. S. Rosenthal, Operations Research 31(3), 1983.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

UNTOUCHED, ODD, EVEN = 0, 1, 2
NONE, ONCE, TWICE, FROM_LOW, FROM_HIGH, BOTH_ENDS = range(6)
WALKS = 6  # of a piece of an aisle: those named above
TIMES = 3  # across to the next aisle: not at all, once, twice
NO_WAY = -1

Corner: TypeAlias = tuple[int, int]  # how it is touched; the piece that it is part of (0: none)
State: TypeAlias = tuple[Corner, ...]
Step: TypeAlias = Callable[[State], State | None]


@dataclass(frozen=True, slots=True)
class Table:
    """`after[step, state]` is the state after that step, or NO_WAY. Shape (steps, states)."""

    after: NDArray[np.int32]
    start: int
    closed: int


def up(section: int, walk: int) -> int:
    """The number of the step: to walk that section of the aisle so."""
    return section * WALKS + walk


def across(corners: int, corner: int, times: int, *, at_depot: bool) -> int:
    """The number of the step: to go on from that corner to the next aisle so many times."""
    return (corners - 1) * WALKS + (corner * 2 + at_depot) * TIMES + times


@cache
def table(corners: int) -> Table:
    """All states that there are with so many cross-aisles, and all steps."""
    steps = list(_steps(corners))
    nothing: State = ((UNTOUCHED, 0),) * corners
    number: dict[State, int] = {nothing: 0, (): 1}
    rows: list[list[int]] = []
    queue: list[State] = [nothing, ()]
    for state in queue:  # grows while it is gone through
        row = []
        for step in steps:
            after = step(state)
            if after is not None and after not in number:
                number[after] = len(number)
                queue.append(after)
            row.append(NO_WAY if after is None else number[after])
        rows.append(row)
    return Table(np.ascontiguousarray(np.array(rows, dtype=np.int32).T), start=0, closed=1)


def _steps(corners: int) -> Iterator[Step]:
    """In the order of their numbers."""
    for section in range(corners - 1):
        for walk in range(WALKS):
            yield lambda state, section=section, walk=walk: _up(state, section, walk)  # type: ignore[misc]
    for corner in range(corners):
        for at_depot in (False, True):
            for times in range(TIMES):
                yield lambda state, c=corner, t=times, d=at_depot: _across(state, c, t, at_depot=d)  # type: ignore[misc]


def _up(state: State, section: int, walk: int) -> State | None:
    if walk == NONE:
        return state
    if not state:
        return None  # the tour was closed further left
    low, high = section, section + 1
    if walk in {ONCE, TWICE}:
        times = 1 if walk == ONCE else 2
        return _named(_joined(_touched(_touched(state, low, times), high, times), low, high))
    if walk in {FROM_LOW, BOTH_ENDS}:
        state = _touched(state, low, 2)
    if walk in {FROM_HIGH, BOTH_ENDS}:
        state = _touched(state, high, 2)
    return _named(state)


def _across(state: State, corner: int, times: int, *, at_depot: bool) -> State | None:
    """The corner of the next aisle takes the place of this one."""
    if not state:
        return state if times == 0 and not at_depot else None
    touched = state[corner][0]
    if touched == UNTOUCHED and not at_depot:
        return state if times == 0 else None  # nothing is there to turn round for
    if touched == UNTOUCHED:  # one of the depot: it may not be passed by
        return _named(_touched(state, corner, 2)) if times == TIMES - 1 else None
    if (touched == ODD) != (times == 1):
        return None
    return state if times else _left(state, corner)


def _left(state: State, corner: int) -> State | None:
    """Nobody goes on from that corner: what it hangs together with must do so elsewhere."""
    left = (*state[:corner], (UNTOUCHED, 0), *state[corner + 1 :])
    pieces = {piece for _, piece in left if piece}
    if state[corner][1] in pieces:
        return _named(left)
    return None if pieces else ()  # a piece would be left behind; or the tour is closed


def _touched(state: State, corner: int, times: int) -> State:
    touched, piece = state[corner]
    if touched == UNTOUCHED:
        touched, piece = EVEN, 1 + max(each for _, each in state)
    if times == 1:
        touched = ODD if touched == EVEN else EVEN
    return (*state[:corner], (touched, piece), *state[corner + 1 :])


def _joined(state: State, one: int, other: int) -> State:
    keep, gone = state[one][1], state[other][1]
    return tuple((touched, keep if piece == gone else piece) for touched, piece in state)


def _named(state: State) -> State:
    """Pieces are numbered as they come, so that what is alike is the same."""
    names: dict[int, int] = {0: 0}
    for _, piece in state:
        names.setdefault(piece, len(names))
    return tuple((touched, names[piece]) for touched, piece in state)
