"""How a robot drives along the released nodes of its order, and where it does not.

A leg leads to the next node. Its speed there is such that what is released beyond suffices to
stop in; a base that grows, or a zone that is granted, lets it go on at speed.

Laws:
    base only     it drives released nodes only, each once, and stands at the decision point
    never unasked it enters no release zone without a lease, and stops in one that it has lost

Source: VDA 5050 version 2.1.0, section 6.6; version 3.0.0, sections 6.1 and 6.4.
"""

import itertools
import math
import random

from edge.drivers.vda5050_model import Error, ErrorLevel, ErrorReference, Node
from simulators import robot_zones
from simulators.robot_body import Body, Build, Doing
from simulators.robot_motion import Going, heading, plan, turn
from simulators.robot_orders import error_type

_STRAIGHT_RAD = 0.2
_LOST = "RELEASE_LOST"


class Chassis:
    """What of a robot drives. Mutable, but without a clock or a wire."""

    def __init__(self, build: Build, body: Body) -> None:
        self.build = build
        self.body = body
        self._has_news = True

    def _may_enter(self) -> bool:
        """Whether it may drive to the next node; if not, it has asked for what lies between."""
        here, end = (self.body.x_m, self.body.y_m), place_of(self.body.nodes[0])
        if robot_zones.may_enter(self.body, here, end):
            return True
        self._has_news |= robot_zones.ask(self.body, here, end)
        return False

    def _mind_zones(self) -> bool:
        """Leases run out and zones are left; who loses a zone that it is in stops there.

        Whether anything changed.
        """
        body = self.body
        complains = any(error.errorType == _LOST for error in body.errors)
        if not body.requests and not complains:
            return False
        at = body.leg.at(body.at)[:2] if body.leg is not None else (body.x_m, body.y_m)
        changed = robot_zones.tidy(body, at)
        lost = [a for a in body.requests if a.entered and a.status in ("EXPIRED", "REVOKED")]
        if lost and (body.leg is not None or not complains):
            self._halt()
            self._fault(_LOST, "the lease", {"zoneId": lost[0].zone[1]}, "CRITICAL")
            changed = True
        elif complains and not lost:
            body.errors = [error for error in body.errors if error.errorType != _LOST]
            changed = True
        self._has_news |= changed
        return changed

    def _drive(self, going: Going, *, limit_mps: float | None = None) -> None:
        body, build = self.body, self.build
        if limit_mps is None:
            hindered = self._chance() < build.hindered_share
            limit_mps = build.speed_mps * (0.2 + 0.5 * self._chance() if hindered else 1.0)
        end = place_of(body.nodes[0])
        through_mps = self._through(going.place, end)
        body.leg = plan(going, end, (limit_mps, through_mps), build.motors)

    def _through(self, start: tuple[float, float], end: tuple[float, float]) -> float:
        """The speed at which the next node may be passed: such that the base suffices to stop."""
        room_m, nodes = 0.0, self.body.nodes
        for here, after in itertools.pairwise(nodes):
            place = place_of(after)
            bend = abs(turn(heading(start, end), heading(end, place)))
            is_free = robot_zones.may_enter(self.body, end, place)
            if here.actions or not after.released or bend > _STRAIGHT_RAD or not is_free:
                break
            room_m += math.dist(end, place)
            start, end = end, place
        brake = self.build.motors.accelerate_mps2
        return min(self.build.speed_mps, math.sqrt(2 * brake * room_m))

    def _look_ahead(self) -> None:
        """The base has changed: go on faster, or brake, from where the robot is."""
        leg, body = self.body.leg, self.body
        if leg is not None:
            x_m, y_m, heading_rad, speed_mps = leg.at(body.at)
            going = Going(body.at, (x_m, y_m), heading_rad, speed_mps)
            self._drive(going, limit_mps=leg.limit_mps)

    def _arrive(self) -> None:
        body, leg = self.body, self.body.leg
        assert leg is not None
        (body.x_m, body.y_m), body.heading_rad, body.leg = leg.end, leg.heading_rad, None
        node = body.nodes.pop(0)
        body.edges = body.edges[1:]
        body.last_node, body.last_sequence = node.nodeId, node.sequenceId
        body.here += [a.actionId for a in node.actions if not self._doing(a.actionId).is_done]
        straight_on = leg.v1_mps > 0 and body.nodes and body.nodes[0].released
        stays = body.here or body.paused or body.cancels
        if straight_on and not stays and self._may_enter():
            self._drive(Going(body.at, leg.end, leg.heading_rad, leg.v1_mps))

    def _halt(self) -> None:
        body = self.body
        if body.leg is not None:
            body.x_m, body.y_m, body.heading_rad, _speed = body.leg.at(body.at)
            body.leg = None

    def _fault(
        self, kind: str, why: str, about: dict[str, str], level: ErrorLevel = "WARNING"
    ) -> None:
        name = error_type(self.build, kind)
        references = tuple(ErrorReference(referenceKey=k, referenceValue=about[k]) for k in about)
        error = Error(
            errorType=name,
            errorLevel=level,
            errorDescription=why,
            errorReferences=references,
        )
        self.body.errors = [e for e in self.body.errors if e.errorType != name] + [error]
        self._has_news = True

    def _doing(self, action_id: str) -> Doing:
        return next(doing for doing in self.body.actions if doing.action.actionId == action_id)

    def _chance(self) -> float:
        self.body.draws += 1
        source = f"{self.build.seed}/{self.build.serial}/{self.body.draws}"
        return random.Random(source).random()


def place_of(node: Node) -> tuple[float, float]:
    """Where a node lies."""
    assert node.nodePosition is not None  # or the order would have been refused
    return node.nodePosition.x, node.nodePosition.y
