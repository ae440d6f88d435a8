"""`soko doctor`: looks at this machine and this installation, and says what to do about it.

Each check answers with a finding: ok, a warning (it works, but), or a fault, with the words to
type. Nothing is changed. With SOKO_PRODUCTION=true nothing passes that may lose data or lets
strangers in: what is a warning otherwise, or nothing, is a fault.
"""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

import typer

from wms.settings import Settings

if TYPE_CHECKING:
    import psycopg

State: TypeAlias = Literal["ok", "warning", "fault"]

GIB = 1 << 30
DISK_WARNING = 5 * GIB
DISK_FAULT = 1 * GIB
SKEW_MAX_S = 2.0
POSTGRES_MIN = 150_000
_SAFE = (
    "fsync", "full_page_writes", "synchronous_commit", "data_checksums", "max_slot_wal_keep_size",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `fix` says what to do."""

    check: str
    state: State
    says: str
    fix: str = ""


def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False
) -> None:
    """Look at ports, database, broker, disk, clock and fonts, and say what to do."""
    findings = examine(Settings())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        marks = {"ok": "✔", "warning": "!", "fault": "✘"}
        for finding in findings:
            typer.echo(f"{marks[finding.state]} {finding.check:<10} {finding.says}")
            if finding.fix:
                typer.echo(f"  {'':<10} -> {finding.fix}")
    raise typer.Exit(1 if any(finding.state == "fault" for finding in findings) else 0)


def examine(settings: Settings) -> list[Finding]:
    """All findings."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _python,
        _database,
        _broker,
        _ports,
        _wires,
        _disk,
        _fonts,
    )
    return [finding for check in checks for finding in check(settings)]


def _python(_settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info < (3, 11)
    fix = "install Python 3.11 or later" if old else ""
    yield Finding("python", "fault" if old else "ok", f"Python {version}", fix)


def _database(settings: Settings) -> Iterator[Finding]:
    import psycopg
    from sqlalchemy import make_url

    address = make_url(settings.database_url).set(drivername="postgresql")
    where = address.render_as_string(hide_password=True)
    try:
        connection = psycopg.connect(
            address.render_as_string(hide_password=False), connect_timeout=3, autocommit=True
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        fix = "`soko db run` starts our own; or set SOKO_DATABASE_URL"
        yield Finding("database", "fault", f"{where} does not answer: {reason}", fix)
        return
    with closing(connection):
        yield from _server(settings, connection, where)
    yield from _schema(settings)


def _server(
    settings: Settings, connection: "psycopg.Connection[Any]", where: str
) -> Iterator[Finding]:
    def setting(name: str) -> str:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        return str(row[0]) if row else ""

    version = connection.info.server_version
    says = f"PostgreSQL {version // 10_000}.{version % 10_000} at {where}"
    old = version < POSTGRES_MIN
    fix = "upgrade the server to PostgreSQL 15 or later" if old else ""
    yield Finding("database", "fault" if old else "ok", says, fix)
    query = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'soko_backup' AND active"
    row = connection.execute(query).fetchone()
    yield from judge(
        settings, {name: setting(name) for name in _SAFE} | {"followers": str(row and row[0])}
    )
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    skew_s = (row[0] - datetime.now(UTC)).total_seconds()  # noqa: TID251 - it is about the clock
    skewed = abs(skew_s) > SKEW_MAX_S
    says = f"our clock and the database's differ by {abs(skew_s):.1f} s"
    fix = "synchronise both machines' clocks (chrony, systemd-timesyncd)" if skewed else ""
    yield Finding("clock", "fault" if skewed else "ok", says, fix)


def judge(settings: Settings, found: Mapping[str, str]) -> Iterator[Finding]:
    """What the server's settings, and ours, mean for who relies on this."""
    must: State = "fault" if settings.production else "warning"
    for name in _SAFE[:3]:
        if found[name] == "off":
            fix = f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();"
            yield Finding("database", "fault", f"{name} is off: a crash loses data", fix)
    if found["data_checksums"] != "on":
        fix = "stop the server, run `pg_checksums --enable`, start it"
        yield Finding("database", must, "data have no checksums", fix)
    if found["followers"] == "0":
        fix = "`soko backup follow`, on another machine (docs/operations/backup.md)"
        yield Finding("backup", must, "nobody keeps the log of changes", fix)
    elif found["max_slot_wal_keep_size"] == "-1":
        fix = "ALTER SYSTEM SET max_slot_wal_keep_size = '4GB'; SELECT pg_reload_conf();"
        yield Finding("backup", "warning", "a follower that dies would fill the disk", fix)
    if settings.production:
        for name, open_ in (("access", "open"), ("handheld", "open")):
            if getattr(settings, name) == open_:
                fix = f"SOKO_{name.upper()}={'keys' if name == 'access' else 'paired'}"
                yield Finding(
                    "doors", "fault", f"{name} is open: nobody is asked who they are", fix
                )


def _schema(settings: Settings) -> Iterator[Finding]:
    from wms.migrations import current_revisions, head_revisions

    current, head = current_revisions(settings.database_url), head_revisions()
    if current == head:
        yield Finding("schema", "ok", f"at {', '.join(sorted(head))}")
        return
    found = ", ".join(sorted(current)) or "empty"
    wanted = ", ".join(sorted(head))
    yield Finding("schema", "fault", f"is {found}, should be {wanted}", "soko db upgrade")


def _broker(settings: Settings) -> Iterator[Finding]:
    address = urlsplit(settings.mqtt_url)
    where = (address.hostname or "127.0.0.1", address.port or 1883)
    try:
        socket.create_connection(where, timeout=3).close()
    except OSError as error:
        fix = "`soko broker run` starts our own; or set SOKO_MQTT_URL"
        yield Finding("broker", "fault", f"{settings.mqtt_url} does not answer: {error}", fix)
    else:
        yield Finding("broker", "ok", f"answers at {settings.mqtt_url}")


def _ports(settings: Settings) -> Iterator[Finding]:
    from edge.ports import PortInUse, check_port_is_free

    port = urlsplit(settings.http).port or (443 if settings.tls_cert else 80)
    try:
        check_port_is_free(port, use="set SOKO_HTTP")
    except PortInUse as error:
        fix = "fine if that is `soko serve`; else stop it or set SOKO_HTTP"
        yield Finding("ports", "warning", str(error), fix)
    else:
        yield Finding("ports", "ok", f"port {port} is free for `soko serve`")


def _wires(settings: Settings) -> Iterator[Finding]:
    """What leaves this machine goes over TLS, and to nobody but whom we mean."""
    bare = list(bare_wires(settings))
    for says, fix in bare:
        yield Finding("wires", "fault" if settings.production else "warning", says, fix)
    if not bare:
        yield Finding("wires", "ok", "nothing leaves this machine in the clear")


def bare_wires(settings: Settings) -> Iterator[tuple[str, str]]:
    """Wires to other machines that anybody on the way could read or answer; what to do."""
    from psycopg.conninfo import conninfo_to_dict
    from sqlalchemy import make_url

    from edge.ports import is_loopback

    def is_here(host: str) -> bool:
        return not host or host.startswith("/") or is_loopback(host)  # a socket is here

    plain = make_url(settings.database_url).set(drivername="postgresql")
    database = conninfo_to_dict(plain.render_as_string(hide_password=False))
    hosts = str(database.get("host") or "").split(",")
    if not all(map(is_here, hosts)) and database.get("sslmode") != "verify-full":
        fix = "SOKO_DATABASE_URL=…?sslmode=verify-full&sslrootcert=/etc/soko/ca.crt"
        yield f"the database at {', '.join(hosts)} is not asked who it is", fix
    broker = urlsplit(settings.mqtt_url)
    if broker.scheme != "mqtts" and not is_here(broker.hostname or ""):
        yield f"{broker.hostname}: the broker is spoken to in the clear", "SOKO_MQTT_URL=mqtts://…"
    ours = urlsplit(settings.http)
    if not (is_here(ours.hostname or "") or settings.tls_cert or settings.behind_proxy):
        fix = "SOKO_TLS_CERT and SOKO_TLS_KEY; or a proxy with TLS, and SOKO_BEHIND_PROXY=true"
        yield f"{settings.http}: people's passwords come in the clear", fix


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.state_dir.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    state: State = "fault" if free < DISK_FAULT else "warning" if free < DISK_WARNING else "ok"
    fix = "" if state == "ok" else "make room, or set SOKO_STATE_DIR to a larger disk"
    yield Finding("disk", state, f"{free / GIB:.1f} GiB free at {there}", fix)


def _fonts(_settings: Settings) -> Iterator[Finding]:
    lister = shutil.which("fc-list")
    fix = "apt-get install fonts-noto-cjk fontconfig"
    if lister is None:
        yield Finding("fonts", "warning", "cannot see which fonts there are", fix)
        return
    done = subprocess.run(  # noqa: S603 - found on the path
        [lister, ":lang=ja", "file"], capture_output=True, text=True, check=False, timeout=20
    )
    found = done.stdout.strip().splitlines()
    if not found:
        yield Finding("fonts", "warning", "no font has Japanese: labels would show boxes", fix)
        return
    name = Path(found[0].split(":")[0]).name
    yield Finding("fonts", "ok", f"{len(found)} with Japanese, for example {name}")
