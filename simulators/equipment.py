"""How the hub works, told to the WMS before the day begins: benches, walks, wall, places, counts.

benches     a scale and a printer each; the dock has a printer too
release     orders for the west through the put wall, all others in totes on carts
stations    two of the six have slots: goods to person, several orders at once
putaway     totes to the robots, everything else on shelves
receiving   what lies loose gets a label
counts      a few places a day, so that people have time for it
"""

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from simulators.benches import BENCHES, DOCK_PRINTER, printer_ports
from simulators.network import HUB

WEST = ("福岡県", "広島県", "岡山県", "香川県", "沖縄県")
WALL_LINES_MAX, LINES_MAX = 24, 120
COUNTED = ("S01-03", "S04-11", "S07-02", "S10-20")
STATION_SLOTS = {"ST-1": 6, "ST-2": 6}


def equipment(*, port_offset: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is PUT where, in its order."""
    for name, port in printer_ports(port_offset).items():
        yield f"/console/v1/printers/{HUB}/{name}", {"host": "127.0.0.1", "port": port}
    for number in range(1, BENCHES + 1):
        bench = {"weigh": "SCALE", "scale": f"scale-{number}", "printer": f"PRN-{number}"}
        yield (
            f"/console/v1/pack-stations/{HUB}/PACK-{number}",
            bench | {"devices": [f"hh-pack-{number}"]},
        )
    dock = {"weigh": "NONE", "printer": DOCK_PRINTER, "devices": ["hh-dock-1"]}
    yield f"/console/v1/pack-stations/{HUB}/DOCK", dock
    for name, slots in STATION_SLOTS.items():
        yield f"/console/v1/pick-stations/{HUB}/{name}", {"slots": slots}
    yield from _release()
    rules = [
        {"name": "totes", "units": ["TOTE"], "zones": ["ROBOT"], "prefer": ["EMPTY"]},
        {"name": "shelves", "zones": ["SHELF"], "prefer": ["SAME_SKU", "EMPTY"]},
    ]
    yield f"/console/v1/putaway/rules/{HUB}", {"rules": rules}
    labels = {"site": HUB, "supplier": "", "labels": "PRINT"}
    yield "/console/v1/inbound-policies", labels


def counts_wanted(*, seed: int) -> dict[str, Any]:
    """The counts that somebody asks for, as POST /console/v1/counts takes them."""
    command = uuid5(NAMESPACE_URL, f"soko/demo/counts/{seed}")
    return {"command_id": str(command), "site": HUB, "places": list(COUNTED)}


def _release() -> Iterator[tuple[str, dict[str, Any]]]:
    wall = {"mode": "PUT_WALL", "orders_max": 8, "units_max": 80}
    yield (
        f"/console/v1/channels/{HUB}/WEST",
        {"wip_lines_max": WALL_LINES_MAX, "position": 0, "which": {"prefectures": list(WEST)},
         "style": wall},
    )  # fmt: skip
    carts = {"mode": "CLUSTER", "orders_max": 6, "units_max": 120}
    yield (
        f"/console/v1/channels/{HUB}/MAIN",
        {"wip_lines_max": LINES_MAX, "position": 1, "style": carts},
    )
