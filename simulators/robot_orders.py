"""Whether a robot takes an order: figure 8 of VDA 5050, step by step, and its words for no.

    judge(build, body, order) --> NEW, UPDATE, IGNORE, or a Refusal

Errors have the names of 3.0 here; `error_type` gives them in the words of the robot's version.

Source: VDA 5050 version 2.1.0, section 6.6.4; version 3.0.0, sections 6.1.2, 6.1.4 and 6.6.5.4.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import TypeAdapter

from edge.drivers.vda5050_model import Action, Edge, ErrorLevel, Node, Order
from simulators.robot_body import Body, Build

_REACH_M = 0.3  # of the start of a new order, when it does not say
_TAKES_ORDERS = frozenset({"AUTOMATIC", "SEMIAUTOMATIC", "INTERVENED"})
_OLD_WORDS = {
    "VALIDATION_FAILURE": "validationError",
    "OUTDATED_ORDER_UPDATE": "orderUpdateError",
    "SAME_ORDER_UPDATE_ID": "orderUpdateError",
    "ORDER_UPDATE_FOLLOWING_CANCEL": "orderUpdateError",
    "NO_ROUTE_TO_TARGET": "orderError",
    "NO_ORDER_TO_CANCEL": "noOrderToCancel",
    "INVALID_INSTANT_ACTION": "instantActionError",
    "ACTION_FAILED": "actionError",
}
ORDER_ERRORS = frozenset(
    {
        *_OLD_WORDS.values(),
        *_OLD_WORDS,
        "orderError",
        "UNSUPPORTED_PARAMETER",
        "INVALID_ORDER_ACTION",
        "OTHER_ORDER_ACTIVE",
        "START_NODE_OUT_OF_RANGE",
        "MOBILE_ROBOT_NOT_AVAILABLE",
        "UNKNOWN_MAP_ID",
    }
) - {"actionError", "ACTION_FAILED", "instantActionError", "INVALID_INSTANT_ACTION"}

Verdict: TypeAlias = Literal["NEW", "UPDATE", "IGNORE"]
_route: TypeAdapter[tuple[tuple[Node, ...], tuple[Edge, ...]]] = TypeAdapter(
    tuple[tuple[Node, ...], tuple[Edge, ...]]
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order is not taken."""

    kind: str
    why: str
    level: ErrorLevel = "WARNING"


def error_type(build: Build, kind: str) -> str:
    """What the robot calls that error in its version."""
    return kind if build.dialect == "3.0" else _OLD_WORDS.get(kind, "orderError")


def digest(order: Order) -> str:
    """What an order says, whenever it was sent: to tell a repetition from a contradiction."""
    return hashlib.sha256(_route.dump_json((order.nodes, order.edges))).hexdigest()


def judge(build: Build, body: Body, order: Order) -> Verdict | Refusal:
    """What to do with an order that is well formed."""
    if body.mode not in _TAKES_ORDERS:
        return Refusal("MOBILE_ROBOT_NOT_AVAILABLE", f"it is {body.mode}")
    if refusal := _content(build, body, order):
        return refusal
    if order.orderId != body.order:
        return _judge_new(build, body, order)
    return _judge_update(build, body, order)


def _content(build: Build, body: Body, order: Order) -> Refusal | None:
    if unknown := [a.actionType for a in _actions(order) if not _can(build, a, order)]:
        return Refusal("INVALID_ORDER_ACTION", f"cannot do {unknown[0]}")
    if any(node.nodePosition is None for node in order.nodes[1:]):
        return Refusal("NO_ROUTE_TO_TARGET", "a node without a position")
    maps = {node.nodePosition.mapId for node in order.nodes if node.nodePosition is not None}
    known = {build.map_id} if body.maps is None else {known.mapId for known in body.maps}
    if unmapped := maps - known:
        return Refusal("UNKNOWN_MAP_ID", f"there is no map {min(unmapped)}")
    return None


def _judge_new(build: Build, body: Body, order: Order) -> Verdict | Refusal:
    if body.is_busy():
        return Refusal("OTHER_ORDER_ACTIVE", "another order is under way")
    if order.orderUpdateId != 0 and build.dialect == "3.0":
        return Refusal("VALIDATION_FAILURE", "a new order begins with orderUpdateId 0")
    if not _is_near(build, body, order.nodes[0]):
        return Refusal("START_NODE_OUT_OF_RANGE", "the start is out of range")
    return "NEW"


def _judge_update(build: Build, body: Body, order: Order) -> Verdict | Refusal:
    if order.orderUpdateId < body.update:
        return Refusal("OUTDATED_ORDER_UPDATE", "older than what is known")
    if order.orderUpdateId == body.update:
        if build.dialect != "3.0" or digest(order) == body.digest:
            return "IGNORE"
        return Refusal("SAME_ORDER_UPDATE_ID", "the same update with another content")
    if body.cancelled or body.cancels:
        return Refusal("ORDER_UPDATE_FOLLOWING_CANCEL", "the order has been cancelled")
    joint = body.base_end if body.is_busy() else (body.last_node, body.last_sequence)
    first = order.nodes[0]
    if (first.nodeId, first.sequenceId) != joint:
        return Refusal("OUTDATED_ORDER_UPDATE", f"does not continue from {joint[0]}")
    return "UPDATE"


def _can(build: Build, action: Action, order: Order) -> bool:
    on_edge = any(action in edge.actions for edge in order.edges)
    return not on_edge and build.duration_s(action.actionType) is not None


def _is_near(build: Build, body: Body, node: Node) -> bool:
    place = node.nodePosition
    if place is None:
        return node.nodeId == body.last_node
    if place.mapId != build.map_id:
        return False
    away_m = math.dist((place.x, place.y), (body.x_m, body.y_m))
    return away_m <= max(place.allowedDeviationXY or 0.0, _REACH_M)


def _actions(order: Order) -> list[Action]:
    at_nodes = [action for node in order.nodes for action in node.actions]
    return at_nodes + [action for edge in order.edges for action in edge.actions]
