"""The whole WCS of a site as one function: step(state, inbox, now) -> outbox.

    inbox    what devices said, what robots report, what the WMS says, `Started`; or nothing: a
             tick, so that time passes
    state    changed in place: it is what the inboxes so far have made of it
    outbox   reports to the WMS, commands to the edge

A step hears everything first, in order, then decides once: dispatch (who does what), moves (who
may drive where, and what each robot is told), conveyor (what is let in), gates (what has passed).

It looks at the robots that something has happened to (`wcs.state.stir`). What time alone brings
about (silence, standing, orders that wait, batteries) is looked for in all of them, once in
`LOOK_EVERY_S` of the state's time. So a report costs what it changes, however large the fleet.

Laws:
    pure        the same plant, state, inbox and now give the same state and the same outbox
    no clock    what happens depends on `now` and on nothing else that passes
    no error    a message that makes no sense is ignored, and costs nobody else anything
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from edge.machine_messages import (
    BeltChanged,
    FleetReport,
    PortalReport,
    SafetyReport,
    UnitScanned,
)
from edge.messages import (
    CartonArrived,
    CartonDefaulted,
    CartonScanned,
    CartonSorted,
    CommandRefused,
    DeviceStatus,
    EyeChanged,
    LanesKnown,
    LightPressed,
    RobotConformance,
    RobotReport,
    ShelfSeen,
    ShowLight,
    TagGone,
    TagSeen,
    WeightRead,
)
from wcs import (
    areas,
    conveyor,
    dispatch,
    gates,
    hired,
    holds,
    lanes,
    mfc,
    missions,
    portals,
    safety,
    stops,
    stuck,
)
from wcs.messages import (
    Alarm,
    AreaHold,
    ParcelExpected,
    PassageExpected,
    RobotHold,
    SafetyConfirmed,
    TransportOrder,
    TransportReport,
    Withdrawal,
)
from wcs.moves import Moves
from wcs.plant import Plant
from wcs.routing import Routes
from wcs.state import Outbox, State, clear_alarm, fit, raise_alarm, stir

_OURS = ("edge", "edge.presence", "dead.letters")  # devices that are no machines
LOOK_EVERY_S = 1.0
_ENDS = ("FINISHED", "FAILED", "WITHDRAWN")
GAP_S = 0.002  # a robot of the fleet: between two looks at all, whatever has come
_CONFORMS = 0.5  # the share of messages without a fault below which a robot is an alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The WCS has started again: nothing was heard while it was away."""

    type: Literal["started"] = "started"


Incoming: TypeAlias = Annotated[
    CartonArrived
    | CartonScanned
    | CartonSorted
    | CartonDefaulted
    | LanesKnown
    | LightPressed
    | TagSeen
    | TagGone
    | EyeChanged
    | DeviceStatus
    | WeightRead
    | ShelfSeen
    | RobotReport
    | RobotConformance
    | CommandRefused
    | FleetReport
    | PortalReport
    | SafetyReport
    | SafetyConfirmed
    | RobotHold
    | AreaHold
    | UnitScanned
    | BeltChanged
    | TransportOrder
    | Withdrawal
    | ParcelExpected
    | PassageExpected
    | ShowLight
    | Started,
    Field(discriminator="type"),
]
_OfMachines: TypeAlias = (
    FleetReport | PortalReport | SafetyReport | SafetyConfirmed | RobotHold | AreaHold
)
_AtGates: TypeAlias = TagSeen | TagGone | EyeChanged | DeviceStatus | PassageExpected
inbox_json: TypeAdapter[list[Incoming]] = TypeAdapter(list[Incoming])


class Engine:
    """`step` for one plant. What it keeps can be worked out again from plant and state."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self._open = self.routes = Routes(plant)
        self._moves = Moves(plant)

    def step(self, state: State, inbox: Sequence[Incoming], now: datetime) -> Outbox:
        """Hear the inbox, decide, and say what is to be said. Time never runs backwards."""
        outbox = Outbox()
        state.now = max(state.now, now)
        for message in inbox:
            self._hear(state, message, outbox)
        whole = _looks_at_all(state, inbox, outbox)
        routes = self._routes(state)
        held = safety.held_devices(state, self.plant)
        hired.run(state, self.plant, outbox, held)
        dispatch.run(state, routes, outbox, whole=whole)
        if whole:
            stuck.call(state)
            conveyor.forget(state.sorting, state.now)
        self._moves.run(state, routes, outbox)
        portals.run(state, self.plant, outbox, held)
        conveyor.release(state.sorting, self.plant, state.now, outbox, held)
        if state.conveying.units:
            mfc.run(state, self.plant.network, outbox, held)
        lanes.tell(state, self.plant, outbox)
        outbox.to_wms.extend(gates.all_due(state.gates.values(), state.announced, state.now))
        if state.areas:
            areas.pause(state, self.plant, outbox)
        if state.stops:
            safety.pause(state, self.plant, outbox)
            outbox.to_edge = safety.let_out(state, self.plant, outbox.to_edge)
        return outbox

    # -------------------------------------------------------------------------- hearing
    def _hear(self, state: State, message: Incoming, outbox: Outbox) -> None:
        if isinstance(message, RobotReport | RobotConformance):
            self._hear_robot(state, message, outbox)
        elif isinstance(message, _OfMachines):
            self._hear_machine(state, message, outbox)
        elif isinstance(message, UnitScanned | BeltChanged):
            mfc.heard(state, self.plant.network, message, outbox)
        elif isinstance(message, TransportOrder):
            dispatch.accept(state, self.plant, message, outbox)
        elif isinstance(message, Withdrawal):
            dispatch.withdraw(state, message, outbox)
        elif isinstance(message, _AtGates):
            if isinstance(message, DeviceStatus):
                hired.hear_status(state, self.plant, message)
            _hear_at_gates(state, message, outbox)
        elif isinstance(message, Started):
            fit(state, self.plant)
            _forget_devices(state, self.plant, outbox)
            dispatch.check_places(state, self.plant, outbox)
            state.started_at = state.now
            lanes.start(state.sorting, state.now)
            stir(state, *state.robots)
            for robot in state.robots.values():
                robot.heard_at = state.now if robot.heard_at is not None else None
                robot.told_at = state.now if robot.told_at is not None else None
        else:
            self._hear_sorting(state, message, outbox)

    def _hear_machine(
        self,
        state: State,
        message: _OfMachines,
        outbox: Outbox,
    ) -> None:
        if isinstance(message, FleetReport):
            hired.hear(state, self.plant, message, outbox)
        elif isinstance(message, PortalReport):
            portals.hear(state, message)
        elif isinstance(message, RobotHold):
            holds.hear(state, self.plant, message, outbox)
        elif isinstance(message, AreaHold):
            areas.hear(state, self.plant, message, outbox)
        else:
            safety.hear(state, self.plant, message, outbox)

    def _hear_sorting(
        self,
        state: State,
        message: ParcelExpected
        | CartonArrived
        | CartonScanned
        | CartonSorted
        | CartonDefaulted
        | LanesKnown
        | LightPressed
        | ShowLight
        | WeightRead
        | ShelfSeen
        | CommandRefused,
        outbox: Outbox,
    ) -> None:
        if isinstance(message, WeightRead | LightPressed | ShelfSeen):
            outbox.to_wms.append(message)  # nothing here is decided by it
        elif isinstance(message, ShowLight):
            outbox.to_edge.append(message)
        elif isinstance(message, CommandRefused):
            outbox.to_wms.append(message)  # for people: we decide by what is seen
        elif isinstance(message, LanesKnown):
            lanes.known(state.sorting, message)
        elif isinstance(message, CartonDefaulted):
            conveyor.defaulted(state.sorting, message)
        elif isinstance(message, ParcelExpected):
            conveyor.expect(state.sorting, self.plant, message, state.now)
        elif isinstance(message, CartonArrived):
            conveyor.arrived(state.sorting, message, state.now)
        elif isinstance(message, CartonScanned):
            conveyor.scanned(state, self.plant, message, outbox)
        else:
            conveyor.sorted_out(state, self.plant, message, outbox)

    def _hear_robot(
        self, state: State, report: RobotReport | RobotConformance, outbox: Outbox
    ) -> None:
        if isinstance(report, RobotConformance):
            _hear_conformance(state, report, outbox)
            return
        robot = state.robots.get(report.robot)
        if robot is None:
            return
        stir(state, robot.name)
        progress = missions.hear(state, self.plant, robot, report)
        served = stops.driven_for(state, robot)
        for transport in served:
            transport.metres += progress.metres / len(served)
        if progress.action:
            dispatch.action_ended(state, robot, finished=progress.finished, outbox=outbox)
        alarm_id = f"robot.misplaced/{robot.name}"
        if progress.misplaced:
            raise_alarm(state, outbox, alarm_id, progress.misplaced)
        elif robot.held:
            clear_alarm(state, outbox, alarm_id)

    def _routes(self, state: State) -> Routes:
        """Routes round the robots that have become obstacles."""
        closed = {
            held.point for robot in state.robots.values() if robot.obstacle for held in robot.held
        }
        closed.update(areas.shut(state, self.plant))
        self.routes = self.routes.closing(frozenset(closed)) if closed else self._open
        return self.routes


def _looks_at_all(state: State, inbox: Sequence[Incoming], outbox: Outbox) -> bool:
    """Whether this step looks at all robots.

    It is time, or it was not just now and an order comes, or ends: its robot is free for the next.
    """
    since = state.looked_at
    if since is not None:
        comes = any(isinstance(message, TransportOrder) for message in inbox)
        ends = any(isinstance(m, TransportReport) and m.state in _ENDS for m in outbox.to_wms)
        every_s = GAP_S * len(state.robots) if comes or ends else LOOK_EVERY_S
        if (state.now - since).total_seconds() < every_s:
            return False
    state.looked_at = state.now
    return True


def _hear_at_gates(state: State, message: _AtGates, outbox: Outbox) -> None:
    if isinstance(message, PassageExpected):
        gates.expect(state.announced, message)
        return
    if isinstance(message, DeviceStatus):
        _hear_status(state, message, outbox)
    if (gate := state.gates.get(message.device)) is not None:
        gates.on_tag(gate, message, state.now)


def _hear_status(state: State, event: DeviceStatus, outbox: Outbox) -> None:
    alarm_id = f"device/{event.device}"
    if event.status == "UP" or event.gone:
        clear_alarm(state, outbox, alarm_id)
        return
    alarm = Alarm(
        at=event.at,
        id=alarm_id,
        source=event.device,
        code=f"device.{event.status.lower()}",
        priority=1,
        active=True,
        detail=event.detail,
    )
    known = state.alarms.get(alarm_id)
    if known is None or known.code != alarm.code:
        state.alarms[alarm_id] = alarm
        outbox.to_wms.append(alarm)


def _forget_devices(state: State, plant: Plant, outbox: Outbox) -> None:
    """What the site file no longer names cannot be down."""
    known = {*plant.devices, *_OURS}
    for alarm_id in tuple(state.alarms):
        kind, _, name = alarm_id.partition("/")
        if kind == "device" and name not in known:
            clear_alarm(state, outbox, alarm_id)


def _hear_conformance(state: State, event: RobotConformance, outbox: Outbox) -> None:
    """A robot in quarantine needs a person; so does one that breaks rules all the time."""
    rules = ", ".join(f"{rule} ({count})" for rule, count in event.broken[:5])
    troubles = {
        "robot.quarantined": event.quarantined,
        "robot.nonconforming": rules if event.score < _CONFORMS else "",
    }
    for code, detail in troubles.items():
        alarm_id = f"{code}/{event.robot}"
        if not detail:
            clear_alarm(state, outbox, alarm_id)
            continue
        is_grave = code == "robot.quarantined"
        raise_alarm(state, outbox, alarm_id, detail, priority=1 if is_grave else 3, at=event.at)
