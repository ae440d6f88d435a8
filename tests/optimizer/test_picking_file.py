"""Tours and batches in files: read, solved, told, drawn; what is wrong is said."""

import json
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import pytest

from optimizer import batching, batching_walks
from optimizer.problems import kind_of
from optimizer.result import Limits, Status, unheard

BLOCK = {"aisles": 4, "aisle_length_m": 10, "aisle_pitch_m": 3}
TWO_AISLES = {"block": BLOCK, "aisle": [1, 0], "depth_m": [9, 9]}
FILES: dict[str, tuple[dict[str, Any], float, Any]] = {
    "a tour": ({"kind": "tours", **TWO_AISLES}, 26.0, [0, 1]),
    "goods at two places": (
        {"kind": "tours", **TWO_AISLES, "article": [0, 0], "quantity": [1, 5], "wanted": [3]},
        18.0,
        [1],
    ),
    "a graph": (
        {"kind": "tours", "ways": [[0, 1], [1, 2]], "metres": [5, 4], "stops": [2, 1]},
        18.0,
        [1, 0],
    ),
    "batches": (
        {
            "kind": "batching", "block": BLOCK, "aisle": [3, 0, 3], "depth_m": [8, 1, 9],
            "order_of_stop": [0, 1, 2], "size_of_order": [1, 1, 1], "capacity": 2,
        },
        38.0,
        [[0, 2], [1]],
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "IS_COMPILED", False)
    monkeypatch.setattr(batching_walks, "IS_COMPILED", False)


@pytest.mark.parametrize("name", FILES)
def test_each_is_read_solved_told_and_drawn(name: str):
    file, metres, walk = FILES[name]
    kind = kind_of(file)
    problem = kind.read(json.loads(json.dumps(file)))
    found = kind.solve(problem, Limits(iterations=3), 0, unheard)
    assert (found.objective, found.status) == (metres, Status.OPTIMAL)
    told = json.loads(json.dumps(kind.told(problem, found.plan)))
    if name == "batches":
        assert sorted(sorted(each) for each in told["walks"]) == walk
    else:
        assert sorted(told["walk"]) == sorted(walk)
    assert kind.drawn is not None
    picture = ET.fromstring(kind.drawn(problem, found.plan))  # noqa: S314 - our own
    lines = [mark for mark in picture if mark.tag.endswith("polyline")]
    assert len(lines) == {"a graph": 0, "batches": 2}.get(name, 1)


def test_a_line_is_as_long_as_the_tour_that_it_draws():
    file, metres, _ = FILES["a tour"]
    kind = kind_of(file)
    problem = kind.read(file)
    assert kind.drawn is not None
    picture = ET.fromstring(kind.drawn(problem, problem.aisle * 0 + [0, 1]))  # noqa: S314
    (line,) = (mark for mark in picture if mark.tag.endswith("polyline"))
    points = [tuple(map(float, each.split(","))) for each in line.attrib["points"].split()]
    drawn = sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in pairwise(points))
    assert drawn == pytest.approx(metres)


@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_is_said_and_where(name: str):
    file, _, _ = FILES[name]
    kind = kind_of(file)
    with pytest.raises(ValueError, match="nobody knows"):
        kind.read({**file, "typo": 1})
    with pytest.raises(ValueError, match="stops" if name == "a graph" else "depth_m"):
        kind.read({**file, ("stops" if name == "a graph" else "depth_m"): "nonsense"})
