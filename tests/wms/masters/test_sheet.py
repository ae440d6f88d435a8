"""Files are not trusted: what goes out comes back, nothing is calculated, nothing swells."""

import io
import zipfile
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wms.masters.columns import BadCell, Column, day, degrees, gtins, text, whole, written, yes_no
from wms.masters.kinds import KINDS, NoSuchKind, guess
from wms.masters.sheet import (
    COLUMNS_MAX,
    UnreadableFile,
    quoted,
    read,
    unquoted,
    write_csv,
    write_xlsx,
)

PLAIN = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\ufffe\uffff"),
    max_size=12,
).map(str.strip)
VALUES = st.one_of(
    PLAIN, st.sampled_from(["=1+1", "'=1", "''", "+81 3", "-x", "@SUM(A1)", "=HYPERLINK(1)"])
)
COLUMNS = (
    Column("code", "コード", text(), key=True),
    Column("n", "数", whole(-(10**9), 10**9), default=None),
    Column("at", "緯度", degrees(90), default=0.0),
    Column("on", "日", day, default=None),
    Column("yes", "可否", yes_no, default=False),
    Column("gtins", "JAN", gtins, default=()),
)
ROWS = st.lists(
    st.tuples(
        VALUES,
        st.one_of(st.none(), st.integers(-(10**9), 10**9)),
        st.floats(-90, 90).map(lambda x: round(x, 7) + 0.0),
        st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2999, 12, 31))),
        st.booleans(),
        st.sampled_from([(), ("04901234567894",), ("04901234567894", "14901234567891")]),
    ),
    min_size=1,
    max_size=8,
)


@given(ROWS, st.sampled_from(["csv", "xlsx"]))
@settings(max_examples=40, deadline=None)
def test_whatever_is_written_is_read_back(rows: list[tuple[Any, ...]], form: str):
    table: list[list[Any]] = [[c.name for c in COLUMNS]]
    table += ([written(value) for value in row] for row in rows)
    sheet = read(write_csv(table) if form == "csv" else write_xlsx(table))
    back = [
        tuple(
            column.value(cells[place] if place < len(cells) else None)
            for place, column in enumerate(COLUMNS)
        )
        for _, cells in sheet.rows
    ]
    assert back == rows


@given(st.text(max_size=8))
def test_no_cell_begins_like_a_formula_and_each_is_what_it_was(value: str):
    out = quoted(value)
    assert isinstance(out, str)
    assert not out.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unquoted(out) == value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_letters_and_marks_are_found_out(encoding: str, mark: str):
    sheet = read(f'拠点{mark}名称\r\n東京{mark}"倉庫, 一"\r\n\r\n大阪{mark}②\r\n'.encode(encoding))
    assert sheet.header == ("拠点", "名称")
    assert sheet.rows == [(2, ["東京", "倉庫, 一"]), (4, ["大阪", "②"])]


def wrong(content: bytes) -> str:
    with pytest.raises(UnreadableFile) as found:
        read(content)
    return found.value.reason


def altered(name: str, content: bytes) -> bytes:
    """A workbook of ours with one part replaced."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(write_xlsx([["code"], ["A"]]))) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for each in old.namelist():
            new.writestr(each, content if each == name else old.read(each))
        if name not in old.namelist():
            new.writestr(name, content)
    return out.getvalue()


def test_what_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch):
    assert wrong(b"") == "empty"
    assert wrong(b"\xef\xbb\xbf\r\n") == "empty"
    assert wrong(b"a,b\n\x85\n") == "encoding"
    assert wrong(b'a,b\n"x') == "not_a_table"
    assert wrong(b"PK\x03\x04 and then nothing") == "not_a_workbook"
    assert wrong(altered("xl/workbook.xml", b"<none/>")) == "not_a_workbook"
    assert wrong(altered("content.xml", b"<ods/>")) == "not_a_workbook"
    assert wrong(b"a," * (COLUMNS_MAX + 1) + b"a") == "too_many_columns"
    monkeypatch.setattr("wms.masters.sheet.ROWS_MAX", 3)
    assert wrong(b"a\n" * 5) == "too_many_rows"
    monkeypatch.setattr("wms.masters.sheet.FILE_BYTES_MAX", 10)
    assert wrong(b"code\n12345\n") == "too_large"


def test_a_small_file_does_not_become_a_large_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wms.masters.sheet.UNPACKED_MAX", 3_000_000)
    bomb = altered("xl/media/zeros.bin", b"\0" * 20_000_000)
    assert len(bomb) < 100_000
    assert wrong(bomb) == "too_large"
    sheet = '<worksheet><sheetData><row r="1"><c r="{}"><v>1</v></c></row></sheetData></worksheet>'
    far = sheet.format("XFD1048576").encode()  # two cells; a table of 17 milliards
    assert wrong(altered("xl/worksheets/sheet1.xml", far)) == "too_many_columns"
    deep = sheet.format("A1048576").encode()
    assert wrong(altered("xl/worksheets/sheet1.xml", deep)) == "too_many_rows"
    assert read(altered("xl/worksheets/sheet1.xml", sheet.format("B1").encode())).header[1] == "1.0"


def test_a_formula_is_the_value_that_was_saved_with_it():
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1" t="str"><f>1+1</f><v>code</v></c></row>'
        '<row r="2"><c r="A2" t="str"><f>WEBSERVICE("http://x")</f><v>A</v></c></row>'
        "</sheetData></worksheet>"
    )
    assert read(altered("xl/worksheets/sheet1.xml", sheet.encode())).rows == [(2, ["A"])]


def test_cells_are_read_leniently_and_meant_strictly():
    assert whole(0, 2000)("\uff11\uff0c\uff12\uff13\uff14") == 1234
    assert [yes_no(each) for each in ("はい", "NO", "○", 0.0)] == [True, False, True, False]
    assert day("２０２７年３月３１日") == date(2027, 3, 31)
    for reader, cell, code in (
        (whole(0, 9), "1.5", "not_whole"), (whole(0, 9), "10", "out_of_range"),
        (day, "2027-02-30", "not_a_day"), (text(3), "abcd", "too_long"),
        (text(), "a\nb", "control_character"), (yes_no, "maybe", "not_one_of"),
        (degrees(90), "north", "not_a_number"),
    ):  # fmt: skip
        with pytest.raises(BadCell) as found:
            reader(cell)
        assert found.value.code == code


def test_a_header_says_what_kind_of_file_it_is():
    for kind in KINDS.values():
        assert guess([column.name for column in kind.columns]) is kind
        assert guess([column.ja for column in kind.columns]) is kind
    with pytest.raises(NoSuchKind):
        guess(["colour", "taste"])
