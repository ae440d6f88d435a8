"""Maps and task lists of lifelong path finding, read from files or drawn here.

    map.txt         MovingAI's text format: '.' and 'G' are free, everything else is not
    agents_i.csv    id,row,col
    tasks.csv.gz    cells (row * width + column); robot k takes tasks k, k + N, k + 2N ...

Source: https://movingai.com/benchmarks/formats.html
"""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "mapf"

Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Instance:
    """A map with robots and tasks. Nodes count the free cells row by row.

    Attributes:
        free: (rows, columns).
        starts: (robots,) nodes.
        tasks: (any,) nodes.
    """

    free: Flags
    starts: Ints
    tasks: Ints


def read_map(text: str) -> Flags:
    """The free cells of a map in MovingAI's format.

    Raises:
        ValueError: the text is not such a map.
    """
    head, _, body = text.partition("map\n")
    sizes = dict(line.split() for line in head.splitlines() if line.strip())
    rows = [line for line in body.splitlines() if line]
    free = np.array([[cell in ".G" for cell in row] for row in rows], np.bool_)
    if free.shape != (int(sizes["height"]), int(sizes["width"])):
        raise ValueError(f"the map says {sizes} and has {free.shape} cells")
    return free


def write_map(free: Flags) -> str:
    """The same, as text."""
    rows = ["".join("." if cell else "@" for cell in row) for row in free]
    return "\n".join(
        ["type octile", f"height {len(rows)}", f"width {len(rows[0])}", "map", *rows, ""]
    )


def nodes_of(free: Flags) -> Ints:
    """(rows, columns) the node of each cell, -1 where it is not free."""
    return np.where(free, np.cumsum(free).reshape(free.shape) - 1, -1).astype(np.int32)


def near_of(free: Flags) -> Ints:
    """(n, 4) the nodes to the east, north, west and south of each, or -1."""
    node = np.pad(nodes_of(free), 1, constant_values=-1)
    sides = [node[1:-1, 2:], node[:-2, 1:-1], node[1:-1, :-2], node[2:, 1:-1]]
    return np.stack([side[free] for side in sides], axis=1).astype(np.int32)


def read_instance(name: str, agents: int) -> Instance:
    """One of the shared instances: its folder, and which agents file.

    Raises:
        FileNotFoundError: the shared data is not here.
    """
    folder = SHARED / name
    free = read_map((folder / "map.txt").read_text(encoding="utf-8"))
    node = nodes_of(free).ravel()
    with (folder / f"agents_{agents}.csv").open(encoding="utf-8") as file:
        lines = [line for line in csv.reader(file) if line and line[0].isdigit()]
    cells = np.array([int(row) * free.shape[1] + int(col) for _, row, col in lines])
    with gzip.open(folder / "tasks.csv.gz", "rt", encoding="utf-8") as file:
        goals = np.array([int(line) for line in file if line.strip().isdigit()])
    return Instance(free, node[cells].astype(np.int32), node[goals].astype(np.int32))


def aisles(rows: int, columns: int, block: tuple[int, int], margin: int) -> Flags:
    """A warehouse drawn here: blocks of (height, width) racks between aisles one cell wide.

    `rows` and `columns` count blocks; `margin` free cells go all round.
    """
    height, width = block
    free = np.ones((2 * margin + rows * (height + 1) - 1, 2 * margin + columns * (width + 1) - 1))
    for r in range(rows):
        for c in range(columns):
            top, left = margin + r * (height + 1), margin + c * (width + 1)
            free[top : top + height, left : left + width] = 0
    return free.astype(np.bool_)


def drawn(free: Flags, robots: int, seed: int, tasks: int = 40_000) -> Instance:
    """Robots and tasks drawn evenly over the free cells."""
    rng = np.random.default_rng(seed)
    n = int(free.sum())
    starts = rng.permutation(n)[:robots].astype(np.int32)
    return Instance(free, starts, rng.integers(0, n, tasks).astype(np.int32))
