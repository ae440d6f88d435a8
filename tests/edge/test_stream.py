"""Streams over a bad network: in order, once, whatever is lost, doubled, mixed up or restarted.

The property drives a sender with its storage and a receiver with its position by a random script:
append, send, deliver any of the packets in flight (again, or never), let time pass, restart
either side. Then the network becomes fair, and everything must have arrived exactly once. It
fails if `receive` takes a batch that leaves a gap, or does not skip what it knows; try it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.batches import BYTES_MAX, parts
from edge.stream import (
    BATCH_MAX,
    HASTY_RESEND_S,
    RESEND_AFTER_S,
    RESEND_MOST_S,
    STUCK_AFTER,
    WINDOW_MAX,
    Ack,
    Batch,
    Malformed,
    Receiver,
    ReceiverAhead,
    Sender,
    decode_ack,
    decode_batch,
    encode_ack,
    encode_batch,
    receive,
)


def body(number: int) -> bytes:
    return json.dumps({"n": number}).encode()


@dataclass
class World:
    """A sender, a receiver, and everything that is or was in flight between them."""

    stored: dict[int, bytes] = field(default_factory=dict)  # survives restarts of the sender
    last: int = 0
    deleted: int = 0
    effects: list[int] = field(default_factory=list)  # written together with the positions
    positions: dict[str, int] = field(default_factory=dict)
    data: list[bytes] = field(default_factory=list)
    acks: list[bytes] = field(default_factory=list)
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.restart_sender()
        self.restart_receiver()

    def restart_sender(self) -> None:
        self.sender = Sender("e", acked=self.deleted)

    def restart_receiver(self) -> None:
        self.receiver = Receiver(self.positions)

    def append(self) -> None:
        self.last += 1
        self.stored[self.last] = body(self.last)

    def say(self) -> None:
        self.append()
        self.send()

    def send(self) -> None:
        if numbers := self.sender.due(self.last, self.now_s):
            bodies = [self.stored[n] for n in numbers]
            self.data.append(encode_batch("e", numbers.start, bodies))

    def deliver(self, packet: bytes) -> None:
        received = self.receiver.receive(decode_batch(packet))
        self.effects += [message["n"] for message in received.new]
        self.positions = dict(self.receiver.positions)
        self.acks.append(encode_ack(received.ack))

    def answer(self, packet: bytes) -> None:
        if self.sender.on_ack(decode_ack(packet), last=self.last, now_s=self.now_s):
            for seq in range(self.deleted + 1, self.sender.acked + 1):
                del self.stored[seq]
            self.deleted = self.sender.acked

    def settle(self) -> None:
        """The network is good from now on: all packets arrive, in order, once."""
        for _ in range(3 + self.last):
            self.now_s += RESEND_MOST_S
            self.data.clear()
            self.acks.clear()
            self.send()
            for packet in self.data:
                self.deliver(packet)
            for packet in self.acks:
                self.answer(packet)


PICK = st.integers(min_value=0, max_value=1_000)
ACTIONS = ["say"] * 5 + ["deliver"] * 4 + ["answer"] * 3 + ["append", "send", "wait", "connect"]
ACTIONS += ["lose", "restart_sender", "restart_receiver"]
STEPS = st.tuples(st.sampled_from(ACTIONS), PICK)


def do(world: World, action: str, pick: int) -> None:
    if action == "wait":
        world.now_s += RESEND_AFTER_S * (pick % 3) / 2
    elif action == "connect":
        world.sender.on_connect()
    elif action == "lose":
        if world.data:
            world.data.pop(pick % len(world.data))
    elif action in {"deliver", "answer"}:  # any of them, and it stays in flight: it may come again
        packets = world.data if action == "deliver" else world.acks
        if packets:
            getattr(world, action)(packets[-1 - pick % len(packets)])
    else:
        step: Callable[[], None] = getattr(world, action)
        step()


@given(st.lists(STEPS, min_size=25, max_size=100))
def test_effects_are_the_sent_messages_in_order_once(steps: list[tuple[str, int]]):
    world = World()
    for action, pick in steps:
        do(world, action, pick)
        assert world.effects == list(range(1, len(world.effects) + 1))
        assert world.deleted <= len(world.effects), "deleted before the effect was written"

    world.settle()

    assert world.effects == list(range(1, world.last + 1))
    assert not world.stored


@given(
    st.integers(min_value=0, max_value=20),
    st.integers(min_value=1, max_value=20),
    st.integers(min_value=0, max_value=5),
)
def test_a_batch_brings_what_follows_the_last(last: int, seq: int, length: int):
    batch = Batch("e", seq, tuple({"n": seq + n} for n in range(length)))

    received = receive(last, batch)

    follows = range(last + 1, seq + length) if seq <= last + 1 else range(0)
    assert [message["n"] for message in received.new] == list(follows)
    assert received.ack == Ack("e", last + len(received.new))


def test_epochs_do_not_disturb_each_other():
    receiver = Receiver({"old": 7})

    assert receiver.receive(Batch("new", 1, ({"n": 1},))).new == ({"n": 1},)
    assert receiver.receive(Batch("old", 1, ({"n": 1},))).new == (), "a late packet of old"
    assert set(receiver.acks()) == {Ack("old", 7), Ack("new", 1)}


def test_epochs_of_which_nothing_was_taken_are_not_remembered():
    receiver = Receiver()
    for n in range(1_000):
        assert receiver.receive(Batch(f"noise {n}", 7, ({"n": 1},))).ack == Ack(f"noise {n}", 0)
    assert receiver.positions == {}


def test_batches_and_the_window_are_bounded():
    sender = Sender("e", acked=0)
    batches = []
    while numbers := sender.due(10 * WINDOW_MAX, 0.0):
        batches.append(numbers)

    assert max(map(len, batches)) == BATCH_MAX
    assert sum(map(len, batches)) == WINDOW_MAX


def test_nothing_moves_then_it_goes_back():
    sender = Sender("e", acked=0)
    assert sender.wait_s(0.0) is None
    assert sender.due(3, 0.0) == range(1, 4)
    assert sender.due(3, RESEND_AFTER_S / 2) is None
    assert sender.wait_s(RESEND_AFTER_S / 2) == RESEND_AFTER_S / 2
    assert sender.on_ack(Ack("e", 1), last=3, now_s=RESEND_AFTER_S / 2)

    assert sender.due(3, RESEND_AFTER_S) is None, "the acknowledgement was progress"
    assert sender.due(3, RESEND_AFTER_S * 1.5) == range(2, 4)


def test_a_slow_receiver_is_not_buried_under_what_it_has():
    sender, sent, now_s = Sender("e", acked=0), 0, 0.0
    while now_s < 60:
        while numbers := sender.due(WINDOW_MAX, now_s):
            sent += len(numbers)
        assert not sender.on_ack(Ack("e", 0), last=WINDOW_MAX, now_s=now_s), "known: no question"
        now_s += 0.1
    assert sent <= 18 * WINDOW_MAX, "after 1, 2, 4, 4 … seconds"
    assert receive(0, Batch("e", 2, ({"n": 2},))).ack.again, "it came before its turn: that asks"
    assert not receive(2, Batch("e", 2, ({"n": 2},))).ack.again
    assert sender.on_ack(Ack("e", 1), last=WINDOW_MAX, now_s=now_s)
    assert sender.wait_s(now_s) == RESEND_AFTER_S, "it moves: patience is short again"


def test_who_asks_for_what_follows_gets_it_but_not_too_often():
    sender = Sender("e", acked=0)
    sender.due(3, 0.0)
    sender.on_ack(Ack("e", 0, again=True), last=3, now_s=0.01)
    assert sender.due(3, 0.01) == range(1, 4)
    sender.on_ack(Ack("e", 0, again=True), last=3, now_s=0.02)
    assert sender.due(3, 0.02) is None
    sender.on_ack(Ack("e", 0, again=True), last=3, now_s=0.01 + HASTY_RESEND_S)
    assert sender.due(3, 0.01 + HASTY_RESEND_S) == range(1, 4)


def test_a_restarted_sender_learns_how_far_the_receiver_is():
    sender = Sender("e", acked=2)  # 3 and 4 were acknowledged, but the deletion was lost
    assert sender.due(5, 0.0) == range(3, 6)
    assert sender.on_ack(Ack("e", 5), last=5, now_s=0.1)
    assert sender.due(5, 10.0) is None


def test_storages_put_back_from_old_copies_are_noticed():
    sender = Sender("e", acked=5)
    with pytest.raises(ReceiverAhead):
        sender.on_ack(Ack("e", 9), last=8, now_s=0.0)
    for n in range(STUCK_AFTER):
        assert not sender.stuck
        assert sender.due(8, n * RESEND_MOST_S) == range(6, 9)
        assert not sender.on_ack(Ack("e", 0), last=8, now_s=n * RESEND_MOST_S)
    assert sender.stuck


def test_other_epochs_acknowledge_nothing():
    sender = Sender("e", acked=0)
    sender.due(1, 0.0)
    assert not sender.on_ack(Ack("other", 1), last=1, now_s=0.0)
    assert sender.acked == 0


@given(st.lists(st.integers(min_value=0, max_value=3 * BYTES_MAX // 2), max_size=12))
def test_a_batch_is_no_larger_than_a_broker_takes(sizes: list[int]):
    bodies = [bytes(size) for size in sizes]
    found = list(parts(7, bodies))
    assert [body for _, some in found for body in some] == bodies
    assert [seq for seq, _ in found] == [
        7 + sum(len(s) for _, s in found[:n]) for n in range(len(found))
    ]
    assert all(len(some) == 1 or sum(map(len, some)) <= BYTES_MAX for _, some in found)
    assert all(some for _, some in found)


BAD = [b"", b"\xff", b"[]", b"null", b"{}", b'{"epoch": 1, "seq": 1, "messages": []}']
BAD_BATCHES = [*BAD, b'{"epoch": "e", "seq": 0, "messages": []}']
BAD_BATCHES += [b'{"epoch": "e", "seq": 1, "messages": [7]}', b'{"epoch": "e", "seq": 1.5}']


@pytest.mark.parametrize("bad", BAD_BATCHES)
def test_garbage_is_no_batch(bad: bytes):
    with pytest.raises(Malformed):
        decode_batch(bad)


@pytest.mark.parametrize("bad", [*BAD, b'{"epoch": "e", "seq": -1}', b'{"epoch": "e"}'])
def test_garbage_is_no_acknowledgement(bad: bytes):
    with pytest.raises(Malformed):
        decode_ack(bad)


def test_the_wire_keeps_what_it_is_given():
    wire = encode_batch("é", 4, [b'{"a": "\xe5\x80\x89"}', b"{}"])
    assert decode_batch(wire) == Batch("é", 4, ({"a": "倉"}, {}))
    assert decode_ack(encode_ack(Ack("é", 4))) == Ack("é", 4)
