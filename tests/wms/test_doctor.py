"""The doctor finds what is wrong and says what to type."""

import json
import socket
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from wms.cli import main
from wms.doctor import Finding, examine
from wms.migrations import head_revisions
from wms.settings import Settings


def findings(check: str, monkeypatch: pytest.MonkeyPatch, **settings: str) -> list[Finding]:
    for name, value in settings.items():
        monkeypatch.setenv(f"SOKO_{name.upper()}", value)
    return [finding for finding in examine(Settings()) if finding.check == check]


def test_a_good_database(database_url: str, monkeypatch: pytest.MonkeyPatch):
    (schema,) = findings("schema", monkeypatch, database_url=database_url)
    (clock,) = findings("clock", monkeypatch)

    assert (schema.state, clock.state) == ("ok", "ok")


def test_a_server_that_does_not_sync(database_url: str, monkeypatch: pytest.MonkeyPatch):
    found = findings("database", monkeypatch, database_url=database_url)  # the tests' server

    assert "fsync is off: a crash loses data" in [finding.says for finding in found]


def test_a_schema_that_is_behind(
    database_url: str, superuser: Engine, monkeypatch: pytest.MonkeyPatch
):
    (head,) = head_revisions()
    version = text("UPDATE alembic_version SET version_num = :version")
    with superuser.begin() as connection:
        connection.execute(version, {"version": "0001_masters"})
    (schema,) = findings("schema", monkeypatch, database_url=database_url)
    with superuser.begin() as connection:
        connection.execute(version, {"version": head})

    assert (schema.state, schema.fix) == ("fault", "soko db upgrade")


def test_nobody_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        broker = f"mqtt://127.0.0.1:{closed.getsockname()[1]}"
        away = f"postgresql+psycopg://soko@/soko?host={tmp_path}"
        (database,) = findings("database", monkeypatch, database_url=away)
        (bus,) = findings("broker", monkeypatch, mqtt_url=broker)

    assert (database.state, bus.state) == ("fault", "fault")
    assert "soko db run" in database.fix
    assert "soko broker run" in bus.fix


def test_a_port_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        http = f"http://127.0.0.1:{listener.getsockname()[1]}"
        away = f"postgresql+psycopg://soko@/soko?host={tmp_path}"
        (port,) = findings("ports", monkeypatch, http=http, database_url=away)

    assert port.state == "warning"
    assert "in use by" in port.says


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SOKO_DATABASE_URL", f"postgresql+psycopg://soko@/soko?host={tmp_path}")

    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json"])

    assert ended.value.code == 1
    checks = {finding["check"] for finding in json.loads(capsys.readouterr().out)}
    assert checks == {"python", "wires", "database", "broker", "ports", "disk", "fonts"}
