"""Where a graph hangs together: strong components, dead ends, bridges.

    dead end   what is left at an end, one node after the other, when ends are taken away
    bridge     a way without which the rest falls in two
    hall       what still hangs together when the bridges are gone

Nodes are numbers from 0; `near[i]` are the neighbours of node i. Nothing here calls itself, so
long corridors are no trouble.

Source: strong components and bridges by R. E. Tarjan (1972, 1974).
"""

from collections.abc import Iterable, Sequence


def neighbours(n: int, arcs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Who is next to whom, whichever way the arcs go; ascending."""
    near: list[set[int]] = [set() for _ in range(n)]
    for start, end in arcs:
        near[start].add(end)
        near[end].add(start)
    return [sorted(others) for others in near]


def strong_components(  # noqa: C901 - one search, without calling itself
    n: int, arcs: Iterable[tuple[int, int]]
) -> list[int]:
    """For every node the number of its strong component; numbers say nothing else."""
    ahead: list[list[int]] = [[] for _ in range(n)]
    for start, end in arcs:
        ahead[start].append(end)
    found, low, component = [-1] * n, [0] * n, [-1] * n
    stack: list[int] = []
    count = components = 0
    for root in range(n):
        if found[root] >= 0:
            continue
        path = [(root, 0)]
        while path:
            node, k = path.pop()
            if k == 0:
                found[node] = low[node] = count
                count += 1
                stack.append(node)
            elif component[ahead[node][k - 1]] < 0:
                low[node] = min(low[node], low[ahead[node][k - 1]])
            while k < len(ahead[node]) and found[ahead[node][k]] >= 0:
                if component[ahead[node][k]] < 0:
                    low[node] = min(low[node], found[ahead[node][k]])
                k += 1
            if k < len(ahead[node]):
                path += [(node, k + 1), (ahead[node][k], 0)]
            elif low[node] == found[node]:
                while component[node] < 0:
                    component[stack.pop()] = components
                components += 1
    return component


def dead_ends(near: Sequence[Sequence[int]]) -> list[bool]:
    """Which nodes lie in a dead end. In a tree all of them do."""
    degree = [len(others) for others in near]
    gone = [False] * len(near)
    ends = [i for i, count in enumerate(degree) if count <= 1]
    while ends:
        end = ends.pop()
        if gone[end]:
            continue
        gone[end] = True
        for other in near[end]:
            degree[other] -= 1
            if degree[other] == 1 and not gone[other]:
                ends.append(other)
    return gone


def bridges(near: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """The ways without which the graph falls apart, each as (smaller node, larger node)."""
    n = len(near)
    found, low = [-1] * n, [0] * n
    count = 0
    cut: set[tuple[int, int]] = set()
    for root in range(n):
        if found[root] >= 0:
            continue
        path = [(root, -1, 0)]
        while path:
            node, parent, k = path.pop()
            if k == 0:
                found[node] = low[node] = count
                count += 1
            else:
                child = near[node][k - 1]
                low[node] = min(low[node], low[child])
                if child != parent and low[child] > found[node]:
                    cut.add((min(node, child), max(node, child)))
            while k < len(near[node]):
                other = near[node][k]
                k += 1
                if other == parent:
                    continue
                if found[other] < 0:
                    path += [(node, parent, k), (other, node, 0)]
                    break
                low[node] = min(low[node], found[other])
    return cut


def parts(near: Sequence[Sequence[int]], of: Sequence[bool]) -> list[list[int]]:
    """The nodes for which `of` holds, in groups that hang together, each ascending."""
    seen = [not one for one in of]
    groups = []
    for first in range(len(near)):
        if seen[first]:
            continue
        seen[first] = True
        group, todo = [first], [first]
        while todo:
            for other in near[todo.pop()]:
                if not seen[other]:
                    seen[other] = True
                    group.append(other)
                    todo.append(other)
        groups.append(sorted(group))
    return groups
