"""Ports of this machine: is one free, who holds it and what to type; does a process answer."""

import socket
import sys
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from pathlib import Path

import psutil

HOST = "127.0.0.1"


class PortInUse(Exception):  # noqa: N818 - reads as a situation
    """Another process listens on the port already.

    Attributes:
        port: the port.
        holder: that process as a person would name it, or None if the system does not tell.
        pid: its number, or None.
    """

    def __init__(self, port: int, holder: str | None, pid: int | None, *, use: str) -> None:
        who = f"{holder} (process {pid})" if holder else "a process of another user"
        end = f"stop it (kill {pid})" if pid else "stop it"
        super().__init__(f"port {port} is in use by {who}; {end}, or {use}")
        self.port = port
        self.holder = holder
        self.pid = pid


def is_loopback(host: str) -> bool:
    """Whether only this machine can come to that address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False  # a name: who knows


def free_port() -> int:
    """A port of this machine that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port_is_free(port: int, *, use: str = "choose another one with --port") -> None:
    """Make sure that nobody listens on that port.

    Raises:
        PortInUse: somebody does; it says who, and what to type.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortInUse(port, *_holder(port), use=use) from error


def is_ready(port: int, host: str = HOST) -> bool:
    """Whether a web process of ours says that it and what it needs are ready.

    Cheap, for it is asked again and again while that process needs the processor: a client that
    could do more would cost fifty milliseconds each time.
    """
    with closing(HTTPConnection(host, port, timeout=2)) as line, suppress(OSError, HTTPException):
        line.request("GET", "/health/ready")
        return line.getresponse().status == 200  # noqa: PLR2004
    return False


def _holder(port: int) -> tuple[str | None, int | None]:
    """Who listens on that port: a name and a process number, as far as we may know."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid is not None
            ):
                return _name(connection.pid), connection.pid
    return None, None


def _name(pid: int) -> str:
    process = psutil.Process(pid)
    words = process.cmdline()
    if words and Path(words[0]).name.startswith(Path(sys.executable).name[:6]):
        return " ".join(words)[:80]  # "python3" alone says nothing
    return process.name()
