"""What a site file says of robots: who they are, and the habits of their make.

    [[devices]]                            interface, lease_s
    [devices.types.NAME]                   a profile: the habits of a type of robots
    [[devices.zone_sets]]                  zones, for robots of 3.0
    [[robots]] name, manufacturer, serial, map, type, and any habit that only this one has

No two makes read the standard the same way. What a type does otherwise is written down once,
here; the driver knows habits, never makes.

Source: VDA 5050 version 2.1.0 and 3.0.0, and what robots in the field were seen to do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from edge.drivers.vda5050_codec import dialect_of
from edge.drivers.vda5050_model import VERSION
from edge.drivers.vda5050_wire import INTERFACE
from edge.drivers.vda5050_zones import read_zone_set
from edge.messages import ActionKind

ACTION_TYPES: Mapping[ActionKind, str] = {
    "PICK": "pick",
    "DROP": "drop",
    "CHARGE_START": "startCharging",
    "CHARGE_STOP": "stopCharging",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Robot:
    """A robot of the site file, and the habits of its make.

    Attributes:
        version: what it is spoken to in until it has said something itself.
        stitch_actions: whether a re-sent stitching node carries its actions, as the standard
            asks; some makes queue them a second time.
        instant_key: where it looks for instant actions.
        action_types: what it calls picking, dropping and charging, where it has words of its own.
        load_key: the parameter in which it looks for the load.
        slot_key: that in which a robot with several slots looks for the slot (load handling
            device); what is in it is that load's `loadPosition`.
        horizon_nodes: how much of the unreleased way it is shown; it comes back in every state.
        deviation_m: how near to a node is near enough.
        state_every_s: how long it may say nothing.
        heed_connection: whether its `connection` topic means anything; if not, only the age of
            its states counts.
        trust_cancel: whether a cancel is over when it says so, even if it still drives.
        trust_finished: whether an action is done when it says so, wherever it is and whatever
            it carries.
        tells_load: whether its `loads` are what it carries.
        retries: how often an action that it calls RETRIABLE is tried again before it is skipped.
        tolerates: rules that it is known to break, and that are not held against it.
        map_version, map_link, map_hash: the map that it shall have; empty: as it is.
        zone_set: the zones that it shall heed, in the standard's own object.
    """

    name: str
    manufacturer: str
    serial: str
    map_id: str
    interface: str = INTERFACE
    version: str = VERSION
    stitch_actions: bool = True
    instant_key: Literal["actions", "instantActions"] = "actions"
    action_types: Mapping[str, str] = field(default_factory=dict)
    load_key: str = "loadId"
    slot_key: str = "lhd"
    horizon_nodes: int = 3
    deviation_m: float = 0.25
    state_every_s: float = 30.0
    heed_connection: bool = True
    trust_cancel: bool = False
    trust_finished: bool = False
    tells_load: bool = True
    retries: int = 0
    tolerates: Sequence[str] = ()
    map_version: str = ""
    map_link: str = ""
    map_hash: str = ""
    zone_set: Mapping[str, Any] | None = None

    def action_type(self, kind: ActionKind) -> str:
        """What it calls that."""
        return self.action_types.get(kind, ACTION_TYPES[kind])

    @property
    def shares_zones(self) -> bool:
        """Whether it may ask for zones and corridors."""
        return dialect_of(self.version) == "3.0"


_WHO = ("name", "manufacturer", "serial", "map_id", "interface", "zone_set")
_HABITS: Mapping[str, Any] = {f.name: f.type for f in fields(Robot) if f.name not in _WHO}
_KINDS: Mapping[object, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (int, float)}


def robots_of(device: Mapping[str, Any], site: Mapping[str, Any]) -> list[Robot]:
    """The `[[robots]]` of a device: those that name it, or no device at all.

    Raises:
        ValueError: with all that is wrong with the device's profiles and with its robots.
    """
    code = site["site"]["code"]
    first = next(row["name"] for row in site["devices"] if row["driver"] == "vda5050")
    rows = [row for row in site["robots"] if row.get("device", first) == device["name"]]
    types: Mapping[str, Mapping[str, Any]] = device.get("types", {})
    faults = [fault for name in types for fault in _habit_faults(f"type {name}", types[name])]
    for row in rows:
        if (kind := row.get("type")) is not None and kind not in types:
            faults.append(f"robot {row['name']}: there is no type {kind!r}")
        own = {key: value for key, value in row.items() if key in _HABITS}
        faults += _habit_faults(f"robot {row['name']}", own)
    for names in ([r["name"] for r in rows], [(r["manufacturer"], r["serial"]) for r in rows]):
        if len(set(names)) < len(names):
            faults.append(f"{device['name']}: two robots share a name")
    zone_sets, more = _zone_sets(device, code)
    if faults := [*faults, *more]:
        raise ValueError("; ".join(faults))
    return [
        _robot(row, types.get(row.get("type", ""), {}), device, zone_sets | {"": code})
        for row in rows
    ]


def _robot(
    row: Mapping[str, Any],
    profile: Mapping[str, Any],
    device: Mapping[str, Any],
    places: Mapping[str, Any],
) -> Robot:
    map_id = row.get("map", places[""])
    own = {key: value for key, value in row.items() if key in _HABITS}
    return Robot(
        name=row["name"],
        manufacturer=row["manufacturer"],
        serial=row["serial"],
        map_id=map_id,
        interface=device.get("interface", INTERFACE),
        zone_set=places.get(f"map {map_id}"),
        **{**profile, **own},
    )


def _zone_sets(device: Mapping[str, Any], code: str) -> tuple[dict[str, Any], list[str]]:
    """The zone set of every map, and what is wrong with them."""
    out: dict[str, Any] = {}
    faults: list[str] = []
    for row in device.get("zone_sets", []):
        try:
            zone_set = read_zone_set(row, code)
        except ValueError as error:
            faults.append(str(error))
            continue
        key = f"map {zone_set['mapId']}"
        if key in out:
            faults.append(f"{zone_set['zoneSetId']}: its map has a zone set already")
        out[key] = zone_set
    return out, faults


def _habit_faults(where: str, habits: Mapping[str, Any]) -> Iterator[str]:
    for key, value in habits.items():
        if key not in _HABITS:
            yield f"{where}: {key} is not known here; there are {', '.join(_HABITS)}"
        elif (kinds := _KINDS.get(_HABITS[key])) is not None and type(value) not in kinds:
            yield f"{where}: {key} should be of type {kinds[-1].__name__}, not {value!r}"
        elif _HABITS[key] is str and not isinstance(value, str):
            yield f"{where}: {key} should be text, not {value!r}"
    if isinstance(version := habits.get("version", VERSION), str) and dialect_of(version) is None:
        yield f"{where}: version {version} is not spoken here; there are 2.0.0, 2.1.0 and 3.0.0"
    if habits.get("instant_key", "actions") not in ("actions", "instantActions"):
        yield f"{where}: instant_key is actions or instantActions"
    for key in habits.get("action_types", {}):
        if key not in get_args(ActionKind):
            yield f"{where}: action_types has no {key}; there are {', '.join(ACTION_TYPES)}"
