r"""What a robot is asked besides driving: to stand, to have the right map and zones, to try again.

    what is wished (pause, map, zone set) \
                                           >-- chores --> one instant action at a time, or a zoneSet
    what the robot says of itself         /

A chore is a difference between the two. It is asked for, and asked for again when an answer does
not show in time; one that failed is tried again after a longer while. A difference that has gone
is forgotten.

Maps: a map that the robot does not have is downloaded, one that it has is enabled while it is
idle, then other versions of it are deleted. Zone sets likewise, but they are sent, not fetched.

Source: VDA 5050 version 2.1.0, sections 6.7 and 6.8; version 3.0.0, sections 6.2.3, 6.3, 6.4.2.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from edge.drivers.vda5050_codec import dialect_of
from edge.drivers.vda5050_facts import Capabilities
from edge.drivers.vda5050_model import DONE, ActionState, State
from edge.drivers.vda5050_profile import Robot
from edge.messages import PauseRobot

ZONE_SET = "zoneSet"  # a chore that is a message of its own
_AFTER_FAILURE = 30  # times the patience


@dataclass(frozen=True, slots=True)
class Chore:
    """An instant action that is wanted, or a zone set that is to be sent."""

    action_type: str
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Asked:
    action_id: str
    at: datetime


class Upkeep:
    """The chores of one robot."""

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        self._pause: PauseRobot | None = None
        self._asked: dict[Chore, _Asked] = {}
        self._number = 0
        self._tries: dict[str, int] = {}  # action -> how often it was tried again

    def pause(self, command: PauseRobot) -> None:
        """Want the robot to stand, or not to; until it does, or it is too late."""
        self._pause = command

    def due(
        self, state: State, can: Capabilities, now: datetime, patience: timedelta, *, idle: bool
    ) -> tuple[Chore, str] | None:
        """The next chore that has to be said, and the id of its action."""
        wished = list(self._chores(state, now, idle=idle))
        self._asked = {chore: self._asked[chore] for chore in wished if chore in self._asked}
        seen = {action.actionId: action.actionStatus for action in all_actions(state)}
        for chore in wished:
            if not can.can_instantly(chore.action_type) and chore.action_type != ZONE_SET:
                continue
            asked = self._asked.get(chore)
            if asked is not None and not _is_over(asked, seen, now, patience):
                continue
            said = self._counted(chore)
            self._number += 1
            action_id = f"{said.action_type}-{int(now.timestamp())}-{self._number}"
            self._asked[said] = _Asked(action_id, now)
            return said, action_id
        return None

    def _counted(self, chore: Chore) -> Chore:
        """The chore; when an action was tried again often enough, to skip it."""
        if chore.action_type != "retry":
            return chore
        action = chore.parameters[0][1]
        self._tries[action] = self._tries.get(action, 0) + 1
        is_enough = self._tries[action] > self._robot.retries
        return Chore("skipRetry", chore.parameters) if is_enough else chore

    # ------------------------------------------------------------------------ what is different
    def _chores(self, state: State, now: datetime, *, idle: bool) -> Iterator[Chore]:
        yield from self._pausing(state, now)
        yield from self._retrying(state)
        if self._robot.map_version and state.maps is not None:
            yield from self._mapping(state, idle=idle)
        if self._robot.zone_set is not None and dialect_of(state.version) == "3.0":
            yield from self._zoning(self._robot.zone_set, state, idle=idle)

    def _pausing(self, state: State, now: datetime) -> Iterator[Chore]:
        pause = self._pause
        if pause is None:
            return
        is_late = pause.expires_at is not None and now >= pause.expires_at
        if is_late or state.paused == pause.paused:
            self._pause = None  # from now on it is the robot's own affair
            return
        yield Chore("startPause" if pause.paused else "stopPause")

    def _retrying(self, state: State) -> Iterator[Chore]:
        for action in state.actionStates:
            if action.actionStatus == "RETRIABLE":
                about = (("actionId", action.actionId),)
                skip = Chore("skipRetry", about)
                is_tried = self._robot.retries and skip not in self._asked
                yield Chore("retry", about) if is_tried else skip

    def _mapping(self, state: State, *, idle: bool) -> Iterator[Chore]:
        robot = self._robot
        mine = [known for known in state.maps or () if known.mapId == robot.map_id]
        status = {known.mapVersion: known.mapStatus for known in mine}.get(robot.map_version)
        about = (("mapId", robot.map_id), ("mapVersion", robot.map_version))
        if status is None and robot.map_link:
            check = (("mapHash", robot.map_hash),) if robot.map_hash else ()
            yield Chore("downloadMap", (*about, ("mapDownloadLink", robot.map_link), *check))
        elif status == "DISABLED" and idle:
            yield Chore("enableMap", about)
        elif status == "ENABLED":
            for known in mine:
                if known.mapVersion != robot.map_version:
                    about = (("mapId", known.mapId), ("mapVersion", known.mapVersion))
                    yield Chore("deleteMap", about)

    def _zoning(self, wished: Mapping[str, Any], state: State, *, idle: bool) -> Iterator[Chore]:
        name = str(wished["zoneSetId"])
        mine = [known for known in state.zoneSets or () if known.mapId == wished["mapId"]]
        status = {known.zoneSetId: known.zoneSetStatus for known in mine}.get(name)
        if status is None:
            yield Chore(ZONE_SET)
        elif status == "DISABLED" and idle:
            yield Chore("enableZoneSet", (("zoneSetId", name),))
        elif status == "ENABLED":
            for known in mine:
                if known.zoneSetId != name:
                    yield Chore("deleteZoneSet", (("zoneSetId", known.zoneSetId),))


def all_actions(state: State) -> tuple[ActionState, ...]:
    """The actions of its order, and the instant ones, wherever its version puts them."""
    return (*state.actionStates, *(state.instantActionStates or ()))


def _is_over(asked: _Asked, seen: Mapping[str, str], now: datetime, patience: timedelta) -> bool:
    """Whether asking has led to nothing: no answer in time, or a failure a while ago."""
    status = seen.get(asked.action_id)
    if status is not None and status not in DONE:
        return False
    wait = patience * _AFTER_FAILURE if status == "FAILED" else patience
    return now - asked.at >= wait
