r"""A label printer, played: takes ZPL over TCP, prints, and says how it is.

    with PrinterServer() as printer:
        ...                            # ^XA … ^XZ is one label, ~HS asks for the state
        printer.labels                 # what lies in its tray, in order

    printer.paper_out = True           it says so, and prints nothing until it has paper again
    printer.dies_after = 3             it falls silent when it has printed so many more

Source: ZPL II Programming Guide, ^XA, ^XZ, ~HS.
"""

import re
import socket
import socketserver
import threading
from types import TracebackType
from typing import Self

from typing_extensions import override

_LABEL = re.compile(rb"\^XA.*?\^XZ", re.DOTALL)
_ASK = b"~HS"


class PrinterServer:
    """The printer, alive."""

    def __init__(self, port: int = 0) -> None:
        self.labels: list[bytes] = []
        self.paper_out = False
        self.dies_after: int | None = None
        self._server = _Server(("127.0.0.1", port), _Line)
        self._server.printer = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, label: bytes) -> bool:
        """Print one; False: it has just died."""
        if self.dies_after == 0:
            return False
        if self.dies_after is not None:
            self.dies_after -= 1
        self.labels.append(label)
        return True

    def state(self, waiting: int) -> bytes:
        """The three strings that it answers."""
        first = f"030,{int(self.paper_out)},0,1245,{waiting:03d},0,0,0,000,0,0,0"
        second = "000,0,0,0,0,2,4,0,00000000,1,000"
        return b"".join(b"\x02" + text.encode() + b"\x03\r\n" for text in (first, second, "1234,0"))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    printer: PrinterServer


class _Line(socketserver.BaseRequestHandler):
    """One connection."""

    @override
    def handle(self) -> None:
        printer = self.server.printer  # type: ignore[attr-defined]
        heard = b""
        while more := self._read():
            heard += more
            while (found := self._next(heard)) is not None:
                what, heard = found
                if what == _ASK:
                    self.request.sendall(printer.state(len(_LABEL.findall(heard))))
                elif not printer.take(what):
                    return

    def _read(self) -> bytes:
        try:
            return bytes(self.request.recv(65536))
        except (ConnectionError, socket.timeout):  # noqa: UP041 - both names of one thing
            return b""

    def _next(self, heard: bytes) -> tuple[bytes, bytes] | None:
        """The next label or question, and what comes behind it."""
        printer = self.server.printer  # type: ignore[attr-defined]
        label = None if printer.paper_out else _LABEL.search(heard)
        asked = heard.find(_ASK)
        if asked >= 0 and (label is None or asked < label.start()):
            return _ASK, heard[:asked] + heard[asked + len(_ASK) :]
        return None if label is None else (label[0], heard[label.end() :])
