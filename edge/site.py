"""The device part of a site file: what the edge of a site has to talk to.

The same TOML file describes the whole site (wcs reads its points and paths). Here only
[site], [[devices]], and the rows that refer to devices are looked at:

    [site] code · [[devices]] name, driver, host, port, mode, says, hears
    [[robots]] name, manufacturer, serial · [[conveyors]] [[sorters]] [[nodes]] [[gates]] device

All faults are collected before anything is refused. A driver's own settings are its own affair;
it checks them when it is made (edge.agent).
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.mqtt import level
from edge.ports import is_loopback

DRIVERS: Mapping[str, str] = {  # as it stands in a site file -> the module that makes it
    "vda5050": "edge.drivers.vda5050_fleet",
    "opcua": "edge.drivers.opcua",
    "modbus": "edge.drivers.modbus",
    "llrp": "edge.drivers.rfid",
    "impinj": "edge.drivers.impinj",
    "zebra": "edge.drivers.zebra",
    "scale": "edge.drivers.scale",
    "osip": "edge.drivers.osip",
    "autoid": "edge.drivers.autoid",
    "lights": "edge.drivers.lights",
    "fleet_api": "edge.drivers.fleet_api",
    "portals": "edge.drivers.portals",
}
_NEEDS_PORT = {"opcua", "modbus", "llrp", "scale", "osip", "autoid"}
_DRIVER_OF: Mapping[str, tuple[str, ...]] = {  # a table -> the drivers that its devices may have
    "conveyors": ("modbus", "osip"),
    "sorters": ("opcua", "modbus", "osip"),
    "nodes": ("osip",),
    "gates": ("llrp", "impinj", "zebra", "autoid"),
    "shelves": ("llrp", "impinj", "zebra"),
    "fleets": ("fleet_api",),
    "portals": ("portals",),
    "circuits": ("portals",),
}
_TABLES = ("devices", "robots", *_DRIVER_OF)
_PORT_MAX = 65_535
_MODES = ("real", "simulated")  # real ones are touched only when whoever starts us says --real

Row = Mapping[str, Any]


class SiteFaults(Exception):  # noqa: N818 - reads as a situation
    """A site file cannot be used.

    Attributes:
        faults: all faults that were found, in the order of the file.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSite:
    """What the edge needs to know of a site.

    Attributes:
        code: of the site, a level of topics.
        devices: the rows of [[devices]] by name.
        robot_device: for each robot the device that speaks with it.
        tables: the whole file, with empty lists for tables that it does not have.
    """

    code: str
    devices: Mapping[str, Row]
    robot_device: Mapping[str, str]
    tables: Mapping[str, Any]


def read_site(text: str) -> EdgeSite:
    """Read the device part of a site file.

    Raises:
        SiteFaults: with everything that is wrong with it.
    """
    try:
        file = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SiteFaults([f"not TOML: {error}"]) from error
    if faults := [*_shape(file)]:
        raise SiteFaults(faults)
    tables = {name: file.get(name, []) for name in _TABLES}
    fleets = [row["name"] for row in tables["devices"] if row.get("driver") == "vda5050"]
    faults = [*_site(file), *_devices(tables["devices"]), *_robots(tables["robots"], fleets)]
    for table, choice in _DRIVER_OF.items():
        faults += _users(table, tables[table], tables["devices"], choice)
    if faults:
        raise SiteFaults(faults)
    return EdgeSite(
        code=file["site"]["code"],
        devices={row["name"]: row for row in tables["devices"]},
        robot_device={row["name"]: row.get("device", fleets[0]) for row in tables["robots"]},
        tables={**file, **tables},
    )


def code_of(text: str) -> str:
    """The code of the site, whatever else is wrong with its file.

    Raises:
        SiteFaults: it has none.
    """
    try:
        return str(tomllib.loads(text)["site"]["code"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise SiteFaults([f"no code of a site in it: {error!r}"]) from error


def _shape(file: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(file.get("site"), dict):
        yield "site: the table [site] is missing"
    for name in _TABLES:
        rows = file.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            yield f"{name}: must be rows, [[{name}]]"
            continue
        for n, row in enumerate(rows, 1):
            if name in {"devices", "robots"} and not isinstance(row.get("name"), str):
                yield f"{name}[{n}]: has no name"


def _site(file: Mapping[str, Any]) -> Iterator[str]:
    yield from _level("site", "code", file["site"])


def _devices(rows: Sequence[Row]) -> Iterator[str]:
    seen: set[str] = set()
    for n, row in enumerate(rows, 1):
        where = f"devices[{n}] {row['name']}"
        yield from _level(where, "name", row)
        if row["name"] in seen:
            yield f"{where}: the name is used twice"
        seen.add(row["name"])
        driver = row.get("driver")
        if driver not in DRIVERS:
            yield f"{where}: no driver {driver!r}; there are {', '.join(DRIVERS)}"
        yield from _reached(where, row)
        for key in ("says", "hears"):
            topics = row.get(key, [])
            if not isinstance(topics, list) or not all(isinstance(one, str) for one in topics):
                yield f"{where}: {key} must be a list of topics of the broker"


def _reached(where: str, row: Row) -> Iterator[str]:
    """Where a device is, and whether it is a real one."""
    if not isinstance(row.get("host", ""), str):
        yield f"{where}: host must be text"
    elif "mode" not in row and not is_loopback(row.get("host", "127.0.0.1")):
        yield (
            f"{where}: host {row['host']} is another machine: say mode = 'real', or "
            "'simulated' if nothing moves there"
        )
    if row.get("mode", "real") not in _MODES:
        yield f"{where}: mode must be one of {', '.join(_MODES)}, not {row['mode']!r}"
    port = row.get("port")
    if port is None and row.get("driver") in _NEEDS_PORT:
        yield f"{where}: has no port"
    elif port is not None and not _is_port(port):
        yield f"{where}: port must be a number from 1 to {_PORT_MAX}, not {port!r}"


def _robots(rows: Sequence[Row], fleets: Sequence[str]) -> Iterator[str]:
    names: set[str] = set()
    addresses: set[tuple[object, object]] = set()
    if rows and not fleets:
        yield "robots: there is no device with driver = 'vda5050' to speak with them"
    for n, row in enumerate(rows, 1):
        where = f"robots[{n}] {row['name']}"
        for key in ("name", "manufacturer", "serial"):
            yield from _level(where, key, row)
        if row["name"] in names:
            yield f"{where}: the name is used twice"
        names.add(row["name"])
        address = (str(row.get("manufacturer")), str(row.get("serial")))
        if address in addresses:
            yield f"{where}: manufacturer {address[0]} and serial {address[1]} are used twice"
        addresses.add(address)
        if fleets and row.get("device", fleets[0]) not in fleets:
            yield f"{where}: its device {row['device']!r} is none with driver = 'vda5050'"


def _users(
    table: str, rows: Sequence[Row], devices: Sequence[Row], choice: tuple[str, ...]
) -> Iterator[str]:
    drivers = {row["name"]: row.get("driver") for row in devices}
    for n, row in enumerate(rows, 1):
        device = row.get("device")
        if device not in drivers:
            yield f"{table}[{n}]: there is no device {device!r}"
        elif drivers[device] not in choice:
            yield (
                f"{table}[{n}]: device {device} has driver {drivers[device]!r}, "
                f"not {' or '.join(choice)}"
            )


def _level(where: str, key: str, row: Row) -> Iterator[str]:
    value = row.get(key)
    if not isinstance(value, str):
        yield f"{where}: {key} is missing or not text"
        return
    try:
        level(value)
    except ValueError as error:
        yield f"{where}: {key} {error}"


def _is_port(port: object) -> bool:
    return type(port) is int and 1 <= port <= _PORT_MAX
