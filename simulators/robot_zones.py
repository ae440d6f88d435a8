"""A robot's maps and zone sets, and how it asks for zones before it enters them.

    instant actions: downloadMap enableMap deleteMap, enableZoneSet deleteZoneSet --> `keep`
    zoneSet ------------------------------------------------------------------> `learn`
    before a leg: crossed zones that it may not enter --------------------------> `ask`
    responses ------------------------------------------------------------------> `hear`
    time and place: leases run out, zones are left -----------------------------> `tidy`

Laws:
    never unasked   a leg that crosses an enabled RELEASE or BLOCKED zone is not begun without a
                    grant that is still valid; a BLOCKED zone is never granted
    kept while in   the request of a zone stays in the state until the robot is out of it

The robot is a point here: its contour is not modelled.

Units: metres, unix seconds.

Source: VDA 5050 version 3.0.0, sections 6.3, 6.4 and 6.9.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from edge.drivers.vda5050_model import (
    Action,
    Enabled,
    MapInfo,
    RequestStatus,
    Responses,
    ZoneSet,
)
from simulators.robot_body import Asking, Body, KnownZones

Place = tuple[float, float]
_CORNERS_MIN = 3
_OFF: Enabled = "DISABLED"


# --------------------------------------------------------------------- maps and sets: to be kept
def keep(body: Body, action: Action) -> str | None:
    """Do what an instant action says about maps and zone sets; why it failed, "" if it did not.

    None: it says nothing about them.
    """
    kind = action.actionType
    if kind in ("downloadMap", "enableMap", "deleteMap"):
        return _keep_map(body, action)
    if kind in ("enableZoneSet", "deleteZoneSet"):
        return _keep_zones(body, action)
    return None


def _keep_map(body: Body, action: Action) -> str:
    wanted = (str(action.parameter("mapId")), str(action.parameter("mapVersion")))
    known = {(m.mapId, m.mapVersion): m for m in body.maps or []}
    if action.actionType == "downloadMap":
        if wanted in known:
            return "DUPLICATE_MAP"
        if not action.parameter("mapDownloadLink"):
            return "no mapDownloadLink"
        body.maps = [
            *known.values(),
            MapInfo(mapId=wanted[0], mapVersion=wanted[1], mapStatus=_OFF),
        ]
        return ""
    if wanted not in known:
        return "there is no such map"
    if action.actionType == "deleteMap":
        in_use = known[wanted].mapStatus == "ENABLED"
        body.maps = [m for key, m in known.items() if in_use or key != wanted]
        return "the map is in use" if in_use else ""
    body.maps = [
        MapInfo(
            mapId=m.mapId,
            mapVersion=m.mapVersion,
            mapStatus=_status(m.mapStatus, key, wanted, same=m.mapId == wanted[0]),
        )
        for key, m in known.items()
    ]
    return ""


def _keep_zones(body: Body, action: Action) -> str:
    wanted = str(action.parameter("zoneSetId"))
    chosen = next((known for known in body.zone_sets if known.id == wanted), None)
    if chosen is None:
        return "there is no such zone set"
    if action.actionType == "deleteZoneSet":
        if chosen.status == "ENABLED":
            return "the zone set is in use"
        body.zone_sets.remove(chosen)
        return ""
    for known in body.zone_sets:
        same = known.map == chosen.map
        known.status = _status(known.status, known.id, wanted, same=same)
    return ""


def _status(before: Enabled, key: object, wanted: object, *, same: bool) -> Enabled:
    return "ENABLED" if key == wanted else _OFF if same else before


def learn(body: Body, message: ZoneSet) -> str:
    """Take a zone set in, not yet enabled; why not, "" if it was taken."""
    said = message.zoneSet
    if any(known.id == said["zoneSetId"] for known in body.zone_sets):
        return "DUPLICATE_ZONE_SET"
    zones = [zone for zone in said["zones"] if isinstance(zone, dict)]
    if len(zones) < len(said["zones"]) or not all(_is_zone(zone) for zone in zones):
        return "VALIDATION_FAILURE"
    body.zone_sets.append(KnownZones(said["zoneSetId"], said["mapId"], _OFF, zones))
    return ""


def _is_zone(zone: dict[str, Any]) -> bool:
    corners = zone.get("vertices", ())
    return (
        isinstance(zone.get("zoneId"), str)
        and isinstance(zone.get("zoneType"), str)
        and len(corners) >= _CORNERS_MIN
        and all(type(c.get(axis)) in (int, float) for c in corners for axis in ("x", "y"))
    )


# ------------------------------------------------------------------------------------- requests
def may_enter(body: Body, start: Place, end: Place) -> bool:
    """Whether it may drive there, as far as zones go."""
    return all(
        kind == "RELEASE" and any(_holds(asking, body, zone) for asking in body.requests)
        for kind, zone in _crossed(body, start, end)
    )


def ask(body: Body, start: Place, end: Place) -> bool:
    """Ask for what lies on the way; whether there is something new to tell."""
    new = False
    for kind, zone in _crossed(body, start, end):
        asked = any(a.zone == zone and a.status in ("REQUESTED", "GRANTED") for a in body.requests)
        if kind == "RELEASE" and not asked:
            body.asked += 1
            body.requests.append(Asking(f"{body.last_node}-{body.asked}", zone))
            new = True
    return new


def hear(body: Body, said: Responses) -> bool:
    """Heed the answers; whether that changed something."""
    changed = False
    for answer in said.responses:
        asking = next((a for a in body.requests if a.id == answer.requestId), None)
        if asking is None:
            continue
        changed = True
        if answer.grantType == "GRANTED":
            asking.status = "GRANTED"
            body.requests = [a for a in body.requests if a is asking or a.zone != asking.zone]
            expiry = answer.leaseExpiry
            asking.until = datetime.fromisoformat(expiry).timestamp() if expiry else None
        elif answer.grantType == "REVOKED":
            _lose(body, asking, "REVOKED")
        elif answer.grantType == "REJECTED":
            body.requests.remove(asking)
    return changed


def tidy(body: Body, place: Place) -> bool:
    """Let leases run out and requests go with their zones; whether that changed something."""
    changed = False
    for asking in list(body.requests):
        if asking.until is not None and body.at >= asking.until and asking.status == "GRANTED":
            _lose(body, asking, "EXPIRED", place)
            changed = True
        inside = _is_inside(body, asking.zone, place)
        asking.entered |= inside
        ahead = body.leg is not None and asking.zone in {
            zone for _kind, zone in _crossed(body, place, body.leg.end)
        }
        if asking.entered and not inside and not ahead:
            body.requests.remove(asking)
            changed = True
    return changed


def _lose(body: Body, asking: Asking, status: RequestStatus, place: Place | None = None) -> None:
    """A release is lost: inside the zone it is kept in the state, outside it is forgotten."""
    here = place or (body.x_m, body.y_m)
    if _is_inside(body, asking.zone, here) or (body.leg is not None and asking.entered):
        asking.status = status
    else:
        body.requests.remove(asking)


def _holds(asking: Asking, body: Body, zone: tuple[str, str]) -> bool:
    in_time = asking.until is None or body.at < asking.until
    return asking.zone == zone and asking.status == "GRANTED" and in_time


def _crossed(body: Body, start: Place, end: Place) -> Iterator[tuple[str, tuple[str, str]]]:
    for known in body.zone_sets:
        if known.status != "ENABLED":
            continue
        for zone in known.zones:
            kind = zone["zoneType"]
            if kind in ("RELEASE", "BLOCKED") and _touches(_corners(zone), start, end):
                yield kind, (known.id, zone["zoneId"])


def _is_inside(body: Body, zone: tuple[str, str], place: Place) -> bool:
    return any(
        _contains(_corners(row), place)
        for known in body.zone_sets
        for row in known.zones
        if (known.id, row["zoneId"]) == zone
    )


# ------------------------------------------------------------------------------------- geometry
def _corners(zone: dict[str, Any]) -> list[Place]:
    return [(corner["x"], corner["y"]) for corner in zone["vertices"]]


def _contains(corners: Sequence[Place], place: Place) -> bool:
    x, y = place
    inside = False
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _touches(corners: Sequence[Place], start: Place, end: Place) -> bool:
    if _contains(corners, start) or _contains(corners, end):
        return True
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    return any(_cross(start, end, one, other) for one, other in sides)


def _cross(a: Place, b: Place, c: Place, d: Place) -> bool:
    def side(p: Place, q: Place, r: Place) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
