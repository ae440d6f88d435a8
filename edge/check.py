"""A site file validated whole: every fault with its line, before anything is started.

    the file          TOML, names, references, ports                      edge.site
    each device       what its driver asks of its row; keys misspelt      edge.drivers
    the plant         points, paths, stations, robots                     wcs, found by name
    certificates      everybody who comes to the broker has one           edge.authority, with `pki`

Each part says its faults as `table[n] …: what is wrong`; here they get the line of the file: of
the key that the fault names, else of the row.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from typing_extensions import override

from edge.agent import EdgeSettings, make_drivers
from edge.clock import SystemClock
from edge.site import SiteFaults, read_site

_PLANT = "wcs.plant"  # site control lies above us: found by name, as drivers are
_OURS = {"name", "driver", "host", "port", "mode", "says", "hears"}  # no driver need ask for them
_HEADER = re.compile(r"\s*\[(\[)?\s*([\w-]+)\s*\]")
_KEY = re.compile(r"\s*([\w-]+)\s*=")
_WHERE = re.compile(r"(\w+)(?:\[(\d+)\])?(?=[ .:])")
_DEVICE = re.compile(r"device (\S+):")


def faults_of(text: str, settings: EdgeSettings, pki: Path | None = None) -> list[str]:
    """Everything that is wrong with a site file, with lines, in the order of the file."""
    faults = [*_device_part(text, settings)]
    faults += [fault for fault in _plant_part(text) if fault not in faults]
    if not faults and pki is not None:
        faults += _certificates(text, pki)
    return located(text, faults)


def located(text: str, faults: Iterable[str]) -> list[str]:
    """Those faults with the lines that they are about, in the order of the file."""
    rows = _rows(text)
    found = [(_line(rows, fault), fault) for fault in faults]
    ordered = sorted(found, key=lambda each: each[0] or 0)
    return [f"line {line}: {fault}" if line else fault for line, fault in ordered]


def _device_part(text: str, settings: EdgeSettings) -> Sequence[str]:
    try:
        site = read_site(text)
        rows = {name: _Asked(row) for name, row in site.devices.items()}
        make_drivers(replace(site, devices=rows), settings, SystemClock())
    except SiteFaults as error:
        return error.faults
    return [
        f"device {name}: {key} is nothing that driver {row['driver']} asks for; is it {near[0]}?"
        for name, row in rows.items()
        for key in row
        if key not in row.asked | _OURS
        and (near := get_close_matches(key, row.asked - row.keys(), 1, 0.75))
    ]


class _Asked(dict[str, Any]):
    """A row that knows what it was asked for: a key that nobody wants is often one misspelt."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        super().__init__(row)
        self.asked: set[str] = set()

    @override
    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    @override
    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    @override
    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)


def _plant_part(text: str) -> Sequence[str]:
    plant = import_module(_PLANT)
    try:
        plant.read_plant(text)
    except ValueError:
        raise
    except Exception as error:
        faults: Sequence[str] | None = getattr(error, "faults", None)
        if faults is None:
            raise
        return faults
    return ()


def _certificates(text: str, pki: Path) -> Iterator[str]:
    from edge.authority import Authority, AuthorityFault  # noqa: PLC0415 - only if asked for
    from edge.rights import BROKER, rights_of  # noqa: PLC0415

    site, now = read_site(text), SystemClock().now()
    try:
        issued = {one.name: one for one in Authority(pki).issued()}
    except AuthorityFault as error:
        yield str(error)
        return
    for name in (BROKER, *rights_of([site])):
        if name not in issued:
            yield f"{name} has no certificate in {pki}: soko edge ca issue {name} --pki {pki}"
        elif now > issued[name].ends_at:
            ended = f"{issued[name].ends_at:%Y-%m-%d}"
            yield f"the certificate of {name} ended on {ended}: soko edge ca renew --pki {pki}"


# -------------------------------------------------------------------------------- lines
class _Row:
    """One row of a table: the lines of its header and its keys, and its name."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.keys: dict[str, int] = {}
        self.name = ""


def _rows(text: str) -> dict[tuple[str, int], _Row]:
    """All rows by table and number; [table] is number 1 of its table."""
    rows: dict[tuple[str, int], _Row] = {}
    counts: dict[str, int] = {}
    row: _Row | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = header[2]
            counts[table] = counts.get(table, 0) + 1
            row = rows[table, counts[table]] = _Row(number)
        elif row is not None and (key := _KEY.match(line)):
            row.keys.setdefault(key[1], number)
            if key[1] == "name":
                row.name = line.partition("=")[2].partition("#")[0].strip().strip("'\"")
    return rows


def _line(rows: dict[tuple[str, int], _Row], fault: str) -> int | None:
    row: _Row | None = None
    if device := _DEVICE.match(fault):
        named = [row for (table, _), row in rows.items() if table == "devices"]
        row = next((each for each in named if each.name == device[1]), None)
    elif where := _WHERE.match(fault):
        row = rows.get((where[1], int(where[2] or 1)))
    if row is None:
        return None
    words = re.findall(r"\w+", fault.partition(":")[0].partition(".")[2] + fault.partition(":")[2])
    return next((row.keys[word] for word in words if word in row.keys), row.line)
