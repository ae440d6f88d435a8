r"""One robot that speaks VDA 5050, without a wire: drives to orders, states to reports.

A session holds what is wanted of the robot (a Drive, a CancelDrive, a PauseRobot, the map and
zones of the site file) and what the robot last said. Everything that is sent follows from the
difference of the two:

    Drive, CancelDrive, PauseRobot --> [ wanted ]       [ heard ] <-- state, connection, factsheet
                                            \__ due(now) __/

so a lost message is said again, and a repeated Drive changes nothing. An order update begins at
the last node that the robot has as released (its stitching node), wherever the Drive begins;
while an order may still be on its way the robot is believed to have it.

Laws:
    once         a mission that the robot once had and now has not is never sent again, nor is
                 one that was cancelled: no released node is driven twice
    to the end   a robot that is seen at a cancelled mission is told to stop, again and again; so
                 is one that waits for more of a mission that was begun anew under another name
    unchanged    what was said of a released node is said again in the same words
    quarantine   a robot whose name is used by two is told nothing; one that says to have done
                 what it cannot have done is told nothing but to stop
    hands off    a robot that people or its maker's tools control is told nothing
    no trust     an action is done when place and load agree (edge.drivers.vda5050_belief); a
                 cancel has worked when nothing is ahead and the robot stands, not when it says so
    by its sheet what the factsheet says that the robot cannot take is not sent

`patience_s` is how long an answer may take on the network, in seconds of `now`: on a scaled
clock the caller converts it.

Source: VDA 5050 version 2.1.0, sections 6.6 and 6.10; version 3.0.0, chapter 6.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from edge.drivers.vda5050_belief import Belief, carried
from edge.drivers.vda5050_codec import dialect_of
from edge.drivers.vda5050_conduct import UNKNOWN, Conduct, Trust, saying_of
from edge.drivers.vda5050_facts import ANYTHING, Capabilities, read_factsheet, refusal
from edge.drivers.vda5050_model import State
from edge.drivers.vda5050_order import (
    QUESTIONS,
    Cancel,
    Numbers,
    Route,
    Send,
    Sent,
    Writer,
)
from edge.drivers.vda5050_profile import Robot
from edge.drivers.vda5050_read import read_connection, read_json, read_state
from edge.drivers.vda5050_upkeep import ZONE_SET, Upkeep
from edge.drivers.vda5050_wire import WireError
from edge.drivers.vda5050_zones import Answer, Request
from edge.messages import CancelDrive, Drive, DriveNode, PauseRobot, RobotConformance, RobotReport

_V3 = 3
_OUR_MODE = {"STARTUP": "SERVICE", "INTERVENED": "MANUAL"}  # 3.0 has two more
_HANDS_OFF = frozenset({"MANUAL", "STARTUP", "SERVICE", "TEACHIN"})


class RobotSession:
    """What we want of one robot, what it says, and so what to send.

    Attributes:
        robot: who it is, and the habits of its make.
        can: what its factsheet says that it can do.
        factsheet: the last one it sent, as it is.
        conduct: what it broke of the standard, and how often.
        states: how many states it sent.
        connected: whether it was within reach when last reported.
    """

    def __init__(self, robot: Robot) -> None:
        self.robot = robot
        self.can: Capabilities = ANYTHING
        self.factsheet: bytes | None = None
        self.conduct = Conduct(robot.tolerates)
        self.states = 0
        self._writer = Writer(robot)
        self._belief = Belief(robot)
        self._upkeep = Upkeep(robot)
        self._wanted: Drive | None = None
        self._begun: set[str] = set()  # missions that the robot was seen to have
        self._sent: Sent | None = None
        self._numbers = Numbers()
        self._refused = ""
        self._cancel: Cancel | None = None
        self._cancelled = ""
        self._heard: State | None = None
        self._heard_at: datetime | None = None
        self._major = int(robot.version[0])
        self._gone = ""  # what the connection topic said, if it is not there
        self.connected = False
        self._trust = Trust(self.conduct)

    @property
    def problems(self) -> Counter[str]:
        """How often it broke which rule of the standard."""
        return self.conduct.counts

    # ----------------------------------------------------------------------- what the WCS says
    def drive(self, drive: Drive) -> None:
        """Want this drive from now on; an older one than the wanted one is not heard."""
        wanted = self._wanted
        if drive.mission == self._cancelled or not drive.nodes:
            return
        same = wanted and wanted.mission == drive.mission
        if wanted and (drive.update < wanted.update if same else drive.number < wanted.number):
            return
        self._belief.tell(drive)
        self._wanted = drive

    def cancel(self, command: CancelDrive) -> None:
        """Want that mission to end; the drives of it are forgotten."""
        if self._cancelled == command.mission:
            return
        self._cancelled = command.mission
        self._cancel = Cancel(command)
        if self._wanted and self._wanted.mission == command.mission:
            self._wanted = None

    def pause(self, command: PauseRobot) -> None:
        """Want the robot to stand and keep its drive, or to go on."""
        self._upkeep.pause(command)

    # --------------------------------------------------------------------- what the robot says
    def hear(self, kind: str, body: bytes, now: datetime, major: int | None = None) -> bool:
        """Take a message of the robot in; whether there may be something new to report.

        `major` is that of the topic it came by.
        """
        if major is not None and major != self._major:
            if self.states:
                self.conduct.note("speaks on the topics of two versions", now)
            self._major = major
            self._writer.speak("", major)
        try:
            if kind == "state":
                noted = read_state(body, self._major)
                self.states += 1
                self.conduct.heard(noted.problems, now)
                self._take(noted.state, now)
            elif kind == "connection":
                self._take_connection(read_connection(read_json(body)), now)
            elif kind == "factsheet":
                sheet = read_json(body)
                dialect = dialect_of(str(sheet.get("version", ""))) or "2.1"
                self.can = read_factsheet(sheet, "3.0" if self._major >= _V3 else dialect)
                self.factsheet = body
        except WireError:
            self.conduct.heard([f"{kind} unreadable"], now)
            return False
        return kind in ("state", "connection")

    def _take(self, state: State, now: datetime) -> None:
        said = saying_of(state)
        if self._trust.is_late(said):
            self._trust.identity.note(said)
            return
        if self._heard is None or state.orderId != self._heard.orderId:
            self._writer.speak(state.version, self._major)
        for rule in self._belief.take(state):
            self.conduct.note(rule, now)
        self._trust.take(said, self._belief.doubts, now)
        if state.orderId:
            self._begun.add(state.orderId)
        self._heard, self._heard_at, self._gone = state, now, ""

    def _take_connection(self, said: str | None, now: datetime) -> None:
        if said is None:
            self.conduct.heard(["connectionState"], now)
        elif self.robot.heed_connection:
            self._gone = "" if said == "ONLINE" else said

    def requests(self) -> Iterable[Request]:
        """What it asks for, or holds: zones and corridors."""
        state = self._heard
        return (*(state.zoneRequests or ()), *(state.edgeRequests or ())) if state else ()

    # ------------------------------------------------------------------------- what to report
    def changed(self, now: datetime, patience_s: float) -> bool:
        """Whether the robot has fallen silent, or come back, since the last report."""
        return self._heard is not None and self.connected != self._answers(now, patience_s)

    @property
    def has_drive(self) -> bool:
        """Whether it has been seen to know the drive that is wanted of it."""
        state, wanted = self._heard, self._wanted
        same = state and wanted and state.orderId == wanted.mission
        return bool(same and state and wanted and self._has(wanted, state))

    def conformance(self) -> float:
        """The share of its last messages, 0 to 1, that broke no rule."""
        return self.conduct.score

    def quarantine(self, now: datetime) -> str:
        """Why it is not to be trusted any more; empty while it is."""
        return self._trust.quarantine(now)

    def news_of_conduct(self, now: datetime, *, again: bool = False) -> RobotConformance | None:
        """How it keeps to the standard, when that is news; or `again` in any case."""
        return self._trust.news(self.robot.name, now, again=again)

    def report(self, now: datetime, patience_s: float) -> RobotReport | None:
        """The robot in our words; None before its first state."""
        state, heard_at = self._heard, self._heard_at
        if state is None or heard_at is None:
            return None
        self.connected = self._answers(now, patience_s)
        passed = self._belief.passed(state)
        x_m, y_m, heading_rad = self._belief.place(state)
        load, *more_loads = carried(state) or (None,)
        ahead = sorted((n.sequenceId, n.nodeId) for n in state.nodeStates if n.released)
        return RobotReport(
            at=heard_at,
            robot=self.robot.name,
            connected=self.connected,
            operating_mode=_OUR_MODE.get(state.operatingMode, state.operatingMode),  # type: ignore[arg-type]
            mission=state.orderId,
            update=max(self._numbers.update(state.orderUpdateId), 0),
            passed_node=state.lastNodeId,
            passed_sequence=passed,
            released_ahead=tuple(node for sequence, node in ahead if sequence > passed),
            driving=state.driving,
            paused=state.paused,
            actions=self._belief.reports(state),
            load=load,
            more_loads=tuple(filter(None, more_loads)),
            battery=min(max(state.batteryState.batteryCharge, 0.0), 100.0) / 100.0,
            charging=state.batteryState.charging,
            x_m=x_m,
            y_m=y_m,
            heading_rad=heading_rad,
            errors=self._errors(state),
            lost=self._lost(state),
        )

    def _answers(self, now: datetime, patience_s: float) -> bool:
        if self._heard_at is None or self._gone or self._trust.identity.is_shared:
            return False
        silence_s = (now - self._heard_at).total_seconds()
        every_s = max(self.robot.state_every_s, self.can.state_interval_s or 0.0)
        return silence_s <= max(2 * every_s + 5.0, 3 * patience_s)

    def _lost(self, state: State) -> str:
        wanted = self._wanted.mission if self._wanted else ""
        if not wanted or state.orderId == wanted or self._trust.identity.is_shared:
            return ""
        refs = {ref.referenceValue for e in state.errors for ref in e.errorReferences or ()}
        return wanted if wanted in self._begun or wanted in refs else ""

    def _errors(self, state: State) -> tuple[str, ...]:
        said = [f"{e.errorType}: {e.errorDescription or e.errorLevel}" for e in state.errors]
        if state.safetyState.eStop != "NONE":
            said.append("emergencyStop: pressed")
        if self._trust.identity.is_shared:
            said.append("sharedName: two robots answer to this manufacturer and serial number")
        if self._gone == "HIBERNATING":
            said.append("hibernating: it has to be woken first")
        if (lost := self._lost(state)) in self._begun:
            said.append(f"orderLost: the robot no longer has {lost}")
        if self._wanted and self._refused:
            said.append(f"notSent: {self._refused}")
        said += [f"notBelieved: {action}: {why}" for action, why in self._belief.doubts.items()]
        return tuple(said)

    # ------------------------------------------------------------------------ what to say to it
    def questions(self, now: datetime) -> Send:
        """Ask the robot for its state and factsheet, as far as it says that it can be asked."""
        kinds = [kind for kind in QUESTIONS if self.can.can_instantly(kind)]
        return self._writer.questions(now, kinds or QUESTIONS[:1])

    def answers(self, answers: Sequence[Answer], now: datetime) -> Send:
        """Tell it what it may have of what it asked for."""
        return self._writer.responses(answers, now)

    def due(self, now: datetime, patience_s: float) -> Send | None:
        """What has to be said now, for the first time or again. Call it after every change."""
        state, patience = self._heard, timedelta(seconds=patience_s)
        if state is None or self._trust.identity.is_shared or state.operatingMode in _HANDS_OFF:
            return None
        if (wanted := self._wanted) and self._belief.waits_in_vain(state, wanted.mission):
            self._cancel = Cancel.of(wanted, state.orderId, self._cancel)
        if self._cancel is not None and self._is_at_cancelled(self._cancel, state):
            return self._cancel_due(self._cancel, now, patience)
        if self.quarantine(now):
            return None
        order = self._order_due(self._wanted, state, now, patience) if self._wanted else None
        if order is None and state.operatingMode != "INTERVENED":
            return self._chore_due(state, now, patience)
        return order

    def _chore_due(self, state: State, now: datetime, patience: timedelta) -> Send | None:
        idle = not state.driving and not self._belief.is_busy(state)
        if (due := self._upkeep.due(state, self.can, now, patience, idle=idle)) is None:
            return self._question_due(now, patience)
        chore, action_id = due
        if chore.action_type == ZONE_SET:
            return self._writer.zone_set(self.robot.zone_set or {}, now)
        return self._writer.instant([(chore.action_type, action_id, chore.parameters)], now)

    def _question_due(self, now: datetime, patience: timedelta) -> Send | None:
        """Whether the robot has an order that is to be cancelled: ask, if nobody says so."""
        sent, cancel, heard_at = self._sent, self._cancel, self._heard_at
        if sent is None or cancel is None or heard_at is None or heard_at > sent.at:
            return None
        if cancel.command.mission != sent.mission or now - (cancel.said_at or sent.at) < patience:
            return None
        cancel.said_at = now
        return self._writer.questions(now, QUESTIONS[:1])

    def _order_due(
        self, wanted: Drive, state: State, now: datetime, patience: timedelta
    ) -> Send | None:
        on_its_way = self._on_its_way(wanted.mission, now, patience)
        has_mission = state.orderId == wanted.mission
        if has_mission and self._has(wanted, state):
            return None
        if not has_mission and (
            wanted.mission in self._begun or (on_its_way is None and self._belief.is_busy(state))
        ):
            return None
        end = self._belief.released_end(state) if has_mission else UNKNOWN
        if on_its_way is not None and not has_mission and self._major >= _V3:
            return None  # the number 0 has to be seen first, for it may have to be said again
        if on_its_way is not None:
            if on_its_way.update >= wanted.update and end <= on_its_way.start:
                return None
            if on_its_way.update < wanted.update:
                end = max(end, on_its_way.end)
        return self._order_from(end, wanted, now)

    def _order_from(self, end: int, wanted: Drive, now: datetime) -> Send | None:
        """The order from the node `end` on, if the robot can take it, and already now."""
        start = min(self._belief.told, default=0) if end == UNKNOWN else end
        nodes = self._nodes_from(start, wanted)
        if not nodes:
            self.conduct.note("a drive that does not reach the robot", now)
            return None
        if self._sent and (now - self._sent.at).total_seconds() < self.can.order_interval_s:
            return None
        self._refused = self._why_not(wanted.mission, nodes)
        if self._refused:
            return None
        update = wanted.update
        if end == UNKNOWN:
            nodes, update = self._numbers.first(self._major, wanted, nodes)
        self._sent = Sent(wanted.mission, update, start, _last_released(nodes), now)
        number = self._numbers.number(update)
        route = Route(wanted.mission, number, nodes, is_update=end != UNKNOWN)
        return self._writer.order(route, now)

    def _why_not(self, mission: str, nodes: Sequence[DriveNode]) -> str:
        actions = [action for node in nodes for action in node.actions]
        ids = [mission, *(node.node for node in nodes), *(a.action_id for a in actions)]
        types = [self.robot.action_type(action.kind) for action in actions]
        return refusal(self.can, types, ids, sum(node.released for node in nodes))

    def _is_at_cancelled(self, cancel: Cancel, state: State) -> bool:
        if self.robot.trust_cancel and cancel.action_id in self._belief.done:
            return False
        moves = state.driving or self._belief.is_busy(state)
        return moves and cancel.command.mission == state.orderId

    def _cancel_due(self, cancel: Cancel, now: datetime, patience: timedelta) -> Send | None:
        if cancel.action_id in self._belief.done:
            self.conduct.note("drove on after a cancel", now)
            cancel.attempt += 1
        elif cancel.said_at is not None and now - cancel.said_at < patience:
            return None
        cancel.said_at = now
        return self._writer.cancel(cancel.action_id, now)

    # ------------------------------------------------------------------- what it has of a drive
    def _on_its_way(self, mission: str, now: datetime, patience: timedelta) -> Sent | None:
        sent = self._sent
        is_fresh = sent is not None and sent.mission == mission and now - sent.at < patience
        return sent if is_fresh else None

    def _has(self, wanted: Drive, state: State) -> bool:
        if state.orderUpdateId == UNKNOWN:
            return self._belief.released_end(state) >= _last_released(wanted.nodes)
        return self._numbers.update(state.orderUpdateId) >= wanted.update

    def _nodes_from(self, start: int, wanted: Drive) -> list[DriveNode]:
        known = {n.sequence: n for n in wanted.nodes if not n.released} | self._belief.told
        base = _last_released(wanted.nodes)
        ahead = base + 2 * self.robot.horizon_nodes
        if self.can.nodes_max is not None:  # the horizon gives way, the base does not
            ahead = max(base, min(ahead, start + 2 * (self.can.nodes_max - 1)))
        wished = range(start, min(wanted.nodes[-1].sequence, ahead) + 1, 2)
        return [known[s] for s in wished] if all(s in known for s in wished) else []


def _last_released(nodes: Sequence[DriveNode]) -> int:
    return max((node.sequence for node in nodes if node.released), default=UNKNOWN)
