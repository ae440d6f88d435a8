"""The Python reducer on the vectors that the TypeScript reducer is run on too."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.wms.work.packets import NOW, PACKET, a_packet
from wms.work.packet import (
    Event,
    Packet,
    Problem,
    Trouble,
    grown,
    packet_json,
    reduce,
    scanned_for,
    scans,
)

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "packets").glob("*.json"))
EVENT = TypeAdapter(Event)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path: Path):
    vector: dict[str, Any] = json.loads(path.read_text())
    packet = packet_json.validate_python(vector["packet"])
    for row in vector["events"]:
        after = reduce(packet, EVENT.validate_python(row["event"]))
        result = after.code if isinstance(after, Problem) else "accepted"
        assert result == row["result"], row
        packet = packet if isinstance(after, Problem) else after
        assert packet.step == row["after"]["step"], row
        assert packet.progress.done == row["after"]["done"], row
        assert packet.counts == row["after"]["counts"], row
        assert packet.choices == row["after"].get("choices", packet.choices), row
        assert list(packet.later) == row["after"].get("later", []), row


def test_there_are_vectors():
    assert len(VECTORS) >= 5


def test_steps_that_the_server_puts_in_come_next_and_again_after_an_undo():
    packet = a_packet([1, 1])
    seq = iter(range(1, 9))

    def then(packet: Packet, *acts: tuple[str, str, int]) -> Packet:
        for act in acts:
            after = reduce(packet, event_of(packet, next(seq), act))
            assert isinstance(after, Packet)
            packet = after
        return packet

    new = [replace(step, id=f"new{step.id}", next=None) for step in a_packet([1, 2]).steps]
    packet = grown(then(packet, ("scan", "I0", 0)), new)
    assert [step.id for step in packet.steps] == ["0", "new0", "new1", "1"]
    back = then(packet, ("scan", "I0", 0), ("undo", "", 0), ("undo", "", 0))
    assert back.step == "0"
    again = grown(then(back, ("scan", "I0", 0)), new[1:], instead=True)
    assert [step.id for step in again.steps] == ["0", "new1"]
    over = then(again, ("scan", "I1", 0), ("scan", "]C1I1", 0))
    assert over.step is None
    assert scans(over, "new1") == ("I1", "]C1I1")
    assert scanned_for(over, "new1") == ("I1", "I1")


def test_every_step_is_reached_in_the_order_given():
    assert [step.next for step in a_packet([1, 1, 1]).steps] == ["1", "2", None]


TARGETS = st.lists(st.integers(1, 3), min_size=1, max_size=3)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["scan", "qty", "exception", "undo"]),
        st.sampled_from(["I0", "I1", "I2"]),
        st.integers(-1, 4),
    ),
    max_size=25,
)


def event_of(packet: Packet, seq: int, act: tuple[Any, str, int]) -> Event:
    kind, code, units = act
    values: dict[str, Any] = {
        "scan": code,
        "qty": units,
        "exception": Trouble(code="short", found=units),
    }
    return Event(
        id=UUID(int=seq),
        packet=PACKET,
        rev=1,
        step=packet.step or "",
        type=kind,
        value=values.get(kind),
        at=NOW,
        seq=seq,
        device="d",
    )


@given(TARGETS, ACTS)
def test_whatever_happens_the_state_is_the_fold_of_the_history(
    targets: list[int], acts: list[tuple[str, str, int]]
):
    start = packet = a_packet(targets)
    for seq, act in enumerate(acts):
        after = reduce(packet, event_of(packet, seq, act))
        packet = packet if isinstance(after, Problem) else after
    again = start
    for event in packet.history:
        folded = reduce(again, event)
        assert isinstance(folded, Packet)
        again = folded
    assert again == packet
    assert all(0 <= units <= targets[int(step)] for step, units in packet.counts.items())
    assert packet_json.validate_json(packet_json.dump_json(packet)) == packet
