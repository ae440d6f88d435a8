"""What may be written to a machine: the tags that its row of the site file names, and no others.

    writes = ["Acknowledged", "WcsHeartbeat", "Divert"]

The list is empty unless somebody fills it in: a device that was just connected is only listened
to, whatever it is told. A tag is what its driver says it is: an OPC UA node or method, a Modbus
register, the type of a telegram.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class TagRefused(PermissionError):  # noqa: N818 - reads as a situation
    """That tag is not on the list."""


class Writes:
    """The list of one device."""

    def __init__(self, device: Mapping[str, Any], tags: Iterable[str]) -> None:
        """`tags` are all that the driver could write.

        Raises:
            ValueError: the list names a tag that there is not, or is no list.
        """
        self.device: str = device["name"]
        wanted, known = device.get("writes", []), [*tags]
        if not isinstance(wanted, list) or not {*wanted} <= {*known}:
            raise ValueError(f"{self.device}: writes must be some of {known}, not {wanted!r}")
        self.allowed = frozenset(wanted)
        self.refused = 0

    def check(self, tag: str) -> None:
        """Before every write.

        Raises:
            TagRefused: the site file does not allow it.
        """
        if tag not in self.allowed:
            self.refused += 1
            raise TagRefused(
                f"{self.device}: {tag} is not ours to write; add it to `writes` of its row in the "
                "site file if it shall be"
            )

    def may(self, tag: str, **facts: object) -> bool:
        """Whether a command may write that tag; a refusal is counted and logged."""
        try:
            self.check(tag)
        except TagRefused:
            log.warning("tag.refused", device=self.device, tag=tag, **facts)
            return False
        return True
