"""What a driver is made with, besides its own row of the site file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The edge round a driver: the whole site file, the clock, broker, and where to keep things.

    `port_offset` is added to every port of a device (several demos on one machine).
    """

    clock: Clock
    site: Mapping[str, Any] = field(default_factory=dict)
    port_offset: int = 0
    mqtt_url: str = ""
    state_dir: Path = field(default_factory=Path)

    @property
    def code(self) -> str:
        """The site's code, as part of names."""
        return str(self.site.get("site", {}).get("code", "site"))

    def port(self, device: Mapping[str, Any]) -> int:
        """The port of that device."""
        return int(device["port"]) + self.port_offset
