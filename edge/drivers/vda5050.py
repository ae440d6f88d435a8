r"""One robot that speaks VDA 5050 2.1, without a wire: drives to orders, states to reports.

A session holds what is wanted of the robot (a Drive, a CancelDrive) and what the robot last
said. Everything that is sent follows from the difference of the two:

    Drive, CancelDrive --> [ wanted ]                          [ heard ] <-- state, connection
                                 \__ due(now): order, instantActions __/

so a lost message is said again, and a repeated Drive changes nothing. An order update begins at
the last node that the robot has as released (its stitching node), wherever the Drive begins;
while an order may still be on its way the robot is believed to have it.

Laws:
    once         a mission that the robot once had and now has not is never sent again, nor is
                 one that was cancelled: no released node is driven twice
    to the end   a robot that is seen at a cancelled mission is told to stop, again and again
    unchanged    what was said of a released node is said again in the same words
    alone        a robot whose name is used by two is told nothing
    no trust     an action once FINISHED stays so; a cancel has worked when nothing is ahead and
                 the robot stands, not when it says so

`patience_s` is how long an answer may take on the network, in seconds of `now`: on a scaled
clock the caller converts it.

Source: VDA 5050 version 2.1.0, sections 6.6 and 6.10.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge.drivers.vda5050_model import DONE, State
from edge.drivers.vda5050_order import QUESTIONS, Robot, Route, Send, Writer
from edge.drivers.vda5050_read import UNKNOWN, Identity, read_connection, read_json, read_state
from edge.drivers.vda5050_wire import WireError
from edge.messages import ActionReport, CancelDrive, Drive, DriveNode, RobotReport

_OUR_MODE = {"STARTUP": "SERVICE", "INTERVENED": "MANUAL"}  # 3.0 has two more
_NOT_WORK = frozenset({*QUESTIONS, "cancelOrder"})


@dataclass(frozen=True, slots=True)
class _Sent:
    """The order that was sent last, and when."""

    mission: str
    update: int
    start: int
    end: int  # the sequence of its last released node
    at: datetime


@dataclass(slots=True)
class _Cancel:
    """A mission that shall end. An attempt that the robot only says to have made is made again."""

    command: CancelDrive
    attempt: int = 1
    said_at: datetime | None = None

    @property
    def action_id(self) -> str:
        """The id of the cancelOrder action of this attempt."""
        again = f"-{self.attempt}" if self.attempt > 1 else ""
        return f"{self.command.command}{again}"


class RobotSession:
    """What we want of one robot, what it says, and so what to send.

    Attributes:
        robot: who it is.
        factsheet: the last one it sent, as it is.
        problems: how often it broke which rule of the standard.
        states: how many states it sent.
    """

    def __init__(self, robot: Robot) -> None:
        self.robot = robot
        self.factsheet: bytes | None = None
        self.problems: Counter[str] = Counter()
        self.states = 0
        self._writer = Writer(robot)
        self._wanted: Drive | None = None
        self._told: dict[int, DriveNode] = {}  # released nodes of a mission, as first told
        self._told_mission = ""
        self._begun: set[str] = set()  # missions that the robot was seen to have
        self._sent: _Sent | None = None
        self._cancel: _Cancel | None = None
        self._cancelled = ""
        self._heard: State | None = None
        self._heard_at: datetime | None = None
        self._offline = False
        self._connected = False
        self._old_place: tuple[str, int] | None = None  # left over from the order before
        self._done: dict[str, str] = {}
        self._identity = Identity()

    # ----------------------------------------------------------------------- what the WCS says
    def drive(self, drive: Drive) -> None:
        """Want this drive from now on; an older one than the wanted one is not heard."""
        wanted = self._wanted
        if drive.mission == self._cancelled or not drive.nodes:
            return
        if wanted and wanted.mission == drive.mission and drive.update < wanted.update:
            return
        if drive.mission != self._told_mission:
            self._told_mission = drive.mission
            self._told.clear()
        for node in drive.nodes:
            if node.released:
                self._told.setdefault(node.sequence, node)
        self._wanted = drive

    def cancel(self, command: CancelDrive) -> None:
        """Want that mission to end; the drives of it are forgotten."""
        if self._cancelled == command.mission:
            return
        self._cancelled = command.mission
        self._cancel = _Cancel(command)
        if self._wanted and self._wanted.mission == command.mission:
            self._wanted = None

    # --------------------------------------------------------------------- what the robot says
    def hear(self, kind: str, body: bytes, now: datetime) -> bool:
        """Take a message of the robot in; whether there may be something new to report."""
        try:
            if kind == "state":
                noted = read_state(body)
                self.states += 1
                self.problems.update(noted.problems)
                self._take(noted.state, now)
            elif kind == "connection":
                said = read_connection(read_json(body))
                self._offline = said in ("OFFLINE", "CONNECTIONBROKEN")
            elif kind == "factsheet":
                read_json(body)
                self.factsheet = body
        except WireError:
            self.problems[f"{kind} unreadable"] += 1
            return False
        return kind in ("state", "connection")

    def _take(self, state: State, now: datetime) -> None:
        if state.headerId != UNKNOWN:
            self._identity.note(state.headerId)
        place, before = (state.lastNodeId, state.lastNodeSequenceId), self._heard
        if before is None or state.orderId != before.orderId:
            self._done.clear()
            self._writer.speak(state.version)
            is_old = before and place == (before.lastNodeId, before.lastNodeSequenceId)
            is_old = is_old and any(n.sequenceId <= place[1] for n in state.nodeStates)
            self._old_place = place if is_old else None
        elif place != self._old_place:
            self._old_place = None
        for action in state.actionStates:
            if action.actionStatus in DONE:
                self._done.setdefault(action.actionId, action.actionStatus)
            elif action.actionId in self._done:
                self.problems["action begun again"] += 1
        if state.orderId:
            self._begun.add(state.orderId)
        self._heard, self._heard_at, self._offline = state, now, False

    def changed(self, now: datetime, patience_s: float) -> bool:
        """Whether the robot has fallen silent, or come back, since the last report."""
        return self._heard is not None and self._connected != self._answers(now, patience_s)

    def conformance(self) -> float:
        """The share of its states, 0 to 1, that broke no rule (at worst one problem a state)."""
        return 1.0 - min(1.0, self.problems.total() / self.states) if self.states else 1.0

    def report(self, now: datetime, patience_s: float) -> RobotReport | None:
        """The robot in our words; None before its first state."""
        state, heard_at = self._heard, self._heard_at
        if state is None or heard_at is None:
            return None
        self._connected = self._answers(now, patience_s)
        passed = self._passed(state)
        x_m, y_m, heading_rad = self._place(state, passed)
        loads = state.loads or ()
        ahead = sorted((n.sequenceId, n.nodeId) for n in state.nodeStates if n.released)
        return RobotReport(
            at=heard_at,
            robot=self.robot.name,
            connected=self._connected,
            operating_mode=_OUR_MODE.get(state.operatingMode, state.operatingMode),  # type: ignore[arg-type]
            mission=state.orderId,
            update=max(state.orderUpdateId, 0),
            passed_node=state.lastNodeId,
            passed_sequence=passed,
            released_ahead=tuple(node for sequence, node in ahead if sequence > passed),
            driving=state.driving,
            paused=state.paused,
            actions=tuple(
                ActionReport(
                    action_id=action.actionId,
                    status=self._done.get(action.actionId, action.actionStatus),  # type: ignore[arg-type]
                )
                for action in state.actionStates
                if action.actionType not in QUESTIONS
            ),
            load=(loads[0].loadId or loads[0].loadType or "?") if loads else None,
            battery=min(max(state.batteryState.batteryCharge, 0.0), 100.0) / 100.0,
            charging=state.batteryState.charging,
            x_m=x_m,
            y_m=y_m,
            heading_rad=heading_rad,
            errors=self._errors(state),
        )

    def _answers(self, now: datetime, patience_s: float) -> bool:
        if self._heard_at is None or self._offline or self._identity.is_shared:
            return False
        silence_s = (now - self._heard_at).total_seconds()
        return silence_s <= max(2 * self.robot.state_every_s + 5.0, 3 * patience_s)

    def _place(self, state: State, passed: int) -> tuple[float, float, float]:
        if state.agvPosition is not None:
            return state.agvPosition.x, state.agvPosition.y, state.agvPosition.theta
        node = self._told.get(passed)
        return (node.x_m, node.y_m, 0.0) if node else (0.0, 0.0, 0.0)

    def _errors(self, state: State) -> tuple[str, ...]:
        said = [f"{e.errorType}: {e.errorDescription or e.errorLevel}" for e in state.errors]
        if state.safetyState.eStop != "NONE":
            said.append("emergencyStop: pressed")
        if self._identity.is_shared:
            said.append("sharedName: two robots answer to this manufacturer and serial number")
        if self._wanted and state.orderId != self._wanted.mission in self._begun:
            said.append(f"orderLost: the robot no longer has {self._wanted.mission}")
        return tuple(said)

    # ------------------------------------------------------------------------ what to say to it
    def questions(self, now: datetime) -> Send:
        """Ask the robot for its state and factsheet."""
        return self._writer.questions(now)

    def due(self, now: datetime, patience_s: float) -> Send | None:
        """What has to be said now, for the first time or again. Call it after every change."""
        state, patience = self._heard, timedelta(seconds=patience_s)
        if state is None or self._identity.is_shared:
            return None
        cancel, moves = self._cancel, state.driving or self._is_busy(state)
        if cancel is not None and moves and cancel.command.mission == state.orderId:
            return self._cancel_due(cancel, now, patience)
        if self._wanted is not None:
            return self._order_due(self._wanted, state, now, patience)
        return None

    def _order_due(
        self, wanted: Drive, state: State, now: datetime, patience: timedelta
    ) -> Send | None:
        on_its_way = self._on_its_way(wanted.mission, now, patience)
        has_mission = state.orderId == wanted.mission
        if has_mission and self._has(wanted, state):
            return None
        if not has_mission and (
            wanted.mission in self._begun or (on_its_way is None and self._is_busy(state))
        ):
            return None
        end = self._released_end(state) if has_mission else UNKNOWN
        if on_its_way is not None:
            if on_its_way.update >= wanted.update and end <= on_its_way.start:
                return None
            if on_its_way.update < wanted.update:
                end = max(end, on_its_way.end)
        start = min(self._told, default=0) if end == UNKNOWN else end
        nodes = self._nodes_from(start, wanted)
        if not nodes:
            self.problems["a drive that does not reach the robot"] += 1
            return None
        last = _last_released(nodes)
        self._sent = _Sent(wanted.mission, wanted.update, start, last, now)
        route = Route(wanted.mission, wanted.update, nodes, is_update=end != UNKNOWN)
        return self._writer.order(route, now)

    def _cancel_due(self, cancel: _Cancel, now: datetime, patience: timedelta) -> Send | None:
        if cancel.action_id in self._done:
            self.problems["drove on after a cancel"] += 1
            cancel.attempt += 1
        elif cancel.said_at is not None and now - cancel.said_at < patience:
            return None
        cancel.said_at = now
        return self._writer.cancel(cancel.action_id, now)

    # ------------------------------------------------------------------- what it has of a drive
    def _on_its_way(self, mission: str, now: datetime, patience: timedelta) -> _Sent | None:
        sent = self._sent
        is_fresh = sent is not None and sent.mission == mission and now - sent.at < patience
        return sent if is_fresh else None

    def _has(self, wanted: Drive, state: State) -> bool:
        if state.orderUpdateId == UNKNOWN:
            return self._released_end(state) >= _last_released(wanted.nodes)
        return state.orderUpdateId >= wanted.update

    def _is_busy(self, state: State) -> bool:
        passed = self._passed(state)
        return any(node.sequenceId > passed for node in state.nodeStates) or any(
            action.actionStatus not in DONE and action.actionId not in self._done
            for action in state.actionStates
            if action.actionType not in _NOT_WORK
        )

    def _passed(self, state: State) -> int:
        said = state.lastNodeSequenceId
        told = self._told.get(said) if state.orderId == self._told_mission else None
        is_of_order = told is None or told.node == state.lastNodeId
        if said != UNKNOWN and is_of_order and (state.lastNodeId, said) != self._old_place:
            return said
        ahead = min((node.sequenceId for node in state.nodeStates), default=None)
        places = (s for s, node in self._told.items() if node.node == state.lastNodeId)
        return max((s for s in places if ahead is None or s < ahead), default=0)

    def _released_end(self, state: State) -> int:
        ahead = (node.sequenceId for node in state.nodeStates if node.released)
        return max(self._passed(state), max(ahead, default=0))

    def _nodes_from(self, start: int, wanted: Drive) -> list[DriveNode]:
        known = {node.sequence: node for node in wanted.nodes if not node.released} | self._told
        ahead = _last_released(wanted.nodes) + 2 * self.robot.horizon_nodes
        wished = range(start, min(wanted.nodes[-1].sequence, ahead) + 1, 2)
        return [known[s] for s in wished] if all(s in known for s in wished) else []


def _last_released(nodes: tuple[DriveNode, ...] | list[DriveNode]) -> int:
    return max((node.sequence for node in nodes if node.released), default=UNKNOWN)
