"""Transport orders that a hired fleet carries out: a black box that takes missions (RaaS).

    order ─> handed ──> ACCEPTED ─> LOADED ─> FINISHED
               │            └─────────┴─────> FAILED · CANCELLED · REFUSED   not loaded: another one
               └── no word: told again; the fleet is away: waited for, and an alarm

An order goes to a fleet that serves both its places, has room and answers, when it has waited for
robots of our own as long as the fleet's row says, or at once where none of ours can go. While
nothing certain is known of a mission nobody else gets its order: a provider that is out may have
it. What comes back gets a mission of another name, so a late word of the old one changes nothing.

Laws:
    never twice    an order is with one fleet or one robot at a time
    carried        what is loaded is delivered, withdrawn or not
    paid once      each mission that ended is charged once, by what was agreed and what they ask

Pure. Units: seconds, metres, minor units of a currency.
"""

from collections.abc import Container
from datetime import datetime
from typing import Literal

from edge.machine_messages import FleetMission, FleetReport
from edge.messages import DeviceStatus
from wcs.dispatch import end, tell
from wcs.machines import FleetSpec
from wcs.messages import MissionCharged
from wcs.plant import Plant
from wcs.state import Fleet, Handed, Outbox, State, Transport, clear_alarm, raise_alarm

TELL_AGAIN_S = 5.0  # no word of it at all
ASK_AGAIN_S = 60.0  # it is under way: said again in case the edge has forgotten it
OVER_KEPT = 5_000


# -------------------------------------------------------------------------------- hearing
def hear_status(state: State, plant: Plant, event: DeviceStatus) -> None:
    """A fleet's interface answers, or does not."""
    for fleet in plant.fleets.values():
        if fleet.device == event.device:
            _fleet(state, fleet.name).up = event.status == "UP"


def hear(state: State, plant: Plant, report: FleetReport, outbox: Outbox) -> None:
    """Take a word of a fleet."""
    handed = next((h for h in state.handed.values() if h.mission == report.mission), None)
    if handed is None:
        _late(state, report, outbox)
        return
    transport = state.transports[handed.transport]
    handed.heard_at, handed.robot = state.now, report.robot or handed.robot
    clear_alarm(state, outbox, f"fleet.mission_silent/{handed.mission}")
    transport.metres = max(transport.metres, report.metres)
    if report.state in ("ACCEPTED", "LOADED"):
        handed.state = "LOADED" if transport.loaded else report.state
        if report.state == "LOADED" and not transport.loaded:
            transport.loaded = True
            tell(state, transport, "LOADED", outbox)
        return
    handed.state = report.state
    _charge(state, plant, handed, report, outbox)
    _over(state, plant, handed, report, outbox)


def _over(state: State, plant: Plant, handed: Handed, report: FleetReport, outbox: Outbox) -> None:
    """A mission has ended: with it the order, or it is anybody's again."""
    transport = state.transports[handed.transport]
    how: Literal["FINISHED", "FAILED", "WITHDRAWN"] | None = None
    if report.state == "FINISHED":
        how = "FINISHED"
    elif transport.loaded:
        how = "FAILED"
    elif handed.unwanted:
        how = "WITHDRAWN"
    if how is not None:
        reason = "" if how != "FAILED" else f"{handed.fleet}: {report.reason or report.state}"
        end(state, transport, how, outbox, reason=reason)
    elif handed.fleet in plant.fleets:
        _fleet(state, handed.fleet).not_before[transport.id] = state.now
    del state.handed[handed.transport]
    state.missions_over[handed.mission] = report.state
    if len(state.missions_over) > OVER_KEPT:
        del state.missions_over[next(iter(state.missions_over))]


def _late(state: State, report: FleetReport, outbox: Outbox) -> None:
    """A word of a mission that is over for us: a person looks, if it moved something after all."""
    known = state.missions_over.get(report.mission)
    if known in ("CANCELLED", "REFUSED") and report.state in ("LOADED", "FINISHED"):
        detail = f"{report.mission}: {known}, and now {report.state}"
        raise_alarm(state, outbox, f"fleet.contradiction/{report.mission}", detail)


def _charge(
    state: State, plant: Plant, handed: Handed, report: FleetReport, outbox: Outbox
) -> None:
    fleet = plant.fleets.get(handed.fleet)
    if fleet is None or report.state == "REFUSED":
        return
    agreed = fleet.agreed_minor(report.state, report.metres, taken_back=handed.unwanted)
    outbox.to_wms.append(
        MissionCharged(
            at=state.now,
            id=handed.transport,
            fleet=handed.fleet,
            mission=handed.mission,
            state=report.state,
            metres=round(report.metres, 2),
            agreed_minor=agreed,
            asked_minor=report.price_minor,
            currency=report.currency or fleet.currency,
        )
    )


# -------------------------------------------------------------------------------- telling
def run(state: State, plant: Plant, outbox: Outbox, held: Container[str] = ()) -> None:
    """Hand orders out and say what is due.

    `held` are devices that are told nothing new: somebody has pressed an emergency stop.
    """
    if not plant.fleets and not state.handed:
        return
    loads = {t.load for t in state.transports.values() if t.robot is not None}
    loads |= {state.transports[id_].load for id_ in state.handed}
    for fleet in plant.fleets.values():
        here = _fleet(state, fleet.name)
        here.not_before = {
            id_: since
            for id_, since in here.not_before.items()
            if id_ in state.transports and _s(state, since) < fleet.again_s
        }
        if here.up and fleet.device not in held:
            _hand_out(state, fleet, loads, outbox)
    _say(state, plant, outbox, held)
    _watch(state, plant, outbox)


def _hand_out(state: State, fleet: FleetSpec, loads: set[str], outbox: Outbox) -> None:
    room = fleet.missions_max - sum(h.fleet == fleet.name for h in state.handed.values())
    seen: set[str] = set()
    for transport in state.transports.values():
        first = transport.load not in seen
        seen.add(transport.load)
        if room < 1 or not first or transport.load in loads:
            continue
        if not _may_have(state, fleet, transport):
            continue
        state.missions += 1
        name = f"{transport.id}~{state.missions}" if transport.missions else transport.id
        transport.missions += 1
        state.handed[transport.id] = Handed(
            transport=transport.id, fleet=fleet.name, mission=name, heard_at=state.now
        )
        loads.add(transport.load)
        room -= 1
        if not transport.announced:
            transport.announced = True
            tell(state, transport, "ASSIGNED", outbox)


def _may_have(state: State, fleet: FleetSpec, transport: Transport) -> bool:
    if transport.robot is not None or transport.id in state.handed:
        return False
    if transport.id in _fleet(state, fleet.name).not_before:
        return False
    waits = transport.ours and bool(state.robots)  # for robots of our own
    if waits and _s(state, transport.accepted_at) < fleet.after_s:
        return False
    return fleet.serves(transport.source, transport.destination)


def _say(state: State, plant: Plant, outbox: Outbox, held: Container[str]) -> None:
    for handed in state.handed.values():
        fleet, transport = plant.fleets.get(handed.fleet), state.transports[handed.transport]
        if fleet is None or (fleet.device in held and not handed.unwanted):
            continue
        every_s = ASK_AGAIN_S if handed.state else TELL_AGAIN_S
        if handed.told_at is not None and _s(state, handed.told_at) < every_s:
            continue
        handed.told_at, handed.tells = state.now, handed.tells + 1
        outbox.to_edge.append(
            FleetMission(
                device=fleet.device,
                mission=handed.mission,
                load=transport.load,
                source=transport.source,
                destination=transport.destination,
                priority=transport.priority,
                wanted=not handed.unwanted,
                tells=handed.tells,
            )
        )


def _watch(state: State, plant: Plant, outbox: Outbox) -> None:
    for handed in state.handed.values():
        fleet = plant.fleets.get(handed.fleet)
        if fleet is None or _s(state, handed.heard_at) > fleet.silent_s:
            detail = f"{handed.fleet}: nothing heard since {handed.heard_at.isoformat()}"
            raise_alarm(state, outbox, f"fleet.mission_silent/{handed.mission}", detail)
    for name, here in state.fleets.items():
        waiting = sum(h.fleet == name for h in state.handed.values())
        if here.up or not waiting:
            clear_alarm(state, outbox, f"fleet.away/{name}")
        else:
            raise_alarm(state, outbox, f"fleet.away/{name}", f"{waiting} missions are with it")


def _fleet(state: State, name: str) -> Fleet:
    return state.fleets.setdefault(name, Fleet())


def _s(state: State, since: datetime) -> float:
    return (state.now - since).total_seconds()
