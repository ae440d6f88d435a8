"""The fault proxy does to a connection what it says, by its seed, and nothing else."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from typing_extensions import override

from tests.builders import eventually
from tests.faults.proxy import HOST, FaultProxy

PATIENCE_S = 20


class Upper(socketserver.ThreadingTCPServer):
    """Says every line again in capitals, and keeps what it was told."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        super().__init__((HOST, 0), _Say)


class _Say(socketserver.StreamRequestHandler):
    server: Upper

    @override
    def handle(self) -> None:
        try:
            for line in self.rfile:
                self.server.heard.append(line)
                self.wfile.write(line.upper())
        except ConnectionError:
            return


@pytest.fixture
def upper() -> Iterator[Upper]:
    with Upper() as server:
        thread = threading.Thread(
            target=partial(server.serve_forever, poll_interval=0.01), daemon=True
        )
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def proxy_of(upper: Upper, seed: int = 1, /, **shares: float) -> FaultProxy:
    host, port = upper.server_address[:2]
    assert isinstance(host, str)
    return FaultProxy((host, port), seed=seed, **shares)


def say(client: socket.socket, line: bytes) -> bytes:
    client.sendall(line)
    answer = b""
    while not answer.endswith(b"\n"):
        part = client.recv(1024)
        if not part:
            return answer
        answer += part
    return answer


def hear_all(client: socket.socket, got: bytearray) -> None:
    while part := client.recv(1024):
        got += part


def connect(proxy: FaultProxy, patience_s: float = PATIENCE_S) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=patience_s)


def test_without_faults_everything_goes_through(upper: Upper):
    with proxy_of(upper) as proxy, connect(proxy) as one, connect(proxy) as two:
        assert [say(one, b"a\n"), say(two, b"b\n"), say(one, b"c\n")] == [b"A\n", b"B\n", b"C\n"]
        long = b"x" * 1_000_000 + b"\n"
        assert say(two, long) == long.upper()
        assert proxy.faults == {}


def test_refused_is_not_heard(upper: Upper):
    with proxy_of(upper, refuse=1) as proxy, connect(proxy) as client:
        with pytest.raises(ConnectionResetError):
            say(client, b"a\n")
        assert (proxy.faults, upper.heard) == ({"refuse": 1}, [])


@pytest.mark.parametrize("fault", ["abandon", "swallow"])
def test_abandoned_and_swallowed_are_heard_and_not_answered(upper: Upper, fault: str):
    with proxy_of(upper, **{fault: 1.0}) as proxy, connect(proxy) as client:
        with pytest.raises(ConnectionResetError):
            say(client, b"a\n")
        eventually(lambda: upper.heard == [b"a\n"])
        assert proxy.faults == {fault: 1}


def test_cut_is_answered_by_half(upper: Upper):
    with proxy_of(upper, cut=1) as proxy, connect(proxy) as client:
        client.sendall(b"abcdef\n")
        got = bytearray()
        with pytest.raises(ConnectionResetError):
            hear_all(client, got)
        assert bytes(got) in (b"", b"ABC"), "a reset may overtake what was sent before it"


def test_stalled_is_never_answered(upper: Upper):
    with proxy_of(upper, stall=1) as proxy, connect(proxy, patience_s=0.2) as client:
        with pytest.raises(TimeoutError):
            say(client, b"a\n")
        assert upper.heard == [b"a\n"]


def test_delayed_is_answered(upper: Upper):
    with proxy_of(upper, delay=1) as proxy, connect(proxy) as client:
        assert [say(client, b"a\n"), say(client, b"b\n")] == [b"A\n", b"B\n"]
        assert proxy.faults == {"delay": 2}


def test_a_partition_is_silent_until_it_is_healed(upper: Upper):
    with proxy_of(upper) as proxy, connect(proxy, patience_s=0.2) as old:
        assert say(old, b"a\n") == b"A\n"
        proxy.partition()
        with pytest.raises(TimeoutError):
            say(old, b"b\n")
        with connect(proxy, patience_s=0.2) as new, pytest.raises(TimeoutError):
            say(new, b"c\n")
        proxy.heal()
        with pytest.raises(ConnectionResetError):
            old.recv(1)
        assert upper.heard == [b"a\n"]
        with connect(proxy) as fresh:
            assert say(fresh, b"d\n") == b"D\n"


def test_the_draw_is_the_seeds(upper: Upper):
    shares = {"refuse": 0.05, "swallow": 0.05}
    one, same, other = (proxy_of(upper, seed, **shares) for seed in (1, 1, 2))
    drawn = [[p.draw(n // 50, n % 50) for n in range(2000)] for p in (one, same, other)]

    assert drawn[0] == drawn[1] != drawn[2]
    assert 0.03 < drawn[0].count("swallow") / 2000 < 0.07
    assert 0.03 < drawn[0].count("refuse") / 2000 < 0.07


def test_nobody_is_left_waiting_when_it_ends(upper: Upper):
    with proxy_of(upper, stall=1) as proxy:
        client = connect(proxy)
        client.sendall(b"a\n")
        eventually(lambda: upper.heard)
    with client, pytest.raises(ConnectionResetError):
        client.recv(1)
