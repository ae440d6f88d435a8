"""Commands of an earlier term are refused, by whoever they were sent."""

import json
from pathlib import Path
from uuid import uuid1

import pytest

from edge.fence import Fence, term_of, with_term
from edge.messages import PauseRobot, device_command


def test_no_earlier_term_is_obeyed_whatever_restarts(tmp_path: Path):
    fence = Fence(tmp_path / "edge" / "term")
    assert [fence.passes(term) for term in (0, 5, 4, 0, 5, 7, 6)] == [
        True, True, False, False, True, True, False,
    ]  # fmt: skip
    assert fence.refused == 3
    again = Fence(tmp_path / "edge" / "term")
    assert (again.highest, again.passes(6), again.passes(8)) == (7, False, True)
    (tmp_path / "other").write_text("x")
    with pytest.raises(ValueError, match="x"):
        Fence(tmp_path / "other")


def test_a_term_is_beside_what_a_command_says():
    command = PauseRobot(robot="R1", paused=True, command=uuid1())
    body = with_term(device_command.dump_json(command), 17)
    assert device_command.validate_json(body) == command
    assert term_of(json.loads(body)) == 17
    assert term_of({"term": "17"}) == term_of({}) == 0
