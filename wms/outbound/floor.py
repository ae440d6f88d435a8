"""The floor: what outbound must know of the hub's machines, from its site file.

The hub is the site with robots, sorter and gates, which all parcels go through. Other sites are
worked by people alone.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from wms.ids import SiteId
from wms.sites import site_id

TOTES_A_STATION = 4  # on their way or there: more would queue in the aisle before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The hub, its stations with the totes each may have, and whose labels are printed."""

    hub_code: str = "TYO1"
    stations: dict[str, int] = field(
        default_factory=lambda: {f"ST-{number}": TOTES_A_STATION for number in range(1, 7)}
    )
    company_prefix: str = "4912345"
    lines_in_work_max: int = 120  # pinned lines a site: the WIP limit of release
    latched: frozenset[str] = frozenset()  # alarms that stay until reset, beside wms.control.rules

    @property
    def hub(self) -> SiteId:
        """The hub's id."""
        return site_id(self.hub_code)


def floor_of(site_file: Path | None) -> Floor:
    """The floor that a site file tells of; the usual one without a file."""
    if site_file is None:
        return Floor()
    plant = tomllib.loads(site_file.read_text(encoding="utf-8"))
    stations = {
        station["name"]: min(TOTES_A_STATION, int(station.get("capacity", TOTES_A_STATION)))
        for station in plant.get("stations", [])
    }
    latched = frozenset(plant.get("alarms", {}).get("latched", ()))
    return Floor(hub_code=plant["site"]["code"], stations=stations, latched=latched)
