"""A payment provider: an HTTP API that gives money back, once an id, and behaves like a partner.

    POST /refunds   {"id", "payment", "amount_minor", "currency"}
                    -> 201 {"reference"}; the same id again: 200, the same reference
                    -> 409: that id was another refund; 422: refused, nothing was done
    GET  /refunds   -> {"refunds": [{"id", "payment", "amount_minor", "currency", "reference"}]}

What may go wrong, by chance or as a test has laid it ready:

    down     503, nothing is done
    refuse   422, nothing is done
    lose     it is done, and the connection drops before the answer
    late     it is done when whoever asked has given up waiting, and is answered to nobody
    die      it is done, and the process is killed before the answer

Everything is written to a file before it is answered. `python -m simulators.payments FILE PORT`
is such a provider in a process of its own; what follows on the line are faults, in their order.
"""

import json
import os
import random
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias, cast

from typing_extensions import override

from simulators.memory import Memory

Fault: TypeAlias = Literal["down", "refuse", "lose", "late", "die"]
FIELDS = {"id", "payment", "amount_minor", "currency"}
BODY_BYTES_MAX = 100_000
LOST, DOWN = 0.01, 0.01  # share of the requests, when chance rules


class PaymentsApi:
    """The provider's side: refunds by their ids. `faults` come first, each once; then chance."""

    def __init__(
        self, memory: Memory, *, seed: int = 1, faults: Iterable[Fault] = (), chance: bool = False
    ) -> None:
        self.faults: deque[Fault] = deque(faults)
        self._memory = memory
        self._random = random.Random(f"payments {seed}")
        self._chance = chance
        self._lock = threading.Lock()

    def fault(self) -> Fault | None:
        """What goes wrong with this request, if anything."""
        with self._lock:
            if self.faults:
                return self.faults.popleft()
            drawn = self._random.random() if self._chance else 1.0
        return "lose" if drawn < LOST else "down" if drawn < LOST + DOWN else None

    def refund(self, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Give money back, once."""
        refund = {name: wanted[name] for name in sorted(FIELDS)}
        with self._lock:
            known = self._memory.get("refund", str(wanted["id"]))
            if known is not None:
                if {**known, **refund} != known:
                    return 409, {"error": "that id is another refund"}
                return 200, {"reference": known["reference"]}
            reference = f"re_{random.Random(str(wanted['id'])).randrange(10**9, 10**10)}"
            self._memory.put("refund", str(wanted["id"]), {**refund, "reference": reference})
            times = int(self._memory.get("count", "refunds") or 0) + 1
            self._memory.put("count", "refunds", times)
        return 201, {"reference": reference}

    def refunds(self) -> list[dict[str, Any]]:
        """All that was given back, by id."""
        with self._lock:
            return list(self._memory.all("refund").values())

    def times(self) -> int:
        """How often money was really given back."""
        with self._lock:
            return int(self._memory.get("count", "refunds") or 0)


class PaymentsServer:
    """The API behind HTTP on loopback, in a thread of its own."""

    def __init__(self, api: PaymentsApi, port: int) -> None:
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", port), type("Here", (_Handler,), {"api": api})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.daemon = True

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def serve(self) -> None:
        """Serve until killed."""
        self._server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    api: ClassVar[PaymentsApi]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, BODY_BYTES_MAX))
        wanted: dict[str, Any] = {}
        known = False
        with suppress(ValueError, AttributeError):
            wanted = json.loads(body)
            known = wanted.keys() >= FIELDS
        if self.path != "/refunds" or not known:
            self._answer(400, {"error": f"expected POST /refunds with {sorted(FIELDS)}"})
            return
        fault = self.api.fault()
        if fault == "down":
            self._answer(503, {"error": "maintenance"})
        elif fault == "refuse":
            self._answer(422, {"error": "the card was closed"})
        else:
            self._do(wanted, fault)

    def _do(self, wanted: dict[str, Any], fault: Fault | None) -> None:
        if fault == "late":
            self._wait_until_given_up()
        answer = self.api.refund(wanted)
        if fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault in {"lose", "late"}:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(*answer)

    def _wait_until_given_up(self) -> None:
        """Until the other side has closed the connection."""
        with suppress(OSError):
            while self.connection.recv(1024):
                pass

    def do_GET(self) -> None:
        if self.path != "/refunds":
            self._answer(404, {"error": "expected GET /refunds"})
        else:
            self._answer(200, {"refunds": self.api.refunds()})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


def main(arguments: list[str]) -> None:
    """A provider in a process of its own."""
    file, port, *faults = arguments
    api = PaymentsApi(Memory(Path(file)), faults=cast("list[Fault]", faults))
    server = PaymentsServer(api, int(port))
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main(sys.argv[1:])
