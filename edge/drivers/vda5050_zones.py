"""Zones of VDA 5050 3.0: the sets that a site file describes, and who may be in which.

    [[devices.zone_sets]]                 read_zone_set --> the standard's zoneSet object
    state: zoneRequests, edgeRequests --> Leases.hear
                                          Leases.due    --> responses: GRANTED, QUEUED, REVOKED

A robot asks before it enters a RELEASE zone, replans in a COORDINATED_REPLANNING zone or leaves
the middle of an edge. Each of these is one thing that one robot at a time may have. A grant is a
lease: it is renewed while the robot says that it holds it, and runs out when we fall silent.

Laws:
    one at a time   a thing is granted to another robot only after its holder was heard without it:
                    a lease that ran out, or was revoked, does not free a zone, for the robot may
                    stand in it
    first asked     who waits longest is next
    no memory       leases are not kept over a restart: then nothing is granted until every robot
                    that shares zones was heard, or the leases of before have run out

Units: metres, radians, seconds.

Source: VDA 5050 version 3.0.0, sections 6.4, 6.6.10, 6.9, 7.5 and 7.6.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from edge.drivers.vda5050_model import EdgeRequest, Grant, RequestStatus, ZoneRequest

Thing: TypeAlias = tuple[str, str]  # (zone set, zone) or ("", edge)
Request: TypeAlias = ZoneRequest | EdgeRequest

_NEEDS: Mapping[str, tuple[str, ...]] = {  # what a zone of a type has to say
    "BLOCKED": (),
    "LINE_GUIDED": (),
    "RELEASE": (),
    "COORDINATED_REPLANNING": (),
    "SPEED_LIMIT": ("maximumSpeed",),
    "ACTION": ("entryActions", "duringActions", "exitActions"),
    "PRIORITY": ("priorityFactor",),
    "PENALTY": ("penaltyFactor",),
    "DIRECTED": ("direction", "directedLimitation"),
    "BIDIRECTED": ("direction", "bidirectedLimitation"),
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "releaseLossBehavior": ("STOP", "CONTINUE", "EVACUATE"),
    "directedLimitation": ("SOFT", "RESTRICTED", "STRICT"),
    "bidirectedLimitation": ("SOFT", "RESTRICTED"),
}
_CORNERS_MIN = 3


# ------------------------------------------------------------------------------------ zone sets
def read_zone_set(row: Mapping[str, Any], map_id: str) -> dict[str, Any]:
    """The standard's object of a `[[devices.zone_sets]]` row: `id`, `map`, `zones`.

    A zone says `id`, `type`, `corners` (pairs of x and y) and what its type needs, in the
    standard's own spelling. Corners go out counterclockwise, whichever way they were written.

    Raises:
        ValueError: with all that is wrong with it.
    """
    zones = row.get("zones", [])
    faults = [f"{row.get('id')}: {fault}" for zone in zones for fault in _faults(zone)]
    ids = [zone.get("id") for zone in zones]
    if len(set(ids)) < len(ids):
        faults.append(f"{row.get('id')}: two zones have the same id")
    if not isinstance(row.get("id"), str):
        faults.append("a zone set has no id")
    if faults:
        raise ValueError("; ".join(faults))
    return {
        "zoneSetId": row["id"],
        "mapId": row.get("map", map_id),
        "zones": [_zone(zone) for zone in zones],
    }


def _faults(zone: Mapping[str, Any]) -> Iterator[str]:
    name, kind, corners = zone.get("id"), zone.get("type"), zone.get("corners", ())
    if not isinstance(name, str):
        yield "a zone has no id"
    if not isinstance(kind, str) or kind not in _NEEDS:
        yield f"zone {name}: no type {kind!r}; there are {', '.join(_NEEDS)}"
        return
    for key in _NEEDS[kind]:
        if key not in zone:
            yield f"zone {name}: a {kind} zone needs {key}"
    for key, choices in _CHOICES.items():
        if key in zone and zone[key] not in choices:
            yield f"zone {name}: {key} is one of {', '.join(choices)}"
    if len(corners) < _CORNERS_MIN or not all(_is_place(corner) for corner in corners):
        yield f"zone {name}: corners are three or more pairs of numbers"
    elif _area_m2(corners) == 0.0:
        yield f"zone {name}: its corners lie on a line"


def _zone(zone: Mapping[str, Any]) -> dict[str, Any]:
    corners = zone["corners"] if _area_m2(zone["corners"]) > 0 else zone["corners"][::-1]
    own = {key: value for key, value in zone.items() if key not in ("id", "type", "corners")}
    if zone["type"] == "RELEASE":
        own = {"releaseLossBehavior": "STOP", **own}
    return {
        "zoneId": zone["id"],
        "zoneType": zone["type"],
        "vertices": [{"x": float(x), "y": float(y)} for x, y in corners],
        **own,
    }


def _is_place(corner: Any) -> bool:
    return (
        isinstance(corner, Sequence)
        and len(corner) == 2  # noqa: PLR2004 - x and y
        and all(type(v) in (int, float) and math.isfinite(v) for v in corner)
    )


def _area_m2(corners: Sequence[Sequence[float]]) -> float:
    """Positive when the corners go round counterclockwise."""
    round_ = zip(corners, [*corners[1:], corners[0]], strict=True)
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in round_) / 2


# --------------------------------------------------------------------------------------- leases
@dataclass(frozen=True, slots=True)
class Answer:
    """What one robot is told about one request; `until` only with GRANTED."""

    robot: str
    request: str
    grant: Grant
    until: datetime | None = None


@dataclass(slots=True)
class _Asked:
    """A request as it was last heard."""

    robot: str
    request: str
    thing: Thing
    status: RequestStatus
    since: datetime
    told: Grant | None = None
    told_at: datetime | None = None
    until: datetime | None = None


@dataclass(slots=True)
class Leases:
    """Who has asked for what, and who holds it.

    Attributes:
        lease_s: how long a grant lasts without a word of ours.
        patience_s: how long an answer may take to be seen in a state.
        robots: those that share zones; nothing is granted before all were heard.
        clashes: how often two robots said to hold the same thing.
    """

    lease_s: float
    patience_s: float
    robots: frozenset[str]
    started_at: datetime
    clashes: int = 0
    _heard: set[str] = field(default_factory=set)
    _asked: dict[tuple[str, str], _Asked] = field(default_factory=dict)  # (robot, request)
    _holder: dict[Thing, str] = field(default_factory=dict)

    def hear(self, robot: str, requests: Iterable[Request], now: datetime) -> None:
        """A state of that robot lists these requests, and no others."""
        self._heard.add(robot)
        listed = {request.requestId: request for request in requests}
        for key in [key for key in self._asked if key[0] == robot and key[1] not in listed]:
            del self._asked[key]
        for name, request in listed.items():
            thing, key = _thing(request), (robot, name)
            known = self._asked.get(key)
            if known is None or known.thing != thing:
                known = _Asked(robot, name, thing, request.requestStatus, now)
                self._asked[key] = known
            known.status = request.requestStatus
            if known.status != "REQUESTED":
                self._take(thing, robot)
        mine = {asked.thing for (name, _), asked in self._asked.items() if name == robot}
        for thing in [t for t, holder in self._holder.items() if holder == robot]:
            if thing not in mine:
                del self._holder[thing]

    def due(self, now: datetime, barred: frozenset[str] = frozenset()) -> list[Answer]:
        """What has to be said now; robots that are barred get nothing new and lose what they have.

        Barred are those that cannot be trusted: two under one name.
        """
        answers: list[Answer] = []
        for asked in sorted(self._asked.values(), key=lambda a: (a.since, a.robot, a.request)):
            grant = self._grant(asked, now, barred)
            if grant is not None and self._has_to_be_said(asked, grant, now):
                until = now + timedelta(seconds=self.lease_s) if grant == "GRANTED" else None
                asked.told, asked.told_at, asked.until = grant, now, until
                answers.append(Answer(asked.robot, asked.request, grant, until))
        return answers

    def holder(self, thing: Thing) -> str | None:
        """Who has it, as far as is known."""
        return self._holder.get(thing)

    def _grant(self, asked: _Asked, now: datetime, barred: frozenset[str]) -> Grant | None:
        holder = self._holder.get(asked.thing)
        if asked.robot in barred:
            return "REVOKED" if asked.status == "GRANTED" else None  # unanswered, it waits
        if asked.status == "GRANTED":
            return "GRANTED" if holder == asked.robot else "REVOKED"
        if asked.status != "REQUESTED":
            return None  # it knows that it has lost it; it says so until it is out
        if holder == asked.robot or (holder is None and self._may_begin(now)):
            self._holder[asked.thing] = asked.robot
            return "GRANTED"
        return "QUEUED"

    def _may_begin(self, now: datetime) -> bool:
        waited_s = (now - self.started_at).total_seconds()
        return waited_s >= self.lease_s or self.robots <= self._heard

    def _has_to_be_said(self, asked: _Asked, grant: Grant, now: datetime) -> bool:
        if grant != asked.told or asked.told_at is None:
            return True
        if (now - asked.told_at).total_seconds() < self.patience_s:
            return False
        if grant == "GRANTED" and asked.status == "GRANTED":
            half = timedelta(seconds=self.lease_s / 2)
            return asked.until is None or asked.until - now <= half
        return grant != "QUEUED"  # once told to wait, it waits

    def _take(self, thing: Thing, robot: str) -> None:
        holder = self._holder.setdefault(thing, robot)
        if holder != robot:
            self.clashes += 1


def _thing(request: Request) -> Thing:
    if isinstance(request, ZoneRequest):
        return request.zoneSetId, request.zoneId
    return "", request.edgeId
