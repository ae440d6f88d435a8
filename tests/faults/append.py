"""Did transactions that append to lists, and read lists, keep out of each other's way? A checker.

A transaction appends values, each of them once in the world, to lists of several keys, and reads
lists whole. What was read tells the order of all appends to a key; from it follows who must have
come before whom:

    ww   appended right after that        A: append x 1        B: append x 2      A -> B
    wr   read what that appended last     A: append x 1        B: read x [1]      A -> B
    rw   read before that was appended    B: read x [1]        C: append x 2      B -> C

Who must have come before themselves, over a circle, were not kept apart:

    G0         a circle of ww: writes are mixed up
    G1c        of ww and wr: each has seen the other
    G-single   with one rw: one has missed what the other, which it saw, had done (a lost update, a
               torn read)
    G2         with several rw: not serializable

and without any circle: G1a (what was refused has been read), `nobody` (a value that nobody has
appended), `twice` (in a list, or appended by two), `order` (two reads of a key, of which neither
begins the other), `lost` (acknowledged, and not in the longest list that was read after all).

Source: Adya, "Weak Consistency", 1999; Kingsbury, Alvaro, "Elle", 2020.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeAlias

Key: TypeAlias = Hashable
Value: TypeAlias = Hashable
Kind: TypeAlias = Literal["ww", "wr", "rw"]
Graph: TypeAlias = dict[int, dict[int, set[Kind]]]


@dataclass(frozen=True, slots=True)
class Txn:
    """One transaction: what it appended, by key, in order; what it read whole. `done` as told:
    True, False (refused), None (nobody answered: it may have happened)."""

    appends: Mapping[Key, Sequence[Value]] = field(default_factory=dict)
    reads: Mapping[Key, Sequence[Value]] = field(default_factory=dict)
    done: bool | None = True


class Anomaly(NamedTuple):
    """What cannot have been, and the transactions that show it, by their places in the history."""

    name: str
    txns: tuple[int, ...]
    why: str = ""


def check(history: Sequence[Txn], last: Mapping[Any, Sequence[Value]]) -> list[Anomaly]:
    """What is wrong with a history; `last` is what each list was when all was over."""
    writers, found = _writers(history)
    orders = _orders(history, last, found)
    for place, txn in enumerate(history):
        found += _misread(place, txn, history, writers, orders)
        if txn.done:
            found += [
                Anomaly("lost", (place,), f"{key}: {value}")
                for key, values in txn.appends.items()
                for value in values
                if value not in set(orders.get(key, ()))
            ]
    return found + list(_circles(_graph(history, writers, orders)))


Writers: TypeAlias = dict[tuple[Key, Value], int]
Orders: TypeAlias = dict[Key, Sequence[Value]]


def _writers(history: Sequence[Txn]) -> tuple[Writers, list[Anomaly]]:
    writers: Writers = {}
    found = []
    for place, txn in enumerate(history):
        for key, values in txn.appends.items():
            for value in values:
                if (key, value) in writers:
                    found.append(Anomaly("twice", (writers[key, value], place), f"{key}: {value}"))
                writers[key, value] = place
    return writers, found


def _orders(
    history: Sequence[Txn], last: Mapping[Any, Sequence[Value]], found: list[Anomaly]
) -> Orders:
    """The longest list of each key; all others must begin it."""
    orders: Orders = dict(last)
    for txn in history:
        for key, seen in txn.reads.items():
            if len(seen) > len(orders.get(key, ())):
                orders[key] = seen
    for place, txn in enumerate(history):
        for key, seen in txn.reads.items():
            if list(seen) != list(orders[key][: len(seen)]):
                found.append(Anomaly("order", (place,), f"{key}: {seen}, not {orders[key]}"))
    for key, order in orders.items():
        found += [Anomaly("twice", (), f"{key}: {value}")
                  for value, times in Counter(order).items() if times > 1]  # fmt: skip
    return orders


def _misread(
    place: int, txn: Txn, history: Sequence[Txn], writers: Writers, orders: Orders
) -> Iterator[Anomaly]:
    for key, seen in txn.reads.items():
        for value in seen:
            writer = writers.get((key, value))
            if writer is None:
                yield Anomaly("nobody", (place,), f"{key}: {value}")
            elif history[writer].done is False:
                yield Anomaly("G1a", (writer, place), f"{key}: {value}")
        known = set(orders.get(key, ()))
        if seen and seen[-1] not in known:
            yield Anomaly("order", (place,), f"{key}: {seen[-1]}")


def _graph(history: Sequence[Txn], writers: Writers, orders: Orders) -> Graph:
    graph: Graph = defaultdict(lambda: defaultdict(set))

    def edge(before: int | None, after: int | None, kind: Kind) -> None:
        if before is not None and after is not None and before != after:
            graph[before][after].add(kind)

    for key, order in orders.items():
        by = [writers.get((key, value)) for value in order]
        for before, after in pairwise(by):
            edge(before, after, "ww")
        for place, txn in enumerate(history):
            if key in txn.reads:
                many = len(txn.reads[key])
                edge(by[many - 1] if many else None, place, "wr")
                edge(place, by[many] if many < len(by) else None, "rw")
    return graph


def _circles(graph: Graph) -> Iterator[Anomaly]:
    """The mildest kind of circle of each strange knot."""
    writes = _only(graph, {"ww"})
    seen = _only(graph, {"ww", "wr"})
    yielded: set[frozenset[int]] = set()
    for name, within, through in (
        ("G0", writes, _edges(graph, "ww")),
        ("G1c", seen, _edges(graph, "wr")),
        ("G-single", seen, _edges(graph, "rw")),
        ("G2", _only(graph, {"ww", "wr", "rw"}), _edges(graph, "rw")),
    ):
        for before, after in through:
            way = _way(within, after, before)
            if way is not None and not any(known <= set(way) for known in yielded):
                yielded.add(frozenset(way))
                yield Anomaly(name, (before, *way[:-1]) if len(way) > 1 else (before,))


def _only(graph: Graph, kinds: set[str]) -> dict[int, list[int]]:
    return {
        before: [after for after, said in edges.items() if said & kinds]
        for before, edges in graph.items()
    }


def _edges(graph: Graph, kind: Kind) -> list[tuple[int, int]]:
    return [(b, a) for b, edges in graph.items() for a, said in edges.items() if kind in said]


def _way(graph: Mapping[int, Sequence[int]], start: int, end: int) -> list[int] | None:
    """The shortest way from one to the other."""
    came: dict[int, int | None] = {start: None}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if here == end:
            way = [here]
            while (back := came[way[-1]]) is not None:
                way.append(back)
            return way[::-1]
        for after in graph.get(here, ()):
            if after not in came:
                came[after] = here
                waiting.append(after)
    return None
