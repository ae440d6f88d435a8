"""A mobile robot that speaks VDA 5050 2.0, 2.1 or 3.0: by the book.

    robot = Robot(build, body)
    robot.receive("order", body, now)       # bytes from the wire
    messages = robot.step(now)              # everything up to `now` has happened; what it says
    robot.next_event_at                     # when to step again, at the latest

Between two calls everything happens at its own moment: nodes are passed and actions end when
they do, not when somebody looks. Of several changes in one step one state message tells.

Laws:
    by the book   an order is taken or refused as figure 8 says, with the errors it names
    base only     it drives released nodes only, each once, and stands at the decision point
    one thing     a HARD action runs alone and standing, a SOFT one standing
    cancel        a cancelled order drives to the next node and no further; cancelOrder is
                  FINISHED when nothing moves; no update revives the order
    never unasked it enters no release zone without a lease, and stops in one that it has lost
    same seed     the same messages at the same moments give the same life

Source: VDA 5050 version 2.1.0, sections 6.6 to 6.12; version 3.0.0, chapter 6.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from edge.drivers.vda5050_model import (
    Action,
    Edge,
    Node,
    OperatingMode,
    Order,
)
from edge.drivers.vda5050_wire import (
    WireError,
    encode,
    parse_instant_actions,
    parse_order,
    parse_responses,
    parse_zone_set,
)
from simulators import robot_zones
from simulators.robot_body import (
    Body,
    Build,
    Doing,
    said_factsheet,
    said_state,
    scopes_of,
    used,
)
from simulators.robot_drive import Chassis
from simulators.robot_motion import Going
from simulators.robot_orders import ORDER_ERRORS, Refusal, digest, judge

_ALONE = ("SINGLE", "HARD")
_QUESTIONS = frozenset({"stateRequest", "factsheetRequest"})


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the robot, by the name of its topic."""

    kind: Literal["state", "factsheet"]
    body: bytes


class Robot(Chassis):
    """One robot. Mutable, but without a clock or a wire."""

    def __init__(self, build: Build, body: Body) -> None:
        super().__init__(build, body)
        self._owes_factsheet = False

    @property
    def next_event_at(self) -> datetime:
        """When something happens by itself: a node, the end of an action, a regular state."""
        says_at = self.body.said_at + self.build.state_every_s
        return datetime.fromtimestamp(min([*self._happenings(), says_at]), UTC)

    def speak_up(self) -> None:
        """Say the state at the next step, whatever has happened: somebody may have missed it."""
        self._has_news = True

    def switch(self, mode: OperatingMode, now: datetime) -> None:
        """Set its operating mode, as a person at the robot does; most clear the order."""
        self._live_until(now.timestamp())
        body = self.body
        body.mode, self._has_news = mode, True
        if mode in ("AUTOMATIC", "SEMIAUTOMATIC", "INTERVENED"):
            return
        self._halt()
        body.nodes, body.edges, body.here, body.requests = [], [], [], []
        for doing in body.actions:
            if not doing.is_done:
                doing.status, doing.result, doing.ends_at = "FAILED", mode, None

    def step(self, now: datetime) -> list[Said]:
        """Live until `now`, and say what has changed."""
        at = now.timestamp()
        self._live_until(at)
        said: list[Said] = []
        if self._owes_factsheet:
            self._owes_factsheet = False
            said.append(Said("factsheet", encode(said_factsheet(self.build, self.body))))
        if self._has_news or at - self.body.said_at >= self.build.state_every_s:
            self._has_news = False
            self.body.said_at = at
            said.append(Said("state", encode(said_state(self.build, self.body))))
        return said

    def receive(self, kind: str, message: bytes, now: datetime) -> None:
        """Take a message from the wire in; what cannot be read is reported as an error."""
        self._live_until(now.timestamp())
        try:
            self._take(kind, message)
        except WireError as error:
            self._fault("VALIDATION_FAILURE", str(error), {})
        self._go_on()

    def _take(self, kind: str, message: bytes) -> None:
        dialect = self.build.dialect
        if kind == "order":
            self._take_order(parse_order(message, dialect))
        elif kind == "instantActions":
            for action in parse_instant_actions(message, dialect).actions:
                self._take_instant(action)
        elif kind == "zoneSet" and dialect == "3.0":
            said = parse_zone_set(message)
            if why := robot_zones.learn(self.body, said):
                self._fault(why, "a zone set", {"zoneSetId": said.zoneSet["zoneSetId"]})
            self._has_news = True
        elif kind == "responses" and dialect == "3.0":
            self._has_news |= robot_zones.hear(self.body, parse_responses(message))

    # ------------------------------------------------------------------------ orders: figure 8
    def _take_order(self, order: Order) -> None:
        verdict = judge(self.build, self.body, order)
        if isinstance(verdict, Refusal):
            about = {"orderId": order.orderId, "orderUpdateId": str(order.orderUpdateId)}
            self._fault(verdict.kind, verdict.why, about, verdict.level)
        elif verdict == "NEW":
            self._begin(order)
        elif verdict == "UPDATE":
            self._update(order)

    def _update(self, order: Order) -> None:
        body = self.body
        body.update, body.digest = order.orderUpdateId, digest(order)
        horizon = {a.actionId for n in body.nodes if not n.released for a in n.actions}
        body.nodes = [node for node in body.nodes if node.released]
        body.edges = [edge for edge in body.edges if edge.released]
        body.actions = [d for d in body.actions if d.action.actionId not in horizon]
        self._append(order.nodes[1:], order.edges)
        self._look_ahead()

    def _begin(self, order: Order) -> None:
        body, first = self.body, order.nodes[0]
        body.order, body.update, body.cancelled = order.orderId, order.orderUpdateId, False
        body.digest = digest(order)
        body.last_node, body.last_sequence = first.nodeId, first.sequenceId
        body.base_end = (first.nodeId, first.sequenceId)
        body.nodes, body.edges, body.here = [], [], [a.actionId for a in first.actions]
        body.actions = [doing for doing in body.actions if not doing.is_done]
        body.actions += [Doing(action) for action in first.actions]
        self._append(order.nodes[1:], order.edges)

    def _append(self, nodes: tuple[Node, ...], edges: tuple[Edge, ...]) -> None:
        body = self.body
        body.nodes += nodes
        body.edges += edges
        body.actions += [Doing(action) for node in nodes for action in node.actions]
        released = [node for node in body.nodes if node.released]
        if released:
            body.base_end = (released[-1].nodeId, released[-1].sequenceId)
        body.errors = [error for error in body.errors if error.errorType not in ORDER_ERRORS]
        self._has_news = True

    # -------------------------------------------------------------------------- instant actions
    def _take_instant(self, action: Action) -> None:
        body, kind = self.body, action.actionType
        known = {doing.action.actionId for doing in body.actions}
        if kind in _QUESTIONS:
            body.actions = [d for d in body.actions if d.action.actionType != kind]
        elif action.actionId in known:
            return
        doing = Doing(action, is_instant=True)
        body.actions.append(doing)
        self._has_news = True
        if kind in _QUESTIONS:
            self._owes_factsheet |= kind == "factsheetRequest"
            doing.status = "FINISHED"
        elif kind == "cancelOrder":
            self._cancel(doing)
        elif kind in ("startPause", "stopPause"):
            self._pause(paused=kind == "startPause")
            doing.status = "FINISHED"
        elif kind in ("startCharging", "stopCharging") and body.leg is None:
            body.here.append(action.actionId)
        else:
            self._take_other(doing)

    def _take_other(self, doing: Doing) -> None:
        """Maps, zone sets, another try of what failed: things of the version that it speaks."""
        action, build = doing.action, self.build
        is_known = "INSTANT" in scopes_of(build).get(action.actionType, ())
        why = robot_zones.keep(self.body, action) if is_known else None
        if is_known and action.actionType in ("retry", "skipRetry"):
            why = self._try_again(action)
        doing.status, doing.result = ("FINISHED", None) if why == "" else ("FAILED", why)
        if why is None:
            doing.result = "not possible here and now"
        if why != "":
            kind = why if why == "DUPLICATE_MAP" else "INVALID_INSTANT_ACTION"
            self._fault(kind, doing.result or "", {"actionId": action.actionId})

    def _try_again(self, asked: Action) -> str:
        wanted = asked.parameter("actionId")
        doing = next((d for d in self.body.actions if d.action.actionId == wanted), None)
        if doing is None or doing.status != "RETRIABLE":
            return "there is nothing to try again"
        if asked.actionType == "skipRetry":
            doing.status, doing.result = "FAILED", "skipped"
        else:
            doing.status = "WAITING"
            self.body.here.insert(0, doing.action.actionId)
        return ""

    def _cancel(self, doing: Doing) -> None:
        body = self.body
        others = [d for d in body.actions if d is not doing and not d.is_done]
        meant = doing.action.parameter("orderId")
        if not (body.nodes or body.leg or others) or meant not in (None, body.order):
            doing.status, doing.result = "FAILED", "no order"
            self._fault("NO_ORDER_TO_CANCEL", "no order", {"actionId": doing.action.actionId})
            return
        doing.status = "RUNNING"
        body.cancels.append(doing.action.actionId)
        for other in others:
            if other.status in ("WAITING", "RETRIABLE") and not other.is_instant:
                other.status, other.result = "FAILED", "cancelled"
        body.here = [i for i in body.here if not self._doing(i).is_done]
        body.nodes, body.edges = body.nodes[: 1 if body.leg else 0], body.edges[:1]
        self._look_ahead()

    def _pause(self, *, paused: bool) -> None:
        self.body.paused = paused
        if paused:
            self._halt()

    # --------------------------------------------------------------------------------- living
    def _live_until(self, at: float) -> None:
        while (moment := self._next_happening()) is not None and moment <= at:
            self._pass_time(moment)
            if self.body.leg is not None and self.body.leg.ends_at <= moment:
                self._arrive()
            for doing in self.body.running():
                if doing.ends_at is not None and doing.ends_at <= moment:
                    self._finish(doing)
            self._has_news = True
            self._mind_zones()
            self._go_on()
        self._pass_time(at)
        if self._mind_zones():
            self._go_on()

    def _next_happening(self) -> float | None:
        return min(self._happenings(), default=None)

    def _happenings(self) -> list[float]:
        body = self.body
        moments = [doing.ends_at for doing in body.running() if doing.ends_at is not None]
        moments += [a.until for a in body.requests if a.until is not None and a.status == "GRANTED"]
        return moments if body.leg is None else [*moments, body.leg.ends_at]

    def _pass_time(self, at: float) -> None:
        self.body.battery = used(self.build, self.body, at)
        self.body.at = max(at, self.body.at)

    def _go_on(self) -> None:
        """Begin whatever may begin now: actions, a leg, the end of a cancellation."""
        body = self.body
        self._begin_actions()
        stands = body.here or any(_stands_for(doing) for doing in body.actions)
        if body.leg is None and body.cancels and not body.running():
            self._has_news = True
            body.nodes, body.edges, body.cancelled = [], [], True
            for action_id in body.cancels:
                self._doing(action_id).status = "FINISHED"
            body.cancels = []
        may_drive = body.leg is None and not body.paused and not stands and body.battery > 0.0
        if may_drive and body.nodes and body.nodes[0].released and self._may_enter():
            self._has_news = True
            body.charging = False
            self._drive(Going(body.at, (body.x_m, body.y_m), body.heading_rad, 0.0))

    def _begin_actions(self) -> None:
        if any(doing.status == "RETRIABLE" for doing in self.body.actions):
            return
        while self.body.here:
            doing, running = self._doing(self.body.here[0]), self.body.running()
            is_alone = doing.action.blockingType in _ALONE
            if running and (is_alone or any(d.action.blockingType in _ALONE for d in running)):
                return
            self.body.here.pop(0)
            spread = 0.8 + 0.4 * self._chance()
            duration_s = self.build.duration_s(doing.action.actionType) or 0.0
            doing.status, doing.ends_at = "RUNNING", self.body.at + spread * duration_s
            self._has_news = True

    # --------------------------------------------------------------------------------- driving

    # --------------------------------------------------------------------------------- actions
    def _finish(self, doing: Doing) -> None:
        body, kind = self.body, doing.action.actionType
        load = doing.action.parameter("loadId")
        if kind == "pick" and load in self.build.slips and load not in body.slipped:
            body.slipped.append(str(load))
            doing.status = "RETRIABLE" if doing.action.retriable else "FAILED"
            doing.ends_at, doing.result = None, "slipped"
            return
        slot = str(doing.action.parameter("lhd") or "")
        wrong = self._is_wrong(kind, load, slot)
        if wrong:
            doing.status, doing.result = "FAILED", wrong
            self._fault("ACTION_FAILED", wrong, {"actionId": doing.action.actionId})
            return
        doing.status = "FINISHED"
        if kind == "pick":
            body.loads[slot] = str(load or "unknown")
        elif kind == "drop":
            del body.loads[slot]
        else:
            body.charging = kind == "startCharging"

    def _is_wrong(self, kind: str, load: object, slot: str) -> str:
        body, build = self.body, self.build
        if kind in ("pick", "drop") and slot not in build.slot_names:
            return "no such slot"
        if kind == "pick" and slot in body.loads:
            return "already loaded"
        if kind == "drop" and (slot not in body.loads or load not in (None, body.loads[slot])):
            return "does not carry that"
        chargers = build.charge_nodes or {body.last_node}
        if kind == "startCharging" and body.last_node not in chargers:
            return "no charger here"
        return ""


def _stands_for(doing: Doing) -> bool:
    """Whether the robot has to stand while that is done, or has failed for now."""
    runs = doing.ends_at is not None and not doing.is_done
    return doing.status == "RETRIABLE" or (runs and doing.action.blockingType in ("SOFT", "HARD"))
