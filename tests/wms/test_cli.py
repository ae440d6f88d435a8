"""The command `soko`: quick to start, and what it does not know it says."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from tests.builders import a_site
from wms.cli import commands, main
from wms.database import Database

ROOT = Path(__file__).parent.parent.parent
HEAVY = ("sqlalchemy", "fastapi", "ortools", "asyncua", "pydantic", "typer", "psycopg")


def test_the_version(capsys: pytest.CaptureFixture[str]):
    main(["--version"])

    assert capsys.readouterr().out.startswith("soko 0.")


def test_the_help_names_every_command_and_imports_none_of_them():
    script = (
        "import sys; from wms.cli import main; main(['--help']);"
        f"print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == ""
    for name in commands():
        assert f"\n  {name} " in done.stdout
    assert "Prove that the books are right" in done.stdout


def test_a_command_that_there_is_not():
    with pytest.raises(SystemExit, match="no command 'sevre'"):
        main(["sevre"])


def test_a_database_that_is_away_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOKO_DATABASE_URL", f"postgresql+psycopg://soko@/soko?host={tmp_path}")

    with pytest.raises(SystemExit, match="soko verify: "):
        main(["verify"])
    with pytest.raises(SystemExit) as ended:
        main(["db", "ping"])
    assert ended.value.code == 1


def test_a_database_is_made_upgraded_and_made_afresh(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    url = make_url(database_url).set(database="made_by_soko").render_as_string(hide_password=False)
    monkeypatch.setenv("SOKO_DATABASE_URL", url)
    for words in (["create"], ["upgrade"], ["ping"], ["create"]):
        with pytest.raises(SystemExit) as ended:
            main(["db", *words])
        assert ended.value.code == 0
    database = Database(url)
    database.run(a_site)
    database.close()

    with pytest.raises(SystemExit):
        main(["db", "create", "--fresh"])

    database = Database(url)
    left = database.run(lambda s: s.scalar(text("SELECT count(*) FROM site")))
    database.close()
    assert left == 0
    assert "the database answers" in capsys.readouterr().out
