"""`soko verify` and `soko db upgrade` with SOKO_CELLS: all cells, and what goes over them."""

import json
import re
from pathlib import Path

import pytest
import typer
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from tests.builders import an_id
from tests.cells.conftest import Clusters
from tests.cells.network import a_network, an_id_at, an_order, clock
from wms import commands
from wms.cells import BadCells, Cells, open_cells, read_cells
from wms.errors import NotFound
from wms.settings import Settings
from wms.sites import site_id
from wms.stock.saga import Sagas

APP = typer.Typer()
APP.command()(commands.verify)
APP.command()(commands.db_upgrade)


@pytest.mark.usefixtures("file")
def test_verify_proves_every_cell_and_what_goes_over_them(empty: Clusters, real_cells: Cells):
    network = a_network(real_cells, skus=1, units=5, sites=("TYO1", "OSA1"))
    saga_id = an_id_at(real_cells, "east")
    Sagas(real_cells).place(saga_id, an_order(network, ("TYO1", 1), ("OSA1", 1)), now=clock())
    Sagas(real_cells).place(an_id(), an_order(network, ("TYO1", 1), ("OSA1", 9)), now=clock())

    proof = CliRunner().invoke(APP, ["verify", "--json"])
    assert proof.exit_code == 0, proof.output
    report = json.loads(proof.stdout)
    assert (report["clean"], report["sagas"], list(report["cells"])) == (
        True,
        2,
        ["east", "north", "west"],
    )

    _spoil(empty, "west", "UPDATE hold SET state = 'EXPIRED' WHERE state = 'ALLOCATED'")
    proof = CliRunner().invoke(APP, ["verify"])
    assert proof.exit_code == 1
    assert re.search(r"^S1 .* all its holds +DIFFERENCE$", proof.stdout, re.MULTILINE)
    assert f"saga {saga_id}: is settled, but hold" in proof.stdout
    assert "2 sagas, 0 of them open: all cells NOT CLEAN" in proof.stdout


@pytest.mark.usefixtures("file")
def test_a_void_saga_with_a_living_hold_and_one_forgotten_are_found(
    empty: Clusters, real_cells: Cells
):
    network = a_network(real_cells, skus=1, units=5, sites=("TYO1", "OSA1"))
    saga_id = an_id_at(real_cells, "east")
    Sagas(real_cells).place(saga_id, an_order(network, ("TYO1", 1), ("OSA1", 9)), now=clock())
    _spoil(empty, "east", "UPDATE hold SET state = 'ALLOCATED' WHERE state = 'RELEASED'")
    _spoil(
        empty,
        "east",
        "INSERT INTO saga SELECT gen_random_uuid(), 'PENDING', asked, '[]', now() - interval '1 h',"
        " 1, now(), '', '{}', now(), now() FROM saga",
    )

    laws = json.loads(CliRunner().invoke(APP, ["verify", "--json"]).stdout)["laws"]

    assert [(law["code"], law["differences"]) for law in laws] == [("S1", 0), ("S2", 1), ("S3", 1)]


def _spoil(clusters: Clusters, cell: str, statement: str) -> None:
    engine = create_engine(clusters.urls()[cell])
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.mark.usefixtures("file")
def test_all_cells_are_upgraded():
    done = CliRunner().invoke(APP, ["db-upgrade"])

    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 3


def test_the_file_says_where_a_site_is(file: Path):
    cells = open_cells(Settings())
    try:
        assert [cell.name for cell in cells.all] == ["east", "north", "west"]
        assert {cells.of(site_id(code)).name for code in ("OSA1", "OSA-S1")} == {"west"}
        assert cells.of(site_id("A-NEW-STORE")).name == "east", "the default has what nobody names"
        assert cells.health() == {"east": None, "north": None, "west": None}
    finally:
        cells.close()
    plans, default = read_cells(file)
    assert (sorted(plans), default) == (["east", "north", "west"], "east")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("", "there is no"),
        ('default = "x"\n[cells.a]\nurl = "postgresql://h/d"', "is none of"),
        ("[cells.a]\nsites = []", "either url or url_file"),
        ('[cells.a]\nurl = "postgresql://h/d"\nsite = ["T"]', "says"),
        (
            '[cells.a]\nurl = "u://a"\nsites = ["T"]\n[cells.b]\nurl = "u://b"\nsites = ["T"]',
            "is in a and in b",
        ),
    ],
)
def test_a_file_that_is_wrong_says_how_it_should_be(tmp_path: Path, said: str, problem: str):
    (tmp_path / "cells.toml").write_text(said)

    with pytest.raises(BadCells, match=problem):
        read_cells(tmp_path / "cells.toml")


def test_without_a_default_a_site_must_be_named(real_cells: Cells):
    with pytest.raises(NotFound, match="SOKO_CELLS"):
        real_cells.of(site_id("NOWHERE"))


def test_a_new_cell_takes_its_share_of_the_homes_and_moves_no_other(real_cells: Cells):
    databases = {cell.name: cell.database for cell in real_cells.all}
    more = Cells(databases | {"south": databases["east"]})
    ids = [an_id() for _ in range(400)]

    moved = [i for i in ids if real_cells.home(i).name != more.home(i).name]

    assert {more.home(i).name for i in moved} == {"south"}
    assert 60 < len(moved) < 140, "a quarter of them, more or less"
