"""A replayed day is the day; another engine is noticed at its first other word."""

import sqlite3
import zlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.wcs.fleet import TOKYO
from tests.wcs.test_journal import record, worked
from wcs import missions
from wcs.commands import wcs
from wcs.replay import replay


def test_the_same_engine_says_the_same(tmp_path: Path):
    world = worked()
    record(tmp_path / "j", world)
    first, second = replay(tmp_path / "j"), replay(tmp_path / "j")
    assert first.difference is None
    assert first.batches == len(world.batches)
    assert first.digest == second.digest
    assert first.state == world.state
    run = CliRunner().invoke(wcs, ["replay", str(tmp_path / "j")])
    assert run.exit_code == 0
    assert "all the same" in run.output


def test_the_first_difference_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    record(tmp_path / "j", worked())
    monkeypatch.setattr(missions, "HORIZON", 3)
    found = replay(tmp_path / "j").difference
    assert found is not None
    assert any(line.startswith("-to_edge") for line in found.lines)
    run = CliRunner().invoke(wcs, ["replay", str(tmp_path / "j")])
    assert run.exit_code == 1
    assert f"step {found.batch}" in run.output


def test_a_journal_that_was_tampered_with_is_noticed(tmp_path: Path):
    record(tmp_path / "j", worked())
    with sqlite3.connect(tmp_path / "j") as db:
        body = zlib.compress(b'{"to_wms":[],"to_edge":[]}')
        db.execute("UPDATE batch SET outbox = ? WHERE length(outbox) > 100", (body,))
    db.close()
    assert replay(tmp_path / "j").difference is not None


def test_the_commands_say_what_is_wrong(tmp_path: Path):
    run = CliRunner().invoke(wcs, ["replay", str(tmp_path / "none")])
    assert run.exit_code == 2
    bad = tmp_path / "bad.toml"
    bad.write_text('[site]\ncode = "X"\n[[points]]\nname = "a"\n', encoding="utf-8")
    run = CliRunner().invoke(wcs, ["check", str(bad)])
    assert run.exit_code == 1
    assert "points[1].x_m" in run.output
    assert "paths" in run.output
    run = CliRunner().invoke(wcs, ["check", str(TOKYO)])
    assert run.exit_code == 0
    assert "TYO1: 299 points" in run.output
    assert CliRunner().invoke(wcs, ["check", str(tmp_path)]).exit_code == 2
    run = CliRunner().invoke(wcs, ["run", "--site", str(bad), "--state-dir", str(tmp_path)])
    assert run.exit_code == 1
    assert "points[1].x_m" in run.output
