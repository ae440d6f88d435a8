"""Streams: messages that arrive in order, once, whatever the network and the processes do.

    sender                              receiver
    spool: 4 5 6 7      data(4: 4 5)    last = 3
    keeps 4 5 6 7   ----------------->  does 4 and 5 and writes last = 5, in one transaction
    deletes 4 5     <-----------------  ack(5)

A sender numbers its messages 1, 2, 3 … within an *epoch*, the name of its storage. It keeps each
until the receiver has acknowledged it, and goes back to the first unacknowledged one when nothing
moves for a second (then two, four, at most `RESEND_MOST_S`), when the receiver asks for it, and
after a reconnect (go-back-N). A receiver remembers per epoch the number of the last message that it
has done. It takes what follows, skips what it knows, and ignores what leaves a gap; it always
answers with its last, and only after a gap asks for what follows. So a slow receiver is not buried
under what it has already: what is sent again grows fewer the longer it takes.

Laws:
    in order, once   the effects of the receiver are exactly the messages sent, under any loss,
                     doubling, reordering of the network and any restart, if (a) the sender's
                     storage is durable before the first sending, and (b) the receiver writes
                     effect and position in one transaction *before* it acknowledges.
    no memory lost   a receiver that knows more than the sender ever wrote (its storage was put
                     back from an old copy) is answered by a new epoch. A receiver that has
                     forgotten what it acknowledged cannot be helped: `Sender.stuck` says so.

    one bad message  holds up nobody: what a storage gives back unreadable is sent as
                     `stream.damaged`, and who receives sets aside what it cannot understand.

A sender that stamps (edge.stamp) greets with empty batches until the first answer, which tells it
what its clock is off by, and sends nothing before.

`Sender`, `receive` and `Receiver` do no I/O: time comes in as seconds of any steady clock.
`SenderPump` runs a Sender over a bus and a storage for asyncio.

Source: go-back-N, A. S. Tanenbaum, Computer Networks, section 3.4; edge.md section 7.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import structlog

from edge.batches import (
    Ack,
    Batch,
    Malformed,
    decode_ack,
    decode_batch,
    encode_ack,
    encode_batch,
    parts,
    sound,
)
from edge.mqtt import Bus, Message

__all__ = [
    "BATCH_MAX",
    "HASTY_RESEND_S",
    "RESEND_AFTER_S",
    "STUCK_AFTER",
    "WINDOW_MAX",
    "Ack",
    "Batch",
    "Malformed",
    "Received",
    "Receiver",
    "ReceiverAhead",
    "Sender",
    "SenderPump",
    "Storage",
    "decode_ack",
    "decode_batch",
    "encode_ack",
    "encode_batch",
    "receive",
]

log = structlog.get_logger(__name__)

BATCH_MAX = 100  # messages in one publication
WINDOW_MAX = 1_000  # messages on their way, unacknowledged
RESEND_AFTER_S, RESEND_MOST_S = 1.0, 4.0
HASTY_RESEND_S = 0.1  # who asks for what follows is answered this often at most
STUCK_AFTER = 20  # go-backs in a row answered by a receiver that has forgotten
GREETING_S = 1.0  # between two greetings that nobody answers


# --------------------------------------------------------------------------------- receiver
class Received(NamedTuple):
    """What to do with a batch: do `new`, write `ack.seq` as last of its epoch, then answer."""

    new: tuple[Mapping[str, Any], ...]
    ack: Ack


def receive(last: int, batch: Batch) -> Received:
    """What a batch brings to someone who has done `last` messages of its epoch (0: none yet)."""
    known = last + 1 - batch.seq
    new = batch.messages[known:] if known >= 0 else ()
    ack = Ack(batch.epoch, last + len(new), boot=batch.boot, up_s=batch.up_s, again=known < 0)
    return Received(new, ack)


class Receiver:
    """The positions of one incoming stream, for storages that keep them in a mapping."""

    def __init__(self, positions: Mapping[str, int] | None = None) -> None:
        self.positions = dict(positions or {})  # epoch -> last seq done

    def receive(self, batch: Batch) -> Received:
        """What is new in a batch; the position is moved. Write it with the effects, then ack."""
        received = receive(self.positions.get(batch.epoch, 0), batch)
        if received.ack.seq:  # an epoch of which nothing was taken is not worth remembering
            self.positions[batch.epoch] = received.ack.seq
        return received

    def acks(self) -> tuple[Ack, ...]:
        """What to say after a start or reconnect: the senders then need not wait to go back."""
        return tuple(Ack(epoch, seq, again=True) for epoch, seq in self.positions.items())


# ----------------------------------------------------------------------------------- sender
class ReceiverAhead(Exception):  # noqa: N818 - reads as a situation
    """The receiver has done messages that our storage never held: it was put back."""


class Sender:
    """Which messages to send now. The messages themselves are in a storage, numbered to `last`."""

    def __init__(self, epoch: str, *, acked: int, resend_after_s: float = RESEND_AFTER_S) -> None:
        self.epoch = epoch
        self.acked = acked  # everything through this has been acknowledged, and may be deleted
        self._resend_after_s = resend_after_s
        self._in_vain = 0  # how often in a row we went back and nothing moved
        self._sent = acked
        self._moved_at_s = 0.0  # when something was acknowledged, or the first was sent
        self._went_back_at_s = float("-inf")
        self._forgotten = 0

    @property
    def stuck(self) -> bool:
        """Whether the receiver keeps asking for messages that it acknowledged long ago."""
        return self._forgotten >= STUCK_AFTER

    def due(self, last: int, now_s: float) -> range | None:
        """The numbers of the next batch, or None. What is returned counts as sent."""
        if self._sent > self.acked and now_s - self._moved_at_s >= self._patience_s:
            self._in_vain += 1
            self._go_back(now_s)
        first, end = self._sent + 1, min(self._sent + BATCH_MAX, self.acked + WINDOW_MAX, last) + 1
        if end <= first:
            return None
        if self._sent == self.acked:
            self._moved_at_s = now_s
        self._sent = end - 1
        return range(first, end)

    def wait_s(self, now_s: float) -> float | None:
        """How long until `due` should be asked again though nothing happened; None: for ever."""
        if self._sent <= self.acked:
            return None
        return max(0.0, self._moved_at_s + self._patience_s - now_s)

    def on_ack(self, ack: Ack, *, last: int, now_s: float) -> bool:
        """Take an acknowledgement; True if more may be deleted than before.

        Raises:
            ReceiverAhead: it acknowledges what was never written. Start a new epoch.
        """
        if ack.epoch != self.epoch:
            return False
        if ack.seq > last:
            raise ReceiverAhead(f"the receiver has {ack.seq} of {ack.epoch}, written are {last}")
        if ack.seq < self.acked:  # late, or the receiver has forgotten
            self._forgotten += self._sent > self.acked
            return False
        self._forgotten = 0
        if ack.seq == self.acked:
            is_hasty = now_s - self._went_back_at_s < HASTY_RESEND_S
            if ack.again and self._sent > self.acked and not is_hasty:
                self._go_back(now_s)
            return False
        self._in_vain = 0
        self.acked = ack.seq
        self._sent = max(self._sent, ack.seq)
        self._moved_at_s = now_s
        return True

    def on_connect(self) -> None:
        """There is a new connection: what was on its way may be lost, so send it again."""
        self._sent, self._in_vain = self.acked, 0

    @property
    def _patience_s(self) -> float:
        return min(
            self._resend_after_s * 2.0**self._in_vain, max(RESEND_MOST_S, self._resend_after_s)
        )

    def _go_back(self, now_s: float) -> None:
        self._sent = self.acked
        self._went_back_at_s = now_s


# ------------------------------------------------------------------------------------- pump
class Storage(Protocol):
    """Where a sender's messages are kept; edge.spool.Spool is one."""

    @property
    def epoch(self) -> str:
        """The name of this storage's numbering."""
        ...

    @property
    def last(self) -> int:
        """The number of the last durable message; 0 before the first."""
        ...

    @property
    def acked(self) -> int:
        """The number of the last message that has been deleted, or may be."""
        ...

    def read(self, numbers: range) -> list[bytes]:
        """The bodies of those messages."""
        ...

    def delete_through(self, seq: int) -> None:
        """Forget the messages up to and including that number."""
        ...

    def start_over(self) -> None:
        """Begin a new epoch: what is left is numbered from 1 again."""
        ...


class Timing(Protocol):
    """The clock of a sender that stamps; edge.clock.CountedClock is one."""

    boot: str

    @property
    def quality(self) -> str:
        """UNKNOWN as long as nobody has answered."""
        ...

    @property
    def shift_s(self) -> float:
        """What it is off by, as far as it knows."""
        ...

    def up_s(self) -> float:
        """How old the run is."""
        ...

    def heard(self, at: datetime, *, sent_up_s: float) -> None:
        """Take an answer."""
        ...


class SenderPump:
    """Sends what a storage holds over a bus until it is acknowledged.

    Run it as a task; call `wake` (in the event loop) whenever the storage has got more.
    """

    def __init__(
        self,
        bus: Bus,
        storage: Storage,
        *,
        data_topic: str,
        ack_topic: str,
        timing: Timing | None = None,
    ) -> None:
        self._bus = bus
        self._storage = storage
        self._data_topic = data_topic
        self._ack_topic = ack_topic
        self._timing = timing
        self._sender = self._new_sender()
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._said_stuck = False
        self._answered = False  # since the connect, though it may be without a time
        self._greeted_s = float("-inf")
        self.sent = self.resent = self.malformed = 0  # messages, messages, acknowledgements
        self._furthest = storage.acked

    def wake(self) -> None:
        """There is more to send."""
        self._idle.clear()
        self._more.set()

    async def until_idle(self) -> None:
        """Wait until everything written so far has been acknowledged."""
        self.wake()
        await self._idle.wait()

    async def run(self) -> None:
        """Send and send again, until cancelled."""
        self._bus.subscribe(self._ack_topic, qos=0, handler=self._on_ack)
        self._bus.on_connect(self._on_connect)
        while True:
            self._more.clear()
            wait_s = None  # without a connection: until there is one
            if self._bus.connected and (wait_s := self._greet()) is None:
                self._send_due()
                wait_s = self._sender.wait_s(time.monotonic())
            if self._storage.last <= self._sender.acked:
                self._idle.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._more.wait()

    def _greet(self) -> float | None:
        """Ask for the time until somebody answers; how long to wait, or None: it is known."""
        if self._answered or self._timing is None or self._timing.quality != "UNKNOWN":
            return None
        left_s = self._greeted_s + GREETING_S - time.monotonic()
        if left_s <= 0:
            self._greeted_s, left_s = time.monotonic(), GREETING_S
            self._publish(self._sender.acked + 1, [])
        return left_s

    def _send_due(self) -> None:
        while numbers := self._sender.due(self._storage.last, time.monotonic()):
            bodies = [sound(body) for body in self._storage.read(numbers)]
            self.sent += len(numbers)
            self.resent += max(0, min(self._furthest, numbers[-1]) - numbers.start + 1)
            self._furthest = max(self._furthest, numbers[-1])
            for seq, some in parts(numbers.start, bodies):
                self._publish(seq, some)

    def _publish(self, seq: int, bodies: Sequence[bytes]) -> None:
        head: dict[str, Any] = {}
        if (timing := self._timing) is not None:
            known = timing.quality != "UNKNOWN"
            head = {"boot": timing.boot, "up_s": timing.up_s()}
            head["shift_s"] = timing.shift_s if known else None
        # QoS 0: an acknowledgement by the broker would tell us nothing
        self._bus.publish(
            self._data_topic, encode_batch(self._sender.epoch, seq, bodies, head), qos=0
        )

    def _on_ack(self, message: Message) -> None:
        try:
            ack = decode_ack(message.body)
        except Malformed as error:
            self.malformed += 1
            log.warning("stream.malformed_ack", topic=message.topic, problem=str(error))
            return
        timing = self._timing
        if timing is not None and ack.at is not None and ack.boot == timing.boot:
            timing.heard(ack.at, sent_up_s=ack.up_s)
        self._answered = self._answered or ack.epoch == self._sender.epoch
        try:
            if self._sender.on_ack(ack, last=self._storage.last, now_s=time.monotonic()):
                self._storage.delete_through(self._sender.acked)
        except ReceiverAhead as error:
            log.error("stream.started_over", topic=self._data_topic, problem=str(error))  # noqa: TRY400
            self._storage.start_over()
            self._sender = self._new_sender()
            self._furthest = 0
        if self._sender.stuck != self._said_stuck:
            self._said_stuck = self._sender.stuck
            log.error("stream.stuck", topic=self._data_topic, stuck=self._said_stuck, ack=ack.seq)
        self._more.set()

    def _on_connect(self) -> None:
        self._answered, self._greeted_s = False, float("-inf")
        self._sender.on_connect()
        self._more.set()

    def _new_sender(self) -> Sender:
        storage = self._storage
        return Sender(storage.epoch, acked=storage.acked)
