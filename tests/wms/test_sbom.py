"""The bill of materials has everything that is declared, in the version that is tried together.

So has requirements.lock, with hashes: of what runs (RUN), on the platforms that it names.
"""

import re
from pathlib import Path

import pytest

from wms.sbom import bill, locked, parts

ROOT = Path(__file__).parents[2]
RUN = ("demo", "sso", "fast")
LOCKED = re.compile(r"^([\w-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def exact(path: Path) -> dict[str, str]:
    """Versions by plain names, of a file of exact versions."""
    rows = re.findall(r"^([\w.-]+)==([^\s\\]+)", path.read_text(), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in rows}


def test_everything_declared_is_in_it_as_it_was_tried():
    made = bill()
    found = {row["name"]: row for row in made["components"]}
    plain = {re.sub(r"[-_.]+", "-", name).lower() for name in ("fastapi", "psycopg", "SQLAlchemy")}

    assert plain <= found.keys()
    assert len(found) > 60
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    refs = {row["bom-ref"] for row in made["components"]}
    for row in made["dependencies"]:
        assert set(row["dependsOn"]) <= refs
    assert sum("licenses" in row for row in found.values()) > 0.9 * len(found)
    tried = exact(ROOT / "constraints.txt")
    differ = {n: row["version"] for n, row in found.items() if tried.get(n) != row["version"]}
    assert differ == {}, "constraints.txt does not say what is installed"


def test_a_lock_has_a_hash_for_every_archive_and_none_is_left_out(tmp_path: Path):
    names = parts()
    with pytest.raises(FileNotFoundError, match="no archive of"):
        list(locked(tmp_path))
    for name, each in names.items():
        (tmp_path / f"{name.replace('-', '_')}-{each.version}-py3-none-any.whl").write_bytes(
            name.encode()
        )
    lines = list(locked(tmp_path))

    assert len(lines) == len(names) - 1
    assert all(re.fullmatch(r"[\w-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", s) for s in lines)


def test_asvs_15_2_4_the_lock_is_of_what_runs_in_the_versions_that_are_tried():
    text = (ROOT / "requirements.lock").read_text()
    lock = {name: version for name, version, _ in LOCKED.findall(text)}
    tried = exact(ROOT / "constraints.txt")

    assert lock == {name: tried.get(name) for name in lock}, "make lock"
    needed = {name: each.version for name, each in parts(RUN).items() if name != "soko"}
    assert lock == needed, "make lock"
    said = [line for line in text.splitlines() if not line.startswith("#")]
    assert said == [line for row in LOCKED.finditer(text) for line in row[0].splitlines()]
    assert not re.search(r"://|file:|index|find-links|@ ", text), "from wherever you install"
