"""The bus on real brokers: what is said arrives, wills and retained words too."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from uuid import uuid1

import pytest

from edge.broker import broker_child, url_of
from edge.mqtt import (
    BlockingBus,
    Message,
    PahoBus,
    Will,
    frame_topic,
    level,
    live_topic,
    parse_url,
    stream_ack_topic,
    stream_data_topic,
)
from edge.ports import free_port
from edge.process import Child, Keeper
from tests.edge.waiting import soon


def name(what: str) -> str:
    """A client id or topic level that no other test uses."""
    return f"{what}-{uuid1()}"


async def next_message(bus: PahoBus) -> Message:
    async with asyncio.timeout(10):
        async for message in bus.messages():
            return message
    raise AssertionError("unreachable: messages() does not end")


async def test_what_is_said_arrives(broker_url: str):
    topic = live_topic("TYO1", name("edge"))
    async with (
        PahoBus(broker_url, client_id=name("a")) as speaker,
        PahoBus(broker_url, client_id=name("b")) as hearer,
    ):
        hearer.subscribe(topic, qos=0)
        await hearer.until_connected()
        await hearer.until_settled()
        await speaker.until_connected()
        for qos in (0, 1):
            speaker.publish(topic, b"%d" % qos, qos=qos)
            assert await next_message(hearer) == Message(topic, b"%d" % qos)


async def test_a_small_message_does_not_wait_for_the_answer_to_the_one_before(broker_url: str):
    async with PahoBus(broker_url, client_id=name("a")) as bus:
        await bus.until_connected()
        opened = bus._link.client.socket()
        assert isinstance(opened, socket.socket)
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_handlers_take_their_topics_and_the_rest_goes_to_messages(broker_url: str):
    here, there = name("here"), name("there")
    handled: list[Message] = []
    async with PahoBus(broker_url, client_id=name("a")) as bus:
        bus.subscribe(f"t/{here}/+", handler=handled.append)
        bus.subscribe(f"t/{there}/#")
        await bus.until_settled()
        bus.publish(f"t/{here}/1", b"for the handler")
        bus.publish(f"t/{there}/1", b"for the reader")
        assert (await next_message(bus)).body == b"for the reader"
        await soon(lambda: handled)
        assert [message.body for message in handled] == [b"for the handler"]


async def test_whoever_asks_for_a_topic_later_hears_of_it_too(broker_url: str):
    topic = f"t/{name('x')}"
    early: list[bytes] = []
    late: list[bytes] = []
    async with PahoBus(broker_url, client_id=name("a")) as bus:
        bus.subscribe(topic, handler=lambda message: early.append(message.body))
        await bus.until_settled()
        bus.publish(topic, b"1")
        await soon(lambda: early)
        bus.subscribe(topic, handler=lambda message: late.append(message.body))
        await bus.until_settled()
        bus.publish(topic, b"2")
        await soon(lambda: late)
    assert (early[0], early[-1], late[-1]) == (b"1", b"2", b"2")


async def test_a_handler_that_fails_does_not_stop_the_others(nats_url: str):
    topic = f"t/{name('x')}"
    handled: list[bytes] = []

    def handler(message: Message) -> None:
        if message.body == b"bad":
            raise KeyError(message.body)
        handled.append(message.body)

    async with PahoBus(nats_url, client_id=name("a")) as bus:
        bus.subscribe(topic, handler=handler)
        await bus.until_settled()
        for body in (b"bad", b"good"):
            bus.publish(topic, body)
        await soon(lambda: handled)
    assert handled == [b"good"]


async def test_a_retained_word_waits_for_those_who_come_later(broker_url: str):
    topic = frame_topic(name("TYO1"))
    async with PahoBus(broker_url, client_id=name("a")) as bus:
        await bus.until_connected()
        bus.publish(topic, b"frame 1", retain=True)
        bus.publish(topic, b"frame 2", retain=True)
        seen: list[Message] = []
        async with PahoBus(broker_url, client_id=name("b")) as late:
            late.subscribe(topic)
            while not seen or seen[-1].body != b"frame 2":
                seen.append(await next_message(late))


async def test_the_will_is_said_when_we_vanish_and_not_when_we_leave(broker_url: str):
    topic = f"t/{name('will')}"
    will = Will(topic=topic, body=b"vanished", retain=False)
    async with PahoBus(broker_url, client_id=name("a")) as hearer:
        hearer.subscribe(topic)
        await hearer.until_settled()
        async with PahoBus(broker_url, client_id=name("b"), will=will) as polite:
            await polite.until_connected()
        async with PahoBus(broker_url, client_id=name("c"), will=will) as rude:
            await rude.until_connected()
            connection = rude._link.client.socket()
            assert isinstance(connection, socket.socket)
            connection.shutdown(socket.SHUT_RDWR)  # the connection ends without a goodbye
            assert (await next_message(hearer)).body == b"vanished"


@pytest.fixture
def own_broker(tmp_path: Path) -> tuple[str, Child]:
    """A nats-server that the test may kill; not started yet."""
    port = free_port()
    return url_of(port), broker_child(tmp_path / "b", port=port, kind="nats")


async def test_it_waits_for_the_broker_and_survives_its_death(own_broker: tuple[str, Child]):
    url, child = own_broker
    connects = 0

    def count() -> None:
        nonlocal connects
        connects += 1

    async with PahoBus(url, client_id=name("a")) as bus:
        bus.on_connect(count)
        bus.subscribe("t/x")
        bus.publish("t/x", b"said before there was a broker")
        assert not bus.connected
        async with Keeper(child, pause_s=lambda _failures: 0.01):
            await bus.until_settled()
            assert connects == 1
            assert child.pid is not None
            assert (await next_message(bus)).body == b"said before there was a broker"
            os.kill(child.pid, signal.SIGKILL)
            await soon(lambda: connects == 2)
            await bus.until_settled()
            bus.publish("t/x", b"after")
            while (again := (await next_message(bus)).body) != b"after":
                assert again == b"said before there was a broker", "QoS 1 may say it twice"


async def test_acknowledged_messages_and_retained_ones_survive_kill_9(
    own_broker: tuple[str, Child],
):
    url, child = own_broker
    async with Keeper(child, pause_s=lambda _failures: 0.01):
        async with PahoBus(url, client_id="reader", persistent=True) as reader:
            reader.subscribe("t/n")
            await reader.until_settled()
        async with PahoBus(url, client_id="writer") as writer:
            await writer.until_connected()
            writer.publish("t/kept", b"kept", retain=True)
            for n in range(200):
                writer.publish("t/n", b"%d" % n)
            await soon(lambda: not writer._link.client._out_messages)  # all acknowledged
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
        async with PahoBus(url, client_id="reader", persistent=True) as reader:
            got = [(await next_message(reader)).body for _ in range(200)]
            reader.subscribe("t/kept")
            assert await next_message(reader) == Message("t/kept", b"kept", retained=True)
    assert list(dict.fromkeys(got)) == [b"%d" % n for n in range(200)]


async def test_a_slow_reader_loses_the_oldest_and_it_is_counted(nats_url: str):
    topic = f"t/{name('x')}"
    async with PahoBus(nats_url, client_id=name("a"), backlog=10) as bus:
        bus.subscribe(topic, qos=0)
        await bus.until_settled()
        for n in range(100):
            bus.publish(topic, b"%d" % n, qos=0)
        await soon(lambda: bus.dropped >= 90)
        await soon(lambda: len(bus._inbox) == 10)
        assert (await next_message(bus)).body == b"90"


def test_the_blocking_bus(broker_url: str):
    topic = f"t/{name('x')}"
    with BlockingBus(broker_url, client_id=name("a")) as bus:
        assert bus.until_settled(10)
        connects: list[int] = []
        bus.on_connect(lambda: connects.append(1))
        assert connects == [1]
        bus.subscribe(topic)
        assert bus.until_settled(10)
        assert bus.receive(0) is None
        bus.publish(topic, b"hello")
        message = bus.receive(10)
        assert message == Message(topic, b"hello")


def test_it_is_settled_only_when_the_hooks_have_been_called(broker_url: str):
    bus = BlockingBus(broker_url, client_id=name("a"))
    settled: list[bool] = []
    bus.on_connect(lambda: settled.append(bus._link.is_settled()))
    with bus:
        assert bus.until_settled(10)
        assert settled == [False]


@pytest.mark.parametrize(
    "bad", ["", "a b", "a/b", "+", "#", "a#", "$SYS", "a\tb", "全角\u3000空白", "\x00"]
)
def test_names_that_cannot_be_part_of_a_topic(bad: str):
    with pytest.raises(ValueError, match="cannot be part of a topic"):
        live_topic("ok", bad)
    for make in (stream_ack_topic, stream_data_topic):
        with pytest.raises(ValueError, match="cannot be part of a topic"):
            make("ok", bad, "ok")


def test_names_of_topics():
    assert level("R-01:a_b.c") == "R-01:a_b.c"
    assert stream_data_topic("TYO1", "edge", "wcs") == "soko/v1/TYO1/edge/wcs/data"
    assert stream_ack_topic("TYO1", "edge", "wcs") == "soko/v1/TYO1/edge/wcs/ack"
    assert live_topic("TYO1", "wcs") == "soko/v1/TYO1/wcs/live"
    assert frame_topic("TYO1") == "soko/v1/TYO1/frame"


async def test_a_blank_in_a_topic_is_refused_here_not_by_the_broker(nats_url: str):
    async with PahoBus(nats_url, client_id=name("a")) as bus:
        with pytest.raises(ValueError, match="blank"):
            bus.publish("a b", b"")
        with pytest.raises(ValueError, match="blank"):
            bus.subscribe("a b/+")
        with pytest.raises(ValueError, match="topic"):
            bus.publish("a/+", b"")


def test_addresses():
    address = parse_url("mqtts://me:p%40ss@broker.example")
    assert (address.host, address.port, address.tls) == ("broker.example", 8883, True)
    assert (address.user, address.password) == ("me", "p@ss")
    assert parse_url("mqtt://[::1]:18830").port == 18830
    for bad in ("127.0.0.1:1883", "http://x", "mqtt://"):
        with pytest.raises(ValueError, match="no broker address"):
            parse_url(bad)
