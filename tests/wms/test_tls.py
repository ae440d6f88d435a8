"""TLS on our own wires: to `soko serve`, to PostgreSQL; certificates of a CA made for the test.

To the broker: tests/edge/test_identity.py.
"""

import socket
import socketserver
import ssl
import struct
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme
import typer
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError
from typing_extensions import override

from edge.ports import HOST, free_port
from edge.process import Child
from wms.commands import serve
from wms.database import Database
from wms.doctor import bare_wires, examine
from wms.settings import Settings


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.crt, cert.pem and key.pem for this machine; foreign.crt is somebody else's authority."""
    folder = tmp_path_factory.mktemp("tls")
    ours = authority.issue_cert(HOST)
    authority.cert_pem.write_to_path(folder / "ca.crt")
    trustme.CA().cert_pem.write_to_path(folder / "foreign.crt")
    ours.private_key_pem.write_to_path(folder / "key.pem")
    for blob in ours.cert_chain_pems:
        blob.write_to_path(folder / "cert.pem", append=True)
    return folder


def of_serve(folder: Path, files: Path, url: str, port: int) -> Child:
    def is_ready() -> bool:
        try:
            trusted = ssl.create_default_context(cafile=files / "ca.crt")
            address = f"https://{HOST}:{port}/health/ready"
            return httpx2.get(address, verify=trusted, timeout=2).status_code == 200
        except httpx2.HTTPError:
            return False

    return Child(
        (sys.executable, "-m", "wms.cli", "serve",
         "--tls-cert", str(files / "cert.pem"), "--tls-key", str(files / "key.pem")),
        name="serve", folder=folder, ready=is_ready, ready_within_s=60,
        env={
            "SOKO_DATABASE_URL": url, "SOKO_HTTP": f"https://{HOST}:{port}",
            "SOKO_MQTT_URL": f"mqtt://{HOST}:{free_port()}", "SOKO_STATE_DIR": str(folder),
        },
    )  # fmt: skip


@pytest.fixture
def serving(folder: Path, files: Path, database_url: str) -> Iterator[int]:
    port = free_port()
    with of_serve(folder, files, database_url, port):
        yield port


def greeted(port: int, ca: Path, *, name: str = HOST, newest: ssl.TLSVersion) -> str | None:
    """The version that is spoken with somebody who knows none newer."""
    trusted = ssl.create_default_context(cafile=ca)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 1.1 is what we try
        trusted.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        trusted.maximum_version = newest
    if newest < ssl.TLSVersion.TLSv1_2:
        trusted.set_ciphers("ALL:@SECLEVEL=0")  # or our own library would not even ask
    with (
        socket.create_connection((HOST, port), timeout=5) as wire,
        trusted.wrap_socket(wire, server_hostname=name) as safe,
    ):
        return safe.version()


def test_asvs_12_1_1_serve_speaks_tls_1_2_or_later_and_says_so(serving: int, files: Path):
    ca = files / "ca.crt"
    assert greeted(serving, ca, newest=ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    assert greeted(serving, ca, newest=ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError, match=r"(?i)version|alert|eof"):
        greeted(serving, ca, newest=ssl.TLSVersion.TLSv1_1)
    with pytest.raises(ssl.SSLCertVerificationError):
        greeted(serving, files / "foreign.crt", newest=ssl.TLSVersion.TLSv1_3)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"(?i)mismatch|not valid"):
        greeted(serving, ca, name="elsewhere.example", newest=ssl.TLSVersion.TLSv1_3)

    trusted = ssl.create_default_context(cafile=ca)
    with httpx2.Client(base_url=f"https://{HOST}:{serving}", verify=trusted) as http:
        for path in ("/health/ready", "/ui/", "/nowhere"):
            kept = http.get(path).headers["strict-transport-security"]
            assert kept == "max-age=31536000", path
    with pytest.raises(httpx2.HTTPError):
        httpx2.get(f"http://{HOST}:{serving}/health/ready", timeout=2)


def test_a_certificate_without_its_key_is_refused_at_once(files: Path, tmp_path: Path):
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert(HOST).private_key_pem.write_to_path(other)
    for key in (None, other, tmp_path / "nowhere.pem"):
        with pytest.raises(typer.BadParameter, match="--tls-cert"):
            serve(tls_cert=files / "cert.pem", tls_key=key)


class Front(socketserver.ThreadingTCPServer):
    """PostgreSQL's side of TLS, before a server that was built without: as a pooler does it."""

    daemon_threads = True

    def __init__(self, files: Path, upstream: str) -> None:
        super().__init__((HOST, 0), Pass)
        self.upstream = upstream
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(files / "cert.pem", files / "key.pem")


class Pass(socketserver.BaseRequestHandler):
    """One connection: TLS is asked for, agreed to, and ended here."""

    @override
    def handle(self) -> None:
        front: Any = self.server
        assert struct.unpack("!II", self.request.recv(8)) == (8, 80877103)  # SSLRequest
        self.request.sendall(b"S")
        with (
            suppress(OSError),  # they would not have it
            front.tls.wrap_socket(self.request, server_side=True) as near,
            socket.socket(socket.AF_UNIX) as far,
        ):
            far.connect(front.upstream)
            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            pump(near, far)
            far.shutdown(socket.SHUT_RDWR)
            back.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


@pytest.fixture
def front(files: Path, database_url: str) -> Iterator[int]:
    """The port of a PostgreSQL that shows the certificate."""
    folder = make_url(database_url).query["host"]
    with Front(files, f"{folder}/.s.PGSQL.5432") as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def is_safe(url: str) -> bool:
    """Whether a query goes there over TLS."""
    database = Database(url, pool_size=1, role=None)
    try:
        with database.engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
            wire: Any = connection.connection.driver_connection
            return bool(wire.pgconn.ssl_in_use)
    finally:
        database.close()


def test_asvs_12_3_1_the_database_is_asked_who_it_is(front: int, files: Path, database_url: str):
    plain = make_url(database_url).set(host=HOST, port=front).set(query={})
    asked = {"sslmode": "verify-full", "sslrootcert": str(files / "ca.crt")}
    safe = plain.update_query_dict(asked)
    assert is_safe(safe.render_as_string(hide_password=False))
    for wrong in (
        safe.update_query_dict({"sslrootcert": str(files / "foreign.crt")}),
        safe.set(host="localhost"),  # the certificate is for the address
    ):
        with pytest.raises(OperationalError, match="certificate"):
            is_safe(wrong.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    ("settings", "bare"),
    [
        ({}, []),
        ({"database_url": "postgresql://soko@/soko?host=/run/pg"}, []),
        ({"database_url": "postgresql://soko@db.example/soko"}, ["the database at db.example"]),
        ({"database_url": "postgresql://soko@db.example/soko?sslmode=require"}, ["the database"]),
        ({"database_url": "postgresql://soko@db.example/soko?sslmode=verify-full"}, []),
        ({"database_url": "postgresql://soko@/soko?host=127.0.0.1,db2"}, ["the database at 127"]),
        ({"mqtt_url": "mqtt://broker.site"}, ["broker.site"]),
        ({"mqtt_url": "mqtts://broker.site"}, []),
        ({"http": "http://0.0.0.0:8080"}, ["http://0.0.0.0:8080"]),
        ({"http": "http://0.0.0.0:8080", "behind_proxy": "true"}, []),
        ({"http": "https://0.0.0.0", "tls_cert": "cert.pem"}, []),
    ],
)
def test_what_leaves_this_machine_in_the_clear_is_a_fault_where_it_is_real(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], bare: list[str]
):
    for name, value in settings.items():
        monkeypatch.setenv(f"SOKO_{name.upper()}", value)
    found = [says for says, _ in bare_wires(Settings())]
    assert [says.startswith(start) for says, start in zip(found, bare, strict=True)] == [
        True for _ in bare
    ]


@pytest.mark.parametrize(("production", "state"), [("true", "fault"), ("false", "warning")])
def test_the_doctor_says_so(monkeypatch: pytest.MonkeyPatch, production: str, state: str):
    monkeypatch.setenv("SOKO_HTTP", "http://0.0.0.0:1")
    monkeypatch.setenv("SOKO_PRODUCTION", production)
    (found,) = [each for each in examine(Settings()) if each.check == "wires"]
    assert (found.state, "SOKO_TLS_CERT" in found.fix) == (state, True)
