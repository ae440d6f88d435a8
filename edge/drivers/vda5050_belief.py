"""What is believed of a robot's mission: how far it is, what is done, and what it only says.

A robot's word is one witness. It is joined with what it was told (nodes, actions, their places
in the order) and with what else it says (nodes ahead, what it carries):

    FINISHED is believed    at or behind the action's node; of a pick when it carries something, of
                            a drop when it does not carry that any more; what lies in its
                            other slots has no say in it
    passed is believed      of a node of the order that is called so; what was left over from the
                            order before is not taken for one of the new
    busy is believed        of what lies ahead of what was passed, and of what was never done

Laws:
    once done       an action that was believed to be done stays done
    no early end    what is not believed is reported as RUNNING, never as FINISHED: no stock moves
                    for a word alone
"""

from collections.abc import Iterator
from dataclasses import dataclass

from edge.drivers.vda5050_conduct import UNKNOWN
from edge.drivers.vda5050_model import DONE, ActionState, Load, State
from edge.drivers.vda5050_order import QUESTIONS
from edge.drivers.vda5050_profile import Robot
from edge.drivers.vda5050_upkeep import all_actions
from edge.messages import ActionKind, ActionReport, ActionStatus, Drive, DriveNode

_NOT_WORK = frozenset({*QUESTIONS, "cancelOrder"})


@dataclass(frozen=True, slots=True)
class _Told:
    """An action of the mission: where in it, what, and with what."""

    sequence: int
    kind: ActionKind
    load: str | None
    slot: str | None


def carried(state: State) -> tuple[str, ...]:
    """The names of what it says to carry; "?" of what it has no name for."""
    return tuple(load.loadId or load.loadType or "?" for load in state.loads or ())


class Belief:
    """How far one robot is with what it was told.

    Attributes:
        told: the released nodes of the mission by sequence number, as they were first told.
        mission: the mission that they are of.
        done: how the actions of the present order ended.
        doubts: actions that the robot calls FINISHED, and why that is not believed.
    """

    def __init__(self, robot: Robot) -> None:
        self.told: dict[int, DriveNode] = {}
        self.mission = ""
        self.done: dict[str, str] = {}
        self.doubts: dict[str, str] = {}
        self._robot = robot
        self._actions: dict[str, _Told] = {}
        self._heard: State | None = None
        self._old_place: tuple[str, int] | None = None  # left over from the order before

    def tell(self, drive: Drive) -> None:
        """Remember what is released by a drive; what was told once does not change."""
        if drive.mission != self.mission:
            self.mission = drive.mission
            self.told.clear()
            self._actions.clear()
        for node in drive.nodes:
            if node.released:
                self.told.setdefault(node.sequence, node)
            for action in node.actions:
                about = _Told(node.sequence, action.kind, action.load, action.slot)
                self._actions.setdefault(action.action_id, about)

    def take(self, state: State) -> Iterator[str]:
        """Take a state in; the rules that it breaks."""
        place, before = (state.lastNodeId, state.lastNodeSequenceId), self._heard
        if before is None or state.orderId != before.orderId:
            self.done.clear()
            is_old = before and place == (before.lastNodeId, before.lastNodeSequenceId)
            is_old = is_old and any(n.sequenceId <= place[1] for n in state.nodeStates)
            self._old_place = place if is_old else None
        elif place != self._old_place:
            self._old_place = None
        self._heard = state
        self.doubts = {}
        for action in all_actions(state):
            known = self.done.get(action.actionId)
            if action.actionStatus not in DONE:
                if known is not None:
                    yield "action begun again"
            elif known is None:
                if doubt := self._doubt(action, state):
                    self.doubts[action.actionId] = doubt
                    yield doubt
                else:
                    self.done[action.actionId] = action.actionStatus

    # ----------------------------------------------------------------------------- how far it is
    def passed(self, state: State) -> int:
        """The sequence number of the last node that it has passed."""
        said = state.lastNodeSequenceId
        told = self.told.get(said) if state.orderId == self.mission else None
        is_of_order = told is None or told.node == state.lastNodeId
        if said != UNKNOWN and is_of_order and (state.lastNodeId, said) != self._old_place:
            return said
        ahead = min((node.sequenceId for node in state.nodeStates), default=None)
        places = (s for s, node in self.told.items() if node.node == state.lastNodeId)
        return max((s for s in places if ahead is None or s < ahead), default=0)

    def released_end(self, state: State) -> int:
        """The sequence number of the last node that it has as released."""
        ahead = (node.sequenceId for node in state.nodeStates if node.released)
        return max(self.passed(state), max(ahead, default=0))

    def is_busy(self, state: State) -> bool:
        """Whether it has something to do."""
        passed = self.passed(state)
        return any(node.sequenceId > passed for node in state.nodeStates) or any(
            action.actionStatus not in DONE and action.actionId not in self.done
            for action in all_actions(state)
            if action.actionType not in _NOT_WORK
        )

    def waits_in_vain(self, state: State, wanted: str) -> bool:
        """Whether it has done what is released of an earlier life of what is wanted, and waits."""
        order, base = state.orderId, wanted.partition("~")[0]
        if order == wanted or order.partition("~")[0] != base or state.driving:
            return False
        works = any(action.actionStatus not in DONE for action in all_actions(state))
        waits = state.nodeStates and not any(node.released for node in state.nodeStates)
        return bool(waits) and not works

    def place(self, state: State) -> tuple[float, float, float]:
        """Where it is: x and y in metres, heading in radians."""
        if state.agvPosition is not None:
            return state.agvPosition.x, state.agvPosition.y, state.agvPosition.theta
        node = self.told.get(self.passed(state))
        return (node.x_m, node.y_m, 0.0) if node else (0.0, 0.0, 0.0)

    def reports(self, state: State) -> tuple[ActionReport, ...]:
        """Its actions in our words."""
        return tuple(
            ActionReport(action_id=action.actionId, status=self._status(action))
            for action in all_actions(state)
            if action.actionType not in QUESTIONS
        )

    def _status(self, action: ActionState) -> ActionStatus:
        if action.actionId in self.doubts or action.actionStatus == "RETRIABLE":
            return "RUNNING"
        known = self.done.get(action.actionId)
        if known is not None:
            return "FINISHED" if known == "FINISHED" else "FAILED"
        return action.actionStatus

    # --------------------------------------------------------------------------- what is doubted
    def _doubt(self, action: ActionState, state: State) -> str:
        told = self._actions.get(action.actionId)
        if told is None or action.actionStatus != "FINISHED" or self._robot.trust_finished:
            return ""
        if state.orderId == self.mission and self.passed(state) < told.sequence:
            return "finished before it was there"
        if state.loads is None or not self._robot.tells_load or not self._is_last(told, state):
            return ""
        loads = [load for load in state.loads if _is_about(told, load)]
        ids = {load.loadId for load in loads if load.loadId}
        if told.kind == "PICK" and not loads:
            return "picked, and carries nothing"
        carries_it = told.load in ids if ids else bool(loads)
        if told.kind == "DROP" and carries_it:
            return "dropped, and carries it still"
        return ""

    def _is_last(self, told: _Told, state: State) -> bool:
        """Whether nothing that the robot says to have done since changes what it carries."""
        said = {a.actionId for a in all_actions(state) if a.actionStatus == "FINISHED"}
        return not any(
            other.sequence > told.sequence
            for action_id, other in self._actions.items()
            if other.kind in ("PICK", "DROP") and (action_id in said or action_id in self.done)
        )


def _is_about(told: _Told, load: Load) -> bool:
    """Whether that load is the one of the action: of a robot with slots by its name or its slot."""
    return told.slot is None or load.loadId == told.load or load.loadPosition == told.slot
