"""The live picture of a site as what has changed since the one before.

    whole picture ─> viewer            when it comes, or has missed too much
    difference    ─> viewer            from then on: ten a second, a tenth of the bytes

    {"at": …, "moved": [[n, x_cm, y_cm, heading_mrad], …],     robots by their number in the picture
     "robots": {"n": {"state": …, "drop": 2, …}, …},           what else is new of a robot
     …}                                                        other parts, if they are others now

`drop` is how many points of a robot's route lie behind it now. The other half is
web/src/control/apply.ts; a test plays both against each other.

Laws:
    whole   a picture with its differences applied is the next picture, to the centimetre
    same    robots keep their numbers; where others come or go there is no difference, but a picture

Pure. Units: centimetres, milliradians.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

Picture: TypeAlias = Mapping[str, Any]
_POSE = ("x_m", "y_m", "heading_rad")


def difference(before: Picture, now: Picture) -> dict[str, Any] | None:
    """What is new; None: these are not the same robots, and the whole picture has to be sent."""
    old, new = before["robots"], now["robots"]
    if [one["robot"] for one in old] != [one["robot"] for one in new]:
        return None
    found: dict[str, Any] = {
        name: part for name, part in now.items() if name != "robots" and before.get(name) != part
    }
    moved, robots = [], {}
    for n, (then, robot) in enumerate(zip(old, new, strict=True)):
        if any(then[name] != robot[name] for name in _POSE):
            moved.append([n, _hundredths(robot["x_m"]), _hundredths(robot["y_m"]), _mrad(robot)])
        if fresh := _fresh(then, robot):
            robots[str(n)] = fresh
    return found | {"moved": moved, "robots": robots}


def _fresh(then: Picture, robot: Picture) -> dict[str, Any]:
    """What is new of a robot besides where it stands."""
    fresh = {
        name: part for name, part in robot.items() if name not in _POSE and then.get(name) != part
    }
    if "route" in fresh:
        gone = len(then["route"]) - len(robot["route"])
        if gone > 0 and then["route"][gone:] == robot["route"]:
            del fresh["route"]
            fresh["drop"] = gone
    return fresh


def _hundredths(metres: float) -> int:
    return round(100 * metres)


def _mrad(robot: Picture) -> int:
    return round(1000 * float(robot["heading_rad"]))
