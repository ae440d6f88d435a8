"""The network half of the bus: one paho-mqtt client in its own thread, for edge.mqtt alone.

It connects by itself with a growing and jittered pause, subscribes again after every reconnect,
and reports what happens through three callbacks, which are called in the network thread.
What is said leaves at once: a small message does not wait for the answer to the one before it
(Nagle's algorithm), which with answers that are put off costs 40 ms a hop.

Source: MQTT 3.1.1 (OASIS 2014). A blank in a topic makes nats-server close the connection.
"""

import os
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import uniform
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.tls import ClientTls

log = structlog.get_logger(__name__)

KEEPALIVE_S = 15
QUEUED_MAX = 1_000  # QoS 1 messages kept while there is no connection

_LEVEL = re.compile(r"[^\s/+#$\x00-\x1f\x7f]+")


def level(name: str) -> str:
    """The name, if it may be a level of a topic.

    Raises:
        ValueError: it is empty or holds a blank, a control character or one of `/ + # $`.
    """
    if not _LEVEL.fullmatch(name):
        raise ValueError(f"{name!r} cannot be part of a topic: no blanks, no / + # $, not empty")
    return name


@dataclass(frozen=True, slots=True)
class Message:
    """Something that arrived."""

    topic: str
    body: bytes
    retained: bool = False  # it was said before we subscribed


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker says for us when we vanish without a goodbye."""

    topic: str
    body: bytes
    qos: int = 1
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Address:
    """A broker's URL taken apart: mqtt://[user[:password]@]host[:port], or mqtts:// (edge.tls)."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    query: str = ""  # which certificate, with mqtts (edge.tls)


def parse_url(url: str) -> Address:
    """Take a broker's URL apart.

    Raises:
        ValueError: it is not mqtt:// or mqtts:// with a host.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise ValueError(f"{url!r} is no broker address; write mqtt://host:port or mqtts://…")
    tls = parts.scheme == "mqtts"
    return Address(
        host=parts.hostname,
        port=parts.port or (8883 if tls else 1883),
        tls=tls,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        query=parts.query,
    )


class Link:
    """One paho client in its own thread: connects, subscribes again, reports what happens.

    `arrived`, `up` and `settled` are called in the network thread.
    """

    def __init__(self, url: str, *, client_id: str, will: Will | None, persistent: bool) -> None:
        address = parse_url(url)
        self.arrived: Callable[[Message], None] = lambda _message: None
        self.up: Callable[[bool], None] = lambda _connected: None
        self.settled: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._filters: dict[str, int] = {}
        self._unanswered: set[int] = set()
        self._told = False  # those who wait for the connection have heard of it
        self._log = log.bind(client=client_id, host=address.host, port=address.port)
        self._failing = False
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=level(client_id).replace(".", "_"),  # nats-server takes none with a dot
            clean_session=not persistent,
        )
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        if address.tls:
            tls = ClientTls(address.query, os.environ)
            client.tls_set_context(tls.context)
            client.on_pre_connect = lambda _client, _userdata: tls.renew()
        if will is not None:
            client.will_set(will.topic, will.body, will.qos, will.retain)
        client.max_queued_messages_set(QUEUED_MAX)
        client.connect_timeout = 5.0
        # paho doubles the first pause each time; a random first one is our jitter
        client.reconnect_delay_set(min_delay=uniform(0.1, 0.3), max_delay=3)  # type: ignore[arg-type]  # noqa: S311
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_open = _at_once
        client.connect_async(address.host, address.port, KEEPALIVE_S)
        self.client = client

    def start(self) -> None:
        """Start the network thread."""
        self.client.loop_start()

    def stop(self) -> None:
        """Say goodbye (so no last will) and wait for the network thread."""
        self.client.disconnect()
        self.client.loop_stop()

    def publish(self, topic: str, body: bytes, qos: int, retain: bool) -> None:  # noqa: FBT001
        """Hand a message to the network thread.

        Raises:
            ValueError: the topic holds a blank or a wildcard.
        """
        if any(character.isspace() for character in topic):
            raise ValueError(f"a topic has no blanks: {topic!r}")
        info = self.client.publish(topic, body, qos, retain)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            self._log.warning("bus.queue_full", topic=topic, queued_max=QUEUED_MAX)

    def subscribe(self, topic_filter: str, qos: int) -> None:
        """Ask for messages now, if there is a connection, and after every connect.

        Raises:
            ValueError: the filter holds a blank.
        """
        if any(character.isspace() for character in topic_filter):
            raise ValueError(f"a topic filter has no blanks: {topic_filter!r}")
        with self._lock:
            self._filters[topic_filter] = qos
            self._send_subscribe([(topic_filter, qos)])

    def is_settled(self) -> bool:
        """Whether we have said that there is a connection, and all subscriptions are answered."""
        with self._lock:
            return self._told and self.client.is_connected() and not self._unanswered

    def _send_subscribe(self, filters: list[tuple[str, int]]) -> None:
        _, mid = self.client.subscribe(filters)
        if mid is not None:
            self._unanswered.add(mid)

    def _on_connect(
        self,
        _client: Client,
        _userdata: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._log.error("bus.refused", reason=str(reason))
            return
        self._failing = False
        with self._lock:
            self._unanswered.clear()
            if self._filters:
                self._send_subscribe(list(self._filters.items()))
        self._log.info("bus.connected")
        self.up(True)  # noqa: FBT003
        with self._lock:
            self._told = True
        self.settled()

    def _on_connect_fail(self, _client: Client, _userdata: Any) -> None:
        if not self._failing:  # said once, not at every try
            self._failing = True
            self._log.warning("bus.unreachable")

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._log.info("bus.disconnected", reason=str(reason))
        with self._lock:
            self._told = False
        self.up(False)  # noqa: FBT003

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: Any,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._log.error("bus.subscription_refused", reasons=[str(r) for r in reasons])
        with self._lock:
            self._unanswered.discard(mid)
        self.settled()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.arrived(Message(message.topic, bytes(message.payload), bool(message.retain)))


def _at_once(_client: Client, _userdata: Any, opened: Any) -> None:
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
