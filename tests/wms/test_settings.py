"""Settings: from the environment, frozen, whole or not at all."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from wms.settings import Settings


def test_they_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOKO_DATABASE_URL", "postgres://me@db.example/soko")
    monkeypatch.setenv("SOKO_PORT_OFFSET", "100")

    settings = Settings()

    assert settings.database_url == "postgresql+psycopg://me@db.example/soko"
    assert settings.port_offset == 100


def test_they_do_not_change():
    with pytest.raises(ValidationError):
        Settings().http = "http://elsewhere"


def test_a_value_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOKO_DATABASE_POOL", "many")

    with pytest.raises(ValidationError, match="database_pool"):
        Settings()


def test_the_embedded_server_is_known_by_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "password").write_text("s/ecret")
    monkeypatch.setenv("SOKO_DATABASE_DIR", str(tmp_path))
    monkeypatch.setenv("SOKO_DATABASE_URL", "postgresql+psycopg://soko@127.0.0.1:54321/soko")

    assert Settings().database_url == "postgresql+psycopg://soko:s%2Fecret@127.0.0.1:54321/soko"
