"""Could this have happened one thing after the other? A checker of histories, and a model of stock.

Clients act at the same time. Each act has a moment when it was called and one when it returned,
and an answer. The history is linearizable if each act can be given one instant between the two
so that, taken in that order, a plain sequential model gives every answer that was given.

    client 1   |---- reserve a ----|            one unit: if `read` says 1 it came before a,
    client 2        |-- read --|                if it says 0 after it; both can be
    client 3                        |- read -|  must say 0: a has returned

An act whose answer never came (UNKNOWN) may have happened at any time after its call, or not at
all. The search over orders (Wing and Gong) goes depth first, what returned first before the
others, and never twice into the same set of acts with the same state (Lowe). Histories of
different SKUs are independent: check them one by one.

Source: Wing, Gong, "Testing and Verifying Concurrent Objects", 1993; Lowe, "Testing for
Linearizability", 2017.
"""

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

S = TypeVar("S", bound=Hashable)

UNKNOWN: Final = "(no answer)"
SEARCH_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Act:
    """What a client did: called and returned at (any ordered numbers), and what was answered."""

    called: float
    returned: float
    action: Any
    answer: Hashable = UNKNOWN

    @property
    def known(self) -> bool:
        """Whether the client was told."""
        return self.answer != UNKNOWN


class Model(Protocol[S]):
    """What should happen, one act at a time."""

    def start(self) -> S:
        """The state before anything happened."""
        ...

    def step(self, state: S, action: Any) -> tuple[S, Hashable]:
        """The state after that action, and its answer."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """An order that explains all answers; or the longest there is and what cannot come next."""

    linearizable: bool
    order: list[Act]
    stuck: list[Act]


@dataclass(frozen=True, slots=True)
class _Node(Generic[S]):
    done: int  # a bit an act
    state: S
    last: int = -1
    before: "_Node[S] | None" = None
    depth: int = 0


def check(history: Sequence[Act], model: Model[S]) -> Verdict:
    """Look for an order.

    Raises:
        RuntimeError: SEARCH_MAX steps have not found one, nor that there is none.
    """
    acts = sorted(
        (act if act.known else replace(act, returned=math.inf) for act in history),
        key=lambda act: act.called,
    )
    wanted = sum(1 << place for place, act in enumerate(acts) if act.known)
    start = _Node(0, model.start())
    stack, seen, longest = [start], {(start.done, start.state)}, start
    for _ in range(SEARCH_MAX):
        if not stack:
            stuck = [acts[place] for place in _possible(acts, longest.done)]
            return Verdict(linearizable=False, order=_order(acts, longest), stuck=stuck)
        node = stack.pop()
        if node.done & wanted == wanted:
            return Verdict(linearizable=True, order=_order(acts, node), stuck=[])
        longest = max(longest, node, key=lambda each: each.depth)
        possible = _possible(acts, node.done)
        for place in sorted(possible, key=lambda place: -acts[place].returned):
            state, answer = model.step(node.state, acts[place].action)
            done = node.done | 1 << place
            fits = not acts[place].known or answer == acts[place].answer
            if fits and (done, state) not in seen:
                seen.add((done, state))
                stack.append(_Node(done, state, place, node, node.depth + 1))
    raise RuntimeError(f"undecided after {SEARCH_MAX} steps")


def _possible(acts: Sequence[Act], done: int) -> Iterator[int]:
    """What may come next: no other act has returned before it was called."""
    first = (~done & (done + 1)).bit_length() - 1  # the lowest bit that is not set
    until = math.inf
    for place in range(first, len(acts)):
        if acts[place].called > until:
            return
        if not done >> place & 1:
            until = min(until, acts[place].returned)
            yield place


def _order(acts: Sequence[Act], end: _Node[Any]) -> list[Act]:
    order: list[Act] = []
    node: _Node[Any] | None = end
    while node is not None and node.last >= 0:
        order.append(acts[node.last])
        node = node.before
    return order[::-1]


# --------------------------------------------------------------------------- stock of one SKU
class Reserve(NamedTuple):
    """Set units aside. The key is the client's: again with the same key, the same answer."""

    key: Hashable
    units: int


class Advance(NamedTuple):
    """One step for a hold, with the command's own key."""

    command: Hashable
    key: Hashable
    to: Literal["ALLOCATED", "RELEASED"]


class Read(NamedTuple):
    """How many units are free, reserved and allocated."""


Action: TypeAlias = Reserve | Advance | Read


class Hold(NamedTuple):
    """What is known of a key: its state, and what was answered when it was reserved."""

    key: Hashable
    units: int
    state: str
    free_then: int


class Stock(NamedTuple):
    """One SKU at one site."""

    free: int
    reserved: int = 0
    allocated: int = 0
    holds: frozenset[Hold] = frozenset()
    commands: frozenset[Hashable] = frozenset()


class OneSku:
    """The stock of one SKU, as promised by the ledger.

    Answers: ("granted" | "refused", free right after), ("done",) or ("wrong_state", state), and
    (free, reserved, allocated).
    """

    def __init__(self, units: int) -> None:
        self.units = units

    def start(self) -> Stock:
        """All units are free."""
        return Stock(self.units)

    def step(self, state: Stock, action: Action) -> tuple[Stock, Hashable]:
        """The state after that action, and its answer."""
        match action:
            case Reserve():
                return _reserve(state, action)
            case Advance():
                return _advance(state, action)
            case Read():
                return state, (state.free, state.reserved, state.allocated)


def _reserve(stock: Stock, action: Reserve) -> tuple[Stock, Hashable]:
    known = _find(stock, action.key)
    if known is not None:
        return stock, ("refused" if known.state == "REFUSED" else "granted", known.free_then)
    fits = action.units <= stock.free
    free = stock.free - action.units * fits
    hold = Hold(action.key, action.units, "HELD" if fits else "REFUSED", free)
    after = stock._replace(
        free=free,
        reserved=stock.reserved + action.units * fits,
        holds=stock.holds | {hold},
    )
    return after, ("granted" if fits else "refused", free)


def _advance(stock: Stock, action: Advance) -> tuple[Stock, Hashable]:
    if action.command in stock.commands:
        return stock, ("done",)
    hold = _find(stock, action.key)
    if hold is None:
        return stock, ("not_found",)
    if hold.state not in ("HELD", "ALLOCATED") or hold.state == action.to:
        return stock, ("wrong_state", hold.state)
    held, given = hold.state == "HELD", action.to == "RELEASED"
    after = stock._replace(
        free=stock.free + hold.units * given,
        reserved=stock.reserved - hold.units * held,
        allocated=stock.allocated + hold.units * ((not given) - (not held)),
        holds=stock.holds - {hold} | {hold._replace(state=action.to)},
        commands=stock.commands | {action.command},
    )
    return after, ("done",)


def _find(stock: Stock, key: Hashable) -> Hold | None:
    return next((hold for hold in stock.holds if hold.key == key), None)
