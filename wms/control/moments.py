"""A minute of a site's pictures as few bytes: where every robot was, every two seconds.

    zlib( length of names | names and times as JSON | picture | picture xor the one before | … )
    a robot in a picture: 8 bytes     x y    in 2 cm, signed 16 bits each
                                      heading   in 1/256 of a turn
                                      state     its place in STATES; 255: not in this picture
                                      battery   in half percent
                                      flags     1 loaded, 2 paused

A fleet that stands still costs next to nothing; 500 robots that drive about 50 kB a minute.

Pure. Units: metres, radians, shares of one.
"""

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import tau

from wcs.messages import RobotOnMap, SiteFrame

STATES = ("IDLE", "DRIVING", "WAITING", "WORKING", "CHARGING", "FAULT", "SILENT")
LOADED, PAUSED = 1, 2
ABSENT = 255
_ROBOT = struct.Struct("<hhBBBB")
_HEAD = struct.Struct("<I")
_STEP_M = 0.02
_FURTHEST = 32_767


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One robot in a picture."""

    x_m: float
    y_m: float
    heading_rad: float
    state: str
    battery: float
    loaded: bool
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One picture: by the name of the robot."""

    at: datetime
    robots: dict[str, Spot]


def pack(frames: Sequence[SiteFrame]) -> bytes:
    """The pictures as bytes; the order of the frames is kept."""
    names = sorted({robot.robot for frame in frames for robot in frame.robots})
    head = json.dumps({"names": names, "at": [frame.at.isoformat() for frame in frames]}).encode()
    pictures = [_picture(frame, names) for frame in frames]
    changes = [pictures[0], *(_xor(a, b) for a, b in pairwise(pictures))] if pictures else []
    return zlib.compress(b"".join([_HEAD.pack(len(head)), head, *changes]), 6)


def unpack(body: bytes) -> list[Moment]:
    """What `pack` was given, as exactly as it keeps it.

    Raises:
        ValueError: these bytes are no pictures.
    """
    try:
        plain = zlib.decompress(body)
        (length,) = _HEAD.unpack_from(plain)
        head = json.loads(plain[_HEAD.size : _HEAD.size + length])
        names, times = head["names"], [datetime.fromisoformat(at) for at in head["at"]]
    except (zlib.error, struct.error, KeyError, TypeError) as error:
        raise ValueError("these bytes are no pictures") from error
    size, start = len(names) * _ROBOT.size, _HEAD.size + length
    picture, moments = bytes(size), []
    for n, at in enumerate(times):
        picture = _xor(picture, plain[start + n * size : start + (n + 1) * size])
        spots = zip(names, _ROBOT.iter_unpack(picture), strict=True)
        moments.append(
            Moment(at=at, robots={name: _spot(row) for name, row in spots if row[3] != ABSENT})
        )
    return moments


def _picture(frame: SiteFrame, names: Sequence[str]) -> bytes:
    robots = {robot.robot: robot for robot in frame.robots}
    return b"".join(_packed(robots.get(name)) for name in names)


def _packed(robot: RobotOnMap | None) -> bytes:
    if robot is None:
        return _ROBOT.pack(0, 0, 0, ABSENT, 0, 0)
    flags = (LOADED if robot.load else 0) | (PAUSED if robot.paused else 0)
    battery = robot.battery / 100 if robot.battery > 1 else robot.battery
    return _ROBOT.pack(
        _near(robot.x_m),
        _near(robot.y_m),
        round(robot.heading_rad % tau / tau * 256) % 256,
        STATES.index(robot.state),
        round(min(1.0, max(0.0, battery)) * 200),
        flags,
    )


def _near(metres: float) -> int:
    return max(-_FURTHEST, min(_FURTHEST, round(metres / _STEP_M)))


def _spot(row: tuple[int, ...]) -> Spot:
    x, y, heading, state, battery, flags = row
    return Spot(
        x_m=x * _STEP_M,
        y_m=y * _STEP_M,
        heading_rad=heading / 256 * tau,
        state=STATES[state],
        battery=battery / 200,
        loaded=bool(flags & LOADED),
        paused=bool(flags & PAUSED),
    )


def _xor(a: bytes, b: bytes) -> bytes:
    whole = int.from_bytes(a, "little") ^ int.from_bytes(b, "little")
    return whole.to_bytes(len(a), "little")
