"""A simulated operator walks through every packet that the shared vectors know."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simulators.people import deeds, uuid7
from wms.work.packet import Event, Packet, packet_json, reduce

VECTORS = sorted((Path(__file__).parents[1] / "vectors/packets").glob("*.json"))
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda file: file.stem)
@pytest.mark.parametrize("seed", range(8))
def test_an_operator_finishes_any_packet_by_what_the_screen_wants(vector: Path, seed: int):
    draw = random.Random(seed)
    packet = packet_json.validate_python(json.loads(vector.read_text())["packet"])
    wrong = done = 0
    while packet.step is not None:
        shown: dict[str, Any] = json.loads(packet_json.dump_json(packet))
        step = next(s for s in shown["steps"] if s["id"] == packet.step)
        for deed in deeds(step, draw):
            done += 1
            event = Event(
                id=uuid7(NOW, draw),
                packet=packet.id,
                rev=packet.rev,
                step=step["id"],
                type=deed.type,  # type: ignore[arg-type]
                value=deed.value,
                at=NOW,
                seq=done,
                device="hh-1",
            )
            after = reduce(packet, event)
            if not isinstance(after, Packet):
                assert deed.value == "WRONG-CODE", after
                wrong += 1
                continue
            packet = replace(after)
            if packet.step != step["id"]:
                break
        assert done < 150, "it goes on"
    branches = any(step.goto for step in packet.steps)
    assert branches or packet.progress.done == packet.progress.total
    assert wrong <= done


def test_people_err_now_and_then():
    draw = random.Random(1)
    step = {"op": "scan", "expect": [{"codes": ["A"]}], "qty": None, "allow": []}
    scans = [deed.value for _ in range(2000) for deed in deeds(step, draw)]
    assert 5 < scans.count("WRONG-CODE") < 50
