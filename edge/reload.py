"""Another site file while the edge runs: what has changed is exchanged, the rest does not notice.

    SIGHUP · soko edge reload            all devices whose rows have changed, are new or are gone
    soko edge reload DEVICE              that one, changed or not

A device has changed when its own row has, or a row of another table that names it (its robots,
its gate). The new drivers are made before anything is stopped: a file with a fault is refused
whole, with every fault, and the edge goes on as it was. Of a device that is exchanged the old
driver has ended before the new one connects (many devices take one client only).

The code of the site cannot be changed this way: everything is named after it.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from edge.agent import Agent
from edge.drivers import Driver
from edge.site import EdgeSite, SiteFaults, read_site

log = structlog.get_logger(__name__)

Make = Callable[[EdgeSite, Collection[str]], Mapping[str, Driver]]  # drivers of these devices


@dataclass(frozen=True, slots=True)
class Changes:
    """Names of devices, by what is to become of them."""

    added: frozenset[str]
    removed: frozenset[str]
    changed: frozenset[str]


def changes(before: EdgeSite, after: EdgeSite) -> Changes:
    """What is another in a site file."""
    was, will = _views(before), _views(after)
    return Changes(
        added=frozenset(will.keys() - was.keys()),
        removed=frozenset(was.keys() - will.keys()),
        changed=frozenset(name for name in will.keys() & was.keys() if will[name] != was[name]),
    )


class Reloader:
    """Reads the site file again for a running agent; one reload at a time."""

    def __init__(self, path: Path, agent: Agent, make: Make) -> None:
        self._path = path
        self._agent = agent
        self._make = make
        self._one = asyncio.Lock()

    async def reload(self, only: str | None = None) -> Changes:
        """Take over what has changed, of one device or of all.

        Raises:
            SiteFaults: the file cannot be used, or there is no such device; nothing was changed.
        """
        async with self._one:
            try:
                return await self._reload(only)
            except SiteFaults as error:
                log.error("site.refused", faults=error.faults)  # noqa: TRY400 - a file's fault
                raise

    async def _reload(self, only: str | None) -> Changes:
        before = self._agent.site
        try:
            text = await asyncio.to_thread(self._path.read_text, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SiteFaults([f"{self._path}: {error}"]) from error
        after = read_site(text)
        if after.code != before.code:
            raise SiteFaults([f"site: code was {before.code}, is {after.code}: start again"])
        found = changes(before, after)
        if only is not None:
            found = _only(only, found, before, after)
        fresh = found.added | found.changed
        drivers = self._make(after, fresh)
        await self._agent.take_over(after, drivers, removed=found.removed)
        log.info(
            "site.reloaded",
            added=sorted(found.added),
            removed=sorted(found.removed),
            changed=sorted(found.changed),
        )
        return found


def _only(name: str, found: Changes, before: EdgeSite, after: EdgeSite) -> Changes:
    """One device, changed or not; what else has changed waits for its own turn."""
    if name not in before.devices and name not in after.devices:
        raise SiteFaults([f"there is no device {name}; there are {', '.join(before.devices)}"])
    others = (found.added | found.removed | found.changed) - {name}
    if others:
        raise SiteFaults(
            [f"{', '.join(sorted(others))} changed too; reload without a name to take all over"]
        )
    return Changes(
        added=found.added, removed=found.removed, changed=frozenset({name}) & after.devices.keys()
    )


def _views(site: EdgeSite) -> dict[str, Any]:
    """For each device all rows that concern it."""
    views: dict[str, Any] = {
        name: [row, *_using(site.tables, name)] for name, row in site.devices.items()
    }
    for row in site.tables["robots"]:
        views[site.robot_device[row["name"]]].append(row)
    return views


def _using(tables: Mapping[str, Any], device: str) -> list[Any]:
    return [
        (table, row)
        for table, rows in sorted(tables.items())
        if isinstance(rows, list) and table not in {"devices", "robots"}
        for row in rows
        if isinstance(row, dict) and row.get("device") == device
    ]
