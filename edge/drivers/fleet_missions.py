"""What is wanted of a fleet that takes missions, and what it says of them: without a wire.

    FleetMission ──> [ wanted ]      [ known ] <── the provider's words, by number
                         └─ due() ─> put, cancel        FleetReport, when there is news

A mission has the id of whoever wants it; a provider that hears an id twice has one mission. So
whatever was lost is simply said again.

Laws:
    once        an id is put again only while nothing is known of it
    no guess    REFUSED is said of what certainly never left, or what the provider refuses; of what
                may have arrived nothing is said until the provider is heard
    again       who asks for a mission that is known hears what is known
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass as checked

from edge.machine_messages import FleetMission, FleetReport, MissionState

KEPT = 10_000
_ENDED = ("FINISHED", "FAILED", "CANCELLED", "REFUSED")
assert {*_ENDED} < {*get_args(MissionState)}


@checked(frozen=True, slots=True, kw_only=True)
class Said:
    """A mission as the provider tells it."""

    id: str
    state: MissionState
    robot: str = ""
    metres: float = 0.0
    price_minor: int | None = None
    currency: str = ""
    reason: str = ""


said: TypeAdapter[Said] = TypeAdapter(Said)


@dataclass(frozen=True, slots=True)
class Ask:
    """What to ask of the provider. `body` is that of a put."""

    kind: Literal["put", "cancel"]
    id: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class _Wanted:
    command: FleetMission
    came_at: datetime
    left: bool  # it may have reached the provider


class Missions:
    """The missions of one fleet."""

    def __init__(self, device: str, *, hold_s: float = 60.0) -> None:
        self.device = device
        self._hold_s = hold_s
        self._wanted: dict[str, _Wanted] = {}
        self._known: dict[str, Said] = {}

    def want(self, command: FleetMission, now: datetime) -> FleetReport | None:
        """Want a mission, or want it no more; what is known of it already."""
        id_ = command.mission
        before = self._wanted.get(id_)
        if before is None:
            self._wanted[id_] = _Wanted(command, now, left=command.tells > 1)
            _keep(self._wanted)
        else:
            before.command = command
        known = self._known.get(id_)
        return self._report(known, now) if known is not None else None

    def due(self) -> Iterator[Ask]:
        """What the provider has not been seen to know."""
        for id_, wanted in self._wanted.items():
            known, command = self._known.get(id_), wanted.command
            if known is not None and known.state in _ENDED:
                continue
            if not command.wanted:
                yield Ask("cancel", id_, {"wanted": False})
            elif known is None:
                body = {
                    "load": command.load,
                    "source": command.source,
                    "destination": command.destination,
                    "priority": command.priority,
                }
                yield Ask("put", id_, body)

    def left(self, id_: str) -> None:
        """It is about to leave: from now on the provider may have it."""
        self._wanted[id_].left = True

    def stayed(self, id_: str, *, before: bool) -> None:
        """It certainly has not left, this time; `before`: whether it had, by then."""
        self._wanted[id_].left = before

    def has_left(self, id_: str) -> bool:
        """Whether the provider may have it."""
        return self._wanted[id_].left

    def hear(self, one: Said, now: datetime) -> FleetReport | None:
        """The provider says how a mission is; what that is to report."""
        before = self._known.get(one.id)
        if before == one or (before is not None and before.state in _ENDED):
            return None
        self._known.pop(one.id, None)
        self._known[one.id] = one
        _keep(self._known)
        return self._report(one, now) if one.id in self._wanted else None

    def unreached(self, now: datetime) -> Iterator[FleetReport]:
        """The provider is out of reach: what has waited long enough and never left is refused."""
        for id_, wanted in list(self._wanted.items()):
            waited_s = (now - wanted.came_at).total_seconds()
            if not wanted.left and id_ not in self._known and waited_s >= self._hold_s:
                one = Said(id=id_, state="REFUSED", reason="the provider could not be reached")
                if (report := self.hear(one, now)) is not None:
                    yield report

    def counts(self) -> Mapping[str, int]:
        """How many are wanted and known, by state."""
        found = {"wanted": len(self._wanted), "known": len(self._known)}
        for one in self._known.values():
            name = f"missions_{one.state.lower()}"
            found[name] = found.get(name, 0) + 1
        return found

    def _report(self, one: Said, now: datetime) -> FleetReport:
        return FleetReport(
            at=now,
            device=self.device,
            mission=one.id,
            state=one.state,
            robot=one.robot,
            metres=one.metres,
            price_minor=one.price_minor,
            currency=one.currency,
            reason=one.reason,
        )


def _keep(rows: dict[str, Any]) -> None:
    if len(rows) > KEPT:
        del rows[next(iter(rows))]
