r"""A label printer over TCP (port 9100): it is given ZPL, and says when it has printed it.

    LabelPrinter(host, port).print_labels(zpl)     returns when the printer has nothing left to do

After the labels it is asked for its state (~HS) until no format waits and no label is left. A
printer that is away, has no paper, is paused or open is `Unavailable`: whether it has printed what
it was given is not known then.

Seconds are real. No encryption and no password: keep printers on a network of their own.

Source: ZPL II Programming Guide, ~HS (three strings, each between STX and ETX).
"""

import socket
import time
from dataclasses import dataclass

from wms.errors import Unavailable

CONNECT_S, ANSWER_S, PRINT_S, LOOK_S = 3.0, 5.0, 60.0, 0.05
STX, ETX = b"\x02", b"\x03"
STRINGS = 3
ANSWER_MAX = 4096  # bytes; three strings are some eighty
PAPER_OUT, PAUSED, WAITING = 1, 2, 4  # fields of the first string
HEAD_OPEN, RIBBON_OUT, LABELS_LEFT = 2, 3, 8  # of the second


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterState:
    """What a printer says of itself."""

    trouble: str  # "" when there is none
    is_idle: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPrinter:
    """Where it is."""

    host: str
    port: int = 9100

    def print_labels(self, zpl: bytes) -> None:
        """Print, and wait until that is done.

        Raises:
            Unavailable: no answer, or it cannot print now.
        """
        where = f"{self.host}:{self.port}"
        try:
            with socket.create_connection((self.host, self.port), timeout=CONNECT_S) as line:
                line.settimeout(ANSWER_S)
                _check(_ask(line))
                line.sendall(zpl)
                deadline = time.monotonic() + PRINT_S
                while not (state := _check(_ask(line))).is_idle:
                    if time.monotonic() > deadline:
                        raise Unavailable(f"{where} is still busy ({state})")
                    time.sleep(LOOK_S)  # it tells nothing by itself: it must be asked
        except (OSError, ValueError, IndexError) as error:
            raise Unavailable(f"{where}: {str(error) or type(error).__name__}") from error


def _ask(line: socket.socket) -> PrinterState:
    line.sendall(b"~HS\r\n")
    heard = b""
    while heard.count(ETX) < STRINGS:
        more = line.recv(1024)
        if not more:
            raise ConnectionError("it closed the connection")
        heard += more
        if len(heard) > ANSWER_MAX:
            raise ConnectionError("it says more than a printer does")
    return read_state(heard)


def read_state(heard: bytes) -> PrinterState:
    """What the three strings mean.

    Raises:
        ValueError, IndexError: they are not what a printer says.
    """
    first, second = (
        part.partition(ETX)[0].decode("ascii").split(",") for part in heard.split(STX)[1:3]
    )
    troubles = {
        "no paper": first[PAPER_OUT],
        "paused": first[PAUSED],
        "open": second[HEAD_OPEN],
        "no ribbon": second[RIBBON_OUT],
    }
    trouble = ", ".join(name for name, flag in troubles.items() if flag == "1")
    return PrinterState(
        trouble=trouble, is_idle=int(first[WAITING]) == 0 and int(second[LABELS_LEFT]) == 0
    )


def _check(state: PrinterState) -> PrinterState:
    if state.trouble:
        raise Unavailable(state.trouble)
    return state
