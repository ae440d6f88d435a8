"""The sending end of a stream on virtual time: edge.stream's Sender, its storage, and a line.

What SenderPump does with a bus and asyncio; the rules are the same, and so is the wire.
"""

from collections.abc import Callable

from edge.batches import decode_ack, encode_batch, parts, sound
from edge.clock import CountedClock
from edge.stream import GREETING_S, ReceiverAhead, Sender, Storage
from simulators.swarm.line import Line
from simulators.swarm.timeline import Timeline


class Pump:
    """Sends what a storage holds until it is acknowledged, or until it is stopped."""

    def __init__(
        self,
        timeline: Timeline,
        line: Line,
        storage: Storage,
        deliver: Callable[[bytes], object],
        timing: CountedClock | None = None,
    ) -> None:
        self.storage = storage
        self._timeline, self._line, self._deliver, self._timing = timeline, line, deliver, timing
        self._sender = Sender(storage.epoch, acked=storage.acked)
        self._running = True
        self._waits_until_s = -1.0

    def stop(self) -> None:
        """The process is dead."""
        self._running = False

    def wake(self) -> None:
        """There may be more to send."""
        if not self._running:
            return
        timing, now_s = self._timing, self._timeline.now_s
        if timing is not None and timing.quality == "UNKNOWN":
            self._publish(self._sender.acked + 1, [])
            self._again(GREETING_S * 5)
            return
        while numbers := self._sender.due(self.storage.last, now_s):
            bodies = [sound(body) for body in self.storage.read(numbers)]
            for seq, some in parts(numbers.start, bodies):
                self._publish(seq, list(some))
        if (wait_s := self._sender.wait_s(now_s)) is not None:
            self._again(max(wait_s, 0.05) if self._line.up else max(wait_s, 30.0))

    def _again(self, wait_s: float) -> None:
        at_s = self._timeline.now_s + wait_s
        if self._timeline.now_s < self._waits_until_s <= at_s:
            return
        self._waits_until_s = at_s
        self._timeline.later(wait_s, self._waited)

    def _waited(self) -> None:
        if self._timeline.now_s >= self._waits_until_s:
            self._waits_until_s = -1.0
        self.wake()

    def connected(self) -> None:
        """There is a new connection."""
        self._sender.on_connect()
        self.wake()

    def _publish(self, seq: int, bodies: list[bytes]) -> None:
        head: dict[str, object] = {}
        if (timing := self._timing) is not None:
            known = timing.quality != "UNKNOWN"
            head = {"boot": timing.boot, "up_s": timing.up_s()}
            head["shift_s"] = timing.shift_s if known else None
        body = encode_batch(self._sender.epoch, seq, bodies, head)
        self._line.carry(lambda: self._deliver(body))

    def hear_ack(self, body: bytes) -> None:
        """Take an acknowledgement."""
        if not self._running:
            return
        ack, timing = decode_ack(body), self._timing
        if timing is not None and ack.at is not None and ack.boot == timing.boot:
            timing.heard(ack.at, sent_up_s=ack.up_s)
        try:
            if self._sender.on_ack(ack, last=self.storage.last, now_s=self._timeline.now_s):
                self.storage.delete_through(self._sender.acked)
        except ReceiverAhead:
            self.storage.start_over()
            self._sender = Sender(self.storage.epoch, acked=self.storage.acked)
        self.wake()
