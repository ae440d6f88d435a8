"""`soko plan` on a database: run, list, report."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.clock import ScaledClock
from tests.wms.house import House
from wms.planner.commands import plan


@pytest.fixture
def soko(
    monkeypatch: pytest.MonkeyPatch, house: House, database_url: str, tmp_path: Path
) -> CliRunner:
    """The command line of the house; its clock goes on from the house's."""
    ScaledClock.start(tmp_path / "clock", at=house.clock.now() + timedelta(hours=1), speed=1.0)
    monkeypatch.setenv("SOKO_CLOCK", str(tmp_path / "clock"))
    monkeypatch.setenv("SOKO_DATABASE_URL", database_url)
    return CliRunner()


def test_a_scenario_is_played_listed_and_a_day_reported(soko: CliRunner):
    played = soko.invoke(plan, ["run", "few", "--set", "units_per_day=1", "--days", "1", "--json"])
    assert played.exit_code == 0, played.output
    assert json.loads(played.output)["kpis"]["short_units"]["mean"] > 0
    assert "few" in soko.invoke(plan, ["list"]).output
    report = soko.invoke(plan, ["report", "2026-11-27", "--json"])
    assert json.loads(report.output)["orders"] == 3
    wrong = soko.invoke(plan, ["run", "few", "--set", "robbots=80"])
    assert wrong.exit_code == 2
