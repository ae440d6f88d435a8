r"""How a robot moves along one straight leg: turn on the spot, speed up, cruise, slow down.

    speed  v0 ____/‾‾‾‾‾‾\____ v1        a trapezium, or a triangle when the leg is short

The whole movement is known when it starts, so a position is a formula of the time and nothing
has to be stepped. A change of mind is a new leg from where the robot is, at the speed it has.

Laws:
    whole       at `starts_at` the robot is at its start, at `ends_at` at its end, at speed v1
    bounded     it never drives faster than `limit_mps`
    brakes      it always can: where the room is too short for the speed asked, v1 gives way

Units: metres, radians, seconds (unix time for moments).
"""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Leg:
    """One straight movement that has been decided on."""

    start: tuple[float, float]
    end: tuple[float, float]
    starts_at: float
    turn_from_rad: float
    turn_s: float
    v0_mps: float
    v1_mps: float
    peak_mps: float
    limit_mps: float
    rates_mps2: tuple[float, float]  # of speeding up and of slowing down

    @property
    def length_m(self) -> float:
        """How far it is."""
        return math.dist(self.start, self.end)

    @property
    def heading_rad(self) -> float:
        """Which way it leads."""
        return heading(self.start, self.end)

    @property
    def ends_at(self) -> float:
        """When the robot will be at the end."""
        return self.starts_at + self.turn_s + sum(self._phases_s())

    def _phases_s(self) -> tuple[float, float, float]:
        up, down = self.rates_mps2
        rise_s = (self.peak_mps - self.v0_mps) / up
        fall_s = (self.peak_mps - self.v1_mps) / down
        ramps_m = (self.v0_mps + self.peak_mps) / 2 * rise_s
        ramps_m += (self.v1_mps + self.peak_mps) / 2 * fall_s
        return rise_s, max(0.0, self.length_m - ramps_m) / self.peak_mps, fall_s

    def at(self, moment: float) -> tuple[float, float, float, float]:
        """x, y, heading and speed at that moment."""
        since_s = min(max(moment, self.starts_at), self.ends_at) - self.starts_at
        if since_s < self.turn_s:
            share = since_s / self.turn_s
            turned = self.turn_from_rad + share * turn(self.turn_from_rad, self.heading_rad)
            return *self.start, math.remainder(turned, math.tau), 0.0
        done_m, speed_mps = self._done(since_s - self.turn_s)
        share = min(done_m / self.length_m, 1.0) if self.length_m else 1.0
        x_m = self.start[0] + share * (self.end[0] - self.start[0])
        y_m = self.start[1] + share * (self.end[1] - self.start[1])
        return x_m, y_m, self.heading_rad, speed_mps

    def _done(self, since_s: float) -> tuple[float, float]:
        rise_s, cruise_s, fall_s = self._phases_s()
        up, down = self.rates_mps2
        first_s = min(since_s, rise_s)
        done_m = first_s * (self.v0_mps + up * first_s / 2)
        if since_s <= rise_s:
            return done_m, self.v0_mps + up * since_s
        done_m += self.peak_mps * min(since_s - rise_s, cruise_s)
        last_s = min(max(0.0, since_s - rise_s - cruise_s), fall_s)
        done_m += last_s * (self.peak_mps - down * last_s / 2)
        return done_m, self.peak_mps - down * last_s


@dataclass(frozen=True, slots=True)
class Motors:
    """What the motors can do."""

    accelerate_mps2: float = 1.0
    turn_radps: float = 1.5


@dataclass(frozen=True, slots=True)
class Going:
    """Where a robot is at a moment, and how fast it goes."""

    at: float
    place: tuple[float, float]
    heading_rad: float
    speed_mps: float


def plan(
    going: Going, end: tuple[float, float], limits: tuple[float, float], motors: Motors
) -> Leg:
    """The leg from here to `end` under `limits`: the most on the way, and at its end."""
    limit, v1 = limits
    length_m = math.dist(going.place, end)
    v0 = min(going.speed_mps, limit)
    if length_m == 0.0:
        v0 = v1 = 0.0
    up = down = motors.accelerate_mps2
    v1 = min(v1, limit, math.sqrt(v0 * v0 + 2 * up * length_m))
    if v0 * v0 - v1 * v1 > 2 * down * length_m:
        v1 = min(v0, math.sqrt(max(0.0, v0 * v0 - 2 * down * length_m)))
    peak = min(limit, math.sqrt((2 * up * length_m + v0 * v0 + v1 * v1) / 2))
    away = abs(turn(going.heading_rad, heading(going.place, end))) if length_m else 0.0
    return Leg(
        start=going.place,
        end=end,
        starts_at=going.at,
        turn_from_rad=going.heading_rad,
        turn_s=away / motors.turn_radps if v0 == 0.0 else 0.0,
        v0_mps=v0,
        v1_mps=v1,
        peak_mps=max(peak, v0, v1, 1e-6),
        limit_mps=limit,
        rates_mps2=(up, down),
    )


def heading(start: tuple[float, float], end: tuple[float, float]) -> float:
    """The direction from one place to another."""
    return math.atan2(end[1] - start[1], end[0] - start[0])


def turn(from_rad: float, to_rad: float) -> float:
    """The shortest turn between two directions, -pi to pi."""
    return math.remainder(to_rad - from_rad, math.tau)
