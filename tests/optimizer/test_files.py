"""Files: each kind is read, solved, told and drawn; what is wrong in one is said, and where."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from optimizer import files, loading, loading_blocks, loading_fill  # noqa: F401 - patched by name
from optimizer.plain import made, plain
from optimizer.problems import kind_of
from optimizer.result import Limits, unheard

BOX = {"sides": [6, 4, 4], "count": 3, "weight_g": 10}
FILES: dict[str, dict[str, Any]] = {
    "cartons": {
        "items": [{"sides_mm": [9, 9, 9], "weight_g": 5}, {"sides_mm": [99, 9, 9], "weight_g": 5}],
        "cartons": [
            {"code": "S", "sides_mm": [10, 10, 10], "tare_g": 1, "max_g": 50, "cost_minor": 3}
        ],
    },
    "docks": {
        "trucks": [{"arrives": 0, "lasts": 2, "due": 4, "way": [0, None]}],
        "doors": [{"closes": 9}, {"closes": 9}],
    },
    "labour": {
        "staff": [{"learned": [0], "shifts_max": 2, "away": [[0, 0]], "wishes": [[[1, 0], 5]]}],
        "shifts": [{"starts_min": 0, "ends_min": 480}],
        "days": 2,
        "needs": [[[1, 0, 0], 1]],
    },
    "loading": {"kinds": [BOX], "room": [12, 8, 8], "max_g": None},
    "pallets": {"kinds": [BOX], "base": [12, 8], "height_max": 8, "max_g": 20},
    "replenishment": {"mean": 4.0, "variance": 9.0, "hold": 1.0, "short": 9.0, "fixed": 20.0},
    "routes": {"points": [[0, 0], [3, 4], [6, 8]], "stops": [{"takes": 1}] * 2, "capacity": 2},
}


@pytest.fixture(autouse=True)
def plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (loading_blocks, loading_fill, loading):
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)


@pytest.mark.parametrize("name", FILES)
def test_each_kind_is_read_solved_told_and_drawn(name: str):
    kind = kind_of({"kind": name})
    problem = kind.read(json.loads(json.dumps({"kind": name, **FILES[name]})))
    found = kind.solve(problem, Limits(iterations=3), 0, unheard)
    assert json.dumps(kind.told(problem, found.plan))
    if kind.drawn is not None:
        picture = ET.fromstring(kind.drawn(problem, found.plan))  # noqa: S314 - our own
        assert len(picture) > 1


@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_is_said_and_where(name: str):
    kind = kind_of({"kind": name})
    with pytest.raises(ValueError, match="nobody knows"):
        kind.read({**FILES[name], "typo": 1})
    for field in FILES[name]:
        if field not in {"max_g", "fixed"}:
            with pytest.raises(ValueError, match=field):
                kind.read({**FILES[name], field: "nonsense"})


def test_values_are_of_their_types():
    assert made(float, 3) == 3.0
    for kind, value in ((int, True), (int, 2.5), (bool, 1), (str, 5)):
        with pytest.raises(ValueError, match="not"):
            made(kind, value, "there")
    with pytest.raises(ValueError, match="3 values, not 2"):
        made(tuple[int, int], [1, 2, 3], "pair")
    assert plain(made(loading.Kind, BOX)) == {
        **BOX, "upright": [True, True, True], "fragile": False,
    }  # fmt: skip
