"""The bus: MQTT as our processes use it, and the name of every topic of ours.

    async with PahoBus("mqtt://127.0.0.1:18830", client_id="edge-TYO1") as bus:
        bus.subscribe(live_topic("TYO1", "wcs"))
        bus.publish(live_topic("TYO1", "edge"), b"{}", qos=0)
        async for message in bus.messages():
            ...

Only MQTT 3.1.1 is used (retained messages, last will, QoS 0 and 1), so any broker will do. The
bus connects by itself, for ever, with a growing and jittered pause; it subscribes again each time
and then calls the `on_connect` hooks.

Laws:
    never blocks  `publish` and `subscribe` return at once; the network has a thread of its own
    bounded       at most `backlog` messages wait for a slow reader; then the oldest are dropped
                  and counted. While there is no connection QoS 0 is dropped, QoS 1 waits (1,000).
    no promise    an acknowledgement by a broker is not durability. What must not be lost goes
                  through a stream (edge.stream), which is acknowledged end to end.

`PahoBus` is for asyncio, `BlockingBus` for threads. Topics (site, sender and receiver are plain
words without blanks, `/`, `+`, `#`):
    soko/v1/{site}/{sender}/{receiver}/data|ack   streams (edge.stream)
    soko/v1/{site}/{speaker}/live                 the latest matters; QoS 0
    soko/v1/{site}/edge/raw/{device}              raw reads for looking at; QoS 0 (edge.uplink)
    soko/v1/{site}/{speaker}/presence             UP, or DOWN as its last will; retained
    soko/v1/{site}/frame                          the live picture, retained (wcs.messages)
    uagv/v2/{manufacturer}/{serial}/{topic}       robots, as VDA 5050 says

Source: MQTT 3.1.1 (OASIS 2014). A blank in a topic makes nats-server close the connection.
"""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

import structlog
from paho.mqtt.client import topic_matches_sub

from edge.mqtt_link import Link, Message, Will, level, parse_url

__all__ = [
    "BACKLOG",
    "BlockingBus",
    "Bus",
    "Handler",
    "Message",
    "PahoBus",
    "Will",
    "frame_topic",
    "level",
    "live_topic",
    "parse_url",
    "presence",
    "presence_topic",
    "raw_topic",
    "stream_ack_topic",
    "stream_data_topic",
]

log = structlog.get_logger(__name__)

BACKLOG = 20_000  # messages that may wait for a slow reader
TOPICS_MAX = 10_000  # whose handlers are remembered


# --------------------------------------------------------------------------------- topics
def stream_data_topic(site: str, sender: str, receiver: str) -> str:
    """Where the sender of a stream publishes its batches."""
    return f"soko/v1/{level(site)}/{level(sender)}/{level(receiver)}/data"


def stream_ack_topic(site: str, sender: str, receiver: str) -> str:
    """Where the receiver of that stream acknowledges them."""
    return f"soko/v1/{level(site)}/{level(sender)}/{level(receiver)}/ack"


def live_topic(site: str, speaker: str) -> str:
    """Where `speaker` ("edge" or "wcs") says what is true right now."""
    return f"soko/v1/{level(site)}/{level(speaker)}/live"


def presence_topic(site: str, speaker: str) -> str:
    """Whether `speaker` is there: {"status": "UP"}, or DOWN as its last will. Retained."""
    return f"soko/v1/{level(site)}/{level(speaker)}/presence"


def presence(*, is_up: bool) -> bytes:
    """What is said there."""
    return b'{"status": "UP"}' if is_up else b'{"status": "DOWN"}'


def raw_topic(site: str, device: str) -> str:
    """What a device says, as it says it: for people who look for a fault."""
    return f"soko/v1/{level(site)}/edge/raw/{level(device)}"


def frame_topic(site: str) -> str:
    """The live picture of a site."""
    return f"soko/v1/{level(site)}/frame"


# ----------------------------------------------------------------------------------- port
Handler = Callable[[Message], None]


class Bus(Protocol):
    """A publish/subscribe bus as asyncio code sees it."""

    @property
    def connected(self) -> bool:
        """Whether a message published now would leave."""
        ...

    def publish(self, topic: str, body: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Hand a message over; returns at once."""
        ...

    def subscribe(self, topic_filter: str, *, qos: int = 1, handler: Handler | None = None) -> None:
        """Ask for messages, now and after every reconnect.

        With a handler they are given to it (in the event loop), else to `messages()`.
        """
        ...

    def messages(self) -> AsyncIterator[Message]:
        """What arrives for subscriptions without a handler, for one reader."""
        ...

    def on_connect(self, hook: Callable[[], None]) -> None:
        """Call `hook` in the event loop after every connect, and now if there is a connection."""
        ...


# ------------------------------------------------------------------------------ for asyncio
class PahoBus:
    """A `Bus` for asyncio over paho-mqtt. Use it as an async context manager.

    Entering does not wait for the broker: `until_connected` and `until_settled` do.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        will: Will | None = None,
        persistent: bool = False,
        backlog: int = BACKLOG,
    ) -> None:
        self._link = Link(url, client_id=client_id, will=will, persistent=persistent)
        self._arrived: deque[Message] = deque()
        self._backlog = backlog
        self._handlers: list[tuple[str, Handler]] = []
        self._known: dict[str, list[Handler]] = {}  # by topic
        self._hooks: list[Callable[[], None]] = []
        self._inbox: deque[Message] = deque()
        self._more = asyncio.Event()
        self._up = asyncio.Event()
        self._settled = asyncio.Event()
        self._woken = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.dropped = 0  # messages that no reader came for in time

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._link.arrived = self._on_arrived
        self._link.up = lambda connected: self._call(lambda: self._on_up(connected))
        self._link.settled = lambda: self._call(self._on_settled)
        self._link.start()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._link.stop)

    @property
    def connected(self) -> bool:
        """Whether a message published now would leave."""
        return self._link.client.is_connected()

    async def until_connected(self) -> None:
        """Wait for the broker."""
        await self._up.wait()

    async def until_settled(self) -> None:
        """Wait until the broker has answered every subscription made so far."""
        while not self._link.is_settled():
            self._settled.clear()
            await self._settled.wait()

    def publish(self, topic: str, body: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Hand a message over; returns at once."""
        self._link.publish(topic, body, qos, retain)

    def subscribe(self, topic_filter: str, *, qos: int = 1, handler: Handler | None = None) -> None:
        """Ask for messages, now and after every reconnect."""
        if handler is not None:
            self._handlers.append((topic_filter, handler))
            self._known.clear()
        self._link.subscribe(topic_filter, qos)

    async def messages(self) -> AsyncIterator[Message]:
        """What arrives for subscriptions without a handler, for one reader."""
        while True:
            while self._inbox:
                yield self._inbox.popleft()
            self._more.clear()
            await self._more.wait()

    def on_connect(self, hook: Callable[[], None]) -> None:
        """Call `hook` in the event loop after every connect, and now if there is a connection."""
        self._hooks.append(hook)
        if self._up.is_set():
            hook()

    # ---------------------------------------------------------------- in the network thread
    def _on_arrived(self, message: Message) -> None:
        if len(self._arrived) >= self._backlog:
            self._drop(self._arrived)
        self._arrived.append(message)
        if not self._woken:
            self._woken = True
            self._call(self._hand_over)

    def _call(self, callback: Callable[[], None]) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has been closed before us
            self._loop.call_soon_threadsafe(callback)

    # --------------------------------------------------------------------- in the event loop
    def _on_up(self, connected: bool) -> None:  # noqa: FBT001
        if not connected:
            self._up.clear()
            return
        self._up.set()
        for hook in self._hooks:
            hook()

    def _on_settled(self) -> None:
        self._settled.set()

    def _hand_over(self) -> None:
        self._woken = False
        while self._arrived:
            message = self._arrived.popleft()
            handlers = self._handlers_of(message.topic)
            for handler in handlers:
                try:
                    handler(message)
                except Exception:  # one bad message must not stop the others
                    log.exception("bus.handler_failed", topic=message.topic)
            if not handlers:
                if len(self._inbox) >= self._backlog:
                    self._drop(self._inbox)
                self._inbox.append(message)
                self._more.set()

    def _handlers_of(self, topic: str) -> list[Handler]:
        """Whom a topic concerns. To match it takes longer than to read what was said: once each."""
        if (found := self._known.get(topic)) is None:
            if len(self._known) >= TOPICS_MAX:
                self._known.clear()
            found = [h for f, h in self._handlers if topic_matches_sub(f, topic)]
            self._known[topic] = found
        return found

    def _drop(self, waiting: deque[Message]) -> None:
        waiting.popleft()
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:  # at 1, 2, 4, 8 …
            log.warning("bus.overflowed", dropped=self.dropped)


# ------------------------------------------------------------------------------ for threads
class BlockingBus:
    """The same bus for code without an event loop. Use it as a context manager."""

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        will: Will | None = None,
        persistent: bool = False,
        backlog: int = BACKLOG,
    ) -> None:
        self._link = Link(url, client_id=client_id, will=will, persistent=persistent)
        self._inbox: queue.Queue[Message] = queue.Queue(backlog)
        self._hooks: list[Callable[[], None]] = []
        self._up = threading.Event()
        self._settled = threading.Event()
        self.dropped = 0  # messages that no reader came for in time

    def __enter__(self) -> Self:
        self._link.arrived = self._on_arrived
        self._link.up = self._on_up
        self._link.settled = self._settled.set
        self._link.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._link.stop()

    @property
    def connected(self) -> bool:
        """Whether a message published now would leave."""
        return self._link.client.is_connected()

    def until_connected(self, timeout_s: float) -> bool:
        """Wait for the broker; False if it did not answer in time."""
        return self._up.wait(timeout_s)

    def until_settled(self, timeout_s: float) -> bool:
        """Wait until the broker has answered every subscription; False if it did not in time."""
        deadline = time.monotonic() + timeout_s
        while not self._link.is_settled():
            self._settled.clear()
            if self._link.is_settled():  # it was in between
                return True
            if not self._settled.wait(max(0.0, deadline - time.monotonic())):
                return False
        return True

    def publish(self, topic: str, body: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Hand a message over; returns at once."""
        self._link.publish(topic, body, qos, retain)

    def subscribe(self, topic_filter: str, *, qos: int = 1) -> None:
        """Ask for messages, now and after every reconnect."""
        self._link.subscribe(topic_filter, qos)

    def receive(self, timeout_s: float) -> Message | None:
        """The next message, or None if none came in time."""
        try:
            return self._inbox.get(timeout=timeout_s) if timeout_s > 0 else self._inbox.get_nowait()
        except queue.Empty:
            return None

    def on_connect(self, hook: Callable[[], None]) -> None:
        """Call `hook` after every connect, in the network thread: it must be quick."""
        self._hooks.append(hook)
        if self._up.is_set():
            hook()

    def _on_up(self, connected: bool) -> None:  # noqa: FBT001
        if not connected:
            self._up.clear()
            return
        self._up.set()
        for hook in self._hooks:
            hook()

    def _on_arrived(self, message: Message) -> None:
        while True:
            try:
                self._inbox.put_nowait(message)
            except queue.Full:
                with suppress(queue.Empty):
                    self._inbox.get_nowait()
                self.dropped += 1
            else:
                return
