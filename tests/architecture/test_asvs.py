"""docs/security.md and docs/reliability.md claim nothing that no test shows: each that they name is
there.
"""

import re
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (\d[\d.,–\s]*) \|.*\| (.*) \|$", re.MULTILINE)
NAME = re.compile(r"^ *(?:async )?def (test_\w+)\(", re.MULTILINE)
NUMBERED = re.compile(r"test_asvs_(\d+)_(\d+)(?:_(\d+))?_")


def table() -> dict[str, list[str]]:
    """What shows an item, by item."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = {items: re.findall(r"`([^`]+)`", shown) for items, shown in ROW.findall(text)}
    assert len(rows) > 20
    return rows


def names_in(path: Path) -> set[str]:
    """The names of the tests of a file."""
    return set(NAME.findall(path.read_text(encoding="utf-8")))


def problem(shown: str) -> str | None:
    """Why that is no test of ours, if it is not."""
    file, _, name = shown.partition("::")
    found = [ROOT / file] if "/" in file else list((ROOT / "tests").rglob(file))
    if len(found) != 1 or not found[0].is_file():
        return f"{shown}: there are {len(found)} such files"
    if found[0].suffix != ".py":
        return None if not name else f"{shown}: no tests are in there"
    there = names_in(found[0])
    if name and not any(fnmatch(each, name) for each in there):
        return f"{shown}: no such test"
    return None if there else f"{shown}: no test at all"


def test_every_test_that_is_named_is_there():
    said = table()
    assert [items for items, shown in said.items() if not shown] == [], "shown by nothing"
    assert list(filter(None, (problem(each) for shown in said.values() for each in shown))) == []


def test_every_drill_that_is_named_is_there():
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)[1:]
    assert len(rows) > 20
    named = {
        failure: re.findall(r"`((?:tests/|test_|benchmarks/)[^`]*)`", by) for failure, by in rows
    }
    assert [failure for failure, by in named.items() if not by] == [
        "power cut with a disk that lies"
    ]
    drills = [each for by in named.values() for each in by if not each.startswith("benchmarks/")]
    assert list(filter(None, map(problem, drills))) == []


def test_what_is_not_there_is_found():
    assert problem("tests/architecture/test_asvs.py::test_what_is_not_there_*") is None
    for wrong in ("test_nowhere.py", "tests/nowhere.py", "test_asvs.py::test_asvs_9_*",
                  "docs/security.md::test_x"):  # fmt: skip
        assert problem(wrong) is not None


def test_every_test_that_has_an_items_number_is_in_the_table():
    shown = [each for row in table().values() for each in row]
    for path in (ROOT / "tests").rglob("test_*.py"):
        for name in names_in(path):
            if NUMBERED.match(name):
                of_file = [each.partition("::") for each in shown if path.name in each]
                assert any(not n or fnmatch(name, n) for _, _, n in of_file), f"{path.name}: {name}"
