"""Judges the log of a fleet's run: nothing here knows the planner, or shares its code.

It is given what was logged and the plain map, and says everything that was wrong:

    alone       a node has one holder at a time; so have nodes that clash
    connected   a robot moves only along ways there are, from where it is, not too fast
    locked      while it moves it holds both ends
    capacity    a zone never holds more robots than it takes
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

Held = tuple[int, int, int, int]  # node, robot, from, to
Moved = tuple[int, int, int, int, int]  # robot, from node, to node, from, to


def faults_of_locks(
    held: Sequence[Held],
    moved: Sequence[Moved],
    ways: set[tuple[int, int]],
    least_ticks: int,
    zones: Iterable[tuple[Sequence[int], int]] = (),
    clashes: Iterable[tuple[int, int]] = (),
) -> list[str]:
    """Everything that is wrong with a run on exclusive locks."""
    by_node: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for node, robot, begin, end in held:
        by_node[node].append((begin, end, robot))
    return [
        *_alone(by_node, clashes),
        *_moves(moved, ways, least_ticks),
        *_locked(by_node, moved),
        *_capacity(by_node, zones),
    ]


def _alone(
    by_node: Mapping[int, list[tuple[int, int, int]]], clashes: Iterable[tuple[int, int]]
) -> Iterator[str]:
    groups: list[tuple[tuple[int, ...], list[tuple[int, int, int]]]]
    groups = [((node,), spans) for node, spans in by_node.items()]
    groups += [((a, b), [*by_node.get(a, []), *by_node.get(b, [])]) for a, b in clashes]
    for nodes, spans in groups:
        until: dict[int, int] = {}
        for begin, end, robot in sorted(spans):
            for other, over in until.items():
                if other != robot and over > begin:
                    yield f"{nodes}: {robot} at {begin} while {other} stays until {over}"
            until[robot] = max(until.get(robot, 0), end)


def _moves(moved: Sequence[Moved], ways: set[tuple[int, int]], least_ticks: int) -> Iterator[str]:
    at: dict[int, tuple[int, int]] = {}
    for robot, start, end, begin, over in sorted(moved, key=lambda move: move[3]):
        if (start, end) not in ways:
            yield f"{robot}: there is no way from {start} to {end}"
        if robot in at and at[robot][0] != start:
            yield f"{robot}: is at {at[robot][0]} and leaves {start}"
        if robot in at and at[robot][1] > begin:
            yield f"{robot}: leaves {start} at {begin} and is there at {at[robot][1]}"
        if over - begin < least_ticks:
            yield f"{robot}: {start} to {end} within {over - begin}"
        at[robot] = (end, over)


def _locked(
    by_node: Mapping[int, list[tuple[int, int, int]]], moved: Sequence[Moved]
) -> Iterator[str]:
    spans: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for node, rows in by_node.items():
        for begin, end, robot in rows:
            spans[node, robot].append((begin, end))
    last = max((end for rows in by_node.values() for _, end, _ in rows), default=0)
    for robot, start, end, begin, over in moved:
        for node in (start, end):
            if not any(a <= begin and min(over, last) <= b for a, b in spans[node, robot]):
                yield f"{robot}: moves {start} to {end} from {begin} to {over} without {node}"


def _capacity(
    by_node: Mapping[int, list[tuple[int, int, int]]], zones: Iterable[tuple[Sequence[int], int]]
) -> Iterator[str]:
    for nodes, capacity in zones:
        events = sorted(
            (time, step, robot)
            for node in nodes
            for begin, end, robot in by_node.get(node, [])
            for time, step in ((begin, 1), (end, -1))
        )
        inside: dict[int, int] = defaultdict(int)
        for time, step, robot in events:
            inside[robot] += step
            count = sum(1 for number in inside.values() if number > 0)
            if count > capacity:
                yield f"zone {tuple(nodes)[:3]}: {count} robots at {time}, {capacity} at most"


def faults_of_steps(at: Sequence[Sequence[int]], ways: set[tuple[int, int]]) -> list[str]:
    """Everything that is wrong with robots that step together: `at[t][i]` is where i was at t."""
    found = []
    for t, now in enumerate(at):
        if len(set(now)) != len(now):
            found.append(f"step {t}: two robots at one node")
        if t == 0:
            continue
        before = at[t - 1]
        for robot, (a, b) in enumerate(zip(before, now, strict=True)):
            if a != b and (a, b) not in ways:
                found.append(f"step {t}: {robot} jumped from {a} to {b}")
        moves = {(a, b) for a, b in zip(before, now, strict=True) if a != b}
        found += [
            f"step {t}: {a} and {b} were swapped" for a, b in moves if a < b and (b, a) in moves
        ]
    return found
