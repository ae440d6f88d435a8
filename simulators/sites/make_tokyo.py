"""Write tokyo.toml, the demo's hub: 12 aisles, 6 pick stations, 35 bays, 30 tote robots.

Its gates have readers of three makes, and each packing bench a scale.

    python -m simulators.sites.make_tokyo        writes the file again

Seen from above (north is up; columns 1 to 12 are 4 m apart):

    K3 <------------------------------    K1 to K3: lanes between the bays
       | P3 bays, driven through, north
    K2 ------------------------------>
       | P2 bays
    K1 <------------------------------
       | C bays, with chargers
    B2 ------------------------------>    back cross-aisle, a lane each way
    B1 <------------------------------
       ^ v ^ v ...  bays 7 to 12 of the aisles, one way, by turns north and south
    M2 ------------------------------>    middle cross-aisle
    M1 <------------------------------
       ^ v ^ v ...  bays 1 to 6
    F2 ------------------------------>    front cross-aisle
    F1 <------------------------------
       |ST-1| |ST-2| ...  stations on sidings: in at an even column, out at the odd one before

One way keeps opposing robots apart. Aisles, sidings and bays may be driven backwards
(`contraflow`) when nothing else helps: out from behind a robot that has broken down, say.

Units: metres. Same program, same file: a test compares them.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

Sorter: TypeAlias = Literal["opcua", "modbus", "osip"]

FILE = Path(__file__).with_name("tokyo.toml")
COLUMNS, BAYS, LEVELS, STATIONS, ROBOTS = 12, 12, 6, 6, 30
PITCH_M, SPEED_MPS = 4.0, 1.5
ROW_Y_M = {
    "F1": 3.0, "F2": 6.0, "M1": 24.5, "M2": 27.5, "B1": 46.0, "B2": 49.0,
    "K1": 55.0, "K2": 61.0, "K3": 67.0,
}  # fmt: skip
EAST = ("F2", "M2", "B2", "K2")
SIDE_LANES = [
    ("B2-12", "K1-12"), ("K1-01", "B2-01"), ("K1-06", "B2-06"), ("K1-01", "K2-01"),
    ("K2-12", "K1-12"), ("K2-12", "K3-12"), ("K3-01", "K2-01"),
]  # fmt: skip
NO_BAY = ("P3-01",)  # the way on from it would lead back to its entry only
LANES = ["L1", "L2", "L3", "L4", "L5", "L6"]

HEAD = """\
# The demo's hub: a DC with tote robots and a parcel sorter. Written by make_tokyo.py.

[site]
code = "TYO1"
name_en = "Tokyo hub"
name_ja = "東京ハブ"
"""

MACHINES = """
# ------------------------------------------------------------------ conveyor, sorter, gates
[[conveyors]]
device = "cv1"
point = "INDUCT"
to = "sorter1"
seconds = 20.0

[[sorters]]
device = "sorter1"
lanes = {lanes}
hospital = "HOSP"
laps_max = 3

[[gates]]
name = "GATE-OUT"
device = "rfid-out"
inside = [1, 2]
outside = [3, 4]

[[gates]]
name = "GATE-IN"
device = "rfid-in"
inside = [1, 2]
outside = [3, 4]

[[gates]]
name = "GATE-DOCK"
device = "rfid-dock"
inside = [1, 2]
outside = [3, 4]

# ------------------------------------------------------------------ devices
[[devices]]
name = "fleet"
driver = "vda5050"
host = "127.0.0.1"
port = 18830

[[devices]]
name = "cv1"
driver = "modbus"
host = "127.0.0.1"
port = 15020
writes = ["command"]

[[devices]]
name = "sorter1"
{sorter}

[[devices]]
name = "rfid-out"
driver = "llrp"
host = "127.0.0.1"
port = 15084

[[devices]]
name = "rfid-in"
driver = "impinj"
topic = "r700/rfid-in"

[[devices]]
name = "rfid-dock"
driver = "zebra"
topic = "fx/rfid-dock"
"""
SORTERS: Mapping[Sorter, str] = {
    "opcua": """\
driver = "opcua"
host = "127.0.0.1"
port = 14840
security = "None"  # a simulator on this machine; a real sorter has a certificate and a user
insecure = true
writes = ["Acknowledged", "WcsHeartbeat", "Divert"]""",
    "modbus": """\
driver = "modbus"
host = "127.0.0.1"
port = 14840
writes = ["window", "divert"]""",
    "osip": """\
driver = "osip"
host = "127.0.0.1"
port = 14840
writes = ["RES_", "TIMS", "ERR_"]""",
}
SCALE = """
[[devices]]
name = "scale-{n}"
driver = "scale"
host = "127.0.0.1"
port = {port}
"""
# what people may close, and what is planned an hour
AREAS = (
    ("storage west", "西側棚", ("A0*",)),
    ("storage east", "東側棚", ("A1*", "A2*")),
    ("stations", "ステーション", ("ST-*",)),
)
TARGETS = {"pick": 40, "pack": 25, "load": 15, "ship": 25, "receive": 5, "putaway": 10}
SCALES, FIRST_SCALE_PORT = 5, 14901  # a bench each


def _x(column: int) -> float:
    return PITCH_M * column


def _bay_y(bay: int) -> float:
    return (9.0 if bay <= BAYS // 2 else 15.0) + 2.5 * (bay - 1)


def _aisle(column: int) -> list[str]:
    """The points of a column from south to north, cross-aisles and all."""
    bays = [f"A{column:02}-{bay:02}" for bay in range(1, BAYS + 1)]
    row = {name: f"{name}-{column:02}" for name in ROW_Y_M}
    half = BAYS // 2
    front, middle = [row["F1"], row["F2"]], [row["M1"], row["M2"]]
    return [*front, *bays[:half], *middle, *bays[half:], row["B1"], row["B2"]]


def _strips() -> Iterator[tuple[str, str, str, str]]:
    """Each bay with the lane it is entered from and the lane it is left to, and its kind."""
    for prefix, south, north, kind in (
        ("C", "B2", "K1", "charge"),
        ("P2", "K1", "K2", "park"),
        ("P3", "K2", "K3", "park"),
    ):
        for column in range(1, COLUMNS + 1):
            if (bay := f"{prefix}-{column:02}") not in NO_BAY:
                yield bay, f"{south}-{column:02}", f"{north}-{column:02}", kind


def points() -> Iterator[tuple[str, float, float, str]]:
    """Name, x, y and kind of every point."""
    for name, y_m in ROW_Y_M.items():
        for column in range(1, COLUMNS + 1):
            yield f"{name}-{column:02}", _x(column), y_m, "lane"
    for column in range(1, COLUMNS + 1):
        for bay in range(1, BAYS + 1):
            yield f"A{column:02}-{bay:02}", _x(column), _bay_y(bay), "storage"
    for station in range(1, STATIONS + 1):
        yield f"ST-{station}-IN", _x(2 * station), 0.0, "lane"
        yield f"ST-{station}", _x(2 * station - 1), 0.0, "station"
    for place, south, _, kind in _strips():  # beside the columns: side lanes run between them
        yield place, _x(int(place[-2:])) + PITCH_M / 2, ROW_Y_M[south[:2]] + 3.0, kind


def paths() -> Iterator[tuple[str, str, bool]]:
    """From, to, and whether it may be driven backwards in need."""
    for name in ROW_Y_M:
        row = [f"{name}-{column:02}" for column in range(1, COLUMNS + 1)]
        row = row if name in EAST else row[::-1]
        yield from ((a, b, False) for a, b in pairwise(row))
    for column in range(1, COLUMNS + 1):
        aisle = _aisle(column) if column % 2 else _aisle(column)[::-1]
        yield from ((a, b, True) for a, b in pairwise(aisle))
    for station in range(1, STATIONS + 1):
        siding = [f"F1-{2 * station:02}", f"ST-{station}-IN", f"ST-{station}"]
        siding.append(f"F1-{2 * station - 1:02}")
        yield from ((a, b, True) for a, b in pairwise(siding))
    for place, south, north, _ in _strips():
        yield from ((south, place, True), (place, north, True))
    yield from ((a, b, False) for a, b in SIDE_LANES)


def text(sorter: Sorter = "opcua") -> str:
    """The whole file, with a sorter that speaks that."""
    out = [HEAD, "\n# " + "-" * 66 + " the plant\n"]
    for name, x_m, y_m, kind in points():
        levels = f"levels = {LEVELS}\n" if kind == "storage" else ""
        out.append(
            f'[[points]]\nname = "{name}"\nx_m = {x_m}\ny_m = {y_m}\nkind = "{kind}"\n{levels}\n'
        )
    for start, end, back in paths():
        contraflow = "contraflow = true\n" if back else ""
        out.append(f'[[paths]]\nfrom = "{start}"\nto = "{end}"\n{contraflow}\n')
    out.extend(
        f'[[stations]]\nname = "ST-{n}"\npoint = "ST-{n}"\ncapacity = 8\n\n'
        for n in range(1, STATIONS + 1)
    )
    bays = [bay for bay, *_ in _strips()]
    out.extend(
        f'[[robots]]\nname = "R-{n:02}"\nmanufacturer = "soko"\nserial = "R-{n:02}"\n'
        f'start = "{bays[n - 1]}"\nspeed_mps = {SPEED_MPS}\n\n'
        for n in range(1, ROBOTS + 1)
    )
    out.extend(
        f'[[areas]]\nname = "{name}"\nname_ja = "{name_ja}"\npoints = {json.dumps(points)}\n\n'
        for name, name_ja, points in AREAS
    )
    out.extend(
        f'[[targets]]\narea = "{area}"\nper_hour = {count}\n\n' for area, count in TARGETS.items()
    )
    lanes = "[" + ", ".join(f'"{lane}"' for lane in LANES) + "]"
    machines = MACHINES.format(lanes=lanes, sorter=SORTERS[sorter])
    scales = [SCALE.format(n=n + 1, port=FIRST_SCALE_PORT + n) for n in range(SCALES)]
    return "".join(out).rstrip("\n") + "\n" + machines + "".join(scales)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
