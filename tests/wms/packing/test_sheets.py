"""`soko sheet`: barcodes to play with, from the database or without one."""

from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import zxingcpp
from typer.testing import CliRunner

from tests.wms.house import HUB, House
from wms.outbound.sheets import COMMANDS, command_cards, demo_sheet
from wms.printing.render import to_pdf


def codes_of(pdf: bytes) -> set[str]:
    found: set[str] = set()
    for page in pypdfium2.PdfDocument(pdf):
        image = page.render(scale=203 / 72).to_pil()
        found |= {each.text for each in zxingcpp.read_barcodes(image)}
    return found


def test_what_the_database_has_is_on_it(house: House):
    house.sku("A")
    house.stock("A", 3, "S01-01")
    house.put_order(("A", 1))
    house.tick()
    house.work_off(HUB, "pick")
    pages = house.database.run(lambda s: demo_sheet(s, HUB))
    codes = codes_of(to_pdf(pages))
    (parcel,) = house.parcels()
    assert {"CMD:UNDO", "CMD:SHORT", "S01-01", "N1", f"00{parcel.sscc}", "BOX-60"} <= codes


def test_without_a_database_there_are_commands_and_cards(tmp_path: Path):
    import typer  # noqa: PLC0415 - as the command does

    from wms.commands import sheet  # noqa: PLC0415

    app = typer.Typer()
    app.command()(sheet)
    path = tmp_path / "sheet.pdf"
    done = CliRunner().invoke(app, [str(path), "--built-in"])
    assert done.exit_code == 0, done.output
    assert {code for code, _ in COMMANDS} <= codes_of(path.read_bytes())
    assert CliRunner().invoke(app, ["sheet.txt", "--built-in"]).exit_code == 2
    assert len(command_cards()) == len(COMMANDS)
    done = CliRunner().invoke(app, [str(path), "--cards"])
    assert "9 pages" in done.output
