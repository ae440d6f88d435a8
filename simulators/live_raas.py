"""The provider of robots by the mission, alive: over HTTP, or over MQTT.

    PUT    /missions/{id}        {"load", "source", "destination", "priority"} -> the mission
    GET    /missions?after=7     {"next": 9, "missions": [...]}
    DELETE /missions/{id}        -> the mission

    {prefix}/missions/{id}/set     we hear: the same body; {"wanted": false} cancels
    {prefix}/missions/{id}/state   we say, at every change and when we hear of it again

`out` is an outage: HTTP answers 503, MQTT nothing; `loses` drops the answer to the next request
that changes something after it has been done, as networks do.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from typing_extensions import override

from edge.clock import Clock
from edge.mqtt import Bus, Message
from simulators.raas import Provider

_BODY_MAX = 1 << 16


class RaasServer:
    """The provider behind HTTP on loopback, in a thread of its own."""

    def __init__(self, provider: Provider, clock: Clock, port: int = 0, token: str = "") -> None:
        self.provider, self.clock, self.token, self.port = provider, clock, token, port
        self.out, self.loses = False, 0
        self.lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Open the door, at the same port as before."""
        self.out = False
        handler = type("Bound", (_Handler,), {"raas": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Close it; who is connected is turned away."""
        self.out = True
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def do(self, what: Callable[[Provider], Any]) -> Any:
        """Do something with the provider, at the time that it is."""
        with self.lock:
            self.provider.step(self.clock.now())
            return what(self.provider)


class _Handler(BaseHTTPRequestHandler):
    raas: RaasServer
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        try:
            asked = json.loads(self.rfile.read(min(length, _BODY_MAX)))
            _ = asked["load"], asked["source"], asked["destination"]
        except (ValueError, KeyError, TypeError):
            self._answer(400, {"error": "expected load, source and destination"})
            return
        self._change(lambda p: p.put(self._id(), asked, self.raas.clock.now()))

    def do_DELETE(self) -> None:
        self._change(lambda p: p.cancel(self._id(), self.raas.clock.now()))

    def do_GET(self) -> None:
        after = parse_qs(urlsplit(self.path).query).get("after", ["0"])[0]
        if not after.isdecimal():
            self._answer(400, {"error": "expected GET /missions?after=0"})
        elif not self._refused():
            self._answer(200, self.raas.do(lambda p: p.changes(int(after))))

    def _change(self, what: Callable[[Provider], Any]) -> None:
        if self._refused():
            return
        found = self.raas.do(what)
        if self.raas.loses:
            self.raas.loses -= 1
            self.close_connection = True
            return
        self._answer(200 if found else 404, found or {"error": "no such mission"})

    def _refused(self) -> bool:
        if self.raas.out:
            self.close_connection = True
            self._answer(503, {"error": "maintenance"})
        elif self.raas.token and self.headers.get("Authorization") != f"Bearer {self.raas.token}":
            self._answer(401, {"error": "who are you?"})
        else:
            return False
        return True

    def _id(self) -> str:
        return unquote(urlsplit(self.path).path.removeprefix("/missions/"))

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


class RaasOnBus:
    """The provider on MQTT, below a prefix. `step` lets time pass and says what has changed."""

    def __init__(self, provider: Provider, bus: Bus, prefix: str, clock: Clock) -> None:
        self.provider, self.out = provider, False
        self._bus, self._prefix, self._clock = bus, prefix, clock
        bus.subscribe(f"{prefix}/missions/+/set", qos=1, handler=self._on_set)

    def come(self) -> None:
        """Be there."""
        self._bus.publish(f"{self._prefix}/online", b"1", retain=True)

    def go(self) -> None:
        """Be away, and say so."""
        self._bus.publish(f"{self._prefix}/online", b"0", retain=True)

    def step(self) -> None:
        """Let time pass."""
        for said in self.provider.step(self._clock.now()):
            self._say(said)

    def _on_set(self, message: Message) -> None:
        if self.out:
            return
        id_ = message.topic.removeprefix(f"{self._prefix}/missions/").removesuffix("/set")
        asked, now = json.loads(message.body), self._clock.now()
        if asked.get("wanted", True):
            self._say(self.provider.put(id_, asked, now))
        elif (said := self.provider.cancel(id_, now)) is not None:
            self._say(said)
        else:
            self._say({"id": id_, "state": "REFUSED", "reason": "no such mission"})

    def _say(self, said: dict[str, Any]) -> None:
        body = json.dumps(said).encode()
        self._bus.publish(f"{self._prefix}/missions/{said['id']}/state", body)
