"""The embedded server: as root and as a user, after kill -9 of anything, with a clear word."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

import wms.postgres
from edge.ports import PortInUse, free_port
from edge.process import ChildFailed
from tests.builders import eventually
from wms.postgres import EmbeddedPostgres

ROOT = Path(__file__).parent.parent.parent


def ask(url: str, query: str) -> object:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def answers(postgres: EmbeddedPostgres) -> bool:
    try:
        return ask(postgres.url, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False


def test_it_keeps_what_it_is_told_over_a_restart_and_is_safe(folder: Path):
    with EmbeddedPostgres(folder / "pg", port=free_port()) as postgres:
        ask(postgres.url, "CREATE TABLE kept AS SELECT 42 AS n")
        assert ask(postgres.url, "SHOW fsync") == "on"
        assert ask(postgres.url, "SHOW data_checksums") == "on"
        assert ask(postgres.url, "SHOW listen_addresses") == "127.0.0.1"
        stranger = make_url(postgres.url).set(password="guess")  # noqa: S106 - it is not
        with pytest.raises(psycopg.OperationalError, match="password"):
            ask(stranger.render_as_string(hide_password=False), "SELECT 1")
    assert not postgres.is_running

    with EmbeddedPostgres(folder / "pg", port=free_port()) as postgres:
        assert ask(postgres.url, "SELECT n FROM kept") == 42


def test_the_server_comes_back_after_kill_9_with_what_was_committed(folder: Path):
    with EmbeddedPostgres(folder / "pg", port=free_port(), keep=True) as postgres:
        ask(postgres.url, "CREATE TABLE kept AS SELECT 42 AS n")
        assert postgres.pid
        os.kill(postgres.pid, signal.SIGKILL)

        eventually(lambda: answers(postgres))

        assert ask(postgres.url, "SELECT n FROM kept") == 42


def test_a_port_in_use_says_whose_it_is(folder: Path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            EmbeddedPostgres(folder / "pg", port=port, fast=True).start()

    assert f"port {port} is in use by" in str(caught.value)
    assert caught.value.pid == os.getpid()
    assert f"--port {port + 1}" in str(caught.value)


def test_a_folder_that_is_being_served_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wms.postgres, "STOP_WITHIN_S", 0.0)
    with EmbeddedPostgres(folder / "pg", fast=True) as first:
        with pytest.raises(ChildFailed, match=f"already running as process {first.pid}"):
            EmbeddedPostgres(folder / "pg", fast=True).start()

        assert answers(first)
        monkeypatch.undo()


def test_a_half_made_data_folder_and_a_stale_pid_file_are_put_right(folder: Path):
    home = folder / "pg"
    (home / "data.new-dead").mkdir(parents=True)
    with EmbeddedPostgres(home, fast=True) as postgres:
        assert answers(postgres)
    assert not list(home.glob("data.new-*"))
    (home / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{home / 'data'}\n")

    with EmbeddedPostgres(home, fast=True) as postgres:
        assert answers(postgres)


def serve_in_a_child(home: Path) -> tuple["subprocess.Popen[str]", str]:
    """A process of its own that runs a server until it is killed, and the server's address."""
    script = (
        "import sys, signal; from pathlib import Path; from wms.postgres import EmbeddedPostgres\n"
        f"with EmbeddedPostgres(Path({str(home)!r}), fast=True) as postgres:\n"
        "    print(postgres.url, flush=True); signal.pause()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    return child, child.stdout.readline().strip()


def servers_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if str(home / "data") in words:
            found.append(process)
    return found


@pytest.mark.parametrize("watchdog_too", [False, True])
def test_it_goes_with_its_parent_however_that_ends(folder: Path, *, watchdog_too: bool):
    home = folder / "pg"
    child, url = serve_in_a_child(home)
    try:
        assert ask(url, "SELECT 1") == 1
        watchdogs = psutil.Process(child.pid).children() if watchdog_too else []
        for process in (psutil.Process(child.pid), *watchdogs):
            process.kill()
    finally:
        child.wait()
        assert child.stdout is not None
        child.stdout.close()

    with EmbeddedPostgres(home, fast=True) as postgres:  # an orphan would be in the way
        assert answers(postgres)
    assert servers_of(home) == []


def everybody_can_run(program: Path) -> bool:
    real = program.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (real, *real.parents))


@pytest.mark.skipif(
    os.geteuid() != 0 or not everybody_can_run(Path(sys.executable)),
    reason="needs root, to become an ordinary user, and a Python that such a one can run",
)
def test_it_works_for_an_ordinary_user(folder: Path):
    home = folder / "pg"
    script = (
        "from pathlib import Path; from wms.postgres import EmbeddedPostgres\n"
        f"with EmbeddedPostgres(Path({str(home)!r}), fast=True) as postgres:\n"
        "    print(postgres.url)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, user=65534, group=65534, extra_groups=[],
        env={"PATH": os.environ["PATH"], "HOME": "/"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("postgresql+psycopg://soko@"), done.stderr
    assert (home / "data").stat().st_uid == 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's folders are closed to the server")
def test_as_root_a_closed_folder_is_no_hindrance():
    with tempfile.TemporaryDirectory(prefix="soko-closed-") as closed:  # mode 0700
        server = EmbeddedPostgres(Path(closed) / "pg", fast=True)
        with server as postgres:
            elsewhere = Path(str(ask(postgres.url, "SHOW data_directory")))
        assert elsewhere.is_relative_to("/var/lib/soko")
        shutil.rmtree(elsewhere)
